from __future__ import annotations

from itertools import pairwise

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import (
    ALL_PORTS,
    EXPECTED_PORTS,
    PROTOCOLS,
    PortError,
    PortRange,
    PortSet,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

ICMP_HINT = "errors always pass, and echo requests by gatehouse_echo_request"


def union(*texts):
    ports = PortSet()
    for text in texts:
        ports |= PortSet.parse(text)
    return ports


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("443/tcp", ["443/tcp"]),
        ("1/tcp", ["1/tcp"]),
        ("65535/udp", ["65535/udp"]),
        ("1-65535/sctp", ["1-65535/sctp"]),
        ("30000-32767/udp", ["30000-32767/udp"]),
        ("80-80/tcp", ["80/tcp"]),
        ("53/tcp+udp", ["53/tcp", "53/udp"]),
        ("53/udp+tcp", ["53/tcp", "53/udp"]),
        ("5000-5010/sctp+udp+tcp", ["5000-5010/tcp", "5000-5010/udp", "5000-5010/sctp"]),
        ("0443/tcp", ["443/tcp"]),
        ("all", ["all"]),
    ],
)
def test_a_port_is_read_as_it_is_written(text, merged):
    assert PortSet.parse(text).texts() == merged


@pytest.mark.parametrize(
    ("texts", "merged"),
    [
        (["80/tcp", "81/tcp"], ["80-81/tcp"]),
        (["81/tcp", "80/tcp"], ["80-81/tcp"]),
        (["80/tcp", "82/tcp"], ["80/tcp", "82/tcp"]),
        (["80-90/tcp", "85-95/tcp"], ["80-95/tcp"]),
        (["80-90/tcp", "91-95/tcp"], ["80-95/tcp"]),
        (["80-90/tcp", "92-95/tcp"], ["80-90/tcp", "92-95/tcp"]),
        (["80-90/tcp", "82/tcp"], ["80-90/tcp"]),
        (["82/tcp", "80-90/tcp", "1-100/tcp"], ["1-100/tcp"]),
        (["1-100/tcp", "50-60/tcp", "100-200/tcp"], ["1-200/tcp"]),
        (["1-32767/tcp", "32768-65535/tcp"], ["1-65535/tcp"]),
        (["80/tcp", "81/udp"], ["80/tcp", "81/udp"]),
        (["80/udp", "80/tcp"], ["80/tcp", "80/udp"]),
        (["80-90/udp", "85-95/tcp", "91/udp"], ["85-95/tcp", "80-91/udp"]),
        (["9/tcp", "10/tcp", "100/tcp"], ["9-10/tcp", "100/tcp"]),
        (["80/tcp", "80/tcp"], ["80/tcp"]),
        (["80/tcp", "all"], ["all"]),
        (["all", "80/udp"], ["all"]),
        ([], []),
    ],
)
def test_adjacent_and_overlapping_ranges_join_and_protocols_never_mix(texts, merged):
    assert union(*texts).texts() == merged


