"""Read the expected matrices and ask them as probes. What passes is data in expected/; here stands only how to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import yaml
from lab import Host, Lab
from prober import Disagreement, Probe, disagreements

FOLDER = Path(__file__).parent / "expected"
DIRECTIONS = ("ingress", "egress")
PROTOCOLS = ("tcp", "udp")

Port = tuple[str, int]


@dataclass(frozen=True)
class Expectation:
    """One configuration of the fleet, and what each end alone lets through in it."""

    name: str
    options: Mapping[str, object]
    own: Mapping[str, object]
    zones: Mapping[str, list[str]]
    hosts: Mapping[str, list[str]]
    probed: frozenset[Port]
    ends: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def passes(self, direction: str, managed: str, peer: str, leg: str) -> frozenset[Port]:
        """Return what a managed class' end lets through, from or to a peer, over one of the networks."""
        rows = self.ends[direction].get(managed, {}).get(peer, [])
        return self._ports(rows[leg] if isinstance(rows, dict) else rows)

    def variables(self, hosts: Mapping[str, Host]) -> dict[str, Any]:
        """Return what a user sets to get this configuration, beside the inventory's own variables."""
        networks = {
            zone: [text for name in names for text in hosts[name].addresses] for zone, names in self.zones.items()
        }
        zones = [{"name": zone, "networks": texts} for zone, texts in networks.items()]
        return {"gatehouse_options": self.options, **self.own} | ({"gatehouse_zones": zones} if zones else {})

    @cached_property
    def managed(self) -> tuple[str, ...]:
        """Return the classes whose hosts are hardened: those with rows of their own."""
        return tuple(dict.fromkeys(name for direction in DIRECTIONS for name in self.ends[direction]))

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Return the class or zone that each host plays."""
        return {name: kind for kind, names in self.hosts.items() for name in names}

    def _ports(self, rows: Iterable[str]) -> frozenset[Port]:
        return frozenset(port for port in self.probed if any(_covers(row, port) for row in rows))


@dataclass(frozen=True)
class Round:
    """What was asked of one state of the fleet, and every answer that was another than expected."""

    expectation: Expectation
    expected: Mapping[Probe, bool]
    wrong: list[Disagreement] = field(default_factory=list)
    wrong_without_table: list[Disagreement] = field(default_factory=list)

    def between(self, sender: str, receiver: str) -> Round:
        """Return the part that goes from one class or zone to another."""
        kinds = self.expectation.kinds
        return self._part(lambda probe: (kinds[probe.source], kinds[probe.target]) == (sender, receiver))

    def received_by(self, host: str) -> Round:
        """Return the part that goes to one host."""
        return self._part(lambda probe: probe.target == host)

    def sent_by(self, host: str) -> Round:
        """Return the part that comes from one host."""
        return self._part(lambda probe: probe.source == host)

    def _part(self, chosen: Callable[[Probe], bool]) -> Round:
        return Round(
            self.expectation,
            {probe: passed for probe, passed in self.expected.items() if chosen(probe)},
            [item for item in self.wrong if chosen(item.probe)],
            [item for item in self.wrong_without_table if chosen(item.probe)],
        )


def read(name: str, folder: Path = FOLDER) -> Expectation:
    """Return the expectation of a file in expected/; what it leaves unsaid stands in the one it differs from."""
    return _expectation(name, _merged(name, folder))


def ask_round(lab: Lab, expectation: Expectation, expected: Mapping[Probe, bool]) -> Round:
    """Ask everything twice: of the fleet as it is, then with our table deleted, when every probe must pass."""
    # Everything that is asked listens, so a refusal can only be a firewall's.
    try:
        wrong = disagreements(expected, lab.namespaces, closed_passes=False)
    finally:
        lab.unload()
    control = disagreements(dict.fromkeys(expected, True), lab.namespaces, closed_passes=False)
    return Round(expectation, expected, wrong, control)


def one_end_probes(lab: Lab, expectation: Expectation) -> dict[Probe, bool]:
    """Return the probes between each class' first host, hardened, and everybody else's last, who is not."""
    expected: dict[Probe, bool] = {}
    for managed in expectation.managed:
        for peer, names in expectation.hosts.items():
            here, there = lab.hosts[expectation.hosts[managed][0]], lab.hosts[names[-1]]
            ingress = partial(expectation.passes, "ingress", managed, peer)
            egress = partial(expectation.passes, "egress", managed, peer)
            expected.update(_probes(there, here, expectation.probed, ingress))
            expected.update(_probes(here, there, expectation.probed, egress))
    return expected


def both_ends_probes(lab: Lab, expectation: Expectation) -> dict[Probe, bool]:
    """Return the probes between the classes' hosts, all hardened, each way round."""
    expected: dict[Probe, bool] = {}
    for sender in expectation.managed:
        for receiver in expectation.managed:
            for source, target in ((0, -1), (-1, 0)):
                pair = lab.hosts[expectation.hosts[sender][source]], lab.hosts[expectation.hosts[receiver][target]]
                expected.update(_probes(*pair, expectation.probed, _agreed(expectation, sender, receiver)))
    return expected


