"""What another model opens and closes, held to verdict() over every packet of small fleets."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from itertools import product

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import EVERYBODY, AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import ALL_PORTS, PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.model_diff import PRE_DNAT, changes
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import (
    Packet,
    is_judged_before_dnat,
    verdict,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.reach import OTHER, Port
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._verdict.test_reach import (
    PORTS,
    V4,
    V6,
    fleets,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

WITHOUT_PORTS = "every protocol without ports"
ECHO = Port("echo requests", None)
DHCP = Port("DHCP", None)


def rows(before, after):
    return [one.as_data() for one in changes(before, after)]


def test_the_same_model_changes_nothing():
    assert changes(build(good()), build(good())) == []


def test_a_flow_more_opens_both_ends_and_the_other_way_round_closes_them():
    one = {"name": "more", "from": ["web"], "to": ["db"], "ports": ["9000-9001/tcp"]}
    fewer, more = build(good()), build(good({"gatehouse_flows[2]": one}))
    opened, closed = rows(fewer, more), rows(more, fewer)

    assert [(row["class"], row["direction"], row["side"], row["ports"], row["flows"]) for row in opened] == [
        ("web", "egress", "", ["9000-9001/tcp"], ["more"]),
        ("db", "ingress", "", ["9000-9001/tcp"], ["more"]),
    ]
    assert all(row["opened"] and not row["closed"] for row in opened)
    assert [row["closed"] for row in closed] == [row["opened"] for row in opened]
    assert [row["opened"] for row in closed] == [[], []]


def test_a_flow_that_opens_nothing_more_is_no_change():
    sql = good()["gatehouse_flows"][1]
    again = {**sql, "name": "again", "why": "twice"}

    assert changes(build(good()), build(good({"gatehouse_flows[2]": again}))) == []


def test_a_change_for_one_side_says_which():
    before, after = build(good()), build(good({"gatehouse_flows[1].side": "private"}))
    found = rows(before, after)

    assert {row["side"] for row in found} == {"public"}
    assert all(row["closed"] and not row["opened"] for row in found)


def test_everything_is_called_all():
    everything = {"name": "everything", "from": ["web"], "to": ["db"], "ports": ["all"]}
    before, after = build(good(drop=["gatehouse_flows[1]"])), build(good({"gatehouse_flows[1]": everything}))

    assert {tuple(row["ports"]) for row in rows(before, after)} == {("all",)}


def with_web2_in(name):
    """Return the good model with one of its two web servers in another class; in none where there is no name."""
    groups = {"webs": ["web1"], "dbs": ["db1"], **({name: ["web2", *good()["groups"][name]]} if name else {})}
    return build(good({"groups": groups}))


def test_a_host_that_moves_is_compared_by_the_classes_it_had_and_has():
    found = [row for row in rows(build(good()), with_web2_in("dbs")) if row["class"] == "db (was web): web2"]

    assert [(row["direction"], row["ports"], row["opened"], row["closed"]) for row in found] == [
        ("ingress", ["80/tcp", "443/tcp"], [], ["203.0.113.0/24", "2001:db8:1::/48"]),
        ("ingress", ["5432/tcp"], ["192.0.2.1"], []),
        ("egress", ["5432/tcp"], [], ["192.0.2.11"]),
    ]


def test_a_host_that_gets_a_class_more_is_opened_to_its_flows_and_nothing_is_closed():
    found = rows(build(good()), build(good({"groups.dbs": ["db1", "web2"]})))

    at_web2 = [row for row in found if row["class"] == "db+web (was web): web2"]
    assert [(row["direction"], row["ports"], row["opened"], row["closed"]) for row in at_web2] == [
        ("ingress", ["5432/tcp"], ["192.0.2.1", "192.0.2.2"], []),
        ("egress", ["5432/tcp"], ["192.0.2.2"], []),
    ]
    assert not any(row["closed"] for row in found)


def test_a_host_that_leaves_the_model_is_open_to_everybody_and_one_that_joins_is_closed():
    left, joined = (
        [row for row in rows(*fleets) if row["class"].endswith(": web2")]
        for fleets in ((build(good()), with_web2_in("")), (with_web2_in(""), build(good())))
    )

    assert {row["class"] for row in left} == {"no class (was web): web2"}
    assert all(row["opened"] and not row["closed"] and not row["flows"] for row in left)
    assert {row["class"] for row in joined} == {"web (was no class): web2"}
    assert all(row["closed"] and not row["opened"] for row in joined)


def test_a_class_that_gets_another_name_and_nothing_else_is_no_difference():
    renamed = {
        "gatehouse_classes[0].name": "site",
        "gatehouse_flows[0].to": ["site"],
        "gatehouse_flows[1].from": ["site"],
    }

    assert changes(build(good()), build(good(renamed))) == []


def test_of_many_hosts_that_move_some_are_named():
    webs = [f"web{number}" for number in range(8)]
    own = {name: {"ansible_host": f"192.0.2.{100 + number}"} for number, name in enumerate(webs)}
    many = {"groups.webs": webs, "hosts": {**good()["hosts"], **own}}
    renamed = build(good({**many, "gatehouse_classes[0].name": "site", "gatehouse_flows": []}))

    assert {row["class"] for row in rows(build(good(many)), renamed) if "web" in row["class"]} == {
        "site (was web): web0, web1, web2, web3, web4 and 3 more"
    }


def test_hosts_that_become_isolated_are_closed_to_each_other():
    among = {
        "gatehouse_zones[2]": {"name": "rack", "networks": ["192.0.2.0/24"]},
        "gatehouse_flows[2]": {"name": "among", "from": ["rack"], "to": ["web"], "ports": ["7000/tcp"]},
    }
    (found,) = rows(build(good(among)), build(good({**among, "gatehouse_classes[0].isolated": True})))

    assert (found["class"], found["direction"], found["closed"]) == ("web", "ingress", ["192.0.2.1", "192.0.2.2"])


NODE_PORTS = {
    "gatehouse_classes[0].pre_dnat": {"ports": ["30000-32767/tcp"]},
    "gatehouse_flows[2]": {"name": "pages", "from": ["office"], "to": ["web"], "ports": ["30080/tcp"]},
}


def test_node_ports_that_nobody_judges_any_more_are_open_to_everybody_else():
    dropped = {**NODE_PORTS, "gatehouse_classes[0].pre_dnat": {"ports": []}}
    found = rows(build(good(NODE_PORTS)), build(good(dropped)))

    assert {(row["class"], row["direction"], row["side"]) for row in found} == {("web", "pre-DNAT", "")}
    assert [(row["ports"], "0.0.0.0/0" in row["opened"], row["closed"], row["flows"]) for row in found] == [
        (["30000-30079/tcp", "30081-32767/tcp"], True, [], []),
        (["30080/tcp"], False, [], []),
    ]


def test_what_is_judged_before_dnat_both_times_is_said_once():
    fewer = {**NODE_PORTS, "gatehouse_flows[2].ports": ["30081/tcp"]}

    assert {row["direction"] for row in rows(build(good(fewer)), build(good(NODE_PORTS)))} == {"ingress"}


def test_a_service_address_that_is_judged_says_which():
    more = {**NODE_PORTS, "gatehouse_classes[0].pre_dnat": {"ports": "30000-32767/tcp", "addresses": ["203.0.113.200"]}}
    found = rows(build(good(NODE_PORTS)), build(good(more)))

    assert {(row["direction"], *row["at"]) for row in found} == {("pre-DNAT", "203.0.113.200")}
    assert all(row["closed"] and not row["opened"] for row in found)


def test_node_ports_that_are_judged_on_one_side_alone_say_which_is_left():
    sided = {"hosts": {**good()["hosts"]}}
    for number, name in enumerate(("web1", "web2"), 1):
        sided["hosts"][name] = {
            "gatehouse_addresses": {"private": [f"192.0.2.{number}"], "public": [f"203.0.113.{number}"]},
            "gatehouse_interfaces": {"private": "eth0", "public": "eth1"},
        }
    before, after = (
        build(good({**NODE_PORTS, **sided, "gatehouse_classes[0].pre_dnat": {"ports": "30080/tcp", "side": side}}))
        for side in ("public", "private")
    )

    assert [(row["side"], bool(row["opened"]), bool(row["closed"])) for row in rows(before, after)] == [
        ("private", False, True),
        ("public", True, False),
    ]


def test_echo_requests_are_closed_to_all_but_those_who_pass_with_everything():
    everything = {"name": "everything", "from": ["office"], "to": ["db"], "ports": ["all"]}
    silent = good({"gatehouse_flows[2]": everything, "gatehouse_echo_request": False})
    found = rows(build(good({"gatehouse_flows[2]": everything})), build(silent))

    assert {tuple(row["ports"]) for row in found} == {("echo requests",)}
    (at_db,) = [row for row in found if (row["class"], row["direction"]) == ("db", "ingress")]
    assert ("203.0.113.0/24" in at_db["closed"], "203.0.112.0/24" in at_db["closed"]) == (False, True)


def test_dhcp_is_closed_to_all_but_those_whose_flows_have_its_ports():
    relayed = {"name": "relayed", "from": ["office"], "to": ["db"], "ports": ["68/udp"]}
    silent = good({"gatehouse_flows[2]": relayed, "gatehouse_dhcp": False})
    found = rows(build(good({"gatehouse_flows[2]": relayed})), build(silent))

    assert {tuple(row["ports"]) for row in found} == {("DHCP",)}
    assert [row["closed"] for row in found if (row["class"], row["direction"]) == ("web", "egress")] == [
        ["0.0.0.0/0", "fe80::/10", "ff02::1:2"]
    ]
    (at_db,) = [row for row in found if (row["class"], row["direction"]) == ("db", "ingress")]
    assert ("203.0.113.0/24" in at_db["closed"], "203.0.112.0/24" in at_db["closed"]) == (False, True)


def test_what_opens_at_some_addresses_of_a_host_says_which():
    shop = {"name": "shop", "from": ["office"], "to": ["db"], "ports": ["443/tcp"], "at": ["192.0.2.200"]}
    (found,) = rows(build(good()), build(good({"gatehouse_flows[2]": shop})))

    assert (found["at"], found["direction"], found["opened"]) == (
        ["192.0.2.200"],
        "ingress",
        ["203.0.113.0/24", "2001:db8:1::/48"],
    )


def holds(texts, port):
    if port in (ECHO, DHCP):
        return port.protocol in texts
    if "all" in texts or port.protocol == OTHER:
        return "all" in texts or WITHOUT_PORTS in texts
    return any(PortSet.parse(text).holds(port.protocol, port.number) for text in texts if "/" in text)


def packet_of(direction, peer, own, port, services):
    ends = (own, peer) if direction == "egress" else (peer, own)
    if port == ECHO:
        protocol, kind = ("icmp", 8) if own.version == 4 else ("icmpv6", 128)
        return Packet(direction, *ends, protocol, icmp_type=kind)
    if port == DHCP:
        client, server = (68, 67) if own.version == 4 else (546, 547)
        ports = (client, server) if direction == "ingress" else (server, client)
        return Packet(direction, *ends, "udp", *ports)
    if direction == PRE_DNAT:
        return Packet("ingress", *ends, port.protocol, port.number, to_host=own not in services, forwarded=True)
    return Packet(direction, *ends, port.protocol, port.number)


_stages = some.lists(
    some.builds(
        PreDnat,
        some.sampled_from([PortSet.parse("2-4/tcp"), PortSet.parse("4-5/tcp")]),
        some.lists(some.sampled_from(V4 + V6).map(ip_network), max_size=2).map(AddressSet.of),
    ),
    max_size=2,
).map(tuple)


@some.composite
def models(draw):
    """Draw a fleet whose hosts are in any of two classes, or in none."""
    fleet = draw(fleets())
    policies = {
        name: replace(policy, pre_dnat=draw(_stages), echo_request=draw(some.booleans()), dhcp=draw(some.booleans()))
        for name, policy in fleet.policies.items()
    }
    sets = {name: draw(some.sampled_from(["a", "b", ""])) for name in ("a0", "a1", "b0")}
    return replace(fleet, policies=policies, sets={name: own for name, own in sets.items() if own})


def differ(policies, packet, direction, port):
    """Return whether two policies may differ in what they do with a packet, as far as this direction is about it."""
    if port == ECHO:
        return len({policy.echo_request for policy in policies}) > 1
    if port == DHCP:
        return len({policy.dhcp for policy in policies}) > 1
    return direction != PRE_DNAT or len({is_judged_before_dnat(policy, packet) for policy in policies}) > 1


@examples(40)
@given(models(), models(), some.tuples(some.sampled_from(V4), some.sampled_from(V6)))
def test_changes_are_where_verdicts_differ_and_nowhere_else(before, after, own_addresses):
    found = changes(before, after)
    everything = (Rule("any", "", EVERYBODY, ALL_PORTS),)
    nobodys = Policy((), everything, everything)
    for host in {*before.sets, *after.sets}:
        policies = [fleet.policies.get(fleet.sets.get(host, ""), nobodys) for fleet in (before, after)]
        same = before.sets.get(host) == after.sets.get(host)
        its = [one for one in found if (one.hosts == after.sets.get(host) if same else host in one.hosts)]
        services = AddressSet.union(policy.pre_dnat_addresses for policy in policies)
        for direction, own, port in product((*DIRECTIONS, PRE_DNAT), own_addresses, [*PORTS, ECHO, DHCP]):
            rows_here = [one for one in its if one.direction == direction and own in one.at and holds(one.ports, port)]
            for peer in V4 if own.version == 4 else V6:
                packet = packet_of(direction, peer, own, port, services)
                old, new = (verdict(policy, packet).allowed for policy in policies)
                if not differ(policies, packet, direction, port) or (direction, port) == (PRE_DNAT, ECHO):
                    old = new
                if port == DHCP and (direction == PRE_DNAT or (direction, own.version) == ("ingress", 6)):
                    continue  # judged by the rules of ingress; and heard at link-local addresses alone
                said = tuple(any(peer in getattr(one, key) for one in rows_here) for key in ("opened", "closed"))
                assert said == (new and not old, old and not new)


CARRIES = {"interfaces": ["docker0"]}
WEB_CARRIES = "before: what is behind the host by docker0 may receive and send what the host itself may"


def carrying(**more):
    return build(good({"gatehouse_classes[0].carries": {**CARRIES, **more}}))


def test_hosts_that_judge_what_they_forward_no_more_open_it_to_everybody():
    gone = rows(carrying(), build(good()))
    words, *forwarded = gone

    assert (words["class"], words["direction"], words["opened"], words["closed"]) == ("web", "forward", [], [])
    assert words["words"] == [WEB_CARRIES, "after: nothing that these hosts forward is judged"]
    assert {row["direction"] for row in forwarded} == {"forward_in", "forward_out"}
    assert all(row["opened"] and not row["closed"] for row in forwarded)
    came = rows(build(good()), carrying())
    assert [row["closed"] for row in came] == [row["opened"] for row in gone]
    assert [row["opened"] for row in came] == [[] for _row in gone]
    (sql,) = (row for row in came if row["direction"] == "forward_out" and row["ports"] == ["5432/tcp"])
    assert ip_network("192.0.2.11").network_address not in AddressSet.of(map(ip_network, sql["closed"]))


def test_who_is_behind_hosts_is_told_in_words_and_opens_nothing_by_itself():
    (row,) = rows(carrying(), carrying(interfaces=["docker0", "br-*"]))

    assert row["words"] == [WEB_CARRIES, WEB_CARRIES.replace("before", "after").replace("docker0", "docker0, br-*")]
    assert (row["direction"], row["opened"], row["closed"]) == ("forward", [], [])


def test_what_those_behind_are_excepted_from_closes_that_to_them():
    every, fewer = carrying(), carrying(**{"except": ["192.0.2.11"]})
    words, closed = rows(every, fewer)

    assert words["words"][1].endswith("may receive and send what the host itself may, but nothing to 192.0.2.11")
    assert (closed["direction"], closed["ports"], closed["closed"]) == ("forward_out", ["5432/tcp"], ["192.0.2.11"])
    assert closed["opened"] == []
    assert [row["opened"] for row in rows(fewer, every)] == [[], ["192.0.2.11"]]


def test_a_flow_more_stands_once_for_hosts_and_those_behind_them():
    one = {"name": "more", "from": ["web"], "to": ["db"], "ports": ["9000/tcp"]}
    more = build(good({"gatehouse_flows[2]": one, "gatehouse_classes[0].carries": CARRIES}))

    assert [row["direction"] for row in rows(carrying(), more)] == ["egress", "ingress"]
