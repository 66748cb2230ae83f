"""What Kubernetes' documentation says of policies, one statement each; and random models, by their own meaning."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.network_policies import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.verdict import Packet, Pod, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some


def pod(app, namespace="shop", address=""):
    return Pod({"app": app}, namespace, {"kubernetes.io/metadata.name": namespace}, address)


def policy(spec, namespace="shop"):
    return {"metadata": {"name": "one", "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def ingress(*rules, **more):
    return policy({"policyTypes": ["Ingress"], "ingress": list(rules), **more})


def passes(objects, source, destination=None, protocol="tcp", port=443):
    return verdict(objects, Packet(source, destination or pod("web"), protocol, port))


OUTSIDE = "203.0.113.9"
SHOP = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}
CLIENT = {"podSelector": {"matchLabels": {"app": "client"}}}


@pytest.mark.parametrize(
    ("objects", "source", "expected"),
    [
        ([], OUTSIDE, True),
        ([ingress()], OUTSIDE, False),
        ([ingress({})], OUTSIDE, True),
        ([ingress({"from": []})], OUTSIDE, True),
        ([ingress({"ports": []})], OUTSIDE, True),
        ([ingress({"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]})], OUTSIDE, True),
        ([ingress({"from": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/30"]}}]})], OUTSIDE, False),
        ([ingress({"from": [{"ipBlock": {"cidr": "::/0"}}]})], OUTSIDE, False),
        ([ingress({"from": [CLIENT]})], OUTSIDE, False),
        ([ingress({"from": [CLIENT]})], pod("client"), True),
        ([ingress({"from": [CLIENT]})], pod("client", "other"), False),
        ([ingress({"from": [CLIENT]})], pod("other"), False),
        ([ingress({"from": [SHOP]})], pod("other"), True),
        ([ingress({"from": [{"namespaceSelector": {}}]})], pod("other", "other"), True),
        ([ingress({"from": [{"namespaceSelector": {}}]})], OUTSIDE, False),
        ([ingress({"from": [{"namespaceSelector": {}, **CLIENT}]})], pod("client", "other"), True),
        ([ingress({"from": [{"namespaceSelector": {}, **CLIENT}]})], pod("other", "other"), False),
        ([ingress({"from": [{"namespaceSelector": {}}, CLIENT]})], pod("other", "other"), True),
        ([ingress({"from": [{"podSelector": {}}]})], pod("other"), True),
        ([ingress({"from": [{"podSelector": {}}]})], pod("other", "other"), False),
        ([ingress({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})], pod("client", address="10.1.1.1"), True),
        ([ingress(), ingress({"from": [CLIENT]})], pod("client"), True),
        ([ingress(podSelector={"matchLabels": {"app": "db"}})], OUTSIDE, True),
        ([policy({"policyTypes": ["Egress"], "egress": []})], OUTSIDE, True),
        ([policy({})], OUTSIDE, False),
        ([policy({"policyTypes": ["Ingress"]}, "other")], OUTSIDE, True),
        ([policy({"policyTypes": ["Egress"], "egress": []})], pod("client"), False),
        ([policy({"egress": [{}]})], pod("client"), False),
    ],
    ids=str,
)
def test_a_packet_passes_where_the_documentation_says_so(objects, source, expected):
    assert passes(objects, source) is expected


@pytest.mark.parametrize(
    ("port", "protocol", "number", "expected"),
    [
        ({"port": 443}, "tcp", 443, True),
        ({"port": 443}, "udp", 443, False),
        ({"port": 443}, "tcp", 444, False),
        ({"protocol": "UDP", "port": 1000, "endPort": 2000}, "udp", 2000, True),
        ({"protocol": "UDP", "port": 1000, "endPort": 2000}, "udp", 2001, False),
        ({"protocol": "SCTP"}, "sctp", 9, True),
    ],
)
def test_a_port_is_one_or_a_range_or_all_of_its_protocol(port, protocol, number, expected):
    assert passes([ingress({"ports": [port]})], OUTSIDE, None, protocol, number) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "api"]}, False),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "app", "operator": "Exists"}, False),
        ({"key": "tier", "operator": "DoesNotExist"}, False),
    ],
)
def test_a_selector_by_expressions_selects_too(expression, expected):
    assert passes([ingress(podSelector={"matchExpressions": [expression]})], OUTSIDE) is expected


# Random models: three classes of pods, two zones, an address in each zone and one in none.
CLASSES = [
    {"name": "a", "pods": {"labels": {"app": "a"}, "namespace": "one"}},
    {"name": "b", "pods": {"labels": {"app": "b"}, "namespace": "two"}},
    {"name": "c", "pods": {"labels": {"app": "c"}}},
]
ZONES = [
    {"name": "near", "networks": ["192.0.2.0/24", "2001:db8:1::/48"]},
    {"name": "wide", "networks": ["0.0.0.0/0"]},
    {"name": "empty"},
]
ENDS = {
    "a": pod("a", "one"),
    "b": pod("b", "two"),
    "c": pod("c", "three"),
    "near": "192.0.2.7",
    "near6": "2001:db8:1::7",
    "far": "198.51.100.7",
    "far6": "2001:db8:2::7",
}
PORTS = ("all", "80/tcp", "1000-2000/udp", "53/tcp+udp", "9/sctp")
flows = some.builds(
    lambda sender, receiver, port, end: {"from": sender, "to": receiver, "ports": [port], "end": end},
    *[some.lists(some.sampled_from(["a", "b", "c", "near", "wide", "empty"]), min_size=1, max_size=3, unique=True)] * 2,
    some.sampled_from(PORTS),
    some.sampled_from(["both", "both", "ingress", "egress"]),
)


def members(end):
    """Return the words of a model that hold an end."""
    if end in ("a", "b", "c"):
        return {end}
    version = ip_address(ENDS[end]).version
    return {*(["near"] if end.startswith("near") else []), *(["wide"] if version == 4 else [])}


def enforced(one):
    named = {*(one["from"] if one["end"] != "ingress" else ()), *(one["to"] if one["end"] != "egress" else ())}
    return named & {"a", "b"} and {*one["from"], *one["to"]} & {"a", "b", "c"}


def holds(port, protocol, number):
    numbers, _slash, protocols = port.partition("/")
    first, _dash, last = numbers.partition("-")
    return port == "all" or (protocol in protocols.split("+") and int(first) <= number <= int(last or first))


def allowed(model, isolated, own, direction, peer, packet):
    """Return what a model means at one end: its flows, and nothing else where any of them counts for the pods."""
    mine, theirs = ("from", "to") if direction == "egress" else ("to", "from")
    counting = [one for one in model if own in one[mine] and one["end"] in ("both", direction)]
    if own not in ("a", "b") or (not counting and (own, direction) not in isolated):
        return True
    return any(members(peer) & set(one[theirs]) and holds(one["ports"][0], *packet) for one in counting)


@examples(2000)
@given(
    model=some.lists(flows.filter(enforced), max_size=5),
    isolated=some.sets(some.tuples(some.sampled_from("ab"), some.sampled_from(["ingress", "egress"]))),
    ends=some.tuples(some.sampled_from(sorted(ENDS)), some.sampled_from(sorted(ENDS))),
    packet=some.sampled_from([("tcp", 80), ("udp", 1500), ("tcp", 53), ("udp", 53), ("sctp", 9), ("tcp", 1500)]),
)
def test_the_policies_of_any_model_let_through_what_its_flows_mean_and_nothing_else(model, isolated, ends, packet):
    classes = [
        {**one, "pods": {**one["pods"], "isolate": [word for name, word in sorted(isolated) if name == one["name"]]}}
        for one in CLASSES
    ]
    named = [{**one, "name": f"flow{number}"} for number, one in enumerate(model)]
    objects = render(build({"gatehouse_classes": classes, "gatehouse_zones": ZONES, "gatehouse_flows": named}))
    source, target = ends

    expected = allowed(model, isolated, source, "egress", target, packet) and allowed(
        model, isolated, target, "ingress", source, packet
    )
    assert verdict(objects, Packet(ENDS[source], ENDS[target], *packet)) == expected
