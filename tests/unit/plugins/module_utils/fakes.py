"""A host in memory: its nft, its files below a folder, its systemd."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import OVERTAKEN, Backend
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import Observing
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.host_firewall import HostFirewall
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.before import Before
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import Boot
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.denials import Denials, Remembered
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import Rollback
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import Answered
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.interpreter import Interpreter
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh_unit import RefreshUnit
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refreshing import Refreshing
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.managers import Managers

NFT = "/usr/sbin/nft"
GONE = "ActiveState=inactive\nUnitFileState=disabled"


class FakeNft:
    """Answers as nft(8) does for one table; refuses a ruleset with the word ``bad``, and to load one with ``late``.

    ``marker`` is of the change that has a rollback, if any.
    """

    def __init__(self):
        self.table = ""
        self.marker = ""
        self.commands = []

    def __call__(self, words, text):
        """Run one command."""
        if words[0] == "/bin/sh":  # the loader
            file, nft, *role = words[4:]
            if role[0] == "change" and role[1] != self.marker:
                return OVERTAKEN, "", "Error: No such file or directory\n"
            words, text = [nft, "-f", file], Path(file).read_text()
        self.commands.append(words[1:])
        if words[1:3] == ["delete", "chain"] or "add chain inet gatehouse armed." in (text or ""):
            self.marker = text.rpartition("armed.")[2].strip() if text else ""
            return 0, "", ""
        return self._nft(words, text)

    def _nft(self, words, text):
        if "--version" in words:
            return 0, "nftables v1.0.6 (Lester Gooch #5)\n", ""
        if "list" in words:
            return (0, self.table, "") if self.table else (1, "", "Error: No such file or directory\n")
        if "bad" in text or ("late" in text and "-c" not in words):
            return 1, "", "/dev/stdin:1:1-3: Error: syntax error, unexpected string\n"
        if "-c" not in words:
            self.table = "" if text.endswith("delete table inet gatehouse\n") else f"kernel's form of {text}"
        return 0, "", ""

    @property
    def changes(self):
        """Return how many commands were neither a listing nor a check."""
        return len([words for words in self.commands if "list" not in words and "-c" not in words])


class OtherBackend(Backend):
    """A backend that keeps its ruleset in memory."""

    name = "other"
    file_type = "other"

    def __init__(self):
        self.rules = ""

    def listing(self):
        """Return the rules."""
        return self.rules

    def observed(self):
        """Return that it doesn't observe."""

    def delete(self):
        """Forget them."""
        self.rules = ""

    def load_command(self, file):
        """Return a command that does nothing."""
        return f"true {file}"


class FakeHost:
    """A host whose files lie below a folder, and whose systemd notes what it is asked."""

    def __init__(self, root, systemd=True, has_nft=True):
        self.root = root
        self.nft = FakeNft()
        self.backend = Nft(self.nft, NFT if has_nft else None)
        self.other = OtherBackend()
        self.commands = []
        self.written = []
        self.units = {}
        root.mkdir(exist_ok=True)
        self.python = Interpreter("/usr/bin/python3")
        if systemd:
            (root / "run/systemd/system").mkdir(parents=True)

    def boot(self):
        """Return what stays on this host."""
        return Boot(self.run, self.write, self.root)

    def rollback(self):
        """Return this host's rollback."""
        return Rollback(self.run, self.backend, self.boot().has_systemd(), self.root)

    def firewall(self):
        """Return this host's firewall as each module finds it anew."""
        remembered = Remembered(Observing(self.write, self.root), self.denials(), Before(self.write, self.root))
        return HostFirewall(self.backend, [self.other], self.boot(), self.rollback(), self.refreshing(), remembered)

    def denials(self):
        """Return what this host has denied, and how it saves that."""
        return Denials(self.run, self.write, self.boot().has_systemd(), self.root)

    def refreshing(self):
        """Return what this host does about host names."""
        return Refreshing(self.refresh_unit(), self.answered())

    def refresh_unit(self):
        """Return the unit that asks for host names."""
        return RefreshUnit(self.run, self.write, self.boot().has_systemd(), lambda: self.python, self.root)

    def answered(self):
        """Return what this host knows of its host names."""
        return Answered.read(self.write, self.root)

    def harden(self, ruleset, allows=None):
        """Bring the host to a ruleset, in the steps of the action plugin."""
        self.firewall().start_tracking()
        change = self.firewall().load(ruleset, 30)
        self.firewall().confirm(ruleset, "fallback", change, allows)

    def run(self, words):
        """Do as systemctl does with our unit's link."""
        self.commands.append(words)
        link = self.root / "etc/systemd/system/sysinit.target.wants" / words[-1]
        if "disable" in words:
            link.unlink(missing_ok=True)

    def write(self, path: Path, content):
        """Replace a file."""
        self.written.append(str(path.relative_to(self.root)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def managers(self):
        """Return the other managers of this host's firewall."""
        return Managers(self.ask, self.run, self.write, self.root)

    def ask(self, words, _text):
        """Answer as systemctl show does."""
        blocks = [f"Id={unit}\nLoadState=loaded\n{self.units.get(unit, GONE)}\n" for unit in words[3:]]
        return 0, "\n".join(blocks), ""

    def keep(self, backend, ruleset, live):
        """Keep a ruleset for the next boot."""
        self.boot().prepare(backend, ruleset, live, "fallback")
        self.boot().carry_out([self.boot().keep(backend)])

    def forget_all(self):
        """Remove all that stays on this host."""
        self.boot().carry_out([self.boot().forget_unit()])
        self.boot().forget(self.backend)

    def files(self):
        """Return the files and links below the root."""
        found = (path for path in self.root.rglob("*") if path.is_symlink() or path.is_file())
        return {str(path.relative_to(self.root)) for path in found}
