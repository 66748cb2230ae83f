# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The questions of a round, which a process in a sandbox asks, and the file by which alone their answers leave it.

That process reads what strangers send, so it can't change rules, nor what root runs. ``refresh`` does the rest, in a
process that reads this file and nothing else of it: a takeover of the first can answer falsely, as a name server
can, and do no more.
"""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer, Deadline, DnsError

DIRECTORY = "run/gatehouse-refresh"
FILE = f"{DIRECTORY}/answers.json"
AT_ONCE = 8
ROUND = 60.0  # seconds in which the questions of a round begin; refresh_unit.py has when the whole round is ended
NOT_ASKED = "not asked for: other names took too long"
_MOST_BYTES = 16 << 20  # some 200 names with as many addresses as a message of DNS can have
_LONGEST_REASON = 1000
_FAMILIES = ("4", "6")

Ask = Callable[[str], Answer]
"""Returns the answer for a host name; raises DnsError where there is none."""


@dataclass(frozen=True)
class Asked:
    """An answer, or an empty one and why that is so."""

    answer: Answer
    failure: str = ""


def ask_all(names: Sequence[str], ask: Ask) -> dict[str, Asked]:
    """Ask for names, in their order; those whose turn comes too late are not asked for."""
    deadline = Deadline.after(ROUND)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(names, pool.map(lambda name: _asked(ask, name, deadline), names)))


def as_text(asked: Mapping[str, Asked]) -> str:
    """Return what the file says of these answers."""
    found = {
        name: {
            "addresses": list(one.answer.addresses),
            "ttl": one.answer.ttl,
            "unanswered": {str(family): _short(why) for family, why in one.answer.unanswered.items()},
            "failure": _short(one.failure),
        }
        for name, one in asked.items()
    }
    return json.dumps(found)


def read_answers(root: Path = Path("/")) -> dict[str, Asked] | None:
    """Return the answers of the file, or None where there is no file: nothing had to be asked for.

    Raises FirewallError where it isn't what ``as_text`` writes: then none of it counts.
    """
    path = root / FILE
    try:
        text = _content(path)
        return {name: _read(name, one) for name, one in json.loads(text).items()}
    except FileNotFoundError:
        return None
    # RecursionError: of JSON that is nested deeper than Python reads.
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FirewallError(f"{path}: got no answers ({error}), expected those that were asked for") from error


def _asked(ask: Ask, name: str, deadline: Deadline) -> Asked:
    nothing = Answer((), 0)
    if deadline.is_over():
        return Asked(nothing, NOT_ASKED)
    try:
        return Asked(ask(name))
    except DnsError as error:
        return Asked(nothing, f"no answer: {error}")


def _content(path: Path) -> str:
    # A link would have root read another file, and a pipe would have it wait.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is no file")
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it is longer than {_MOST_BYTES} bytes")
    return content.decode("utf-8")


def _read(name: str, one: Mapping[str, Any]) -> Asked:
    addresses = tuple(str(ip_address(_text(address, name))) for address in one["addresses"])
    if any("%" in address for address in addresses):
        raise ValueError(f"{name}: an address with a scope")
    if isinstance(one["ttl"], bool) or not isinstance(one["ttl"], int):
        raise TypeError(f"{name}: ttl is no number")
    unanswered = {family: _reason(why, name) for family, why in one["unanswered"].items()}
    if not unanswered.keys() <= {*_FAMILIES}:
        raise ValueError(f"{name}: no family of addresses")
    answer = Answer(addresses, one["ttl"], {int(family): why for family, why in unanswered.items()})
    return Asked(answer, _reason(one["failure"], name))


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}: no text")
    return value


def _reason(value: object, name: str) -> str:
    # It comes to the journal and, by way of an audit, to a terminal.
    text = _text(value, name)
    if len(text) > _LONGEST_REASON or not text.isprintable():
        raise ValueError(f"{name}: a reason that can't be shown")
    return text


def _short(reason: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in reason[:_LONGEST_REASON])
