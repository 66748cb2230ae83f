# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host does with what it has denied, besides denying it: whether it keeps who that was, and what it logs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._values.problems import Problems, Where
from .._values.readers import Item, flag_at

KEY = "gatehouse_denied"
KERNEL = "kernel"
_UNITS = ("second", "minute", "hour", "day")
_MOST = 10000  # as many in a unit of time as iptables can tell
_LAST_GROUP = 65535
_RATE = re.compile(rf"([1-9][0-9]{{0,4}})/({'|'.join(_UNITS)})", re.ASCII)
_NFLOG = re.compile(r"nflog:([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True)
class Log:
    """Where lines go, and how many: ``rate`` is ``10/minute``; ``group`` is NFLOG's, or None for the kernel's log."""

    rate: str = "10/minute"
    group: int | None = None

    def __str__(self) -> str:
        """Return it as a user writes it."""
        return f"{self.rate} to {self.to}"

    @property
    def to(self) -> str:
        """Return where lines go, as a user writes it."""
        return KERNEL if self.group is None else f"nflog:{self.group}"


@dataclass(frozen=True)
class Denied:
    """Whether denials are kept in the host's kernel, and how they are logged, if at all."""

    keep: bool = True
    log: Log | None = None

    def __str__(self) -> str:
        """Return what of it isn't the default, in words; an empty text where all of it is."""
        words = [*([] if self.keep else ["not kept"]), *([f"logged {self.log}"] if self.log else [])]
        return ", ".join(words)


def read_denied(where: Where, value: object, problems: Problems) -> Denied:
    """Read what a host does, noting problems; what isn't said is the default."""
    if value is None:
        return Denied()
    item = Item(where, value, ("keep", "log"), problems)
    keep = flag_at(item.place("keep"), item.raw("keep"), True, problems)
    return Denied(keep, _log(item.place("log"), item.raw("log"), problems) if item.has("log") else None)


def _log(where: Where, value: object, problems: Problems) -> Log:
    item = Item(where, value, ("rate", "to"), problems)
    rate, to = (item.raw(key) if item.has(key) else default for key, default in (("rate", Log().rate), ("to", KERNEL)))
    found = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    if not found or int(found[1]) > _MOST:
        problems.add(item.place("rate"), rate, f"lines in a unit of time ({', '.join(_UNITS)}) such as 10/minute")
        rate = Log().rate
    group = _NFLOG.fullmatch(to) if isinstance(to, str) else None
    if to != KERNEL and not (group and int(group[1]) <= _LAST_GROUP):
        problems.add(item.place("to"), to, f"{KERNEL}, or nflog:5 for the group 5 of NFLOG (0 to {_LAST_GROUP})")
    return Log(str(rate), int(group[1]) if group else None)


def to_data(denied: Denied) -> dict[str, object]:
    """Return what ``read_denied`` reads again."""
    return {"keep": denied.keep, "log": denied.log and {"rate": denied.log.rate, "to": denied.log.to}}
