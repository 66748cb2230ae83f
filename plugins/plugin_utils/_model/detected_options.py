# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a run against a cluster finds out: where the Kubernetes API server is, for the options that are not set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .._values.problems import Problems, Where
from .declaration import Declaration
from .model import Declared

ENDPOINTS = Where("Endpoints kubernetes", "namespace default")
_PORT_NAME = "https"
_HINT = "set gatehouse_options.api_server_cidr and api_server_port instead"


def with_detected(declaration: Declaration, values: Mapping[str, object]) -> Declaration:
    """Return a declaration whose options have these values, too; one whose options are wrong stays as it is."""
    options = declaration.options
    written = {} if options.value is None else options.value
    if not isinstance(written, Mapping):
        return declaration
    return replace(declaration, options=Declared(options.where, {**written, **values}))


def api_server(undetected: Mapping[str, str], endpoints: Sequence[object], problems: Problems) -> dict[str, object]:
    """Return values for options of the types networks and port, from the Endpoints of the API server.

    The addresses are those that are ready, and the port is the one named https. Where there is none, or not the same
    for all addresses, that is a problem: it must not be treated as an empty set.
    """
    found = [pair for one in endpoints for pair in _pairs(one)]
    addresses = sorted({address for address, _port in found})
    ports = sorted({port for _address, port in found})
    if not found:
        expected = f"at least one address with a port named {_PORT_NAME}"
        problems.add(ENDPOINTS, None, expected, _HINT)
    elif len(ports) > 1:
        got = ", ".join(map(str, ports))
        problems.add(ENDPOINTS, got, f"one port named {_PORT_NAME} for all addresses", _HINT)
    values: Mapping[str, object] = {"networks": addresses, "port": ports[0] if len(ports) == 1 else None}
    return {option: values[kind] for option, kind in undetected.items() if kind in values}


def _pairs(endpoints: object) -> Iterator[tuple[str, int]]:
    for subset in _mappings(endpoints, "subsets"):
        for port in _mappings(subset, "ports"):
            for address in _mappings(subset, "addresses"):
                number = port.get("port")
                if port.get("name") == _PORT_NAME and isinstance(number, int):
                    yield str(address.get("ip")), number


def _mappings(value: object, key: str) -> list[Mapping[str, object]]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
