from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header, HostName, NamedSet
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.lost import lost, moved
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

APPS = tuple(f"198.51.100.{number}" for number in range(10, 20))


def header(**sets):
    """Return what a ruleset says that has these sets, each named like its peer."""
    return Header(sets=tuple(NamedSet(f"{peer}.set", peer.replace("_", "."), held) for peer, held in sets.items()))


def row(share, example, held=10, peer="app", family=4):
    return {"peer": peer, "family": family, "held": held, "share": share, "example": example}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (APPS, APPS, []),
        (APPS, (*APPS, "198.51.100.99"), []),
        (APPS, APPS[2:], [row(200, "198.51.100.10")]),
        (APPS, APPS[3:], [row(300, "198.51.100.10")]),
        (APPS[:3], APPS[:2], [row(334, "198.51.100.12", held=3)]),
        (APPS, ("203.0.113.1",), [row(1000, "198.51.100.10")]),
        # Networks that others make up, and those that lose a part.
        (APPS, ("198.51.100.0/24",), []),
        (("198.51.100.0/24",), ("198.51.100.0/25", "198.51.100.128/25"), []),
        (("198.51.100.0/24",), ("198.51.0.0/16",), []),
        (("198.51.100.0/24",), ("198.51.100.64/26", "198.51.100.200"), [row(747, "198.51.100.0/24", held=1)]),
        (("198.51.100.0/24", "203.0.113.7"), ("198.51.100.0/24",), [row(500, "203.0.113.7", held=2)]),
        (
            ("2001:db8::/32", "2001:db9::1"),
            ("2001:db8::/33", "2001:db9::1"),
            [row(250, "2001:db8::/32", held=2, family=6)],
        ),
        # Of an edited file, what is no address counts as gone.
        (("198.51.100.10", "none"), ("198.51.100.10",), [row(500, "none", held=2)]),
    ],
)
def test_what_a_peer_loses_is_a_share_of_what_it_had(before, after, expected):
    assert lost(header(app=before), header(app=after)) == expected


def test_families_and_sides_count_by_themselves():
    before = header(app=APPS, app_private=APPS[:2])
    six = NamedSet("six", "app", ("2001:db8::1",))
    before = Header(sets=(*before.sets, six))

    assert lost(before, header(app=APPS)) == [
        row(1000, "2001:db8::1", held=1, family=6),
        row(1000, "198.51.100.10", held=2, peer="app.private"),
    ]


def test_addresses_behind_host_names_do_not_count():
    names = (HostName("git.example.org", ("203.0.113.7",), {"4": ("vcs.names.set",), "6": ()}),)
    before = Header(names=names, sets=(NamedSet("vcs.names.set", "vcs.names", ("203.0.113.7",)),))

    assert lost(before, header(app=APPS)) == []


@pytest.mark.parametrize("of_version", [str, rulesets.of_version_0_1_0])
@pytest.mark.parametrize("render", [rulesets.nftables, rulesets.iptables], ids=["nftables", "iptables"])
def test_a_real_ruleset_says_what_it_holds_in_each_backend_and_format(render, of_version):
    host = "web1" if render is rulesets.nftables else "web2"
    found = lost(read(of_version(render("28-host-names", host))), header())

    assert ("office", 4, 1000) in {(one["peer"], one["family"], one["share"]) for one in found}
    assert not any(one["peer"].endswith(".names") for one in found)


def test_a_host_says_what_it_would_lose_of_what_it_has_confirmed_in_any_backend(tmp_path):
    host = FakeHost(tmp_path)
    assert host.firewall().lost(header(app=APPS[:1]).line()) == []

    host.harden(header(app=APPS).line() + "table inet gatehouse\n")
    assert host.firewall().lost(header(app=APPS[:1]).line()) == [row(900, "198.51.100.11")]


def test_what_came_and_went_is_listed_with_some_examples():
    assert moved(header(app=APPS, db=()), header(app=(*APPS[1:], "203.0.113.9"), db=("2001:db8::1",))) == [
        {"peer": "app", "way": "came", "addresses": ["203.0.113.9"], "count": 1},
        {"peer": "app", "way": "went", "addresses": ["198.51.100.10"], "count": 1},
        {"peer": "db", "way": "came", "addresses": ["2001:db8::1"], "count": 1},
    ]
    (row,) = moved(header(), header(app=APPS))
    assert (len(row["addresses"]), row["count"]) == (5, 10)
