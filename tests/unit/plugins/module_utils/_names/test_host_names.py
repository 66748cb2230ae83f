from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import (
    MAX_ADDRESSES,
    HostName,
    Refresh,
    names_of,
    refresh_of,
    with_answers,
    without_answers,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets

CASE = "28-host-names"
BACKENDS = {
    "nftables": (Nft(None, "nft"), rulesets.nftables(CASE, "web1")),
    "iptables": (Iptables(None, "iptables", "ip6tables", "ipset"), rulesets.iptables(CASE, "web2")),
}
each_backend = pytest.mark.parametrize(("backend", "ruleset"), BACKENDS.values(), ids=BACKENDS)


@each_backend
def test_a_ruleset_says_which_names_its_sets_depend_on(backend, ruleset):
    git, pkg = names_of(ruleset)

    assert (git.name, git.addresses) == ("git.example.org", ("198.51.100.7", "2001:db8::7"))
    assert (pkg.name, pkg.addresses, pkg.sets) == ("pkg.example.org", ("198.51.100.8",), git.sets)
    (v4,), (v6,) = git.sets["4"], git.sets["6"]
    elements = backend.elements(ruleset)
    assert (elements[v4], elements[v6]) == (("198.51.100.7", "198.51.100.8"), ("2001:db8::7",))


@each_backend
def test_answers_go_into_the_comments_and_the_sets_and_nowhere_else(backend, ruleset):
    changed = with_answers(backend, ruleset, {"git.example.org": ["2001:db8::9", "198.51.100.99", "198.51.100.10"]})

    git, pkg = names_of(changed)
    assert git.addresses == ("198.51.100.10", "198.51.100.99", "2001:db8::9")
    assert pkg.addresses == ("198.51.100.8",)
    before, after = backend.elements(ruleset), backend.elements(changed)
    (v4,), (v6,) = git.sets["4"], git.sets["6"]
    assert after == {**before, v4: ("198.51.100.8", "198.51.100.10", "198.51.100.99"), v6: ("2001:db8::9",)}
    back = {one.name: one.addresses for one in names_of(ruleset)}
    assert with_answers(backend, changed, back) == ruleset


@each_backend
def test_a_set_may_come_to_hold_nobody_and_somebody_again(backend, ruleset):
    v6 = names_of(ruleset)[0].sets["6"][0]
    emptied = with_answers(backend, ruleset, {"git.example.org": ["198.51.100.7"]})

    assert backend.elements(emptied)[v6] == ()
    assert with_answers(backend, emptied, {"git.example.org": ["198.51.100.7", "2001:db8::7"]}) == ruleset


@each_backend
def test_names_that_a_ruleset_does_not_depend_on_change_nothing(backend, ruleset):
    assert with_answers(backend, ruleset, {"other.example.org": ["192.0.2.1"]}) is ruleset


@each_backend
def test_without_answers_two_rulesets_that_differ_in_answers_alone_are_the_same_but_for_their_sets(backend, ruleset):
    other = with_answers(backend, ruleset, {"git.example.org": ["198.51.100.9"]})

    assert without_answers(other) != without_answers(ruleset)
    nothing = dict.fromkeys(backend.elements(ruleset), ())
    assert backend.with_elements(without_answers(other), nothing) == backend.with_elements(
        without_answers(ruleset), nothing
    )


@each_backend
def test_the_bounds_of_answers_come_with_the_ruleset(backend, ruleset):
    assert (refresh_of(ruleset).min_ttl, refresh_of(ruleset).max_ttl) == (5, 50)
    assert refresh_of("# nothing of names\n") is None
    assert names_of("# nothing of names\n") == []
    assert backend.elements(ruleset)


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("198.51.100.1", False),
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        ("0.0.0.1", True),
        ("127.9.9.9", True),
        ("169.254.1.1", True),
        ("224.0.0.1", True),
        ("239.255.255.255", True),
        ("::", True),
        ("::1", True),
        ("fe80::1", True),
        ("ff02::1", True),
        ("::ffff:198.51.100.1", True),
    ],
)
def test_by_default_an_answer_is_no_address_of_this_host_or_link_nor_of_many(address, refused):
    assert refresh_of(BACKENDS["nftables"][1]).refuses(address) is refused


def test_what_is_refused_can_be_chosen():
    assert not Refresh(1, 2, ()).refuses("127.0.0.1")
    assert Refresh(1, 2, ("198.51.100.0/24",)).refuses("198.51.100.9")


def test_a_name_in_several_sets_fills_all_of_them():
    name = '#name: {"name": "a.example.org", "addresses": ["192.0.2.1"], "sets": {"4": ["x.v4", "y.v4"], "6": []}}\n'

    assert names_of(name) == [HostName("a.example.org", ("192.0.2.1",), {"4": ("x.v4", "y.v4"), "6": ()})]


@each_backend
@pytest.mark.parametrize(
    "edited",
    [
        "",
        "\t\t\tx,\n",
        "add\nswap\n",
        "add gatehouse-new\n",
        "#name: {\n#refresh: 5\n#name: {}\n#refresh: {}\n",
        "#name: 5",
    ],
    ids=repr,
)
def test_a_ruleset_that_somebody_has_edited_says_nothing(backend, ruleset, edited):
    assert (names_of(edited), refresh_of(edited)) == ([], None)
    assert without_answers(edited) == edited
    assert not any(backend.elements(edited).values())
    assert ruleset


@each_backend
def test_how_many_addresses_count_comes_with_the_ruleset_or_is_the_default_in_one_of_an_earlier_version(
    backend, ruleset
):
    earlier = ruleset.replace(', "max_addresses": 256', "")
    other = ruleset.replace('"max_addresses": 256', '"max_addresses": 9')

    assert backend.elements(earlier) == backend.elements(ruleset)
    assert [refresh_of(text).max_addresses for text in (ruleset, other, earlier)] == [256, 9, 256]
    assert (ruleset != earlier, MAX_ADDRESSES) == (True, 256)
