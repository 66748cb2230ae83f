from __future__ import annotations

import datetime
from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.groups import render, to_data, to_lines, to_table
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.limits import remarks
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

# web lets office in on 80 and 443 by the flow front, and reaches db on 5432 by the flow sql.
BOTH = ({"name": "web", "classes": ["web"]}, {"name": "db", "classes": ["db"], "description": "databases"})
WEB = BOTH[:1]


def data(*flows, groups=BOTH, **put):
    model = {"gatehouse_security_groups": list(groups), **put}
    model.update({f"gatehouse_flows[{number}]": one for number, one in enumerate(flows, 2)})
    return {group["name"]: group for group in map(to_data, render(build(good(model))))}


def flow(name="mine", senders="web", receivers="db", ports=("22/tcp",), **more):
    return {"name": name, "from": [senders], "to": [receivers], "ports": list(ports), **more}


def brief(rules):
    return [(rule["proto"], rule.get("from_port"), rule.get("to_port"), *list(rule.items())[-2:-1]) for rule in rules]


def test_a_class_in_a_group_is_named_by_it_at_both_ends():
    found = data()

    sql = {"proto": "tcp", "from_port": 5432, "to_port": 5432, "rule_desc": "sql: what the web servers show"}
    assert found["web"]["rules_egress"] == [{**sql, "group_name": "db"}]
    assert found["db"]["rules"] == [{**sql, "group_name": "web"}]
    assert found["db"]["description"] == "databases"
    assert found["web"]["description"] == "web, as gatehouse.firewall has it"


def test_a_class_in_no_group_and_a_zone_are_their_addresses_a_rule_for_each():
    (web,) = data(groups=WEB).values()

    assert brief(web["rules"]) == [
        ("tcp", 80, 80, ("cidr_ip", "203.0.113.0/24")),
        ("tcp", 443, 443, ("cidr_ip", "203.0.113.0/24")),
        ("tcp", 80, 80, ("cidr_ipv6", "2001:db8:1::/48")),
        ("tcp", 443, 443, ("cidr_ipv6", "2001:db8:1::/48")),
    ]
    assert brief(web["rules_egress"]) == [("tcp", 5432, 5432, ("cidr_ip", "192.0.2.11/32"))]


def test_host_names_are_the_addresses_behind_them():
    found = data(flow(receivers="vcs"), groups=WEB)

    assert [rule[3][1] for rule in brief(found["web"]["rules_egress"])] == [
        "192.0.2.11/32",
        "198.51.100.7/32",
        "2001:db8::7/128",
    ]


def test_what_nothing_goes_out_of_has_an_empty_list_and_not_none():
    assert data()["db"]["rules_egress"] == []


def test_a_flow_with_nobody_at_its_other_end_has_no_rule():
    nobody = {"gatehouse_zones[2]": {"name": "nobody", "networks": []}}
    found = data(flow(senders="nobody", receivers="db"), flow("other", "db", "nobody"), **nobody)

    assert found == data()


def test_everybody_is_a_rule_for_each_family_of_all_protocols():
    everybody = {"gatehouse_zones[2]": {"name": "everybody", "networks": ["0.0.0.0/0", "::/0"]}}
    found = data(flow(senders="db", receivers="everybody", ports=["all"]), **everybody)

    assert found["db"]["rules_egress"] == [
        {"proto": "-1", "cidr_ip": "0.0.0.0/0", "rule_desc": "mine"},
        {"proto": "-1", "cidr_ipv6": "::/0", "rule_desc": "mine"},
    ]


@pytest.mark.parametrize(("end", "out", "in_"), [("both", 2, 2), ("egress", 2, 1), ("ingress", 1, 2)])
def test_a_flow_opens_at_the_ends_that_it_is_for(end, out, in_):
    found = data(flow(end=end))

    assert (len(found["web"]["rules_egress"]), len(found["db"]["rules"])) == (out, in_)


def test_a_flow_whose_last_day_is_over_is_closed_for_classes_that_nobody_manages_too():
    past = flow(expires=datetime.date(2026, 11, 20))
    classes = {"gatehouse_classes[1]": {"name": "db", "networks": ["192.0.2.11"]}}

    assert data(past, **classes) == data(**classes)
    assert data(flow(), **classes) != data(**classes)


