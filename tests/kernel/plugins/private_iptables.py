"""The real iptables and ipset, each variant in a network namespace of its own: no rule can reach this machine."""

from __future__ import annotations

import functools
import os
import re
import shutil

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
VARIANTS = {"nft": "nf_tables", "legacy": "legacy"}
FOREIGN = """\
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
:KUBE-SERVICES - [0:0]
:f2b-sshd - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -m comment --comment "looks like -j GATEHOUSE-INPUT" -j KUBE-SERVICES
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
-A KUBE-SERVICES -p tcp -m comment --comment "ns/it's:\\"http\\" has no endpoints" -m tcp --dport 80 -j REJECT
-A KUBE-SERVICES -j LOG --log-prefix "-j GATEHOUSE-INPUT"
-A f2b-sshd -j RETURN
COMMIT
*nat
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
COMMIT
"""


class Host:
    """A namespace, and the iptables of one variant in it."""

    def __init__(self, run, variant="nft"):
        self.run = run
        self.paths = {name: shutil.which(f"{name}-{variant}", path=PATH) for name in ("iptables", "ip6tables")}
        self.paths["ipset"] = shutil.which("ipset", path=PATH)
        self.iptables = Iptables(run, **self.paths)

    def do(self, *words, text=None):
        code, output, error = self.run(list(words), text)
        assert code == 0, error
        return output

    def each(self, *arguments, text=None):
        """Run iptables and ip6tables, or one of their siblings."""
        for family in ("iptables", "ip6tables"):
            self.do(f"{self.paths[family]}{arguments[0]}", *arguments[1:], text=text)

    def saved(self):
        """Return the rules of both families as they are saved, without comments and counters."""
        texts = [self.do(f"{self.paths[family]}-save") for family in ("iptables", "ip6tables")]
        return [line.split(" [")[0] for text in texts for line in text.splitlines() if not line.startswith("#")]

    def foreign(self):
        """Return the rules, chains and policies that aren't ours, each with its table."""
        table, found = "", []
        for line in self.saved():
            table = line if line.startswith("*") else table
            ours = re.match(r"[:-](A )?GATEHOUSE-", line) or re.search(r" -j GATEHOUSE-[A-Z-]+$", line)
            if line[0] in "-:" and not line.endswith(" ACCEPT") and not ours:
                found.append(f"{table} {line}")
        return found

    def sets(self):
        return self.do("ipset", "list", "-n").split()

    def plant(self):
        self.each("-restore", "--noflush", text=FOREIGN)


@functools.lru_cache(maxsize=None)
def _missing():
    tools = [
        "unshare",
        "nsenter",
        "ipset",
        *(f"{name}-{kind}" for name in ("iptables", "ip6tables") for kind in VARIANTS),
    ]
    missing = [tool for tool in tools if not shutil.which(tool, path=PATH)]
    if missing:
        return f"the programs {', '.join(missing)} are not installed"
    if os.geteuid() != 0:
        return "iptables-legacy and ipset want root"
    script = "ipset list && for kind in nft legacy; do iptables-$kind -S && ip6tables-$kind -S; done"
    done = private_nft.in_namespace("sh", "-c", script)
    return f"no network namespace with iptables can be had: {done.stderr.strip()}" if done.returncode else ""


needs_iptables = pytest.mark.skipif(bool(_missing()), reason=_missing())
each_variant = pytest.mark.parametrize("host", VARIANTS, indirect=True)
