"""Zones without others: an address is in a zone where its rows, read word for word, say so."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.network_policies import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.verdict import Packet, Pod, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

# Few addresses, so that networks meet; and some as wide as they get.
SMALL = [f"198.51.100.{first}/{bits}" for bits, step in ((32, 1), (31, 2), (29, 8)) for first in range(0, 16, step)]
NETWORKS = [*SMALL, "2001:db8::/127", "2001:db8::2/128", "2001:db8::/64", "0.0.0.0/0", "::/0", "198.0.0.0/7"]
ADDRESSES = [f"198.51.100.{number}" for number in range(17)] + ["10.0.0.1", "2001:db8::1", "2001:db8::3", "2001:db9::"]
NAMES = ["a", "b", "c", "d"]
WEB = {"name": "web", "groups": ["webs"]}
PODS = {"name": "shop", "pods": {"labels": {"app": "shop"}, "namespace": "default"}}
HOSTS = {"groups": {"webs": ["w1"]}, "hosts": {"w1": {"ansible_host": "192.0.2.1"}}}


@some.composite
def zones(draw):
    """Draw zones, each of which names earlier ones alone; they are declared in any order."""
    networks = some.lists(some.sampled_from(NETWORKS), max_size=3)
    found = []
    for number, name in enumerate(NAMES):
        others = some.lists(some.sampled_from(NAMES[:number]), max_size=2) if number else some.just([])
        held, excepted = draw(others), draw(others)
        row = {"name": name, "networks": draw(networks), "zones": held, "except": [*draw(networks), *excepted]}
        found.append({key: value for key, value in row.items() if value})
    return draw(some.permutations(found))


def holds(rows, name, address):
    """Return whether a zone has an address, by the rows alone."""
    row = rows[name]

    def any_of(items):
        return any(holds(rows, one, address) if one in rows else address in ip_network(one) for one in items)

    held = any_of([*row.get("networks", ()), *row.get("zones", ())])
    return held and not any_of(row.get("except", ()))


def model(rows, *classes):
    flows = [
        {"name": f"to_{one['name']}", "from": [one["name"]], "to": [row["name"]], "ports": [f"{number}/tcp"]}
        for row in classes
        for number, one in enumerate(rows, 1)
    ]
    flows = [{**flow, "name": f"flow{number}"} for number, flow in enumerate(flows)]
    return {"gatehouse_classes": list(classes), "gatehouse_zones": list(rows), "gatehouse_flows": flows, **HOSTS}


@examples(150)
@given(zones())
def test_each_address_is_in_the_zones_whose_rows_say_so(rows):
    fleet = build(model(rows, WEB))
    by_name = {row["name"]: row for row in rows}
    peers = {rule.peer: rule.addresses for rule in fleet.policies["web"].ingress}

    for address in map(ip_address, ADDRESSES):
        expected = {name for name in NAMES if holds(by_name, name, address)}
        assert {name for name, addresses in peers.items() if address in addresses} == expected


@examples(100)
@given(zones())
def test_network_policies_say_it_with_exceptions(rows):
    objects = render(build(model(rows, PODS)))
    by_name = {row["name"]: row for row in rows}
    pod = Pod({"app": "shop"}, "default")

    for address in ADDRESSES:
        passing = {name for port, name in enumerate(by_name, 1) if verdict(objects, Packet(address, pod, "tcp", port))}
        assert passing == {name for name in NAMES if holds(by_name, name, ip_address(address))}


def test_a_thousand_zones_inside_each_other_are_as_good_as_one():
    rows = [{"name": "z0", "networks": ["198.51.100.0/24"], "except": ["198.51.100.7"]}]
    rows += [{"name": f"z{number}", "zones": [f"z{number - 1}"]} for number in range(1, 1500)]

    fleet = build({**model([rows[-1]], WEB), "gatehouse_zones": rows})

    (rule,) = fleet.policies["web"].ingress
    assert ip_address("198.51.100.6") in rule.addresses
    assert ip_address("198.51.100.7") not in rule.addresses
