"""What a host keeps of the rules that others have replaced."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import KNOWN_PEERS
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header, NamedSet
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.before import FILE, Before
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

NOW, TIME = 1_800_000_000, "2027-01-15T08:00:00Z"
DENIED = ({"address": "192.0.2.7"}, {"address": "2001:db8::7"})


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOW)
    return FakeHost(tmp_path)


SET = "\tset {} {{\n\t\ttype ipv4_addr\n\t\telements = {{\n{}\t\t}}\n\t}}\n"


def ruleset(flow, *elements):
    known = [NamedSet(f"{name}.v4", name, ("192.0.2.7",)) for name in KNOWN_PEERS]
    sets = (NamedSet("web.v4", "web", elements), *known)
    blocks = "".join(SET.format(one.name, "".join(f"\t\t\t{item},\n" for item in one.elements)) for one in sets)
    line = Header(describes=(f"ingress 443/tcp from web, flow {flow}",), sets=sets).line()
    return f"{line}table inet gatehouse {{\n{blocks}}}\n"


ONE, OTHER, THIRD = (ruleset(flow, "192.0.2.7", "192.0.2.9") for flow in ("one", "other", "third"))
MOVED = ruleset("one", "192.0.2.9")


def allows(flow):
    return {"flow": flow}


def before(host, text=OTHER, denied=DENIED):
    return Before(host.write, host.root).result(read(text), denied).get("ruleset_before")


def test_before_the_first_rules_there_were_none_of_ours(host):
    host.harden(ONE, allows("one"))

    assert before(host, ONE) == {"until": TIME, "allows": None, "sets": {}}


def test_rules_that_are_replaced_are_kept_with_what_their_sets_held(host):
    host.harden(ONE, allows("one"))
    host.harden(OTHER, allows("other"))

    assert before(host) == {"until": TIME, "allows": allows("one"), "sets": {"web": ["192.0.2.7"]}}


def test_only_the_rules_just_before_are_kept(host):
    for flow, text in (("one", ONE), ("other", OTHER), ("third", THIRD)):
        host.harden(text, allows(flow))

    assert before(host, THIRD)["allows"] == allows("other")


def test_as_much_of_a_set_is_told_as_what_was_denied_may_be_in(host):
    elements = ("10.0.0.0/8", "192.0.2.0/29", "192.0.2.8/29", "192.0.2.9", "198.51.100.0/24", "2001:db8::/64")
    host.harden(ruleset("one", *elements, "2001:db8:1::/64"), allows("one"))
    host.harden(OTHER, allows("other"))

    assert before(host)["sets"] == {"web": ["192.0.2.0/29", "2001:db8::/64"]}


def test_where_nothing_is_denied_no_set_is_told(host):
    host.harden(ONE, allows("one"))
    host.harden(OTHER, allows("other"))

    assert before(host, denied=[]) == {"until": TIME, "allows": allows("one"), "sets": {"web": []}}


@pytest.mark.parametrize(
    "again",
    [
        (MOVED, allows("one")),
        (ruleset("renamed", "192.0.2.7"), allows("one")),
        (ONE, allows("one")),
        (ONE, None),
    ],
    ids=["other addresses", "other words", "loaded again", "by a module that isn't told what they allow"],
)
def test_a_change_that_replaces_no_rules_changes_nothing_before_them(host, again):
    host.harden(OTHER, allows("other"))
    host.harden(ONE, allows("one"))
    host.harden(*again)

    assert before(host, again[0])["allows"] == allows("other")
    host.harden(THIRD, allows("third"))
    assert before(host, THIRD)["allows"] == allows("one")


def test_the_sets_are_those_that_were_in_force_last(host):
    host.harden(ONE, allows("one"))
    host.harden(MOVED, allows("one"))
    host.harden(OTHER, allows("other"))

    assert before(host)["sets"] == {"web": []}


def test_rules_of_another_backend_were_rules_too(host):
    host.harden(ONE, allows("one"))
    host.keep(host.other, ONE, "live")
    for path in (host.root / "etc/gatehouse").glob("*.nft"):
        path.unlink()
    host.harden(OTHER, allows("other"))

    assert before(host)["allows"] == allows("one")


def forget_it(host):
    (host.root / FILE).unlink()


def spoil_it(host):
    (host.root / FILE).write_text("{")


def make_it_later(host):
    path = host.root / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


def replace_the_rules_by_an_earlier_version(host):
    host.keep(host.backend, THIRD, "live")


def lose_the_boot_file(host):
    (host.root / "etc/gatehouse/ruleset.nft").unlink()


@pytest.mark.parametrize(
    "spoil", [forget_it, spoil_it, make_it_later, replace_the_rules_by_an_earlier_version, lose_the_boot_file]
)
def test_what_is_not_known_for_sure_is_not_told(host, spoil):
    host.harden(ONE, allows("one"))
    spoil(host)
    host.harden(OTHER, allows("other"))

    assert before(host) is None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"before": {"sets": []}},
        {"before": {"sets": {"web": ["192.0.2.x/24"]}}},
        {"rules": 1, "before": {}},
        {"before": [1]},
    ],
)
def test_a_file_that_was_spoilt_says_nothing(host, spoilt):
    host.harden(ONE, allows("one"))
    host.harden(OTHER, allows("other"))
    path = host.root / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **spoilt}))

    assert before(host) is None
    host.harden(THIRD, allows("third"))


def test_rules_that_nobody_told_what_they_allow_are_not_told_of(host):
    host.harden(ONE)
    host.harden(OTHER, allows("other"))

    assert before(host) is None


def test_other_rules_than_those_it_was_kept_with_are_not_told_of(host):
    host.harden(ONE, allows("one"))
    host.harden(OTHER, allows("other"))

    assert before(host, THIRD) is None


def test_a_disk_that_is_full_costs_no_more_than_this(tmp_path):
    host = FakeHost(tmp_path)
    host.harden(ONE, allows("one"))

    def refuse(path, _text):
        raise FirewallError(f"can't write {path}")

    Before(refuse, tmp_path).keep(read(ONE), read(OTHER), allows("other"))

    assert not (tmp_path / FILE).exists()


def test_it_goes_with_the_rules(host):
    host.harden(ONE, allows("one"))
    host.firewall().remove()

    assert not (host.root / FILE).exists()
    assert not (host.root / FILE).parent.exists()
