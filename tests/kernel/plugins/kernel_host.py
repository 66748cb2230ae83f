"""A host without systemd whose rules are in a real kernel, in a namespace, and whose files lie below a folder."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_iptables, private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

KINDS = ("nftables", "iptables-nft", "iptables-legacy")
each_kind = pytest.mark.parametrize("host", KINDS, indirect=True)
needs_all = private_iptables.needs_iptables

OLD = {kind: rulesets.iptables("28-host-names", "web2") for kind in KINDS[1:]}
OLD["nftables"] = rulesets.nftables("28-host-names", "web1")


def other_rules(ruleset):
    """Return a ruleset with another port."""
    return re.sub(r"\b443\b", "8443", ruleset)


def other_addresses(ruleset):
    """Return a ruleset with another network in a set, and nothing else."""
    return ruleset.replace("203.0.113.0/24", "203.0.113.128/25")


CHANGES = [other_rules, other_addresses]
each_change = pytest.mark.parametrize("change", CHANGES, ids=["rules", "addresses"])

# A command of the host's that, at one of its transactions, has the rollback go by before it goes on itself.
_OVERTAKEN = """\
case "$GATEHOUSE_BACK $*" in
" "*"{what}"*)
    if [ -e {root}/fire ]; then
        echo once more >>{root}/calls
        if [ "$(grep -c . {root}/calls)" = "$(cat {root}/at)" ]; then
            GATEHOUSE_BACK=1 sh {root}/fire </dev/null >{root}/said 2>&1
        fi
    fi ;;
esac
exec {real} "$@"
"""


class KernelHost(FakeHost):
    """A host whose files and whose locks lie below ``root``; commands run in a namespace."""

    def __init__(self, root, run, kind, systemd=False):
        super().__init__(root, systemd=systemd)
        self.kind = kind
        self._in_namespace = run
        self.enter = run.args[0]  # the words before a command that have it run there
        self.folder = root / "commands"
        self.folder.mkdir()
        self.backend = self._backend(lambda name, _what: shutil.which(name, path=private_iptables.PATH))

    def _backend(self, path):
        if self.kind == "nftables":
            backend = Nft(self.ask, path("nft", "-f"))
        else:
            variant = self.kind.partition("-")[2]
            names = {name: path(f"{name}-{variant}", None) for name in ("iptables", "ip6tables")}
            backend = Iptables(self.ask, **names, ipset=path("ipset", "restore"))
        backend.helpers = {name: self.here(text) for name, text in backend.helpers.items()}
        backend.rules_lock = self.root / "run/gatehouse/rules.lock"
        return backend

    def here(self, script):
        """Return a loader whose locks are this host's."""
        return script.replace("/run/gatehouse", str(self.root / "run/gatehouse"))

    def denials(self):
        """Return what this host has denied; what saves it has its files below the root."""
        found = super().denials()
        found.script = self.here(found.script).replace("/var/lib/gatehouse", str(self.root / "var/lib/gatehouse"))
        return found

    def ask(self, words, text):
        """Run a command in the namespace; whoever holds the machine's lock of iptables is nothing to this host."""
        return self._in_namespace(words, text, XTABLES_LOCKFILE=f"{self.root}/xtables.lock")

    def run(self, words):
        """Run a command that must succeed; what waits as a rollback is left for ``fire`` where this host has that.

        Of systemd there is only its folder.
        """
        if words[0] == "systemctl":
            return
        if words[0] == "systemd-run" or (words[0] == "setsid" and self.fires_by_hand):
            command = words[-1].rpartition("sleep")[2].partition("; ")[2] if words[0] == "setsid" else words[-1]
            (self.root / "fire").write_text(command, encoding="utf-8")
            return
        code, output, error = self.ask(words, None)
        if code != 0:
            raise FirewallError(error or output)

    fires_by_hand = False

    def overtaken(self):
        """Have the commands of this host such that a change can be overtaken at each of its transactions."""
        self.fires_by_hand = True
        self.backend = self._backend(self._wrapped)
        # The change waits for its rollback here, so that this must not wait for the lock of the change at all.
        self.backend.helpers = {name: text.replace("hold 2", "hold 0") for name, text in self.backend.helpers.items()}

    def at(self, number):
        """Have the next change be overtaken at so many transactions."""
        (self.root / "at").write_text(str(number), encoding="utf-8")
        (self.root / "calls").write_text("", encoding="utf-8")
        (self.root / "fire").unlink(missing_ok=True)

    @property
    def transactions(self):
        """Return how many the last change had."""
        return len((self.root / "calls").read_text(encoding="utf-8").splitlines())

    def _wrapped(self, name, what):
        names = (
            {name: what} if what else {name: "cannot be", f"{name}-restore": "--noflush", f"{name}-save": "cannot be"}
        )
        for one, when in names.items():
            real = shutil.which(one, path=private_iptables.PATH)
            script = _OVERTAKEN.format(root=self.root, what=when, real=real)
            (self.folder / one).write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
            (self.folder / one).chmod(0o755)
        return str(self.folder / name)

    def fire(self):
        """Do what the timer does in the end."""
        return self.ask(["sh", str(self.root / "fire")], None)

    def seen(self):
        """Return what the kernel has, all of it and what is ours; and what the next boot loads."""
        return self.rules(), self.backend.listing(), self.boot().ruleset(self.backend)

    def rules(self):
        """Return all rules and the names of sets as the kernel has them, with markers."""
        if self.kind == "nftables":
            return self.ask(["nft", "-s", "list", "ruleset"], None)[1]
        saved = [self.ask([f"{path}-save"], None)[1] for path in self.backend._commands[:2]]
        return re.sub(r" \[\d+:\d+\]|^#.*\n", "", "".join([*saved, *sorted(self.sets())]), flags=re.MULTILINE)

    def remember(self):
        """Remember what this host is like, for ``restore``."""
        shutil.copytree(self.root, self._remembered, symlinks=True)
        self._listing = self.backend.listing()

    def restore(self):
        """Be as remembered: the same files and no others, and the same rules in the kernel."""
        shutil.rmtree(self.root)
        shutil.copytree(self._remembered, self.root, symlinks=True)
        if self.backend.listing() != self._listing:
            self.harden(self.boot().ruleset(self.backend))
            assert self.backend.listing() == self._listing

    @property
    def _remembered(self):
        return self.root.with_name(f"{self.root.name}.remembered")

    def sets(self):
        """Return the names of all ipsets."""
        return self.ask(["ipset", "list", "-n"], None)[1].split()


@contextmanager
def kernel_host(root: Path, kind: str):
    """Yield such a host, hardened with the old ruleset of its backend."""
    with private_nft.lasting_namespace() as run:
        host = KernelHost(root, run, kind)
        host.harden(OLD[kind])
        yield host


@contextmanager
def remembered_host(root: Path, kind: str):
    """Yield one that many tests share, as hardening takes long: each begins with ``restore``. None of them fires."""
    with kernel_host(root, kind) as host:
        host.fires_by_hand = True
        host.remember()
        yield host
