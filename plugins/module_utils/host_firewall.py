# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""One host's firewall: how far it is from what is wanted, and the way there."""

from __future__ import annotations

import os
import tempfile

from ansible_collections.gatehouse.firewall.plugins.module_utils.boot import Boot
from ansible_collections.gatehouse.firewall.plugins.module_utils.difference import as_diff, describe, drift
from ansible_collections.gatehouse.firewall.plugins.module_utils.nft import FirewallError, Nft

NFT_DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/local/sbin"]


class HostFirewall:
    """The firewall of the host on which it runs, as root."""

    def __init__(self, nft, boot):
        """Take the two things there are to ask and to change; ``nft`` is None where it isn't installed."""
        self._nft = nft
        self._boot = boot
        self.live = nft.listing() if nft else ""
        self.recorded = boot.live()
        self.applied = boot.ruleset()

    @property
    def has_nft(self):
        """Return whether there is an nft command."""
        return self._nft is not None

    @property
    def starts_at_boot(self):
        """Return whether this host has what it takes to load a ruleset at boot."""
        return self._boot.has_systemd()

    def is_at(self, wanted):
        """Return whether this ruleset is live, unchanged since it was applied, and loaded at the next boot."""
        if not wanted:
            return not self.live and self._boot.leaves_nothing()
        return self.applied == wanted and bool(self.live) and self.live == self.recorded and self._boot.is_enabled()

    def drift(self):
        """Return what somebody else has changed, in lines; nothing where the kernel has what we applied."""
        return [] if self.live == self.recorded else drift(self.recorded, self.live)

    def difference(self, wanted):
        """Return Ansible's diff between what is let through now and with this ruleset."""
        return as_diff((describe(self.applied) if self.live else []) + self.drift(), describe(wanted))

    def check(self, wanted):
        """Have nft check a ruleset, where there is an nft."""
        if self._nft and wanted:
            self._nft.check(wanted)

    def apply(self, wanted):
        """Check and load a ruleset: one transaction. What is on disk stays as it was until ``persist``."""
        self._nft.check(wanted)
        self._nft.load(wanted)
        self.live = self._nft.listing()

    def persist(self, wanted):
        """Keep the ruleset that ``apply`` has loaded for the next boot."""
        self._boot.persist(wanted, self.live)

    def remove(self):
        """Take our table, unit and files away."""
        self._boot.forget()
        if self._nft:
            self._nft.delete()


def of_module(module):
    """Return the HostFirewall of the host on which a module runs."""
    if os.geteuid() != 0:
        raise FirewallError("only root can read and change the firewall: use become")
    path = module.get_bin_path("nft", opt_dirs=NFT_DIRECTORIES)
    environment = {"LC_ALL": "C", "LANGUAGE": "C"}

    def run(words, text):
        return module.run_command(words, data=text, binary_data=True, environ_update=environment)

    def run_or_raise(words):
        code, output, error = run(words, None)
        if code != 0:
            raise FirewallError("%s failed: %s" % (" ".join(words), (error or output).strip()))

    def write(path, text):
        directory = os.path.dirname(path)
        os.makedirs(directory, mode=0o755, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=directory)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644 if path.endswith(".service") else 0o600)
        module.atomic_move(temporary, path)

    return HostFirewall(Nft(run, path) if path else None, Boot(run_or_raise, write, path))
