"""Random policies of the kind that compile.py makes: overlapping peers, overlapping ports, sides, isolation, DNAT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_network

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.carries import Carries
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import HostName, Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, Network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import (
    ALL_PORTS,
    PROTOCOLS,
    PortRange,
    PortSet,
)
from ansible_collections.gatehouse.firewall.tests.parity.places import GUESTS, OWN, SERVICES
from hypothesis import strategies as some

NODE_CLASS = "web"
CLASSES = ("db", NODE_CLASS)

_PEERS = ("db", NODE_CLASS, "office", "world")
_SIDES = ("", "private", "public")
# Few addresses, so that networks meet; a side of each, and a few as wide as networks get.
_V4 = int(IPv4Address("198.51.100.0"))
_V6 = int(IPv6Address("2001:db8:1::"))
_WIDE = (
    *("10.0.0.0/8", "172.16.0.0/12", "203.0.113.0/24", "0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/0"),
    *("2001:db8::/32", "2001:db8:2::/48", "fe80::/10", "::/1", "2000::/3", "::/0"),
)
EVERYBODY = AddressSet.of(map(ip_network, ("0.0.0.0/0", "::/0")))


def _network(first: int, bits: int, low: int, host_bits: int) -> Network:
    start = first + (low >> host_bits << host_bits)
    address = IPv4Address(start) if bits == 32 else IPv6Address(start)
    return ip_network((address, bits - host_bits))


_small = some.builds(
    _network, some.just(_V4), some.just(32), some.integers(0, 63), some.sampled_from((0, 0, 0, 1, 2, 3, 5))
) | some.builds(_network, some.just(_V6), some.just(128), some.integers(0, 63), some.sampled_from((0, 0, 0, 1, 2, 5)))
_networks = some.one_of(_small, _small, _small, some.sampled_from(_WIDE).map(ip_network))
_zones = some.lists(_networks, min_size=1, max_size=6).map(AddressSet.of)
_addresses = some.one_of(
    _zones,
    some.lists(_small, min_size=1, max_size=6).map(AddressSet.of),
    # What exceptions leave of a zone: networks of every length beside each other.
    some.builds(AddressSet.__sub__, some.sampled_from((EVERYBODY,)) | _zones, _zones),
    some.sampled_from((AddressSet(), EVERYBODY)),
)


def _range(protocol: str, first: int, more: int) -> PortRange:
    return PortRange(protocol, first, min(first + more, 65535))


_range_of_ports = some.builds(
    _range,
    some.sampled_from(PROTOCOLS),
    some.one_of(
        *[some.integers(8000, 8015)] * 3,
        *[some.integers(30000, 30007)] * 2,
        some.sampled_from((1, 67, 547, 1024, 65535)),
    ),
    some.sampled_from((0, 0, 0, 1, 2, 5, 65535)),
)
_ports = some.one_of(
    some.lists(_range_of_ports, min_size=1, max_size=5).map(PortSet.of),
    some.lists(_range_of_ports, min_size=1, max_size=3).map(PortSet.of),
    some.sampled_from((ALL_PORTS, PortSet.parse("8000-8009/tcp+udp"))),
)
_interfaces: some.SearchStrategy[Mapping[str, tuple[str, ...]]] = some.sampled_from(
    (
        {},
        {"private": ("eth0",), "public": ("eth1",)},
        {"public": ("eth1", "wg0")},
        {"private": ("eth0", "eth1"), "public": ("wg0",)},
        {"private": ("eth1", "docker0"), "public": ("eth0",)},
    )
)
_sometimes = some.sampled_from((True, False, False))
_single_addresses = some.lists(
    some.builds(_network, some.just(_V4), some.just(32), some.integers(0, 63), some.just(0))
    | some.builds(_network, some.just(_V6), some.just(128), some.integers(0, 63), some.just(0)),
    max_size=4,
).map(AddressSet.of)
_sides = some.sampled_from(("", "", *_SIDES))
_some_peers = some.lists(some.sampled_from(_PEERS), min_size=1, max_size=3, unique=True)


# Redirected ports, those beside, those of a DHCP client, and those that the packets come from.
_range_before_dnat = some.builds(
    _range,
    some.sampled_from(PROTOCOLS),
    some.sampled_from((68, 546, 8009, 8010, 8012, 20000, 30000, 30000, 30001, 30004)),
    some.sampled_from((0, 0, 1, 4, 5, 127, 65535)),
)
_ports_before_dnat = some.one_of(
    *[some.lists(_range_before_dnat, min_size=1, max_size=5).map(PortSet.of)] * 2,
    some.sampled_from(("30000-32767/tcp+udp+sctp", "30001-32767/tcp+udp+sctp", "1-65535/tcp+udp")).map(PortSet.parse),
)
_services = some.sampled_from(
    (
        AddressSet(),
        *(AddressSet.of([ip_network(address)]) for address in SERVICES.values()),
        AddressSet.of(ip_network(address) for address in SERVICES.values()),
        AddressSet.of(map(ip_network, ("203.0.113.128/25", "2001:db8:2::/64"))),
    )
)
_pre_dnat = some.builds(PreDnat, _ports_before_dnat, _services, some.sampled_from(("", *_SIDES)))


# All guests, those of one link, half of these, and others' addresses as well.
_behind = some.one_of(
    some.sampled_from(
        (
            AddressSet(),
            *[AddressSet.of(map(ip_network, ("10.88.0.0/24", "2001:db8:88::/120")))] * 2,
            AddressSet.of(GUESTS["docker0"].values()),
            AddressSet.of(map(ip_network, ("10.88.0.64/26", "2001:db8:88::40/122"))),
        )
    ),
    some.lists(_small, min_size=1, max_size=2).map(AddressSet.of),
)
_carries = some.builds(
    Carries,
    some.sampled_from(
        (
            *[()] * 3,
            *(("docker0",), ("br-*",), ("docker0", "br-*"), ("docker*", "br-4f1c")),
            *(("docker0", "eth2"), ("d*", "eth1")),
        )
    ),
    _behind,
    _behind,
    some.one_of(some.just(AddressSet()), some.lists(_small, min_size=1, max_size=6).map(AddressSet.of), _addresses),
    some.sampled_from((True, True, True, False)),
)


# Addresses of the host that a flow is for: its own, the service's, both families or one, and some that it hasn't.
_at = some.one_of(
    *[some.just(EVERYBODY)] * 4,
    some.lists(
        some.sampled_from((*OWN.values(), *SERVICES.values())).map(ip_network) | _networks, min_size=1, max_size=3
    ).map(AddressSet.of),
)


@some.composite
def policies(draw: some.DrawFn) -> Policy:
    """Draw a policy. A peer's name on a side means the same addresses wherever it stands."""
    known: dict[tuple[str, str], AddressSet] = {}
    narrowed: dict[str, AddressSet] = {}

    def addresses(peer: str, side: str) -> AddressSet:
        if (peer, side) not in known:
            known[peer, side] = draw(_addresses)
        return known[peer, side]

    def by_name(rule: Rule) -> Rule:
        if (rule.peer, "names") not in known:
            known[rule.peer, "names"] = draw(_single_addresses)
        answers = known[rule.peer, "names"]
        return replace(rule, addresses=answers, names=(HostName(f"{rule.peer}.example.org", answers),))

    def rules(direction: str) -> tuple[Rule, ...]:
        found = []
        for number in range(draw(some.integers(0, 5))):
            flow, ports, side, log = f"flow{number}", draw(_ports), draw(_sides), draw(some.booleans())
            at = narrowed.setdefault(flow, draw(_at))
            here = [Rule(flow, peer, addresses(peer, side), ports, side, log, at=at) for peer in draw(_some_peers)]
            if direction == "egress" and at != EVERYBODY:
                found += [replace(rule, addresses=at) for rule in here]
            else:
                found += here + [by_name(rule) for rule in here if draw(_sometimes)]
        return tuple(sorted(found, key=lambda rule: not rule.ports.everything))

    return Policy(
        classes=CLASSES,
        ingress=rules("ingress"),
        egress=rules("egress"),
        isolated={name: addresses(name, "") for name in CLASSES if draw(some.booleans())},
        pre_dnat=tuple(draw(some.lists(_pre_dnat, max_size=2))),
        carries=draw(some.one_of(some.just(Carries()), _carries, _carries)),
        echo_request=not draw(some.booleans()),
        dhcp=not draw(_sometimes),
        interfaces=draw(_interfaces),
    )
