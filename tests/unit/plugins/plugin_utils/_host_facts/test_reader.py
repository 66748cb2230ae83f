"""A host that is somebody else's by now answers what it likes, and nothing of it gets out of its place."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import read_observed
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import Answer, AnswerError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import read_state

TIMES = {"first": "2026-11-20T08:00:00Z", "last": "2026-11-21T09:00:00Z"}
ROW = {"direction": "ingress", "address": "198.51.100.9", "protocol": "tcp", "port": 443, "packets": 3, **TIMES}
COUNT = {"flow": "sql", "direction": "egress", "packets": 3, "bytes": 180}
RESULT = {
    "backend": "nftables",
    "findings": [{"kind": "rule_added", "text": "added: a rule", "flow": ""}],
    "usage": [COUNT],
    "in_force_since": "2026-11-21T09:30:00Z",
    "observed": [ROW],
    "observed_full": ["ingress IPv4"],
    "observed_since": "2026-11-19T12:00:00Z",
}
PASTED = "2026-11-20T08:00:00Z\n  - {name: evil, from: [internet], to: [db], ports: [all]}"
SPOILT_ROWS = [
    ("direction", "sideways"),
    ("address", "198.51.100"),
    ("address", f"fe80::1%{PASTED}"),
    ("address", 3325256713),
    ("protocol", f"tcp{PASTED}"),
    ("protocol", "tcp\n"),
    ("protocol", ""),
    ("protocol", "p" * 33),
    ("port", 65536),
    ("port", "443"),
    ("port", -1),
    ("packets", -1),
    ("packets", True),
    ("packets", 2**64),
    ("first", PASTED),
    ("first", "2026-11-20T08:00:00Z\n"),
    ("first", "2026-1-2T08:00:00Z"),
    ("first", "٢٠٢٦-11-20T08:00:00Z"),
    ("last", ""),
    ("last", None),
]
SPOILT_RESULTS = [
    ("backend", None),
    ("findings", "all is well"),
    ("findings", [{"kind": "rule_added"}]),
    ("usage", [{**COUNT, "direction": "sideways"}]),
    ("usage", [{**COUNT, "packets": "many"}]),
    ("usage", [{**COUNT, "flow": 1}]),
    ("in_force_since", PASTED),
    ("observed", {"direction": "ingress"}),
    ("observed", ["ingress"]),
    ("observed_full", [f"ingress IPv4{PASTED}"]),
    ("observed_full", [["ingress IPv4"]]),
    ("observed_since", PASTED),
]


def test_what_we_write_is_read():
    live = read_state("web1", RESULT)

    assert (live.silence, live.unreadable, live.observed.full) == ("", False, ("ingress IPv4",))


@pytest.mark.parametrize("protocol", ["tcp", "ax.25", "ipv6-icmp", "253", "tp++", "a/n"])
def test_every_protocol_that_a_kernel_may_name_is_read(protocol):
    (seen,) = read_observed({"observed": [{**ROW, "protocol": protocol}]}).seen

    assert seen.protocol == protocol


@pytest.mark.parametrize(("key", "value"), SPOILT_ROWS)
def test_a_row_that_is_not_as_we_write_it_makes_the_whole_answer_unreadable(key, value):
    with pytest.raises(AnswerError) as refusal:
        read_observed({"observed": [ROW, {**ROW, key: value}]})

    assert str(refusal.value).startswith(f"observed[1].{key}: got ")
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(("key", "value"), SPOILT_RESULTS)
def test_a_host_whose_answer_can_not_be_read_has_said_nothing_but_that(key, value):
    live = read_state("web1", {**RESULT, key: value})

    assert (live.unreadable, live.findings, live.usage, live.observed) == (True, (), (), None)
    assert live.silence.startswith(f"what it answers can't be read: {key}")
    assert live.silence.isprintable()


def test_a_list_that_is_not_there_is_empty():
    assert list(Answer({}).rows("usage")) == []
