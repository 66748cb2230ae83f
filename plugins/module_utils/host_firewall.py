# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""One host's firewall: how far it is from what is wanted, and the way there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.gatehouse.firewall.plugins.module_utils.boot import Boot
from ansible_collections.gatehouse.firewall.plugins.module_utils.difference import as_diff, describe, drift
from ansible_collections.gatehouse.firewall.plugins.module_utils.nft import FirewallError, Nft, is_primer
from ansible_collections.gatehouse.firewall.plugins.module_utils.rollback import Rollback

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

NFT_DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/local/sbin"]


class HostFirewall:
    """The firewall of the host on which it runs, as root."""

    def __init__(self, nft: Nft | None, boot: Boot, rollback: Rollback) -> None:
        """Take what there is to ask and to change; ``nft`` is None where it isn't installed."""
        self._nft = nft
        self._boot = boot
        self._rollback = rollback
        self.live = nft.listing() if nft else ""
        self.recorded = boot.live()
        self.applied = boot.ruleset()

    @property
    def has_nft(self) -> bool:
        """Return whether there is an nft command."""
        return self._nft is not None

    @property
    def has_table(self) -> bool:
        """Return whether our table is in the kernel, whatever is in it."""
        return bool(self.live)

    @property
    def starts_at_boot(self) -> bool:
        """Return whether this host has what it takes to load a ruleset at boot."""
        return self._boot.has_systemd()

    def is_at(self, wanted: str) -> bool:
        """Return whether this ruleset is live, unchanged since it was applied, and loaded at the next boot."""
        if not wanted:
            return not self.live and self._boot.leaves_nothing()
        return self.applied == wanted and bool(self.live) and self.live == self.recorded and self._boot.is_enabled()

    def drift(self) -> list[str]:
        """Return what somebody else has changed, in lines; nothing where the kernel has what we applied."""
        return [] if self.live == self.recorded else drift(self.recorded, self.live)

    def difference(self, wanted: str) -> dict[str, str]:
        """Return Ansible's diff between what is let through now and with this ruleset."""
        return as_diff((describe(self.applied) if self.live else []) + self.drift(), describe(wanted))

    def check(self, wanted: str) -> None:
        """Have nft check a ruleset, where there is an nft; an empty one needs no check."""
        if self._nft and wanted:
            self._nft.check(wanted)

    def prime(self) -> None:
        """Start connection tracking, so that connections that are open now survive the first ruleset."""
        if not self.has_table:
            self._required_nft().prime()

    def load(self, wanted: str, seconds: int) -> None:
        """Load a ruleset in one transaction, and go back in so many seconds unless ``confirm`` comes first.

        What is on disk stays as it was.
        """
        nft = self._required_nft()
        nft.check(wanted)
        self._rollback.arm("" if is_primer(self.live) else self.live, seconds)
        try:
            nft.load(wanted)
        except FirewallError:
            self._rollback.disarm()
            raise

    def confirm(self, wanted: str) -> bool:
        """Stay with the ruleset that ``load`` has loaded, and keep it for the next boot.

        Return False where it is too late: the host has gone back to its previous ruleset.
        """
        if not self._rollback.disarm():
            return False
        self._boot.persist(wanted, self.live)
        return True

    def remove(self) -> None:
        """Take our table, unit and files away."""
        self._rollback.disarm()
        self._boot.forget()
        if self._nft:
            self._nft.delete()

    def _required_nft(self) -> Nft:
        if not self._nft:
            raise FirewallError("there is no nft command on this host: install the package nftables")
        return self._nft


def of_module(module: AnsibleModule) -> HostFirewall:
    """Return the HostFirewall of the host on which a module runs; raise FirewallError where it isn't root."""
    if os.geteuid() != 0:
        raise FirewallError("only root can read and change the firewall: use become")
    path = module.get_bin_path("nft", opt_dirs=NFT_DIRECTORIES)
    environment = {"LC_ALL": "C", "LANGUAGE": "C"}

    def run(words: list[str], text: str | None) -> tuple[int, str, str]:
        code, output, error = module.run_command(words, data=text, binary_data=True, environ_update=environment)
        return code, output, error

    def run_or_raise(words: list[str]) -> None:
        code, output, error = run(words, None)
        if code != 0:
            raise FirewallError(f"{' '.join(words)} failed: {(error or output).strip()}")

    def write(path: Path, text: str) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        module.atomic_move(temporary, str(path))
        path.chmod(0o644 if path.suffix == ".service" else 0o600)

    boot = Boot(run_or_raise, write, path or "nft")
    rollback = Rollback(run_or_raise, path or "nft", boot.has_systemd())
    return HostFirewall(Nft(run, path) if path else None, boot, rollback)
