"""Hold the kernels behind all backends, and verdict(), against each other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.tests.parity.backends import Backend
from ansible_collections.gatehouse.firewall.tests.parity.cases import Case, drawn
from ansible_collections.gatehouse.firewall.tests.parity.namespaces import CommandError
from ansible_collections.gatehouse.firewall.tests.parity.report import packet_lines, policy_lines, ruleset_lines
from ansible_collections.gatehouse.firewall.tests.parity.shrink import shrink
from ansible_collections.gatehouse.firewall.tests.parity.traffic import complaint, reply
from ansible_collections.gatehouse.firewall.tests.parity.wire import Wire

_SHOWN = 3
_ISOLATED = re.compile(r"hosts of [\w, ]+ are isolated")


class DisagreementError(AssertionError):
    """Packets of a case that a kernel and verdict() do not agree on; the message has all there is to know."""

    def __init__(self, case: Case, lines: Iterable[str], origin: str = "") -> None:
        super().__init__("\n".join([*lines, origin]))
        self.case = case
        self.origin = origin


class RefusedError(DisagreementError):
    """A ruleset that a kernel or a tool refuses."""


@dataclass(frozen=True)
class Bench:
    """A backend with a kernel of its own."""

    backend: Backend
    wire: Wire


@dataclass
class Tally:
    """What was tried."""

    policies: int = 0
    packets: int = 0
    replies: int = 0
    complaints: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Return the sums on one line."""
        reasons = ", ".join(f"{number} because {reason}" for reason, number in self.reasons.most_common())
        answers = f"{self.replies} replies and {self.complaints} ICMP errors"
        return f"{self.packets} packets, {answers} on {self.policies} policies: {reasons}"


def hold(benches: Sequence[Bench], packets: int, start: int) -> Tally:
    """Try at least so many random packets; raise DisagreementError with a small case that disagrees."""
    try:
        return hold_roughly(benches, packets, start)
    except DisagreementError as error:
        raise _smallest(benches, error) from None


def hold_roughly(benches: Sequence[Bench], packets: int, start: int) -> Tally:
    """Try at least so many random packets; raise DisagreementError with the first case that disagrees."""
    tally = Tally()
    for this, case in drawn(start):
        if tally.packets >= packets:
            break
        hold_case(benches, case, tally, f"GATEHOUSE_PARITY_SEED={this} finds it again")
    return tally


def _smallest(benches: Sequence[Bench], found: DisagreementError) -> DisagreementError:
    smallest = found

    def fails_alike(case: Case) -> bool:
        nonlocal smallest
        try:
            hold_case(benches, case, Tally(), found.origin)
        except DisagreementError as error:
            if type(error) is not type(found):
                return False
            smallest = error
            return True
        return False

    shrink(found.case, fails_alike)
    return smallest


def hold_case(benches: Sequence[Bench], case: Case, tally: Tally, origin: str = "") -> None:
    """Try the packets of one case, and replies to some of those that are allowed."""
    with ThreadPoolExecutor() as pool:  # a kernel takes its time to let go of sets and rules
        texts = pool.map(lambda bench: _load(bench, case, origin), benches)
    rulesets = dict(zip((bench.backend.name for bench in benches), texts))
    allowed = _agreed(benches, case, case.packets, rulesets, origin)
    tally.policies += 1
    tally.packets += len(case.packets)
    tally.reasons.update(_kind_of_reason(case.policy, packet) for packet in case.packets)
    passed = [packet for packet, through in zip(case.packets, allowed) if through]
    replies, complaints = ([*filter(None, map(answer, passed))] for answer in (reply, complaint))
    _agreed(benches, case, replies, rulesets, origin)
    _agreed(benches, case, complaints, rulesets, origin)
    tally.replies += len(replies)
    tally.complaints += len(complaints)


def _load(bench: Bench, case: Case, origin: str) -> str:
    try:
        text = bench.backend.load(case.policy, bench.wire.host)
    except CommandError as error:
        lines = [f"{bench.backend.name} refuses a ruleset: {error}", *policy_lines(case.policy)]
        raise RefusedError(case, lines, origin) from None
    bench.wire.forget()
    return text


def _agreed(
    benches: Sequence[Bench], case: Case, packets: Sequence[Packet], rulesets: dict[str, str], origin: str
) -> list[bool]:
    """Return of each packet whether it is allowed; raise DisagreementError where not all say the same."""
    expected = [verdict(case.policy, packet).allowed for packet in packets]
    passed = {bench.backend.name: bench.wire.passed(packets) for bench in benches}
    answers = [{name: passed[name][number] for name in passed} for number in range(len(packets))]
    wrong = [number for number in range(len(packets)) if {*answers[number].values()} != {expected[number]}]
    if wrong:
        shown = (packet_lines(case.policy, packets[number], answers[number]) for number in wrong[:_SHOWN])
        lines = [
            f"the kernel and verdict() disagree on {len(wrong)} of {len(packets)} packets",
            *policy_lines(case.policy),
            *chain.from_iterable(shown),
            *ruleset_lines(rulesets),
        ]
        raise DisagreementError(case, lines, origin)
    return expected


def _kind_of_reason(policy: Policy, packet: Packet) -> str:
    answer = verdict(policy, packet)
    # Whose hosts are isolated is drawn, and not each class as often as would be sure.
    return "a flow allows it" if answer.flow else _ISOLATED.sub("hosts of a class are isolated", answer.reason)
