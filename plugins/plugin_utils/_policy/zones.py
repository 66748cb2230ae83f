# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Zones of zones, and zones without others: which addresses each of them has in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from .._model.model import Zone
from .._values.addresses import AddressSet
from .._values.problems import Problems


@dataclass(frozen=True)
class ZoneAddresses:
    """The networks of each zone, and the addresses of each of its host names.

    ``whole`` has what the networks of zones with exceptions are without these, of the zone itself or of one in it.
    """

    networks: Mapping[str, AddressSet]
    names: Mapping[str, Mapping[str, AddressSet]]
    whole: Mapping[str, AddressSet]


def resolve_zones(
    zones: Mapping[str, Zone],
    own: Mapping[str, AddressSet],
    own_names: Mapping[str, Mapping[str, AddressSet]],
    problems: Problems,
) -> ZoneAddresses:
    """Return what each zone has, by the networks and the host names that each says itself."""
    networks: dict[str, AddressSet] = {}
    whole: dict[str, AddressSet] = {}
    names: dict[str, dict[str, AddressSet]] = {}
    for name in _inside_out(zones):
        zone = zones[name]
        inner = [one for one in zone.zones if one in networks]
        held = AddressSet.union([own[name], *(networks[one] for one in inner)])
        networks[name] = held - AddressSet.union([zone.excepted, *_those_of(zone.excepted_zones.values(), networks)])
        if zone.has_exceptions or any(one in whole for one in inner):
            whole[name] = AddressSet.union([own[name], *(whole.get(one, networks[one]) for one in inner)])
        names[name] = {text: found for one in inner for text, found in names[one].items()} | dict(own_names[name])
        _check_names(zone, names, problems)
    return ZoneAddresses(networks, names, whole)


def _inside_out(zones: Mapping[str, Zone]) -> list[str]:
    """Return the zones, each after those that say what it holds."""
    sorter = TopologicalSorter({name: [one for one in zone.named if one in zones] for name, zone in zones.items()})
    try:
        return list(sorter.static_order())
    except CycleError:  # a problem of the model that was noted when it was read
        return list(zones)


def _those_of(names: Iterable[str], networks: Mapping[str, AddressSet]) -> list[AddressSet]:
    return [networks[name] for name in names if name in networks]


def _check_names(zone: Zone, names: Mapping[str, Mapping[str, AddressSet]], problems: Problems) -> None:
    """Note host names where exceptions can't hold: hosts ask for their addresses again and again."""
    for index, name in zone.excepted_zones.items():
        if names.get(name):
            expected = f"a zone without host names, whose addresses change; it has {', '.join(names[name])}"
            problems.add(zone.where.key("except").at(index), name, expected)
    if zone.has_exceptions and names[zone.name]:
        expected = f"no host names beside it, whose addresses change: {', '.join(names[zone.name])}"
        hint = "a zone for the networks with their exceptions, one for the names, and a third with both in zones"
        problems.add(zone.where.key("except"), zone.name, expected, hint)