def hardened_probes(hosts: Mapping[str, Host], expectation: Expectation) -> dict[Probe, bool]:
    """Return the probes of every managed host, all of them hardened, to and from everybody else.

    Between two managed hosts both must agree; with anybody outside, the managed one decides.
    """
    expected: dict[Probe, bool] = {}
    for source, sender in expectation.kinds.items():
        for target, receiver in expectation.kinds.items():
            if source != target and {sender, receiver} & {*expectation.managed}:
                passes = _agreed(expectation, sender, receiver)
                expected.update(_probes(hosts[source], hosts[target], expectation.probed, passes))
    return expected


def _agreed(expectation: Expectation, sender: str, receiver: str) -> Callable[[str], frozenset[Port]]:
    """Return what passes over a network where everybody who is managed is hardened."""
    ends = [("egress", sender, receiver), ("ingress", receiver, sender)]
    hardened = [end for end in ends if end[1] in expectation.managed]
    return lambda leg: frozenset.intersection(*(expectation.passes(*end, leg) for end in hardened))


def _probes(
    source: Host, target: Host, probed: Iterable[Port], passes: Callable[[str], frozenset[Port]]
) -> Iterator[tuple[Probe, bool]]:
    for leg in (leg for leg in source.legs if leg in target.legs):
        allowed = passes(leg)
        for family in (4, 6):
            ends = source.name, source.address(leg, family), target.name, target.address(leg, family)
            for port in sorted(probed):
                yield Probe(*ends, *port), port in allowed


def _covers(row: str, port: Port) -> bool:
    if row == "all":
        return True
    protocol, _slash, span = row.partition("/")
    first, _dash, last = span.partition("-")
    return protocol == port[0] and int(first) <= port[1] <= int(last or first)


def _merged(name: str, folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((folder / f"{name}.yml").read_text())
    if "differs_from" not in document:
        return document
    base = _merged(document.pop("differs_from"), folder)
    ends = {direction: _overlay(base[direction], document.get(direction, {})) for direction in DIRECTIONS}
    return {**base, **document, **ends}


def _overlay(base: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {**base, **{managed: {**base[managed], **peers} for managed, peers in changed.items()}}


def _expectation(name: str, document: Mapping[str, Any]) -> Expectation:
    ends = {direction: document[direction] for direction in DIRECTIONS}
    for direction, rows in ends.items():
        for managed, peers in rows.items():
            unknown = {managed, *peers} - set(document["hosts"])
            assert not unknown, f"{name}: {direction}.{managed} names {unknown}"
    probed = frozenset((protocol, port) for protocol in PROTOCOLS for port in document["probed"])
    options, own, zones = (document.get(key, {}) for key in ("options", "variables", "zones"))
    return Expectation(name, options, own, zones, document["hosts"], probed, ends)
