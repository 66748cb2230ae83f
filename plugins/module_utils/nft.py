# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""All that this collection asks of nft(8). It touches one table, ``inet gatehouse``, and no other."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

TABLE = "inet gatehouse"

# A network namespace tracks connections from the first rule on that asks for them. Without this, packets of connections
# that are open before our first ruleset would look new to it, and the controller's own would be cut among them.
PRIMER = f"""\
table {TABLE} {{
    chain start_tracking {{
        type filter hook input priority filter - 10; policy accept;
        ct state established
    }}
}}
"""

Run = Callable[[List[str], Optional[str]], Tuple[int, str, str]]
"""Takes a command and a text for its standard input; returns exit code, standard output and standard error."""


def is_primer(listing: str) -> bool:
    """Return whether a listing of our table is the primer's, which stands for no ruleset at all."""
    return "chain start_tracking {" in listing


class FirewallError(Exception):
    """The host refused; the message says what was asked and what it answered."""


class Nft:
    """The nft command of this host."""

    def __init__(self, run: Run, path: str) -> None:
        """Keep the way to run commands (in the C locale), and the full path of nft."""
        self._run = run
        self._path = path

    def listing(self) -> str:
        """Return our table as the kernel has it, without counters; an empty text where there is none."""
        code, output, error = self._run([self._path, "-s", "list", "table", *TABLE.split()], None)
        if code == 0:
            return output
        if "No such file or directory" in error:
            return ""
        raise FirewallError(f"nft can't list the table {TABLE}: {error.strip()}")

    def check(self, ruleset: str) -> None:
        """Have the real nft and kernel check a ruleset, without loading it."""
        self._feed(["-c"], ruleset, "nft refuses the ruleset, nothing was changed")

    def load(self, ruleset: str) -> None:
        """Load a ruleset in one transaction: all of it, or nothing."""
        self._feed([], ruleset, "nft can't load the ruleset, nothing was changed")

    def prime(self) -> None:
        """Start connection tracking with a table of ours that lets everything through."""
        self._feed([], PRIMER, "nft can't start connection tracking")

    def delete(self) -> None:
        """Delete our table; it need not exist."""
        self._feed([], f"table {TABLE}\ndelete table {TABLE}\n", f"nft can't delete the table {TABLE}")

    def _feed(self, flags: list[str], text: str, failure: str) -> None:
        code, output, error = self._run([self._path, *flags, "-f", "-"], text)
        if code != 0:
            raise FirewallError(f"{failure}:\n{(error or output).strip()}")
