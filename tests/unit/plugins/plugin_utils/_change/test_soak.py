from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.soak import newly_denied
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError

TIME = "2026-11-30T10:00:00Z"


def row(address="198.51.100.21", port=5432, direction="ingress", **more):
    times = {"packets": 3, "first": TIME, "last": TIME}
    return {"direction": direction, "address": address, "protocol": "tcp", "port": port, "known": True, **times, **more}


def look(*rows, key="denied"):
    return {key: list(rows), f"{key}_full": [], f"{key}_since": TIME}


def test_what_the_fleet_is_denied_since_the_change_is_told():
    said = newly_denied(look(row(port=22)), look(row(port=22), row(), row("2001:db8::9", 53, "egress")))

    assert "5432/tcp from 198.51.100.21, 53/tcp to 2001:db8::9." in said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (look(row()), look(row(packets=9))),
        (look(row(direction="pre_dnat")), look(row())),
        (look(row(), key="observed"), look(row())),
        ({}, look(row("203.0.113.9", known=False))),
        ({}, {}),
    ],
    ids=["denied before", "denied before DNAT", "observed before", "a stranger", "no denials are kept"],
)
def test_what_is_no_news_is_not(before, after):
    assert newly_denied(before, after) == ""


BEFORE = {
    "until": TIME,
    "sets": {"db": ["198.51.100.21"]},
    "allows": {
        "rules": {
            "ingress": [
                {"flow": "sql", "peer": "db", "ports": ["5432/tcp"], "side": "", "everybody": [], "narrowed": False}
            ],
            "egress": [],
        },
        "isolated": [],
        "pre_dnat": [],
        "interfaces": {},
        "carries": {"judged": False, "isolated": True},
        "observe": [],
        "antispoof": "off",
        "echo_request": True,
        "dhcp": True,
    },
}
OBSERVING = {**BEFORE, "allows": {**BEFORE["allows"], "observe": ["ingress"]}}


@pytest.mark.parametrize(
    ("before", "counted"),
    [
        (BEFORE, ["5432/tcp"]),
        (OBSERVING, ["5432/tcp", "22/tcp"]),
        ({**BEFORE, "allows": None}, ["5432/tcp", "22/tcp"]),
        (None, ["5432/tcp", "22/tcp"]),
    ],
    ids=["rules", "rules that observed", "no rules of ours", "nobody knows"],
)
def test_what_the_ruleset_before_denied_is_no_news_though_nothing_of_it_came(before, counted):
    said = newly_denied({}, {**look(row(), row(port=22)), "ruleset_before": before})

    assert f"before: {', '.join(f'{port} from 198.51.100.21' for port in counted)}. " in said
    assert (newly_denied({}, {**look(row(port=22)), "ruleset_before": before}) == "") == (before is BEFORE)


def test_a_change_that_replaces_no_rules_is_not_judged_by_those_of_an_earlier_change():
    earlier = {**look(), "ruleset_before": {**BEFORE, "sets": {}}}

    assert "22/tcp" in newly_denied(earlier, {**look(row(port=22)), "ruleset_before": BEFORE})
    assert (
        newly_denied(
            {**earlier, "ruleset_before": {**BEFORE, "until": "2026-11-29T10:00:00Z"}},
            {**look(row(port=22)), "ruleset_before": BEFORE},
        )
        == ""
    )


def test_of_many_some_are_shown():
    assert " and 4 more. " in newly_denied({}, look(*(row(port=port) for port in range(1, 10))))


def test_an_answer_that_has_another_form_is_refused():
    with pytest.raises(AnswerError, match=r"denied\[0\]"):
        newly_denied({}, look(row(address="nobody")))
