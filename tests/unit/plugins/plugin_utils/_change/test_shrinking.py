from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.shrinking import accepted_names, shrinkage
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems

RULE = {"flow": "front", "ports": ["443/tcp"]}
POLICY = from_data(
    {
        "classes": ["web"],
        "isolated": {"web": ["192.0.2.1"]},
        "ingress": [
            {**RULE, "peer": "app", "addresses": ["198.51.100.11", "198.51.100.12"]},
            {**RULE, "flow": "sided", "peer": "app", "side": "private", "addresses": ["198.51.100.11"]},
            {**RULE, "peer": "empty", "addresses": []},
            {**RULE, "peer": "internet", "addresses": ["0.0.0.0/0"]},
            {**RULE, "peer": "vcs", "addresses": [], "names": [{"name": "git.example.org", "addresses": []}]},
        ],
        "egress": [{**RULE, "flow": "vip", "peer": "db", "addresses": ["203.0.113.9"], "at": ["203.0.113.9"]}],
    }
)


def row(peer="app", share=334, family=4, held=3, example="198.51.100.13"):
    return {"peer": peer, "family": family, "held": held, "share": share, "example": example}


def said(*rows, accepted=()):
    return shrinkage(POLICY, {"lost": list(rows)}, accepted)


@pytest.mark.parametrize("share", [201, 334, 1000])
def test_a_peer_that_loses_more_than_a_fifth_has_shrunk(share):
    assert f"{-(-share // 10)}% of the 3 of app (IPv4), 198.51.100.13 among them" in said(row(share=share))


@pytest.mark.parametrize("peer", ["app", "app.private", "web", "empty"])
def test_sides_isolated_classes_and_those_that_are_empty_now_are_compared_too(peer):
    assert f"set gatehouse_accept_shrink: [{peer.partition('.')[0]}]" in said(row(peer))


@pytest.mark.parametrize("loss", [row(share=200), row("gone"), row("app.public"), row("internet"), row("vip.at")])
def test_up_to_a_fifth_and_what_the_policy_has_no_use_for_or_has_from_everywhere_has_not_shrunk(loss):
    assert said(loss) == ""


def test_a_peer_that_is_now_known_by_host_names_alone_or_as_an_address_of_a_service_has_not_shrunk():
    assert said(row("vcs"), row("vcs.names"), row("db")) == ""


def test_all_that_have_shrunk_are_named_at_once_but_for_those_that_are_accepted():
    rows = [row("web"), row("empty"), row(), row(family=6), row("app.private")]

    assert said(*rows).endswith("set gatehouse_accept_shrink: [app, empty, web]")
    assert said(*rows, accepted=["app", "web"]).count("among them") == 1
    assert said(*rows, accepted=["app", "empty", "web"]) == ""


@pytest.mark.parametrize("lost", ["app", [7], [row(share="all")], [row(share=1001)], [row(peer=None)]])
def test_an_answer_that_is_none_is_an_error(lost):
    with pytest.raises(AnswerError, match="lost"):
        shrinkage(POLICY, {"lost": lost}, ())


@pytest.mark.parametrize(
    ("value", "names"),
    [(None, ()), ("", ()), ([], ()), (["app"], ("app",)), ("app", ("app",)), ("office, app", ("office", "app"))],
)
def test_names_are_a_list_or_a_text_with_commas(value, names):
    problems = Problems()

    assert (accepted_names(value, {"app": 1, "office": 2}, problems), problems.found) == (names, [])


@pytest.mark.parametrize("value", [["ap"], "ap", {"app": True}, 7, [["app"]], [None]])
def test_what_is_no_name_is_a_problem(value):
    problems = Problems()
    accepted_names(value, {"app": 1}, problems)

    assert [str(problem).partition(":")[0].partition("[")[0] for problem in problems.found] == [
        "gatehouse_accept_shrink"
    ]
