# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""All that this collection asks of nft(8). It touches one table, ``inet gatehouse``, and no other."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Iterator, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import (
    Elements,
    FirewallError,
    OvertakenError,
    Run,
    ScriptedBackend,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.hints import hinted
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.locks import held_if_ours
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft_loader import LOADER
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import (
    Element,
    filled_by_nft,
    without_filled,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.ownership import foreign_in_nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import TABLE
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import body

_BEGIN, _END = "\t\telements = {\n", "\t\t}\n"
# nft puts a blank line between blocks. The one before a marker goes with it, or the one after it where the marker comes
# first: so a listing is the same with and without.
_MARKER = re.compile(r"(?:(?<=\n)\n\tchain armed\.(\w+) \{\n\t\}\n|\tchain armed\.(\w+) \{\n\t\}\n\n?)")
_CHAIN = re.compile(r"^\s+chain (\S+)", re.MULTILINE)
_NOTHING = f"table {TABLE} {{\n}}\n"
NO_TABLE = f"table {TABLE}\ndelete table {TABLE}\n"

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


class Nft(ScriptedBackend):
    """The nft command of this host."""

    name = "nftables"
    packages = ("nftables",)
    file_type = "nft"
    helpers = MappingProxyType({"replace.sh": LOADER})

    def __init__(self, run: Run, path: str | None) -> None:
        """Keep the way to run commands (in the C locale), and the full path of nft, if there is one."""
        self._path = self.lister = path or "nft"
        super().__init__(run, [self._path])
        self.missing = "" if path else "nft"

    def version(self) -> str:
        """Return ``nft 1.0.6``."""
        _code, output, _error = self._run([self._path, "--version"], None)
        return "nft " + output.partition(" v")[2].partition(" ")[0]

    def listing(self) -> str:
        """Return our table as the kernel has it, without counters and markers; an empty text where there is none."""
        listing = without_filled(self._listed("-s"))
        found = _MARKER.sub("", listing)
        # A table that holds a marker alone is no ruleset: ``mark`` makes one where there was none.
        return "" if found == _NOTHING != listing else found

    def counted(self) -> str:
        """Return our table with counters, as far as this nft can without what is in its sets."""
        # Sets may hold tens of thousands of elements, and none of them is counted here.
        return self._listed("-t")

    def filled(self) -> list[Element] | None:
        """Return what the kernel has put into our sets of what no flow allows."""
        return filled_by_nft(self._listed())

    def only_tracks(self, listing: str) -> bool:
        """Return whether a listing of our table is what ``start_tracking`` made."""
        return _CHAIN.findall(listing) == ["start_tracking"]

    def check(self, ruleset: str) -> None:
        """Have the real nft and kernel check a ruleset, without loading it."""
        # nft itself would check, and later load, a `flush ruleset` or the table of others.
        foreign = foreign_in_nft(ruleset)
        if foreign:
            raise FirewallError(f"the ruleset is about more than the table {TABLE}, nothing was changed: {foreign[0]}")
        self._feed(["-c"], body(ruleset), "nft refuses the ruleset, nothing was changed")

    def load(self, ruleset: str, change: str = "") -> None:
        """Have a ruleset judge in place of what does, from one packet to the next: all of it, or nothing."""
        self._replace(ruleset, "nft can't load the ruleset, nothing was changed", change)

    def mark(self, change: str, wanted: str) -> None:  # noqa: ARG002
        """Put a change's marker into our table, in place of any other's; make the table where there is none."""
        others = [first or second for first, second in _MARKER.findall(self._listed("-s", "-t"))]
        deleted = "".join(f"delete chain {TABLE} {_marker(other)}\n" for other in others)
        text = f"table {TABLE}\n{deleted}add chain {TABLE} {_marker(change)}\n"
        self._feed([], text, "nft can't mark the change, nothing was changed")

    def is_marked(self, change: str) -> bool:
        """Return whether a change's marker is in our table."""
        return self._run([self._path, "list", "chain", *TABLE.split(), _marker(change)], None)[0] == 0

    def settle(self, change: str) -> None:
        """Take a change's marker away, and the table where there is nothing else in it."""
        # This fails where the rollback has taken the marker already, and nothing is wrong then.
        self._run([self._path, "delete", "chain", *TABLE.split(), _marker(change)], None)
        if self._listed("-t") == _NOTHING:
            self._run([self._path, "delete", "table", *TABLE.split()], None)

    def previous(self) -> str:
        """Return the ruleset that leads back to our table as it is, or to none."""
        listing = self.listing()
        return f"{NO_TABLE}{'' if self.only_tracks(listing) else listing}"

    def with_elements(self, ruleset: str, wanted: Elements) -> str:
        """Return a ruleset whose sets hold something else."""
        parts, done = [], 0
        for name, start, end in _sets(ruleset):
            if name in wanted:
                block = ruleset[start:end]
                parts += [ruleset[done:start], block.partition(_BEGIN)[0], _filled(wanted[name])]
                done = end
        return "".join([*parts, ruleset[done:]])

    def with_listed_set(self, listing: str, name: str, live: str) -> str:
        """Return a listing with a set as another one has it."""
        block = re.compile(rf"\tset {re.escape(name)} \{{\n.*?\n\t\}}\n", re.DOTALL)
        found = block.search(live)
        # A function, since re.sub reads backslashes in a text.
        return block.sub(lambda _match: found.group(), listing) if found else listing

    def refill(self, before: Elements, after: Elements, change: str = "") -> None:
        """Change what sets in force hold, in one transaction."""
        sets = {name: (set(before[name]), set(after[name])) for name in after}
        changed = [name for name, (old, now) in sets.items() if old != now]
        gone = {name: sorted(sets[name][0] - sets[name][1]) for name in changed}
        new = {name: sorted(sets[name][1] - sets[name][0]) for name in changed}
        flushed = "".join(f"flush set {TABLE} {name}\n" for name in changed)
        whole = flushed + _changes("add", {name: list(after[name]) for name in changed})
        with held_if_ours(self.rules_lock, "it changes sets"):
            try:
                self._feed_part(_changes("delete", gone) + _changes("add", new), change)
            except OvertakenError:
                raise
            except FirewallError:
                # nft 0.9.8 refuses to add a network that overlaps one which the same transaction deletes: fill anew.
                self._feed_part(whole, change)

    def start_tracking(self) -> None:
        """Start connection tracking with a table of ours that lets everything through."""
        self._feed([], PRIMER, "nft can't start connection tracking")

    def delete(self) -> None:
        """Delete our table; it need not exist."""
        if not self.missing:
            self._replace(NO_TABLE, f"nft can't delete the table {TABLE}")

    def _listed(self, *flags: str) -> str:
        if self.missing:
            return ""
        code, output, error = self._run([self._path, *flags, "list", "table", *TABLE.split()], None)
        if code == 0:
            return output
        # nft has no exit code of its own for this; commands run in the C locale, so the words are these.
        if "No such file or directory" in error:
            return ""
        raise FirewallError(f"nft can't list the table {TABLE}: {hinted(error)}")

    def _replace(self, ruleset: str, failure: str, change: str = "") -> None:
        self.require()
        _succeed(self._run_script(ruleset, change), failure)

    def _feed_part(self, text: str, change: str) -> None:
        """Have the kernel take what is part of a change, or of none, as long as its rollback has not begun."""
        marker = _marker(change)
        # A compare-and-swap in the kernel: to delete a chain that is gone makes it refuse the whole transaction. So
        # nothing of a change comes into force once its rollback has taken the marker away.
        marked = f"delete chain {TABLE} {marker}\n{text}add chain {TABLE} {marker}\n" if change else text
        try:
            self._feed([], marked, "nft can't change our sets, nothing was changed")
        except FirewallError as error:
            if change and not self.is_marked(change):
                raise OvertakenError("the host's own rollback has begun before the sets were changed") from error
            raise

    def _feed(self, flags: list[str], text: str, failure: str) -> None:
        self.require()
        _succeed(self._run([self._path, *flags, "-f", "-"], text), failure)


def _marker(change: str) -> str:
    return f"armed.{change}"


def _succeed(done: tuple[int, str, str], failure: str) -> None:
    code, output, error = done
    if code != 0:
        raise FirewallError(f"{failure}:\n{hinted(error or output) or f'exit code {code}'}")


def _changes(command: str, elements: dict[str, list[str]]) -> str:
    return "".join(
        f"{command} element {TABLE} {name} {{ {', '.join(some)} }}\n" for name, some in elements.items() if some
    )


def _sets(ruleset: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each set of a text of ours, and where what it is and holds begins and ends.

    By looking for words, not line by line: a set may hold tens of thousands of lines.
    """
    place = ruleset.find("\n\tset ")
    while place >= 0:
        head, end = ruleset.find(" {\n", place), ruleset.find("\n\t}\n", place)
        if not place < head < end:
            return
        yield ruleset[place + len("\n\tset ") : head], head + len(" {\n"), end + 1
        place = ruleset.find("\n\tset ", end)


def _filled(elements: Sequence[str]) -> str:
    return "".join([_BEGIN, *(f"\t\t\t{one},\n" for one in elements), _END]) if elements else ""
