# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What packets have shown, held to what the model says: by pair of classes, and each disagreement by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...module_utils._contract.probe_words import DENIED, LET_IN, SILENT
from .choose import Probe

COLUMNS = ("asked", "should pass", "passed", "should not", "did not", "disagree", "can't tell")

_SHOWN = 20


@dataclass(frozen=True)
class ReceiverState:
    """What a host has said of itself: why it wasn't reached, or on which UDP ports a program listens."""

    silence: str = ""
    udp_ports: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True)
class ProbeResult:
    """A probe and what was seen: whether the packet passed, or None and why that can't be told."""

    probe: Probe
    answer: str
    passed: bool | None
    why: str = ""

    @property
    def disagrees(self) -> bool:
        """Return whether packets do another thing than the model says."""
        return self.passed is not None and self.passed != self.probe.allowed


def passed(answer: str) -> bool | None:
    """Return whether an answer shows that a packet passed, or was denied; None where it shows neither."""
    word = answer.partition(":")[0]
    if word in LET_IN:
        return True
    return False if word in DENIED else None


def judge(probe: Probe, answer: str, receiver: ReceiverState) -> ProbeResult:
    """Return what an answer shows, by what is known of the receiver."""
    found = passed(answer)
    if found is None:
        return ProbeResult(probe, answer, None, answer)
    if not found and receiver.silence:
        return ProbeResult(probe, answer, None, f"{probe.receiver} didn't answer Ansible either: {receiver.silence}")
    if answer == SILENT and probe.protocol == "udp" and probe.port in receiver.udp_ports:
        return ProbeResult(probe, answer, None, "a program listens at that UDP port, and need not answer")
    if not found and probe.allowed and probe.redirected:
        return ProbeResult(probe, answer, None, "the receiver may pass it on, and who gets it need not answer")
    return ProbeResult(probe, answer, found)


def by_pair(seen: Iterable[ProbeResult]) -> dict[tuple[str, str], dict[str, int]]:
    """Return the numbers of each ordered pair of classes, by column."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for one in seen:
        pair = (one.probe.sender_class, one.probe.receiver_class)
        numbers = found.setdefault(pair, dict.fromkeys(COLUMNS, 0))
        columns = ["asked", "should pass" if one.probe.allowed else "should not"]
        if one.passed is None:
            columns.append("can't tell")
        else:
            columns.append("passed" if one.passed else "did not")
        for column in (*columns, *(["disagree"] if one.disagrees else [])):
            numbers[column] += 1
    return dict(sorted(found.items()))


def table(numbers: Mapping[tuple[str, str], Mapping[str, int]]) -> list[str]:
    """Return the numbers as lines for people."""
    rows = [["from", "to", *COLUMNS]]
    rows += [[*pair, *(str(row[column]) for column in COLUMNS)] for pair, row in numbers.items()]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) if index < 2 else cell.rjust(width) for index, (cell, width) in enumerate(pairs))
        for pairs in ([*zip(row, widths)] for row in rows)
    ]


def inconclusive(seen: Iterable[ProbeResult]) -> list[str]:
    """Return a line for each reason why something can't be told, with how often."""
    counts: dict[str, int] = {}
    for one in seen:
        if one.passed is None:
            counts[one.why] = counts.get(one.why, 0) + 1
    return [f"Can't tell, {count} times: {why}" for why, count in sorted(counts.items(), key=lambda item: -item[1])]


def shown(disagreeing: Sequence[ProbeResult]) -> Sequence[ProbeResult]:
    """Return those of the disagreements that people are told one by one."""
    return disagreeing[:_SHOWN]


def line(one: ProbeResult) -> str:
    """Return a disagreement in words."""
    words = ("passed", "the model denies it") if one.passed else ("didn't pass", "the model allows it")
    return f"{one.probe}: it {words[0]} ({one.answer}), and {words[1]}"


def complaint(seen: Sequence[ProbeResult]) -> str:
    """Return why the run has not ended well; an empty text where all that could be told is as the model says."""
    wrong = sum(one.disagrees for one in seen)
    return f"{wrong} of {len(seen)} packets disagree with the model" if wrong else ""
