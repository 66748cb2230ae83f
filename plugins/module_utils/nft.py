# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""All that this collection asks of nft(8). It touches one table, ``inet gatehouse``, and no other."""

from __future__ import annotations

TABLE = ("inet", "gatehouse")


class FirewallError(Exception):
    """The host refused; the message says what was asked and what it answered."""


class Nft:
    """The nft command of this host.

    ``run`` takes a list of words and text for standard input; it returns the exit code, standard output and standard
    error, in the C locale.
    """

    def __init__(self, run, path):
        """Keep the way to run commands, and the full path of nft."""
        self._run = run
        self._path = path

    def listing(self):
        """Return our table as the kernel has it, without counters; an empty text where there is none."""
        code, output, error = self._run([self._path, "-s", "-n", "list", "table", *TABLE], None)
        if code == 0:
            return output
        if "No such file or directory" in error:
            return ""
        raise FirewallError("nft can't list the table %s: %s" % (" ".join(TABLE), error.strip()))

    def check(self, ruleset):
        """Have the real nft and kernel check a ruleset, without loading it."""
        self._feed(["-c"], ruleset, "nft refuses the ruleset, nothing was changed")

    def load(self, ruleset):
        """Load a ruleset in one transaction: all of it, or nothing."""
        self._feed([], ruleset, "nft can't load the ruleset, nothing was changed")

    def delete(self):
        """Delete our table; it need not exist."""
        name = " ".join(TABLE)
        self._feed([], "table %s\ndelete table %s\n" % (name, name), "nft can't delete the table %s" % name)

    def _feed(self, flags, text, failure):
        code, output, error = self._run([self._path, *flags, "-f", "-"], text)
        if code != 0:
            raise FirewallError("%s:\n%s" % (failure, (error or output).strip()))
