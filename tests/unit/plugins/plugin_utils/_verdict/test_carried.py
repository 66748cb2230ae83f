"""What is said of those behind hosts: whose they are, what reaches them, and what of an answer counts for them."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import product

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import ask, explained
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.explain import as_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, problems_of

GUEST, OTHER_GUEST, MASQUERADED = "2001:db8:2::10", "2001:db8:2::11", "192.0.2.10"
CARRIES = {
    "interfaces": ["docker0", "br-*"],
    "networks": ["192.0.2.0/24", "2001:db8:2::/64"],
    "except": ["169.254.169.254", "2001:db8:9::254"],
}


def model(
    runners=("runner1", "runner2"), assertions=(), isolated=False, mode="as said by name", isolates=True, **carries
):
    mode = {"forward": "enforce"} if mode == "as said by name" else mode
    addresses = {name: [f"198.51.100.2{number}", f"2001:db8:1::2{number}"] for number, name in enumerate(runners, 1)}
    hosts = {
        name: {"gatehouse_addresses": {"private": its}, **({"gatehouse_mode": mode} if mode else {})}
        for name, its in addresses.items()
    }
    runner = {
        "name": "runner",
        "groups": ["runners"],
        "isolated": isolated,
        "carries": {**CARRIES, "isolated": isolates, **carries},
    }
    return {
        "gatehouse_classes": [runner, {"name": "node", "groups": ["nodes"]}],
        "gatehouse_zones": [
            {"name": "internet", "networks": ["0.0.0.0/0", "::/0"]},
            {"name": "git", "networks": ["203.0.113.9", "2001:db8:9::9"]},
        ],
        "gatehouse_flows": [
            {"name": "packages", "from": ["runner"], "to": ["internet"], "ports": ["443/tcp"], "why": "packages"},
            {"name": "checkout", "from": ["runner"], "to": ["git"], "ports": ["22/tcp"]},
            {"name": "rerun", "from": ["git"], "to": ["runner"], "ports": ["64000/tcp"]},
            {"name": "rpc", "from": ["runner"], "to": ["node"], "ports": ["4647/tcp"]},
        ],
        "gatehouse_assertions": list(assertions),
        "groups": {"runners": list(runners), "nodes": ["node1"]},
        "hosts": {**hosts, "node1": {"gatehouse_addresses": {"private": ["198.51.100.11", "2001:db8:1::11"]}}},
    }


def ends(**more):
    document = model(**more)
    return Ends(build(document), Inventory(document["groups"], document["hosts"]), {}.get)


def lines(sender=None, receiver=None, port=None, **more):
    return list(ask(ends(**more), sender, receiver, port, Problems()).lines)


def test_a_routed_guest_is_judged_where_it_is_carried():
    assert lines(GUEST, "node1", "4647/tcp") == [
        f"{GUEST} -> node1, 4647/tcp ({GUEST} -> 198.51.100.11, 2001:db8:1::11): allowed",
        "  forward of any host that carries it (runner) allows it: the flow rpc allows it (node) [gatehouse_flows[3]]",
        "  input of node1 (node) allows it: the flow rpc allows it (runner) [gatehouse_flows[3]]",
    ]
    assert lines("git", GUEST, "64000/tcp", runners=["runner1"])[-1] == (
        "  forward of runner1 (runner) allows it: the flow rerun allows it (git) [gatehouse_flows[2]]"
    )
    assert lines(GUEST, "2001:db8:9::200", "25/tcp")[1] == (
        "  forward of any host that carries it (runner) denies it: no flow allows it; the flow packages is to internet,"
        " and 2001:db8:9::200 is among them, but on 443/tcp"
    )


def test_what_those_behind_a_host_are_excepted_from_is_denied_to_them_alone():
    assert lines(GUEST, "2001:db8:9::254", "443/tcp")[1] == (
        "  forward of any host that carries it (runner) denies it: those behind the host never reach it "
        "(carries: except)"
    )
    assert lines("runner1", "169.254.169.254", "443/tcp")[1:] == [
        "  output of runner1 (runner) allows it: the flow packages allows it (internet): packages [gatehouse_flows[0]]",
        "    those behind it may not send it: those behind the host never reach it (carries: except)",
    ]


def test_a_host_that_carries_says_what_counts_for_those_behind_it():
    assert lines("runner1", "203.0.113.200", "443/tcp")[-1] == "    those behind it may send it, too"
    assert lines("runner1", "203.0.113.200", "25/tcp")[-1] == "    those behind it may not send it"
    assert lines("git", "runner1", "64000/tcp")[-1] == "    those behind it may receive it, too"
    assert not [line for line in lines("runner1", "node1", "4647/tcp", interfaces=[], networks=[]) if "behind" in line]
    assert lines("runner1")[-1].startswith("  carried: what is behind the host by docker0, br-* and in 192.0.2.0/24, ")


OBSERVED = "it is counted, and not denied, until gatehouse_mode says forward: enforce"


def test_what_is_only_observed_of_forwarded_packets_is_let_through():
    assert lines("runner1", "203.0.113.200", "25/tcp", mode=None)[-1] == f"    those behind it may send it: {OBSERVED}"
    assert lines("git", "runner1", "25/tcp", mode="observe")[-1] == f"    those behind it may receive it: {OBSERVED}"
    only = "only observes what it carries, and lets it through"
    assert lines(GUEST, "2001:db8:9::200", "25/tcp", mode=None)[-1].endswith(f"; each of them {only}")
    one = {"runners": ["runner1"], "mode": None}
    assert lines(GUEST, "2001:db8:9::200", "25/tcp", **one)[-1].endswith(f"; this host {only}")


def test_where_some_hosts_observe_what_they_carry_they_are_named():
    document = model()
    document["hosts"]["runner2"]["gatehouse_mode"] = {"forward": "observe"}
    some = Ends(build(document), Inventory(document["groups"], document["hosts"]), {}.get)
    found = ask(some, GUEST, "2001:db8:9::200", "25/tcp", Problems()).lines

    assert found[1].endswith("; runner2 only observes what it carries, and lets it through")


def test_a_masqueraded_address_is_behind_many_hosts_and_a_question_needs_one_of_them():
    remark = (
        f"{MASQUERADED} is behind hosts of runner, which masquerade it: peers see the host's address, and other hosts "
        "may have the same behind them. Ask for a host"
    )
    assert lines(MASQUERADED, "node1", "4647/tcp")[-1] == remark
    assert lines(MASQUERADED, "203.0.113.9", "22/tcp")[-1] == remark
    assert lines("node1", "192.0.2.0/28", "22/tcp")[-1] == remark.replace(MASQUERADED, "192.0.2.0/28")
    assert lines(MASQUERADED)[-1] == remark
    asked = explained(ends(), MASQUERADED, "node1", "4647/tcp", Problems())
    assert as_data(asked)["remarks"] == [remark]
    for known in ("internet", "runner1", "runner", GUEST, "203.0.113.9"):
        assert ends().remarks(known, None) == ()


def test_two_of_them_may_be_behind_one_host_or_behind_two():
    assert [line for line in lines(GUEST, OTHER_GUEST, "25/tcp") if line.startswith("  ")] == [
        "  forward of any host that carries both (runner) allows it: both ends are in what is behind the host",
        "  forward of any host that carries it (runner) allows it: both ends are in what is behind the host",
        "  forward of any host that carries it (runner) denies it: no flow allows it",
    ]
    one = "  forward of runner1 (runner) allows it: both ends are in what is behind the host"
    assert lines(GUEST, OTHER_GUEST, "25/tcp", runners=["runner1"])[1:] == [one]
    isolated = "hosts of runner are isolated, and so are those behind them"
    assert lines(GUEST, OTHER_GUEST, "443/tcp", isolated=True)[1:] == [
        f"  forward of any host that carries both (runner) denies it: {isolated}"
    ]


@pytest.mark.parametrize(("isolated", "guests_too"), [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize("interfaces", [[], ["docker0"]])
def test_what_reaches_what_is_what_their_host_says_of_each_packet(isolated, guests_too, interfaces):
    document = model(runners=["runner1"], isolated=isolated, interfaces=interfaces, isolates=guests_too)
    fleet = build(document)
    policy = fleet.policy_of("runner1")
    asked = Ends(fleet, Inventory(document["groups"], document["hosts"]), {}.get)
    outside = ["2001:db8:9::9", "2001:db8:9::200", "2001:db8:9::254", "2001:db8:1::11"]
    behind = interfaces[0] if interfaces else "virbr0"
    by = {GUEST: behind, OTHER_GUEST: behind, **dict.fromkeys(outside, "eth0")}
    for source, target in product(by, by):
        if source == target or not {source, target} & {GUEST, OTHER_GUEST}:
            continue
        for number in (22, 25, 443, 4647, 64000):
            ways = {"interface": by[source], "leaves_by": by[target], "forwarded": True, "to_host": False}
            packet = Packet("ingress", ip_address(source), ip_address(target), "tcp", port=number, **ways)
            judged = explained(asked, source, target, f"{number}/tcp", Problems()).answers
            forwarding = [stage.allowed for one in judged for stage in one.stages if stage.name == "forward"]

            assert forwarding == [verdict(policy, packet).allowed], packet


def test_assertions_count_for_routed_guests_as_for_their_host():
    denied = {"deny": "runner", "to": "internet", "port": "25/tcp"}
    assert problems_of(model(assertions=[denied])) == ()
    (found,) = problems_of(model(assertions=[{"allow": "runner", "to": "2001:db8:9::254", "port": "443/tcp"}]))
    assert "2001:db8:2::1 -> 2001:db8:9::254, 443/tcp: denied" in str(found)
    assert "those behind the host never reach it" in str(found)
    between = {"deny": "runner", "to": "runner", "port": "22/tcp"}
    (found,) = problems_of(model(assertions=[between]))
    assert "forward of any host that carries both: both ends are in what is behind the host" in str(found)
    assert problems_of(model(assertions=[between], isolated=True)) == ()
