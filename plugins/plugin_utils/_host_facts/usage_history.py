# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The history of flows' use as a file, ``usage.json``: each report reads what the ones before it have seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .._values.direction import DIRECTIONS
from .._values.problems import GatehouseError, quoted
from .reader import TIME
from .usage import History, HostUsage, Watched, read_time

FILE = "usage.json"
KIND = "usage of flows"
SCHEMA = 1


class UsageError(GatehouseError):
    """A file that is no history of flows' use; the message says what was got and expected."""


def history_text(history: History) -> str:
    """Return the text of a history, with a line for each host."""
    lines = (f"{json.dumps(host)}: {json.dumps(_host_data(one))}" for host, one in sorted(history.items()))
    hosts = "".join(["\n", ",\n".join(lines), "\n"])
    return f'{{"kind": {json.dumps(KIND)}, "schema": {SCHEMA}, "hosts": {{{hosts}}}}}\n'


def read_history(text: str) -> dict[str, HostUsage]:
    """Read the text of a history; raise UsageError where it is none."""
    try:
        content = json.loads(text)
        kind, schema = content["kind"], content["schema"]
        known = (kind, schema) == (KIND, SCHEMA)
        hosts = {str(host): _host(one) for host, one in content["hosts"].items()} if known else {}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise UsageError(_expected(quoted(text[:60]))) from error
    if not known:
        raise UsageError(_expected(f"{quoted(kind)} of schema {quoted(schema)}"))
    return hosts


def _expected(got: str) -> str:
    return f"got {got}, expected the {FILE} of schema {SCHEMA} that report writes; move it away, and a new one is begun"


def _host_data(one: HostUsage) -> dict[str, object]:
    flows: dict[str, dict[str, object]] = {}
    for (flow, direction), watched in sorted(one.flows.items()):
        flows.setdefault(flow, {})[direction] = {
            "since": watched.since.strftime(TIME),
            "packets": watched.packets,
            "used": watched.used and watched.used.strftime(TIME),
            "idle_seconds": int(watched.idle.total_seconds()),
        }
    return {"seen": one.seen.strftime(TIME), "in_force_since": one.in_force_since, "flows": flows}


def _host(data: Mapping[str, Any]) -> HostUsage:
    flows = {
        (str(flow), str(direction)): _watched(one)
        for flow, ends in data["flows"].items()
        for direction, one in ends.items()
    }
    if not {direction for _flow, direction in flows} <= {*DIRECTIONS}:
        raise ValueError(data)
    return HostUsage(_time(data["seen"]), _text(data["in_force_since"]), flows)


def _watched(data: Mapping[str, Any]) -> Watched:
    used = None if data["used"] is None else _time(data["used"])
    idle = timedelta(seconds=_number(data["idle_seconds"]))
    return Watched(_time(data["since"]), _number(data["packets"]), used, idle)


def _time(text: object) -> datetime:
    time = read_time(_text(text))
    if time is None:
        raise ValueError(text)
    return time


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(value)
    return value
