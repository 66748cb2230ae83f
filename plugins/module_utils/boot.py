# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What stays on the host: the ruleset for the next boot, the unit that loads it, and what the kernel made of it."""

from __future__ import annotations

import os

BOOT_FILE = "/etc/gatehouse/ruleset.nft"
LIVE_FILE = "/var/lib/gatehouse/live.nft"
UNIT = "gatehouse-firewall.service"
UNIT_FILE = "/etc/systemd/system/" + UNIT
WANTED_BY = "sysinit.target"

# Ordered after whatever may flush the whole ruleset at boot (Debian's nftables.conf does), and before the network is up.
# No ExecStop: to stop the unit must not open the host.
UNIT_TEXT = """\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=gatehouse host firewall
Documentation=man:nft(8)
DefaultDependencies=no
RequiresMountsFor=/etc /usr
Wants=network-pre.target
After=nftables.service iptables.service ip6tables.service netfilter-persistent.service
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={nft} -f {boot_file}
ExecReload={nft} -f {boot_file}

[Install]
WantedBy={wanted_by}
"""


class Boot:
    """The files and the unit of one host.

    ``run`` takes a list of words and raises where the command fails; ``write`` replaces a file's content atomically.
    """

    def __init__(self, run, write, nft_path, root="/"):
        """Keep the ways to run and to write; ``root`` is where the host's files lie."""
        self._run = run
        self._write = write
        self._root = root
        self._unit_text = UNIT_TEXT.format(nft=nft_path, boot_file=BOOT_FILE, wanted_by=WANTED_BY)

    def has_systemd(self):
        """Return whether systemd runs this host."""
        return os.path.isdir(self._path("/run/systemd/system"))

    def ruleset(self):
        """Return the ruleset of the next boot, which is the one applied last; an empty text where there is none."""
        return self._read(BOOT_FILE)

    def live(self):
        """Return what the kernel listed after the last apply."""
        return self._read(LIVE_FILE)

    def is_enabled(self):
        """Return whether our unit is as we wrote it and starts at boot (always, where there is no systemd)."""
        wants = self._path("/etc/systemd/system/%s.wants/%s" % (WANTED_BY, UNIT))
        return not self.has_systemd() or (self._read(UNIT_FILE) == self._unit_text and os.path.islink(wants))

    def persist(self, ruleset, live):
        """Keep an applied ruleset for the next boot."""
        self._write(self._path(BOOT_FILE), ruleset)
        self._write(self._path(LIVE_FILE), live)
        if not self.is_enabled():
            self._write(self._path(UNIT_FILE), self._unit_text)
            self._run(["systemctl", "daemon-reload"])
            self._run(["systemctl", "enable", "--now", UNIT])

    def forget(self):
        """Remove the unit and the files."""
        if os.path.exists(self._path(UNIT_FILE)) and self.has_systemd():
            self._run(["systemctl", "disable", "--now", UNIT])
            os.unlink(self._path(UNIT_FILE))
            self._run(["systemctl", "daemon-reload"])
        for path in (BOOT_FILE, LIVE_FILE):
            if os.path.exists(self._path(path)):
                os.unlink(self._path(path))
                _remove_if_empty(os.path.dirname(self._path(path)))

    def leaves_nothing(self):
        """Return whether none of our files is on the host."""
        return not any(os.path.lexists(self._path(path)) for path in (BOOT_FILE, LIVE_FILE, UNIT_FILE))

    def _path(self, path):
        return os.path.join(self._root, path.lstrip("/"))

    def _read(self, path):
        try:
            with open(self._path(path), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""


def _remove_if_empty(directory):
    try:
        os.rmdir(directory)
    except OSError:
        pass
