from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import (
    EXPECTED_NETWORK,
    AddressError,
    AddressSet,
    is_single,
    network_text,
    parse_network,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some


def addresses(*texts):
    return AddressSet.of(map(parse_network, texts))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("192.0.2.10", "192.0.2.10"),
        ("192.0.2.10/32", "192.0.2.10"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("0.0.0.0", "0.0.0.0"),
        ("2001:db8::10", "2001:db8::10"),
        ("2001:0DB8:0::0010", "2001:db8::10"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
        ("::1", "::1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ],
)
def test_an_address_or_a_network_is_read_and_written_the_one_way(text, written):
    network = parse_network(text)

    assert network_text(network) == written
    assert is_single(network) is ("/" not in written)


@pytest.mark.parametrize(
    ("text", "expected", "hint"),
    [
        ("192.0.2.1/24", "a network without host bits", "did you mean 192.0.2.0/24?"),
        ("192.0.2.1/0", "a network without host bits", "did you mean 0.0.0.0/0?"),
        ("2001:db8::1/64", "a network without host bits", "did you mean 2001:db8::/64?"),
        ("::ffff:192.0.2.1", "an IPv4 address written as one", "did you mean 192.0.2.1/32?"),
        ("::ffff:c000:201", "an IPv4 address written as one", "did you mean 192.0.2.1/32?"),
        ("::ffff:192.0.2.0/120", "an IPv4 address written as one", "did you mean 192.0.2.0/24?"),
        ("::ffff:0:0/96", "an IPv4 address written as one", "did you mean 0.0.0.0/0?"),
        ("192.0.2.0/255.255.255.0", EXPECTED_NETWORK, ""),
        ("192.0.2.0/0.0.0.255", EXPECTED_NETWORK, ""),
        ("0.0.0.0/0.0.0.0", EXPECTED_NETWORK, ""),
        ("192.0.2.0/33", EXPECTED_NETWORK, ""),
        ("192.0.2.0/-1", EXPECTED_NETWORK, ""),
        ("192.0.2.0/", EXPECTED_NETWORK, ""),
        ("192.0.2", EXPECTED_NETWORK, ""),
        ("192.0.2.256", EXPECTED_NETWORK, ""),
        ("192.0.2.01", EXPECTED_NETWORK, ""),
        ("2001:db8::/129", EXPECTED_NETWORK, ""),
        ("2001:db8", EXPECTED_NETWORK, ""),
        ("2001::db8::1", EXPECTED_NETWORK, ""),
        ("fe80::1%eth0", EXPECTED_NETWORK, ""),
        ("[2001:db8::1]", EXPECTED_NETWORK, ""),
        ("git.example.org", EXPECTED_NETWORK, ""),
        (" 192.0.2.1", EXPECTED_NETWORK, ""),
        ("192.0.2.1\n", EXPECTED_NETWORK, ""),
        ("١٩٢.0.2.1", EXPECTED_NETWORK, ""),
        ("", EXPECTED_NETWORK, ""),
        (3221225985, EXPECTED_NETWORK, ""),
        (True, EXPECTED_NETWORK, ""),
        (None, EXPECTED_NETWORK, ""),
        (b"\xc0\x00\x02\x01", EXPECTED_NETWORK, ""),
        (IPv4Network("192.0.2.0/24"), EXPECTED_NETWORK, ""),
        (["192.0.2.1"], EXPECTED_NETWORK, ""),
    ],
)
def test_what_is_no_network_is_refused_with_what_would_be_one(text, expected, hint):
    with pytest.raises(AddressError) as raised:
        parse_network(text)

    assert (raised.value.expected, raised.value.hint) == (expected, hint)


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        ([], []),
        (["192.0.2.2", "192.0.2.1"], ["192.0.2.1", "192.0.2.2"]),
        (["192.0.2.0", "192.0.2.1"], ["192.0.2.0", "192.0.2.1"]),
        (["192.0.2.9", "192.0.2.9", "192.0.2.9/32"], ["192.0.2.9"]),
        (["192.0.2.0/24", "192.0.2.9"], ["192.0.2.0/24"]),
        (["192.0.2.255", "192.0.2.0/24", "192.0.3.0"], ["192.0.2.0/24", "192.0.3.0"]),
        (["192.0.2.0/25", "192.0.2.0/24"], ["192.0.2.0/24"]),
        (["192.0.2.0/25", "192.0.2.128/25"], ["192.0.2.0/24"]),
        (["0.0.0.0/1", "128.0.0.0/1", "192.0.2.1"], ["0.0.0.0/0"]),
        (["::/0", "2001:db8::1", "192.0.2.1"], ["192.0.2.1", "::/0"]),
        (["2001:db8::2", "192.0.2.1", "2001:db8::1"], ["192.0.2.1", "2001:db8::1", "2001:db8::2"]),
    ],
)
def test_a_set_is_sorted_and_none_of_its_networks_is_inside_another(texts, kept):
    found = addresses(*texts)

    assert [network_text(network) for network in found.networks] == kept
    assert len(found) == len(kept)
    assert bool(found) is bool(kept)


@pytest.mark.parametrize(
    ("address", "held"),
    [
        ("192.0.1.255", False),
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("198.51.100.7", True),
        ("198.51.100.6", False),
        ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", False),
        ("2001:db8::", True),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2001:db9::", False),
        ("::c000:200", False),
    ],
)
def test_an_address_is_held_where_a_network_of_its_family_has_it(address, held):
    assert (ip_address(address) in addresses("192.0.2.0/24", "198.51.100.7", "2001:db8::/32")) is held


def test_nothing_is_held_by_nobody_and_only_addresses_are_held():
    assert ip_address("192.0.2.1") not in AddressSet()
    assert "192.0.2.1" not in addresses("192.0.2.1")
    assert IPv6Network("::/0") not in addresses("::/0")


def test_a_union_with_nobody_is_the_same():
    some_addresses = addresses("192.0.2.0/24", "2001:db8::1")

    assert some_addresses | AddressSet() == AddressSet() | some_addresses == some_addresses | some_addresses
    assert some_addresses | AddressSet() == some_addresses


# Few bits, so that networks meet.
v4_networks = some.builds(
    lambda bits, length: ip_network((bits << 24, length), strict=False), some.integers(0, 255), some.integers(0, 10)
)
v6_networks = some.builds(
    lambda bits, length: ip_network((bits << 120, length), strict=False), some.integers(0, 255), some.integers(0, 10)
)
singles = some.builds(lambda bits, low: ip_network((bits << 24) + low), some.integers(0, 255), some.integers(0, 2))
network_lists = some.lists(v4_networks | v6_networks | singles, max_size=8)
probes = [
    *(ip_address((bits << 24) + low) for bits in range(256) for low in (0, 1, 3)),
    *(ip_address(bits << 120) for bits in range(1, 256)),
]


@examples(150)
@given(network_lists)
def test_a_set_holds_exactly_the_addresses_of_its_networks(networks):
    found = AddressSet.of(networks)

    for probe in probes:
        assert (probe in found) is any(probe in network for network in networks)


@examples(150)
@given(network_lists, network_lists)
def test_a_union_is_what_both_lists_make_together(one, other):
    assert AddressSet.of(one) | AddressSet.of(other) == AddressSet.of([*other, *one])


@examples(150)
@given(network_lists)
def test_no_two_networks_of_a_set_overlap(networks):
    found = AddressSet.of(networks)

    for family in (found.v4, found.v6):
        assert list(family) == sorted(family)
        assert not any(one.overlaps(other) for one, other in pairwise(family))


@examples(300)
@given(network_lists, network_lists)
def test_what_sets_share_and_what_one_has_alone_is_exact_and_a_set_like_any_other(one, other):
    both, alone = AddressSet.of(one) & AddressSet.of(other), AddressSet.of(one) - AddressSet.of(other)

    for probe in probes:
        in_one, in_other = (any(probe in network for network in networks) for networks in (one, other))
        assert (probe in both) is (in_one and in_other)
        assert (probe in alone) is (in_one and not in_other)
    for found in (both, alone):
        assert AddressSet.of(found.networks) == found


@examples(300)
@given(network_lists, some.lists(network_lists, max_size=3))
def test_a_set_exceeds_others_where_they_leave_any_of_its_addresses(one, others):
    whole, sets = AddressSet.of(one), [AddressSet.of(networks) for networks in others]

    assert whole.exceeds(*sets) is bool(whole - AddressSet.union(sets))


def test_neighbouring_addresses_stay_apart_in_what_sets_share():
    assert addresses("192.0.2.0/24") & addresses("192.0.2.2", "192.0.2.3") == addresses("192.0.2.2", "192.0.2.3")


@examples(150)
@given(network_lists)
def test_single_addresses_and_networks_are_the_parts_of_a_set(networks):
    whole = AddressSet.of(networks)
    single, wide = whole.parts

    assert (whole.parts, single | wide) == ((single, wide), whole)
    assert all(map(is_single, single.networks))
    assert not any(map(is_single, wide.networks))
