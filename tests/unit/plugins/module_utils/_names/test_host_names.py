from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import VERSION
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import (
    is_same,
    rules_alone,
    with_answers,
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
    git, pkg = read(ruleset).names

    assert (git.name, git.addresses) == ("git.example.org", ("198.51.100.7", "2001:db8::7"))
    assert (pkg.name, pkg.addresses, pkg.sets) == ("pkg.example.org", ("198.51.100.8",), git.sets)
    (v4,), (v6,) = git.sets["4"], git.sets["6"]
    elements = backend.header(ruleset, "").elements
    assert (elements[v4], elements[v6]) == (("198.51.100.7", "198.51.100.8"), ("2001:db8::7",))
    assert (read(ruleset).refresh.min_ttl, read(ruleset).refresh.max_ttl) == (5, 50)


@each_backend
def test_answers_go_into_the_first_line_and_the_sets_and_nowhere_else(backend, ruleset):
    changed = with_answers(backend, ruleset, {"git.example.org": ["2001:db8::9", "198.51.100.99", "198.51.100.10"]})

    git, pkg = read(changed).names
    assert git.addresses == ("198.51.100.10", "198.51.100.99", "2001:db8::9")
    assert pkg.addresses == ("198.51.100.8",)
    before, after = read(ruleset).elements, backend.header(changed, "").elements
    (v4,), (v6,) = git.sets["4"], git.sets["6"]
    assert after == {**before, v4: ("198.51.100.8", "198.51.100.10", "198.51.100.99"), v6: ("2001:db8::9",)}
    back = {one.name: one.addresses for one in read(ruleset).names}
    assert with_answers(backend, changed, back) == ruleset


@each_backend
def test_a_set_may_come_to_hold_nobody_and_somebody_again(backend, ruleset):
    v6 = read(ruleset).names[0].sets["6"][0]
    emptied = with_answers(backend, ruleset, {"git.example.org": ["198.51.100.7"]})

    assert backend.header(emptied, "").elements[v6] == ()
    assert with_answers(backend, emptied, {"git.example.org": ["198.51.100.7", "2001:db8::7"]}) == ruleset


@each_backend
def test_names_that_a_ruleset_does_not_depend_on_change_nothing(backend, ruleset):
    assert with_answers(backend, ruleset, {"other.example.org": ["192.0.2.1"]}) is ruleset


@each_backend
def test_two_rulesets_that_differ_in_answers_alone_have_the_same_rules(backend, ruleset):
    other = with_answers(backend, ruleset, {"git.example.org": ["198.51.100.9"]})

    assert rules_alone(backend, other) == rules_alone(backend, ruleset)
    assert not is_same(other, ruleset)


@each_backend
@pytest.mark.parametrize(
    ("old", "new"),
    [('"max_ttl":50', '"max_ttl":51'), ("443", "8443"), ('"git.example.org"', '"got.example.org"')],
)
def test_two_rulesets_that_differ_in_more_have_not(backend, ruleset, old, new):
    other = ruleset.replace(old, new)

    assert other != ruleset
    assert rules_alone(backend, other) != rules_alone(backend, ruleset)
    assert not is_same(other, ruleset)


@each_backend
def test_the_version_that_rendered_a_ruleset_is_no_difference(backend, ruleset):
    other = ruleset.replace('"version":"0.0.0"', '"version":"7.8.9"')

    assert other != ruleset
    assert is_same(other, ruleset)
    assert rules_alone(backend, other) == rules_alone(backend, ruleset)


@each_backend
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"198.51.100.7"', '"198.51.100.6"'),  # in a name and in its set, and not in the rules
        ('"203.0.113.0/24"', '"203.0.113.0/25"'),
        ('"format":1', '"format":"1"'),
        ("# gatehouse: {", "# gatehouse: "),
        ('"sets":[', '"set":['),
    ],
)
def test_a_first_line_that_somebody_has_edited_is_nothing_to_act_by(backend, ruleset, old, new):
    line, newline, rest = ruleset.partition("\n")
    edited = line.replace(old, new) + newline + rest

    assert edited != ruleset
    with pytest.raises(FirewallError, match=r"^here: got a first line that can't be read, or .* the text was edited"):
        backend.header(edited, "here")


@each_backend
def test_rules_that_somebody_has_edited_below_their_first_line_are_nothing_to_act_by(backend, ruleset):
    line, newline, rest = ruleset.partition("\n")
    edited = line + newline + rest.replace("203.0.113.99", "203.0.113.98")

    assert edited != ruleset
    with pytest.raises(FirewallError, match="the text was edited"):
        backend.header(edited, "here")


@each_backend
def test_a_later_format_is_refused_and_said_to_be_one(backend, ruleset):
    later = ruleset.replace('"format":1', '"format":2').replace('"version":"0.0.0"', '"version":"7.8.9"')

    assert read(later).description() == [f"rules of version 7.8.9, which wrote format 2: {VERSION} can't read it"]
    with pytest.raises(FirewallError) as refused:
        backend.header(later, "/etc/gatehouse/ruleset.nft")
    assert str(refused.value) == (
        "/etc/gatehouse/ruleset.nft: got format 2, which version 7.8.9 of gatehouse.firewall wrote, expected at most "
        f"format 1: this is version {VERSION}. Nothing was changed. Run version 7.8.9 or a newer one, or have our "
        "rules taken away first (playbook remove)"
    )
