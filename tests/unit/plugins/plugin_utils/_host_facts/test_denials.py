"""Whose it was that hosts have denied, what would allow it, and how it is told."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.attribution import Attribution
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.before import Before
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials import about, denials
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials_metrics import denials_metrics
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials_table import answer, lines
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import Observed, Seen
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import HostState
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import question
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

FIRST, LAST = "2026-11-30T08:00:00Z", "2026-11-30T17:30:00Z"
PAGE = (Path(__file__).resolve().parents[5] / "docs" / "denied.md").read_text(encoding="utf-8")
SINCE = "2026-11-30T07:00:00Z"
NAS = ip_address("192.0.2.99")


def seen(address, port, direction="ingress", packets=3, last=LAST):
    return Seen(direction, ip_address(address), "tcp", port, packets, FIRST, last, denied=True)


def denied(host, *rows, full=(), since=SINCE, before=None):
    return HostState(host, denied=Observed(rows, tuple(full), since), before=before)


def found(*states, document=None, not_asked=(), asked=None):
    fleet = build(document or good())
    return denials(Attribution(fleet, {NAS: "nas"}), {one.host: one for one in states}, not_asked, asked)


def said(*states, document=None, **more):
    return list(lines(found(*states, document=document, **more), build(document or good()).sets))


@pytest.mark.parametrize(
    ("address", "kind", "name", "group"),
    [
        ("192.0.2.11", "host", "db1", "db"),
        ("203.0.113.7", "zone", "office", "office"),
        ("192.0.2.99", "unmanaged", "nas", "unmanaged"),
        ("198.51.100.9", "stranger", "198.51.100.9", "stranger"),
    ],
)
def test_an_address_is_a_hosts_a_classes_or_a_zones_or_else_a_strangers(address, kind, name, group):
    (row,) = found(denied("web1", seen(address, 8080))).rows["web1"]

    assert (row.peer.kind, row.peer.name, row.peer.group) == (kind, name, group)


def test_the_flow_that_almost_allows_it_is_named_and_what_differs():
    other_port, other_peer = found(denied("db1", seen("192.0.2.1", 5433), seen("203.0.113.7", 5432))).rows["db1"]

    assert other_port.judged.flow == other_peer.judged.flow == "sql"
    assert other_port.judged.reason.endswith("the flow sql is from web, and 192.0.2.1 is among them, but on 5432/tcp")
    assert other_peer.judged.reason.endswith("but from web, and 203.0.113.7 is not among them")


def test_what_is_denied_before_dnat_is_judged_as_what_comes_in():
    (row,) = found(denied("web1", seen("203.0.113.7", 8443, "pre_dnat"))).rows["web1"]

    assert (row.judged.allowed, row.judged.flow, row.as_data()["direction"]) == (False, "front", "pre_dnat")


STRANGERS = [seen(f"198.51.100.{number}", 22, packets=500) for number in (77, 78)]
LATER = seen("192.0.2.11", 5433, "egress", 4, last="2026-11-30T17:31:00Z")
REPLICA = {"name": "replica", "from": ["web"], "to": ["db"], "ports": ["5433/tcp"], "why": "reads"}
EARLIER = build(good(put={"gatehouse_flows[2]": REPLICA})).policy_of("web1")
INCIDENT = (
    denied("web1", *STRANGERS, seen("192.0.2.11", 5433, "egress", 12), before=Before("2026-11-30T17:00:00Z", EARLIER)),
    denied("web2", LATER, seen("203.0.113.7", 8080), before=Before("2026-11-30T17:00:09Z", EARLIER)),
    denied("db1"),
)


def test_the_page_shows_what_is_printed():
    shown = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()[1:]
    printed = [line for line in said(*INCIDENT) if not line.startswith("  #") and "office_to_web" not in line]

    assert [line for line in shown if line != "  ..."] == printed


REPLACED = "allowed until 2026-11-30T17:00:09Z (replica)"
BEFORE = "ruleset before".ljust(len(REPLACED))


def test_hosts_and_peers_that_are_alike_are_summed_and_the_fleets_own_come_first():
    told = said(*INCIDENT)
    heads = "host      direction  peer                  port      packets  last                "

    assert [line.split("  no flow")[0] for line in told[:4]] == [
        f"{heads}  {BEFORE}  what the model says",
        f"2 of web  egress     db1 (db)              5433/tcp  16       2026-11-30T17:31:00Z  {REPLACED}",
        f"web2      ingress    office (203.0.113.7)  8080/tcp  3        2026-11-30T17:30:00Z  {'denied':44}",
        f"web1      ingress    2 strangers           22/tcp    1,000    2026-11-30T17:30:00Z  {'denied':44}",
    ]
    assert told[-1] == "1,019 packets that no flow allows, on 2 of 3 hosts"


def test_rows_to_paste_are_those_of_known_peers_and_report_has_those_of_strangers():
    told = said(denied("db1", seen("192.0.2.1", 5433), seen("198.51.100.77", 22)))
    start = told.index("gatehouse_flows:")
    (flow,) = yaml.safe_load("\n".join(told[start : start + 3]))["gatehouse_flows"]

    assert (flow["from"], flow["to"], flow["ports"]) == (["web"], ["db"], ["5433/tcp"])
    assert flow["why"].startswith("denied: 3 packets")
    assert told[start + 3] == "The playbook report writes missing_flows.yml, with 1 more flow"
    assert "198.51.100.77" in found(denied("db1", seen("198.51.100.77", 22))).as_data()["missing_flows"]


def test_what_the_model_allows_by_now_takes_one_line():
    told = said(denied("web1", seen("203.0.113.7", 443)))

    assert told == [
        "3 packets not shown, as the model allows them by now (front): run harden, unless you have since",
        "Nothing denied on 1 host since 2026-11-30T07:00:00Z",
    ]


def test_a_port_whose_peers_had_no_room_is_of_any_peer_and_suggests_nothing():
    told = said(denied("web1", seen("0.0.0.0", 22), full=["ingress IPv4 stranger"]))

    assert (
        "web1  ingress    any   22/tcp  3        2026-11-30T17:30:00Z  unknown         the host had no room left"
        in told[1]
    )
    assert "No room was left to keep all (ingress IPv4 stranger): web1" in told
    assert "1 reason why no flow is suggested" in told[2]
    one = found(denied("web1", seen("0.0.0.0", 22)))
    assert (one.missing.flows, one.as_data()["denied"][0]["peers"]) == ((), [])


def test_a_port_alone_stays_denied_though_a_flow_is_for_everybody():
    document = good(put={"gatehouse_zones[2]": {"name": "internet", "networks": ["0.0.0.0/0"]}})
    document["gatehouse_flows"].append({"name": "all", "from": ["internet"], "to": ["web"], "ports": ["22/tcp"]})
    (row,) = found(denied("web1", seen("0.0.0.0", 22)), document=document).rows["web1"]

    assert not row.judged.allowed


def test_a_host_that_observes_is_said_to():
    document = good(put={"hosts.web1.gatehouse_mode": "observe"})
    observed = Observed((replace(seen("192.0.2.11", 9), denied=False),), (), SINCE)
    told = said(HostState("web1", observed=observed), document=document)

    assert "web1  ingress, observed  db1 (db)  9/tcp" in told[1]
    assert any('why: "observed: 3 connections' in line for line in told)


def test_a_host_may_observe_in_one_direction_and_deny_in_the_other_one():
    observed = Observed((replace(seen("192.0.2.11", 9, "egress"), denied=False),), ("egress IPv6",), LAST)
    both = HostState(
        "web1", observed=observed, denied=Observed((seen("192.0.2.11", 22),), ("ingress IPv4 known",), SINCE)
    )
    one = found(both)

    assert [row.as_data()["verdict"] for row in one.rows["web1"]] == ["observed", "denied"]
    assert (one.since, one.full) == ({"web1": LAST}, {"web1": ("egress IPv6", "ingress IPv4 known")})


def test_hosts_of_which_nothing_is_known_are_named_with_the_reason():
    keeps_nothing = good(put={"hosts.db1.gatehouse_denied": {"keep": False}})
    told = said(
        HostState("web1", silence="not reached"),
        HostState("web2"),
        HostState("db1"),
        document=keeps_nothing,
        not_asked=["db2"],
    )

    assert told == [
        "Nothing is known of web1: not reached",
        "Nothing is known of web2: its rules keep nothing yet: run harden",
        "Nothing is known of db1: gatehouse_denied says that it keeps nothing",
        "Not asked, as the play is not for them: db2",
        "No host has said what it denied",
    ]


def test_a_flood_leaves_a_table_that_can_be_read():
    told = said(denied("web1", *(seen("203.0.113.7", port) for port in range(1000, 1060))))

    assert told[41] == "and 20 more rows: the result has them all"
    assert len(told) < 60


def test_many_hosts_without_an_answer_take_few_lines():
    document = good(put={"groups.webs": [f"web{number}" for number in range(30)]})
    document["hosts"] |= {f"web{number}": {"ansible_host": f"192.0.2.{number + 100}"} for number in range(30)}
    states = [HostState(f"web{number}", silence=f"error {number // 2}") for number in range(30)]
    told = said(*states, document=document)

    assert told[0] == "Nothing is known of web0, web1: error 0"
    assert told[10:] == ["and 5 more such lines", "No host has said what it denied"]


def test_what_a_host_says_of_its_failure_is_one_short_line():
    (line,) = (line for line in said(HostState("web1", silence="no\x0a" * 500)) if line.startswith("Nothing is known"))

    assert len(line) < 250


ENDS = Ends(
    build(good()), Inventory(good()["groups"], {**good()["hosts"], "nas": {"ansible_host": str(NAS)}}), lambda _name: ()
)


def asked(sender=None, receiver=None, port=None):
    return about(ENDS, question(ENDS, sender, receiver, port, Problems()))


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        ({"sender": "web1", "receiver": "db1"}, [5432, 5433]),
        ({"sender": "web", "receiver": "db", "port": "5433/tcp"}, [5433]),
        ({"receiver": "db1"}, [5432, 5433, 22]),
        ({"sender": "198.51.100.77"}, [22]),
        ({"sender": "nas"}, []),
        ({"receiver": "web1"}, []),
    ],
)
def test_a_question_is_about_its_ends_and_its_port(words, ports):
    state = denied("db1", seen("192.0.2.1", 5432), seen("192.0.2.1", 5433), seen("198.51.100.77", 22))
    rows = found(state, asked=asked(**words)).rows["db1"]

    assert [row.seen.port for row in rows] == ports


def test_what_a_sender_has_denied_is_asked_for_by_its_receiver():
    rows = found(denied("web1", seen("192.0.2.11", 5433, "egress")), asked=asked("web1", "db1", "5433/tcp")).rows

    assert len(rows["web1"]) == 1


def test_an_answer_has_what_the_model_allows_by_now_and_says_where_nothing_was_seen():
    sets = build(good()).sets
    one = found(denied("db1", seen("192.0.2.1", 5432)), asked=asked("web1", "db1"))
    nothing = found(denied("db1"), denied("web1", since=LAST), asked=asked("web1", "db1"))

    assert "by now the flow sql allows it" in list(answer(one, sets))[1]
    assert list(answer(nothing, sets)) == [f"Nothing of it was denied on 2 hosts since {LAST}"]


def test_what_the_ruleset_before_did_is_apart_where_hosts_differ_in_it():
    told = said(
        denied("web1", seen("192.0.2.11", 5433, "egress"), before=Before("2026-11-30T17:00:00Z", EARLIER)),
        denied("web2", seen("192.0.2.11", 5433, "egress"), before=Before("2026-11-30T16:00:00Z")),
    )

    assert "allowed until 2026-11-30T17:00:00Z (replica)" in told[1]
    assert "no rules until 2026-11-30T16:00:00Z  " in told[2]


def test_programs_that_wait_are_named():
    one = replace(seen("192.0.2.11", 5433, "egress"), programs=("curl (uid 1000)", "psql (uid 0)"))
    told = said(denied("web1", one))

    assert told[2] == "Waiting at this moment on web1, for db1 on 5433/tcp: curl (uid 1000), psql (uid 0)"
    assert found(denied("web1", one)).as_data()["denied"][0]["programs"] == ["curl (uid 1000)", "psql (uid 0)"]


def test_numbers_are_by_class_and_of_what_the_model_still_denies():
    states = [*INCIDENT, HostState("web2", silence="not reached")]
    allowed = seen("203.0.113.7", 443, packets=7)
    states[0] = denied("web1", *states[0].denied.seen, seen("192.0.2.11", 5434, "egress", 5), allowed)
    numbers = denials_metrics(found(*states), build(good()).sets)
    db = 'class="web",direction="egress",peer="db",peer_kind="host"'
    strangers = 'class="web",direction="ingress",peer="stranger",peer_kind="stranger"'

    assert [line for line in numbers.splitlines() if line[0] != "#"] == [
        f"gatehouse_fleet_denied_packets{{{db}}} 17",
        f"gatehouse_fleet_denied_packets{{{strangers}}} 1000",
        f"gatehouse_fleet_denied_last_time_seconds{{{db}}} 1796059800",
        f"gatehouse_fleet_denied_last_time_seconds{{{strangers}}} 1796059800",
        'gatehouse_fleet_denied_hosts{answered="false"} 1',
        'gatehouse_fleet_denied_hosts{answered="true"} 2',
    ]


def test_what_was_only_observed_is_no_denial_to_count():
    observed = HostState("web1", observed=Observed((replace(seen("192.0.2.11", 9), denied=False),), (), SINCE))

    assert "_packets" not in denials_metrics(found(observed), build(good()).sets)


def test_the_result_is_plain_data():
    data = found(denied("db1", seen("192.0.2.1", 5433)), not_asked=["web2"]).as_data()
    (one,) = data["denied"]

    assert yaml.safe_load(yaml.safe_dump(data)) == data
    assert (one["hosts"], one["peers"], one["addresses"]) == (["db1"], ["web1"], ["192.0.2.1"])
    assert data["hosts"]["db1"]["rows"][0]["peer"] == "web1"
    assert (one["before"], one["before_flow"], one["before_until"], one["programs"]) == ("unknown", "", "", [])
    assert (data["hosts"]["db1"]["since"], data["not_asked"]) == (SINCE, ["web2"])


def test_a_spoofed_source_can_be_no_flow():
    put = {
        "hosts.web1.gatehouse_interfaces": {"private": "eth0", "public": "eth1"},
        "hosts.web1.gatehouse_antispoof": "sides",
    }
    spoofed = replace(seen("203.0.113.7", 443), direction="spoofed")
    (judging,) = found(denied("web1", spoofed), document=good(put=put)).rows["web1"]
    (off,) = found(denied("web1", spoofed)).rows["web1"]

    assert (judging.judged.allowed, off.judged.allowed) == (False, True)
    assert found(denied("web1", spoofed), document=good(put=put)).missing.flows == ()
