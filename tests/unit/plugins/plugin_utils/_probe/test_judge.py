"""What answers show, and how they are summed up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe import prober
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.choose import Probe
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.judge import (
    ReceiverState,
    by_pair,
    complaint,
    inconclusive,
    judge,
    line,
    passed,
    shown,
    table,
)

ALLOWED = Probe("web1", "web", "192.0.2.1", "db1", "db", "192.0.2.11", "tcp", 5432, True)
DENIED = replace(ALLOWED, port=5433, allowed=False)
DATAGRAM = replace(ALLOWED, protocol="udp")
HERE, AWAY = ReceiverState(udp_ports=frozenset([5432])), ReceiverState(silence="it is unreachable")


def test_the_prober_says_no_word_that_is_not_known_here():
    let_in = (prober.ACCEPTED, prober.REFUSED, prober.ANSWERED, prober.CLOSED)
    denied = (prober.SILENT, prober.REJECTED, prober.KEPT)
    unknown = (prober.NO_ROUTE, prober.NO_ADDRESS, prober.UNREACHABLE, prober.NOT_ASKED)

    assert {passed(word) for word in let_in} == {True}
    assert {passed(word) for word in denied} == {False}
    assert {passed(word) for word in unknown} == {None}
    assert passed("rejected: ICMP type 3 code 13 from 192.0.2.11") is False


@pytest.mark.parametrize("answer", ["refused", "accepted"])
def test_an_answer_is_held_to_the_model(answer):
    assert not judge(ALLOWED, answer, HERE).disagrees
    assert judge(DENIED, answer, HERE).disagrees


def test_silence_is_a_denial():
    assert judge(ALLOWED, "silent", HERE).disagrees
    assert not judge(DENIED, "silent", HERE).disagrees


def test_silence_of_a_host_that_was_not_reached_says_nothing_and_its_refusal_says_all():
    for probe in (ALLOWED, DENIED):
        found = judge(probe, "silent", AWAY)
        assert (found.passed, found.why) == (None, "db1 didn't answer Ansible either: it is unreachable")
    assert judge(DENIED, "refused", AWAY).disagrees


def test_silence_where_somebody_listens_says_nothing_for_udp_alone():
    assert judge(DATAGRAM, "silent", HERE).passed is None
    assert judge(replace(DATAGRAM, port=5433), "silent", HERE).disagrees
    assert judge(ALLOWED, "silent", HERE).disagrees
    assert judge(replace(DATAGRAM, allowed=False), "closed", HERE).disagrees


def test_silence_of_what_is_passed_on_says_nothing_where_it_should_pass():
    assert judge(replace(ALLOWED, redirected=True), "silent", ReceiverState()).passed is None
    assert judge(replace(DENIED, redirected=True), "silent", ReceiverState()).passed is False
    assert judge(replace(DENIED, redirected=True), "refused", ReceiverState()).disagrees


SEEN = [
    judge(ALLOWED, "refused", HERE),
    judge(DENIED, "accepted", HERE),
    judge(ALLOWED, "no route (ENETUNREACH)", HERE),
    judge(replace(DENIED, sender_class="controller"), "silent", HERE),
]


def test_the_table_counts_by_pair_of_classes():
    assert table(by_pair(SEEN)) == [
        "from        to  asked  should pass  passed  should not  did not  disagree  can't tell",
        "controller  db      1            0       0           1        1         0           0",
        "web         db      3            2       2           1        0         1           1",
    ]


def test_what_cannot_be_told_is_counted_with_its_reason_and_is_no_complaint():
    assert inconclusive(SEEN) == ["Can't tell, 1 times: no route (ENETUNREACH)"]
    assert complaint([SEEN[0], SEEN[2]]) == ""
    assert complaint(SEEN) == "1 of 4 packets disagree with the model"


def test_a_disagreement_names_both_ends_and_what_was_seen():
    assert line(SEEN[1]) == (
        "web1 (192.0.2.1) -> db1 (192.0.2.11), 5433/tcp: it passed (accepted), and the model denies it"
    )
    assert line(judge(ALLOWED, "silent", HERE)).endswith("it didn't pass (silent), and the model allows it")
    assert len(shown(SEEN * 10)) == 20