def test_flows_for_the_same_are_one_rule_that_names_them_all():
    found = data(flow("a", why="one"), flow("b", why="two"), flow("c"), flow("d", why="one"))

    assert found["web"]["rules_egress"][1:] == [
        {"proto": "tcp", "from_port": 22, "to_port": 22, "group_name": "db", "rule_desc": "a, b, c, d: one; two"}
    ]


def test_all_of_sctp_is_its_number():
    assert brief(data(flow(ports=["1-65535/sctp"]))["db"]["rules"])[1] == ("132", None, None, ("group_name", "web"))


def test_classes_that_are_one_have_the_flows_of_both():
    same = {"gatehouse_classes[2]": {"name": "cache", "same_as": "db"}}
    found = data(flow(receivers="cache"), **same)

    assert brief(found["db"]["rules"])[1] == ("tcp", 22, 22, ("group_name", "web"))


def test_classes_that_share_a_group_are_one_peer():
    (shared,) = data(groups=[{"name": "all", "classes": ["web", "db"]}]).values()

    assert brief(shared["rules"])[-1] == ("tcp", 5432, 5432, ("group_name", "all"))
    assert brief(shared["rules_egress"]) == [("tcp", 5432, 5432, ("group_name", "all"))]


def test_a_table_has_a_row_for_each_rule_and_its_lines_are_aligned():
    rows = to_table(render(build(good({"gatehouse_security_groups": list(BOTH)}))))

    assert rows[-1] == {
        "group": "db",
        "direction": "ingress",
        "ports": "5432/tcp",
        "peer": "web",
        "flow": "sql",
        "why": "what the web servers show",
    }
    assert len(rows) == 6
    head, *lines = to_lines(rows)
    assert {line.index(row["why"]) for line, row in zip(lines, rows)} == {head.index("why")}
    assert to_lines([]) == []


# Small models, whose groups must let through what the policies of the groups' members do.
ZONES = {
    "office": ["203.0.113.0/24", "2001:db8:1::/48"],
    "world": ["0.0.0.0/0", "::/0"],
    "lan": ["192.0.2.0/25"],
    "nobody": [],
}
HOSTS = {
    "web": {"web1": ["192.0.2.1", "2001:db8:9::1"], "web2": ["192.0.2.2"]},
    "db": {"db1": ["192.0.2.11", "2001:db8:9::11"]},
    "cache": {"cache1": ["192.0.2.131"]},
}
STRANGERS = ["203.0.113.9", "2001:db8:1::9", "198.51.100.1", "192.0.2.99"]
PORTS = ["22/tcp", "20-30/tcp", "53/tcp+udp", "1-65535/udp", "1-65535/sctp", "all"]
ASKED = [("tcp", 22), ("tcp", 30), ("tcp", 53), ("udp", 53), ("udp", 22), ("sctp", 22), ("gre", None)]
NUMBERS = {"sctp": "132", "gre": "47"}


@some.composite
def models(draw):
    ends = some.lists(some.sampled_from([*HOSTS, *ZONES, "world", "lan"]), min_size=1, max_size=2)
    flows = []
    for number in range(draw(some.integers(1, 5))):
        pair = draw(some.permutations([[draw(some.sampled_from(sorted(HOSTS)))], draw(ends)]))
        flows.append(
            {
                "name": f"flow{number}",
                **dict(zip(("from", "to"), pair)),
                "ports": draw(some.lists(some.sampled_from(PORTS), min_size=1, max_size=2)),
                "end": draw(some.sampled_from(["both", "ingress", "egress"])),
                "expires": draw(some.sampled_from([None, None, "2020-01-01"])),
            }
        )
    if draw(some.integers(0, 9)) == 0:
        wide = draw(some.sampled_from(PORTS))
        flows += [flow("in", "world", "db", [wide]), flow("out", "db", "world", [wide])]
    to_itself = any("db" in one["from"] and "db" in one["to"] for one in flows)
    own = {"isolated": not to_itself and draw(some.booleans())}
    return {
        "gatehouse_classes": [{"name": name, "groups": [name], **(own if name == "db" else {})} for name in HOSTS],
        "gatehouse_zones": [{"name": name, "networks": networks} for name, networks in ZONES.items()],
        "gatehouse_flows": flows,
        "gatehouse_security_groups": draw(some.sampled_from(GROUPINGS)),
        "groups": {name: list(hosts) for name, hosts in HOSTS.items()},
        "hosts": {
            name: {"gatehouse_addresses": {"private": addresses}}
            for hosts in HOSTS.values()
            for name, addresses in hosts.items()
        },
    }


