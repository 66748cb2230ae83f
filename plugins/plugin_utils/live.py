"""What the hosts have said of themselves, as ``ruleset_info`` returned it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .observed import Observed, read_observed


@dataclass(frozen=True)
class Count:
    """What a host's kernel has counted of a flow in one direction: what asked for a connection and was let through."""

    flow: str
    direction: str
    packets: int
    bytes: int


@dataclass(frozen=True)
class Live:
    """One host that was asked: why it didn't answer, or else its backend and in what it is not as it should be.

    ``usage`` is counted since ``in_force_since``, a time in ISO 8601; an empty text where the host can't tell.
    ``observed`` is what it would have denied, where it only observes.
    """

    host: str
    silence: str = ""
    backend: str = ""
    findings: tuple[str, ...] = ()
    usage: tuple[Count, ...] = ()
    in_force_since: str = ""
    observed: Observed | None = None


def read_live(host: str, result: Mapping[str, Any]) -> Live:
    """Read the result that a host's look was registered with."""
    if result.get("unreachable") or result.get("failed"):
        return Live(host, silence="not reached" if result.get("unreachable") else str(result.get("msg", "failed")))
    findings = tuple(str(finding["text"]) for finding in result["findings"])
    usage = tuple(Count(**one) for one in result.get("usage", ()))
    since = str(result.get("in_force_since") or "")
    return Live(host, "", str(result["backend"]), findings, usage, since, read_observed(result))
