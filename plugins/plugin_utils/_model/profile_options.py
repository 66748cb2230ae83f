# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a profile's option can be, and where its value stands in a row: in place of a key such as ``ports_option``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from .._values.addresses import is_single, network_text
from .._values.problems import Problems, Where, one_of
from .._values.readers import Item, dns_label_at, host_names_at, networks_at, ports_at, rows


@dataclass(frozen=True)
class Frontend:
    """An address at which something is offered, and the ports on which it is."""

    address: str
    ports: tuple[str, ...]


Value = bool | str | tuple[str, ...] | tuple[Frontend, ...]
"""What an option is set to: true or false, a word or a name, or several words, ports, networks or frontends."""


def _ports(where: Where, value: object, problems: Problems) -> Value:
    return tuple(ports_at(where, value, problems).texts())


def _port(where: Where, value: object, problems: Problems) -> Value:
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5
    number = int(str(value)) if digits or (isinstance(value, int) and not isinstance(value, bool)) else 0
    if 1 <= number <= 65535:
        return (f"{number}/tcp",)
    problems.add(where, value, "the number of a tcp port, between 1 and 65535")
    return ()


def _networks(where: Where, value: object, problems: Problems) -> Value:
    return tuple(networks_at(where, value, problems).texts())


def _host(where: Where, value: object, problems: Problems) -> Value:
    if not isinstance(value, str) or "://" in value:
        problems.add(where, value, "a host name or an address, not a URL", _host_of(value))
        return ""
    if _is_address(value):
        return "".join(networks_at(where, value, problems).texts())
    return "".join(host_names_at(where, value, problems))


def _frontends(where: Where, value: object, problems: Problems) -> Value:
    found: dict[str, Frontend] = {}
    for place, row in rows(where, value, problems):
        item = Item(place, row, ("address", "ports"), problems)
        if not item.is_mapping:
            continue
        address, ports = _one_address(item), item.ports("ports")
        if item.lacks("ports"):
            problems.add(item.place("ports"), item.raw("ports"), "a list of ports")
        if address in found:
            problems.add(item.place("address"), address, "an address of its own: put all its ports into one entry")
        found[address] = Frontend(address, tuple(ports.texts()))
    return tuple(found.values())


def _one_address(item: Item) -> str:
    known = len(item.problems.found)
    networks = item.networks("address").networks
    if len(item.problems.found) == known and (len(networks) != 1 or not is_single(networks[0])):
        item.problems.add(item.place("address"), item.raw("address"), "one address such as 192.0.2.10 or 2001:db8::10")
    return "".join(map(network_text, networks))


READERS: Mapping[str, Callable[[Where, object, Problems], Value]] = {
    "ports": _ports,
    "port": _port,
    "networks": _networks,
    "host": _host,
    "dns_label": dns_label_at,
    "frontends": _frontends,
}
KINDS = ("bool", "choice", "choices", *READERS)

NOTHING: Mapping[str, Value] = {
    "bool": False,
    **dict.fromkeys(("choices", "ports", "port", "networks", "frontends"), ()),
    **dict.fromkeys(("host", "dns_label"), ""),
}
"""What an option is that is not set, by its type."""

_EACH = "frontends_option"
_LEGIBLE = str.maketrans(".:", "--")  # a flow's name has neither
_TAKERS = {
    "ports_option": ("ports", "port"),
    "networks_option": ("networks",),
    "host_option": ("host",),
    "namespace_option": ("dns_label",),
}


@dataclass(frozen=True)
class Chosen:
    """What each option is set to, and each one's type."""

    values: Mapping[str, Value]
    kinds: Mapping[str, str]

    def each(self, where: Where, row: dict[str, Any], problems: Problems) -> list[dict[str, Any]]:
        """Return a row for each frontend of the option that it names, or else the row itself.

        One flow for all of them would open each one's ports at the others' addresses.
        """
        if _EACH not in row:
            return [row]
        name, rest = row[_EACH], {key: value for key, value in row.items() if key != _EACH}
        value = self._value(where.key(_EACH), name, ("frontends",), problems)
        return [
            {
                **rest,
                "name": f"{row.get('name')}_{one.address.translate(_LEGIBLE)}",
                "at": [one.address],
                "ports": list(one.ports),
            }
            for one in value
        ]

    def fill(self, where: Where, row: dict[str, Any], problems: Problems) -> bool:
        """Put options' values in place of a row's keys that name them; return whether the row counts.

        A flow without ports doesn't. A zone without members is empty, and a class without a namespace is in any.
        """
        counts = True
        for key, value in list(row.items()):
            if key in _TAKERS:
                counts = self._take(where.key(key), row, key, problems) and counts
            elif isinstance(value, Mapping):
                row[key] = dict(value)
                self.fill(where.key(key), row[key], problems)
        return counts

    def _take(self, where: Where, row: dict[str, Any], key: str, problems: Problems) -> bool:
        value = self._value(where, row.pop(key), _TAKERS[key], problems)
        if value:
            target = key.removesuffix("_option") if key != "host_option" else _host_key(value)
            row[target] = list(value) if isinstance(value, tuple) else value
        return bool(value) or key != "ports_option"

    def _value(self, where: Where, name: object, kinds: Sequence[str], problems: Problems) -> Any:
        """Return what an option of one of these types is set to, or nothing."""
        if isinstance(name, str) and self.kinds.get(name) in kinds:
            return self.values[name]
        known = [option for option, kind in self.kinds.items() if kind in kinds]
        problems.add(where, name, f"an option of type {' or '.join(kinds)}: {one_of(known)}")
        return ()


def options_named_by(row: Mapping[str, Any]) -> list[str]:
    """Return the options that say who a zone is."""
    return [str(row[key]) for key in ("networks_option", "host_option") if key in row]


def _host_key(value: Value) -> str:
    return "networks" if isinstance(value, str) and _is_address(value) else "hostnames"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _host_of(url: object) -> str:
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else ""
    except ValueError:
        return ""
    return f"did you mean {host}?" if host else ""