def grouped(*groups):
    return [{"name": f"of-{'-'.join(classes)}", "classes": list(classes)} for classes in groups]


GROUPINGS = [
    grouped(["web"], ["db"], ["cache"]),
    grouped(["db"], ["web"]),
    grouped(["db"]),
    grouped(["web", "cache"], ["db"]),
]


def owner_of(groups, address):
    """Return the name of the group that a host with this address is in."""
    for group in groups:
        for name in group["classes"]:
            if any(address in addresses for addresses in HOSTS[name].values()):
                return group["name"]
    return ""


def lets_through(rules, address, owner, protocol, port):
    """Return what AWS does by these rules: from the module's arguments alone."""
    return any(
        rule["proto"] in ("-1", NUMBERS.get(protocol, protocol))
        and ("from_port" not in rule or rule["from_port"] <= port <= rule["to_port"])
        and is_peer(rule, address, owner)
        for rule in rules
    )


def is_peer(rule, address, owner):
    networks = [rule[key] for key in ("cidr_ip", "cidr_ipv6") if key in rule]
    return rule.get("group_name", "") == owner != "" or any(
        ip_address(address) in ip_network(network) for network in networks
    )


def asked_of(policy, direction, address, protocol, port):
    own = ip_address("192.0.2.1" if ip_address(address).version == 4 else "2001:db8:9::1")
    ends = (ip_address(address), own) if direction == "ingress" else (own, ip_address(address))
    return verdict(policy, Packet(direction, *ends, protocol, port=port))


QUESTIONS = [
    (direction, address, protocol, port)
    for direction in ("ingress", "egress")
    for address in (*STRANGERS, *(one for hosts in HOSTS.values() for found in hosts.values() for one in found))
    for protocol, port in ASKED
]


def neighbours(groups, address):
    """Return the addresses of all who are in the group of a host with this address, or its own."""
    owner = owner_of(groups, address)
    classes = next((group["classes"] for group in groups if group["name"] == owner), [])
    return [one for name in classes for found in HOSTS[name].values() for one in found] or [address]


def compare(fleet, groups, group, rules, question):
    """Hold a group's rules to the policies of its classes for one question; return how they are related.

    What they let through beyond that, members of a group share; or an isolated class's are kept apart at the other end.
    """
    direction, address, *port = question
    by_rules = lets_through(rules[direction], address, owner_of(groups, address), *port)
    policies = [fleet.policies[name] for name in group["classes"]]
    allowed = {asked_of(policy, direction, address, *port).allowed for policy in policies}
    if allowed == {by_rules}:
        return "same"
    assert by_rules, question
    if address in policies[0].isolated_from.texts():
        return "isolated"
    theirs = neighbours(groups, address)
    assert any(asked_of(policy, direction, one, *port).allowed for policy in policies for one in theirs), question
    assert len(policies) > 1 or len({*map(class_of, theirs)}) > 1, question
    return "shared"


def class_of(address):
    return next((name for name, hosts in HOSTS.items() if any(address in found for found in hosts.values())), "")


SAID = {"isolated": "isolated from each other at", "shared": "since they share the group"}


def test_a_group_lets_through_what_the_policies_of_its_members_do_and_where_it_opens_more_it_is_said():
    seen = dict.fromkeys(["same", "isolated", "shared", "refused"], 0)

    @examples(400)
    @given(model=models())
    def try_it(model):
        fleet, groups = build(model), model["gatehouse_security_groups"]
        with suppress(ModelError):
            rendered = render(fleet)
            said = " ".join(remarks(fleet, rendered))
            for group, data in zip(groups, map(to_data, rendered)):
                rules = {"ingress": data["rules"], "egress": data["rules_egress"]}
                for question in QUESTIONS:
                    relation = compare(fleet, groups, group, rules, question)
                    assert SAID.get(relation, "") in said, question
                    seen[relation] += 1
            return
        seen["refused"] += 1

    try_it()
    assert min(seen.values()) > 0, seen
