# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""All that this collection asks of iptables(8) and ipset(8). It touches chains ``GATEHOUSE-*``, the jumps to them and
sets ``gatehouse-*``, and nothing else.

The forms of what they take and print are in ``iptables_text``. In the kernel, sets' names have endings: see the loader.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Iterable

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import (
    Elements,
    FirewallError,
    Run,
    ScriptedBackend,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.commands import DIRECTORIES
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.hints import hinted
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_loader import LOADER
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import (
    FILES,
    SET_MATCH,
    TABLES,
    Sets,
    Table,
    counted,
    joined,
    line_named_in,
    listed,
    marking,
    our_tables,
    parsed_sets,
    parted,
    refilling,
    restoring,
    undefined,
    with_elements,
    with_listed_set,
    without_endings,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.locks import held_if_ours
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import (
    Element,
    filled_by_ipset,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.ownership import foreign_in_iptables

PRIMER_CHAIN = "GATEHOUSE-START-TRACKING"
# The kernel tracks a family's connections as soon as any rule asks for it, in a chain that no packet comes to as well.
_PRIMER = f"""\
*filter
:{PRIMER_CHAIN} - [0:0]
-A {PRIMER_CHAIN} -m conntrack --ctstate ESTABLISHED
COMMIT
"""

_SHOWN = 5
_PATIENCE = "10"  # seconds for which iptables waits for others who change rules


@dataclass(frozen=True)
class _Family:
    number: int
    command: str

    @property
    def name(self) -> str:
        return "iptables" if self.number == 4 else "ip6tables"

    @property
    def file(self) -> str:
        return f"rules.v{self.number}"


@dataclass(frozen=True)
class _Ours:
    """What the kernel has of ours: our part of each table of each family, and what ``ipset save`` prints of sets."""

    tables: dict[_Family, dict[str, Table]]
    sets: str

    def used(self, rules: Iterable[str]) -> Sets:
        """Return type and sorted elements of each set of ours that rules use."""
        return parsed_sets(self.sets, _our_sets(rules))


class Iptables(ScriptedBackend):
    """The iptables, ip6tables and ipset commands of this host."""

    name = "iptables"
    packages = ("iptables", "ipset")
    file_type = "iptables"
    helpers = MappingProxyType({"load.sh": LOADER})
    refills_at_once = False

    def __init__(self, run: Run, iptables: str | None, ip6tables: str | None, ipset: str | None) -> None:
        """Keep the way to run commands (in the C locale), and the full path of each command, if there is one."""
        paths = {"iptables": iptables, "ip6tables": ip6tables, "ipset": ipset}
        self.missing = next((name for name, path in paths.items() if not path), "")
        super().__init__(run, [path or name for name, path in paths.items()])
        self._v4, self._v6 = _Family(4, self._commands[0]), _Family(6, self._commands[1])
        self._ipset = self.lister = self._commands[2]
        self._variants: dict[str, str] = {}

    def version(self) -> str:
        """Return ``iptables 1.8.9 (nf_tables)``."""
        return self._words([self._commands[0], "-V"]).strip().replace(" v", " ", 1)

    @property
    def variant(self) -> str:
        """Return which part of the kernel the iptables command speaks to: ``nf_tables`` or ``legacy``."""
        return self._variant(self._v4)

    def other_variant_rules(self) -> list[str]:
        """Return the chains with rules in the variant that the commands are not, as ``IPv4 filter/INPUT``."""
        return list(self._elsewhere())

    def check_variant(self) -> None:
        """Raise FirewallError where the host's rules live in the other variant, or each family in another."""
        self.require()
        ours, theirs = self.variant, self._variant(self._v6)
        if ours != theirs:
            raise FirewallError(
                f"{self._v4.name} of this host is the {ours} variant and {self._v6.name} the {theirs} one: choose one "
                "for both with update-alternatives --config iptables and --config ip6tables"
            )
        elsewhere = self._elsewhere()
        if elsewhere:
            raise FirewallError(_mixed(ours, _other(ours), elsewhere))

    def listing(self) -> str:
        """Return our chains, the jumps to them with their places, and the sets our rules use; without counters."""
        return "" if self.missing else _listing(self._ours())

    def counted(self) -> str:
        """Return our tables of both families with counters, as they are saved."""
        return "" if self.missing else "".join(self._saved(family, "-c") for family in self._families())

    def filled(self) -> list[Element] | None:
        """Return what the kernel has put into our sets of what no flow allows."""
        if self.missing:
            return None
        rules = "".join(rule for family in self._families() for rule in restoring(self._tables(family)))
        names = set(SET_MATCH.findall(rules))
        return filled_by_ipset(self._words([self._ipset, "save"]), names) if names else None

    def only_tracks(self, listing: str) -> bool:
        """Return whether a listing is what ``start_tracking`` made."""
        lines = listing.splitlines()
        chains = {line.rpartition(" ")[2] for line in lines if " -N " in line}
        return chains == {PRIMER_CHAIN} and not any(" -I " in line for line in lines)

    def check(self, ruleset: str) -> None:
        """Have the real iptables-restore check a ruleset, without its sets, which don't exist yet."""
        files = parted(ruleset)
        foreign = [line for file in FILES for line in foreign_in_iptables(file, files[file])]
        if foreign:
            raise FirewallError(
                f"the ruleset is about more than our chains and sets, nothing was changed: {foreign[0]}"
            )
        missing = [line for file in FILES[1:] for line in undefined(files, file)]
        if missing:
            raise FirewallError("\n".join(["the ruleset lacks what it refers to, nothing was changed:", *missing]))
        self.check_variant()
        for family in self._families():
            # To create the sets would change the kernel, and iptables-restore refuses a rule whose set doesn't exist.
            tested = SET_MATCH.sub("", files[family.file])
            words = [f"{family.command}-restore", "--test", "--noflush", "--wait"]
            code, output, error = self._run(words, tested)
            # Without IPv6 in the kernel, ip6tables refuses everything, and there is nothing to filter.
            if code != 0 and (family is self._v4 or self._has_ipv6()):
                refusal = (error or output).strip()
                said = hinted(refusal + line_named_in(files[family.file], refusal))
                raise FirewallError(f"{family.name} refuses {family.file}, nothing was changed:\n{said}")

    def load(self, ruleset: str, change: str = "") -> None:
        """Put a ruleset in place of ours. Where one family refuses it, the other goes back to what it had."""
        self.require()
        # No transaction spans both families, nor two tables: a refusal may leave a part of the ruleset in force.
        ours = self._ours()
        before, previous = _listing(ours), self._previous(ours)
        refusal = self._feed(ruleset, change)
        if not refusal:
            return
        outcome = "nothing was changed"
        if self.listing() != before:
            stuck = self._feed(previous, change)
            outcome = f"nor go back to the previous one ({stuck})" if stuck else "and went back to the previous one"
        raise FirewallError(f"iptables can't load the ruleset, {outcome}:\n{refusal}")

    def mark(self, change: str, wanted: str) -> None:
        """Put a change's marker into each table of both families that has rules of ours, or will have some."""
        self.require()
        files = parted(wanted)
        for family in self._families():
            named = {line[1:] for line in files[family.file].splitlines() if line.startswith("*")}
            # The filter table has one in any case: ``is_marked`` looks there.
            tables = {"filter", *self._tables(family), *named}
            words = [f"{family.command}-restore", "--noflush", "--wait", _PATIENCE]
            code, output, error = self._run(words, marking(change, [name for name in TABLES if name in tables]))
            if code != 0:
                said = (error or output).strip()
                raise FirewallError(f"{family.name} can't mark the change, nothing was changed:\n{said}")

    def is_marked(self, change: str) -> bool:
        """Return whether a change's marker is in the filter table of every family."""
        saves = [[f"{family.command}-save", "-t", "filter"] for family in self._families()]
        return all(f" --comment {change} " in self._words(words) for words in saves)

    def settle(self, change: str) -> None:
        """Take a change's markers away, and the sets that no rule uses any more."""
        ((name, script),) = self.helpers.items()
        self._run(["/bin/sh", "-c", script, name, "-", *self._commands, "settle", change], None)

    def previous(self) -> str:
        """Return the ruleset that leads back to what is in the kernel now, with each jump once and first."""
        return "" if self.missing else self._previous(self._ours())

    def _previous(self, ours: _Ours) -> str:
        # The rules that start tracking are no ruleset: the rollback of a first change leads to none of ours.
        if self.only_tracks(_listing(ours)):
            return ""
        files = {family.file: "".join(restoring(tables)) for family, tables in ours.tables.items()}
        rules = "".join(files.values())
        return joined({**files, "ipset": "".join(refilling(ours.used(rules.splitlines())))})

    def start_tracking(self) -> None:
        """Start connection tracking in both families, with a chain that nothing leads to."""
        self._feed_or_raise(joined({"rules.v4": _PRIMER, "rules.v6": _PRIMER}), "can't start connection tracking")

    def with_elements(self, ruleset: str, wanted: Elements) -> str:
        """Return a ruleset whose sets hold something else."""
        return with_elements(ruleset, wanted)

    def with_listed_set(self, listing: str, name: str, live: str) -> str:
        """Return a listing with a set as another one has it."""
        return with_listed_set(listing, name, live)

    def refill(self, before: Elements, after: Elements, change: str = "") -> None:
        """Change what sets in force hold. A peer that stays loses no packet; new peers come in before old ones go.

        ipset has no transaction that a rollback could have the kernel refuse, so that this is part of no change.
        """
        if change:
            raise FirewallError("ipset can't change sets in force as part of a change")
        saved = "".join(rule for family in self._families() for rule in restoring(self._tables(family)))
        in_force = {without_endings(name): name for name in _our_sets(saved.splitlines())}
        lines = []
        for command, these, those in (("add", after, before), ("del", before, after)):
            for name in after:
                known = set(those[name])
                there = in_force.get(name, name)
                lines += [f"{command} {there} {one} -exist" for one in these[name] if one not in known]
        # The loader's lock: it fills and swaps the same sets.
        with held_if_ours(self.rules_lock, "it changes sets"):
            code, output, error = self._run([self._ipset, "restore"], "".join(f"{line}\n" for line in lines))
        if code != 0:
            raise FirewallError(f"ipset can't change our sets:\n{hinted(error or output)}")

    def delete(self) -> None:
        """Delete our chains, jumps and sets; there need not be any."""
        if not self.missing:
            self._feed_or_raise("", "can't delete what is ours")

    def _feed(self, ruleset: str, change: str = "") -> str:
        """Have the loader load a ruleset; return what it says against it."""
        code, output, error = self._run_script(ruleset, change)
        return (hinted(error or output) or f"exit code {code}") if code != 0 else ""

    def _feed_or_raise(self, ruleset: str, failure: str) -> None:
        self.require()
        refusal = self._feed(ruleset)
        if refusal:
            raise FirewallError(f"iptables {failure}:\n{refusal}")

    def _words(self, command: list[str]) -> str:
        code, output, error = self._run(command, None)
        if code != 0:
            raise FirewallError(f"{' '.join(command)} failed: {hinted(error or output)}")
        return output

    def _families(self) -> list[_Family]:
        """Return the families that have rules. IPv6 may have some before its module is loaded."""
        has_rules = self._has_ipv6() or (
            self._variant(self._v6) == "nf_tables" and self._run([f"{self._v6.command}-save"], None)[0] == 0
        )
        return [self._v4, self._v6] if has_rules else [self._v4]

    def _has_ipv6(self) -> bool:
        return self._run(["test", "-e", "/proc/net/if_inet6"], None)[0] == 0

    def _tables(self, family: _Family) -> dict[str, Table]:
        saved = self._saved(family)
        # iptables-nft-save leaves out, or prints as something wider, what nft wrote into its tables natively.
        if "is incompatible, use 'nft' tool" in saved:
            raise FirewallError(f"{family.name}-save can't show all its rules: some were put there with nft")
        return our_tables(saved)

    def _saved(self, family: _Family, *flags: str) -> str:
        names: Iterable[str] = TABLES
        if self._variant(family) == "legacy":
            # To ask for a table that the kernel lacks would make it.
            there = self._legacy_tables(family)
            names = [name for name in TABLES if name in there]
        return "".join(self._words([f"{family.command}-save", *flags, "-t", name]) for name in names)

    def _legacy_tables(self, family: _Family) -> list[str]:
        name = family.name.replace("tables", "_tables_names")
        return self._run(["cat", f"/proc/net/{name}"], None)[1].split()

    def _ours(self) -> _Ours:
        tables = {family: self._tables(family) for family in self._families()}
        rules = [line for found in tables.values() for table in found.values() for line in listed(table)]
        return _Ours(tables, self._words([self._ipset, "save"]) if _our_sets(rules) else "")

    def _variant(self, family: _Family) -> str:
        """Return a command's variant; it is asked once, as each listing wants to know."""
        if family.command not in self._variants:
            is_nft = "(nf_tables)" in self._words([family.command, "-V"])
            self._variants[family.command] = "nf_tables" if is_nft else "legacy"
        return self._variants[family.command]

    def _elsewhere(self) -> dict[str, int]:
        """Return the number of rules of each chain of the other variant that has any."""
        counts: dict[str, int] = {}
        for family in self._families():
            for chain, count in counted(self._saved_elsewhere(family)).items():
                counts[f"IPv{family.number} {chain}"] = count
        return counts

    def _saved_elsewhere(self, family: _Family) -> str:
        other = "legacy" if self.variant == "nf_tables" else "nft"
        # As above: iptables-legacy-save makes the tables that it is asked for.
        if other == "legacy" and not self._legacy_tables(family):
            return ""
        places = [str(Path(family.command).parent), *DIRECTORIES]
        command = shutil.which(f"{family.name}-{other}-save", path=os.pathsep.join(places))
        return self._words([command]) if command else ""


def _listing(ours: _Ours) -> str:
    lines: list[str] = []
    for family, tables in ours.tables.items():
        for name, table in tables.items():
            lines += [f"{family.name} -t {name} {line}" for line in listed(table)]
    for name, (kind, members) in ours.used(lines).items():
        lines += [f"ipset create {name} {kind}", *(f"ipset add {name} {member}" for member in members)]
    return without_endings("".join(f"{line}\n" for line in lines))


def _our_sets(rules: Iterable[str]) -> set[str]:
    """Return the names of the sets of ours that rules use."""
    return {found for rule in rules for found in SET_MATCH.findall(rule) if found.startswith("gatehouse-")}


def _other(variant: str) -> str:
    return "legacy" if variant == "nf_tables" else "nf_tables"


def _mixed(ours: str, theirs: str, elsewhere: dict[str, int]) -> str:
    names = list(elsewhere)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    count = sum(elsewhere.values())
    verb = "lives" if count == 1 else "live"
    kind = "legacy" if theirs == "legacy" else "nft"
    return (
        f"iptables of this host is the {ours} variant, but {count} of its rules {verb} in the {theirs} one, in "
        f"{', '.join(names[:_SHOWN])}{more}. Both would be in force, and neither shows the other. Either choose the "
        f"variant in use (update-alternatives --set iptables /usr/sbin/iptables-{kind}, and ip6tables likewise), or "
        f"move those rules over and delete them there (iptables-{kind}-save shows them)."
    )
