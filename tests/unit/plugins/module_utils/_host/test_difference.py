from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import ENFORCE, OBSERVE, OBSERVES
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.difference import as_diff, with_modes


def test_a_diff_has_both_sides_as_lines():
    diff = as_diff(["a"], ["a", "b"])

    assert (diff["before"], diff["after"]) == ("a\n", "a\nb\n")
    assert (diff["before_header"], diff["after_header"]) == (
        "what the host lets through now",
        "what the model lets through",
    )


def described(*lines, mode=ENFORCE):
    return Header(mode=mode, describes=lines)


OBSERVING = described(OBSERVES, "ingress 22/tcp", mode=OBSERVE)


def test_a_change_of_the_mode_is_a_line_on_both_sides():
    enforcing = described("ingress 22/tcp")
    lines = [OBSERVES, "ingress 22/tcp"], ["mode: enforce", "ingress 22/tcp"]

    assert with_modes(OBSERVING, enforcing) == lines
    assert with_modes(enforcing, OBSERVING) == lines[::-1]


def test_a_mode_that_stays_is_nothing_to_add_and_a_host_without_rules_has_none():
    lines = OBSERVING.description()

    assert with_modes(OBSERVING, OBSERVING) == (lines, lines)
    assert with_modes(described("a"), described("b")) == (["a"], ["b"])
    assert with_modes(described(), OBSERVING) == ([], lines)
