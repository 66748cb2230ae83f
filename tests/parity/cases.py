"""What is tried: a policy, and packets aimed at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import count

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.describe import describe
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet
from ansible_collections.gatehouse.firewall.tests.parity.policies import policies
from ansible_collections.gatehouse.firewall.tests.parity.traffic import volleys
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some

_VOLLEY = 128
_IN_A_ROUND = 25
_KEPT = 20  # rounds: as many as mutants are tried with, each by the same ones


class Case:
    """A policy and the packets to try on it."""

    # No dataclass: hypothesis would print all of its fields.
    def __init__(self, policy: Policy, packets: Sequence[Packet]) -> None:
        self.policy = policy
        self.packets = packets

    def __repr__(self) -> str:
        """Keep hypothesis' own report short; a DisagreementError has the whole."""
        return f"<{len(self.packets)} packets and a policy of {len(describe(self.policy))} lines>"


@some.composite
def cases(draw: some.DrawFn) -> Case:
    """Draw a policy and packets aimed at it."""
    policy = draw(policies())
    return Case(policy, draw(volleys(policy, _VOLLEY)))


def tried(start: int, examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the decorator for what is tried on so many random examples, the same ones for the same start.

    What fails is not made smaller: shrink.py does that sooner, as it knows what policies and packets are.
    """
    chosen = settings(
        max_examples=examples, phases=[Phase.generate], database=None, deadline=None, print_blob=False,
        report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    return lambda function: seed(start)(chosen(function))


def drawn(start: int) -> Iterator[tuple[int, Case]]:
    """Yield random cases without end, each with the start that has it early; the same ones for the same start."""
    for this in count(start):
        for case in _round(this):
            yield this, case


@lru_cache(maxsize=_KEPT)
def _round(start: int) -> Sequence[Case]:
    found: list[Case] = []

    @tried(start, _IN_A_ROUND)
    @given(case=cases())
    def keep(case: Case) -> None:
        found.append(case)

    keep()
    return found