@pytest.mark.parametrize(
    ("text", "expected", "hint"),
    [
        ("0/tcp", "ports between 1 and 65535", ""),
        ("65536/tcp", "ports between 1 and 65535", ""),
        ("1-65536/tcp", "ports between 1 and 65535", ""),
        ("0-1/tcp", "ports between 1 and 65535", ""),
        ("2-1/tcp", "a range that goes upwards", "did you mean 1-2/tcp?"),
        ("2-1/tcp+udp", "a range that goes upwards", "did you mean 1-2/tcp+udp?"),
        ("443/icmp", "a protocol of tcp, udp, sctp, or two joined by +", ICMP_HINT),
        ("443/tcp+", "a protocol of tcp, udp, sctp, or two joined by +", ""),
        ("443/tcp+udp+", "a protocol of tcp, udp, sctp, or two joined by +", ""),
        ("tcp/443", EXPECTED_PORTS, 'did you mean "443/tcp"?'),
        ("udp/30000-32767", EXPECTED_PORTS, 'did you mean "30000-32767/udp"?'),
        (443, EXPECTED_PORTS, 'did you mean "443/tcp"?'),
        ("22", EXPECTED_PORTS, 'did you mean "22/tcp"?'),
        ("8000:8010/tcp", EXPECTED_PORTS, 'did you mean "8000-8010/tcp"?'),
        ("8000:8010", EXPECTED_PORTS, 'did you mean "8000-8010/tcp"?'),
        ("80,443/tcp", EXPECTED_PORTS, 'did you mean the entries "80/tcp", "443/tcp"?'),
        ("80, 8000-8010/udp", EXPECTED_PORTS, 'did you mean the entries "80/udp", "8000-8010/udp"?'),
        ("443/TCP", EXPECTED_PORTS, 'did you mean "443/tcp"?'),
        (" 443/tcp", EXPECTED_PORTS, 'did you mean "443/tcp"?'),
        ("https", EXPECTED_PORTS, 'did you mean "443/tcp"? Names of gatehouse_services belong in services'),
        ("vrrp", EXPECTED_PORTS, 'a protocol without ports passes with "all" alone'),
        ("8/icmp", "a protocol of tcp, udp, sctp, or two joined by +", ICMP_HINT),
        ("echo-request/icmpv6", EXPECTED_PORTS, ICMP_HINT),
        ("any", EXPECTED_PORTS, 'did you mean "all"?'),
        (True, EXPECTED_PORTS, ""),
        ("443", EXPECTED_PORTS, 'did you mean "443/tcp"?'),
        ("", EXPECTED_PORTS, ""),
        ("ALL", EXPECTED_PORTS, 'did you mean "all"?'),
        ("-1/tcp", EXPECTED_PORTS, ""),
        ("1-/tcp", EXPECTED_PORTS, ""),
        ("1 - 2/tcp", EXPECTED_PORTS, ""),
        ("443/tcp\n", EXPECTED_PORTS, 'did you mean "443/tcp"?'),
        ("\u0661/tcp", EXPECTED_PORTS, ""),
        ("1000000000/tcp", EXPECTED_PORTS, ""),
        (4.43, EXPECTED_PORTS, ""),
        (None, EXPECTED_PORTS, ""),
        (["443/tcp"], EXPECTED_PORTS, ""),
        ({"443": "tcp"}, EXPECTED_PORTS, ""),
    ],
)
def test_what_is_no_port_is_refused_with_what_would_be_one(text, expected, hint):
    with pytest.raises(PortError) as raised:
        PortSet.parse(text)

    assert (raised.value.expected, raised.value.hint) == (expected, hint)


@pytest.mark.parametrize(
    ("protocol", "port", "held"),
    [
        ("tcp", 79, False),
        ("tcp", 80, True),
        ("tcp", 90, True),
        ("tcp", 91, False),
        ("udp", 80, False),
        ("udp", 53, True),
        ("icmp", None, False),
        ("tcp", None, False),
    ],
)
def test_a_set_holds_its_ports_of_its_protocols_and_no_other(protocol, port, held):
    assert union("80-90/tcp", "53/udp").holds(protocol, port) is held


@pytest.mark.parametrize(("protocol", "port"), [("tcp", 1), ("udp", 65535), ("icmp", None), ("gre", None)])
def test_all_holds_every_protocol_and_port(protocol, port):
    assert ALL_PORTS.holds(protocol, port)


def test_an_empty_set_holds_nothing_and_says_so():
    assert not PortSet()
    assert not PortSet().holds("tcp", 1)
    assert str(PortSet()) == "no port"
    assert ALL_PORTS
    assert str(union("22/tcp", "80-81/tcp", "53/udp")) == "22/tcp 80-81/tcp 53/udp"


numbers = some.integers(1, 40) | some.integers(65500, 65535)
ranges = some.builds(
    lambda protocol, ends: PortRange(protocol, *sorted(ends)),
    some.sampled_from(PROTOCOLS),
    some.tuples(numbers, numbers),
)
some_ranges = some.lists(ranges, max_size=8)


@examples(300)
@given(some_ranges)
def test_a_union_holds_exactly_the_ports_of_its_ranges(parts):
    merged = PortSet.of(parts)

    for protocol in PROTOCOLS:
        for port in (*range(1, 44), *range(65490, 65536)):
            held = any(part.protocol == protocol and part.first <= port <= part.last for part in parts)
            assert merged.holds(protocol, port) is held


@examples(300)
@given(some_ranges)
def test_merged_ranges_are_sorted_and_apart(parts):
    merged = PortSet.of(parts).ranges

    assert list(merged) == sorted(merged, key=lambda item: (PROTOCOLS.index(item.protocol), item.first))
    for one, other in pairwise(merged):
        assert one.protocol != other.protocol or one.last + 1 < other.first


@examples(200)
@given(some_ranges, some_ranges, some_ranges)
def test_neither_order_nor_grouping_changes_a_union(one, other, third):
    sets = PortSet.of(one), PortSet.of(other), PortSet.of(third)

    assert (sets[0] | sets[1]) | sets[2] == sets[2] | (sets[1] | sets[0]) == PortSet.of([*third, *one, *other])


@examples(200)
@given(some_ranges)
def test_a_set_reads_back_from_its_own_texts(parts):
    ports = PortSet.of(parts)

    assert union(*ports.texts()) == ports
