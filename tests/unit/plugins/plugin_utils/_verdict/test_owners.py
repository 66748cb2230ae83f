"""Whose an address is, where flows are at some: what assertions say of it, held to verdict() over all packets."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.owners import Owners
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, problems_of
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

HOSTS = {"10.0.0.1": "web", "10.0.0.2": "web", "10.0.0.5": "db", "10.0.0.6": "db"}
BALANCER = "10.0.0.7"
VIP = "203.0.113.10"
# One of each kind: hosts' own, a class's that nobody manages, shared ones, and strangers near and far.
EVERYBODY = [*HOSTS, BALANCER, "10.0.0.9", VIP, "203.0.113.11", "198.51.100.9", "192.0.2.77"]
PORT = 443


def model(*flows, classes=("web", "db"), **variables):
    groups = {name: {"name": name, "groups": [f"{name}s"]} for name in ("web", "db")}
    return {
        "gatehouse_classes": [*(groups[name] for name in classes), {"name": "balancer", "networks": [BALANCER]}],
        "gatehouse_zones": [
            {"name": "external", "networks": ["0.0.0.0/0"]},
            {"name": "office", "networks": ["198.51.100.0/24"]},
        ],
        "gatehouse_flows": list(flows),
        "groups": {f"{name}s": [host for host, its in HOSTS.items() if its == name] for name in ("web", "db")},
        "hosts": {host: {"ansible_host": host} for host in HOSTS},
        **variables,
    }


def flow(name, sender, receiver, port=PORT, **more):
    return {"name": name, "from": [sender], "to": [receiver], "ports": [f"{port}/tcp"], **more}


def problems(verb, sender, receiver, *flows, port=PORT, **more):
    assertion = {verb: sender, "to": receiver, "port": f"{port}/tcp"}
    return [str(problem) for problem in problems_of(model(*flows, gatehouse_assertions=[assertion], **more))]


@pytest.mark.parametrize("classes", [("web", "db"), ("db", "web")])
@pytest.mark.parametrize("at", ["10.0.0.0/16", "10.0.0.5", "0.0.0.0/0", VIP])
def test_a_flow_at_addresses_hides_nothing_that_is_open_at_another_class(classes, at):
    site = flow("site", "office", "web", at=[at])
    flows = site, flow("oops", "external", "db", 5432)
    (found,) = problems("deny", "external", "db", *flows, port=5432, classes=classes)

    assert "0.0.0.1 -> 10.0.0.5, 5432/tcp: passes" in found


@pytest.mark.parametrize("classes", [("web", "db"), ("db", "web")])
@pytest.mark.parametrize("receiver", ["db", VIP])
def test_an_address_that_two_classes_receive_is_open_where_one_of_them_opens_it(classes, receiver):
    flows = flow("site", "external", "web", at=[VIP]), flow("oops", "external", "db", 5432, at=[VIP])

    (found,) = problems("deny", "external", receiver, *flows, port=5432, classes=classes)
    assert f"0.0.0.1 -> {VIP}, 5432/tcp: passes" in found
    (found,) = problems("allow", "office", VIP, *flows, port=5432, classes=classes)
    assert f"198.51.100.1 -> {VIP}, 5432/tcp: denied" in found


def test_nobody_sends_from_an_address_that_flows_alone_name():
    assert problems("allow", "web", "db", flow("site", "external", "web", at=[VIP]), flow("sql", "web", "db")) == []


def test_who_names_a_class_means_no_stranger_at_its_addresses():
    flows = flow("site", "office", "web", at=["203.0.113.0/28"]), flow("out", "db", "external", end="egress")

    assert problems("deny", "db", "web", *flows) == []
    (found,) = problems("deny", "db", "203.0.113.3", *flows)
    assert "10.0.0.5 -> 203.0.113.3, 443/tcp: passes" in found


def test_a_stranger_is_nobody_who_is_reached_at_a_single_address_of_flows():
    assert problems("deny", "db", "external", flow("inner", "db", "web", at=[VIP])) == []


def test_an_address_of_a_class_that_nobody_manages_is_that_classs_alone():
    site = flow("site", "office", "web", at=["10.0.0.0/16"])
    owners = Owners(build(model(site, flow("front", "balancer", "db", at=["10.0.0.0/29"]))))

    assert list(owners.receivers(BALANCER, AddressSet.of([parse_network(BALANCER)])).parts) == [""]
    assert problems("allow", "web", "balancer", site, flow("back", "web", "balancer")) == []


_AT = ["0.0.0.0/0", "10.0.0.0/16", "10.0.0.4/30", "10.0.0.5", "203.0.113.10/31", VIP, "203.0.113.11", BALANCER]
_flows = some.lists(
    some.builds(
        lambda ends, at, end: {"from": [ends[0]], "to": [ends[1]], "end": end, **({"at": at} if at else {})},
        some.sampled_from(
            [(one, other) for one in ("web", "db", "external", "office", "balancer") for other in ("web", "db")]
        ),
        some.lists(some.sampled_from(_AT), max_size=2),
        some.sampled_from(["both", "both", "ingress"]),
    )
    | some.builds(
        lambda sender, receiver: {"from": [sender], "to": [receiver]},
        some.sampled_from(["web", "db"]),
        some.sampled_from(["external", "balancer"]),
    ),
    max_size=4,
).map(lambda found: [{"name": f"flow{index}", "ports": ["443/tcp"], **one} for index, one in enumerate(found)])
_names = some.sampled_from(["web", "db", "external", "balancer", "10.0.0.2", VIP, "203.0.113.11", "198.51.100.9"])


def senders(name):
    """Return who sends by a name: addresses, each with the class whose policy lets it out, if there is one."""
    classes = {**HOSTS, BALANCER: "balancer"}
    if name == "external":
        return [(one, "") for one in EVERYBODY if one not in classes]
    return [(one, HOSTS.get(one, "")) for one in EVERYBODY if name in (one, classes.get(one))]


def receivers(name, flows):
    """Return who receives by a name, the same way; an address stands there for each who may receive at it."""
    found = {one: _receivers_at(one, flows) for one in EVERYBODY}
    if name == "external":
        return [(one, "") for one, owners in found.items() if "" in owners and one != BALANCER]
    if name == "balancer":
        return [(BALANCER, "")]
    if name in ("web", "db"):
        return [(one, owner) for one, owners in found.items() if name in owners for owner in owners if owner]
    return [(name, owner) for owner in found[name]]


def _receivers_at(address, flows):
    if address in HOSTS or address == BALANCER:
        return [HOSTS.get(address, "")]
    at = [(network, one["to"][0]) for one in flows for network in one.get("at", ())]
    found = {owner for network, owner in at if ip_address(address) in parse_network(network)}
    return [*found, *([] if address in _single(flows) else [""])]


def _single(flows):
    at = [network for one in flows for network in AddressSet.of(map(parse_network, one.get("at", ()))).networks]
    return {str(network.network_address) for network in at if network.num_addresses == 1}


@examples(600)
@given(_flows, some.sampled_from(["deny", "allow"]), _names, _names, some.booleans())
def test_an_assertion_holds_if_verdict_says_so_of_every_packet(flows, verb, sender, receiver, reverse):
    classes = ("db", "web") if reverse else ("web", "db")
    policies = build(model(*flows, classes=classes)).policies
    said = {
        _passes(policies, source, target)
        for source in senders(sender)
        for target in receivers(receiver, flows)
        if source[0] != target[0] and (source[1] or target[1])
    }

    found = problems(verb, sender, receiver, *flows, classes=classes)

    assert bool(found) == (said != {verb == "allow"}), (found, said)


def _passes(policies, source, target):
    (sender, its_class), (receiver, other) = source, target
    ends = ip_address(sender), ip_address(receiver)
    found = [(direction, policies[name]) for direction, name in (("egress", its_class), ("ingress", other)) if name]
    return all(verdict(policy, Packet(direction, *ends, "tcp", port=PORT)).allowed for direction, policy in found)
