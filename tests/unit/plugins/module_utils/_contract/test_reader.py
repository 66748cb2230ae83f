from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import MARK, Header, marked
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import body, first_line, read, stamped
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils._contract.test_header import HEADER

BROKEN = Header(format=None, version="")
CONTENT = json.loads(HEADER.line()[len(MARK) :])


def test_a_rendered_ruleset_says_whether_it_observes():
    assert read(rulesets.nftables("15-observe", "web1")).observes
    assert read(rulesets.iptables("15-observe", "web2")).observes
    assert not read(rulesets.nftables("15-observe", "web3")).observes


def test_a_ruleset_is_described_by_its_flows_and_the_addresses_behind_each_name():
    lines = [
        "ingress 80/tcp 443/tcp from office, flow front",
        "ingress 80/tcp 443/tcp from office by name (git.example.org, pkg.example.org), flow front",
        "egress 5432/tcp to db, flow sql",
        "flow front: customers",
        "flow sql: what the web servers show",
        "db is 203.0.113.99",
        "office is 203.0.113.0/24",
        "office.names is 198.51.100.7",
        "office.names is 198.51.100.8",
        "office.names is 2001:db8::7",
    ]

    assert read(rulesets.nftables("28-host-names", "web1")).description() == lines
    assert sorted(read(rulesets.iptables("28-host-names", "web2")).description()) == sorted(lines)


def test_every_rendered_ruleset_says_of_its_sets_what_its_rules_have():
    nft, iptables = Nft(None, "nft"), Iptables(None, "iptables", "ip6tables", "ipset")
    for path in rulesets.GOLDEN.glob("*/expected/*"):
        case, (host, _dot, ending) = path.parts[-3], path.name.partition(".")
        if ending == "nft":
            assert nft.header(rulesets.nftables(case, host), path.name).describes
        elif ending == "ipset":
            assert iptables.header(rulesets.iptables(case, host), path.name).describes


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "off"},
        {"mode": None},
        {"describes": "all"},
        {"describes": [1]},
        {"names": {}, "sets": 5},
        {"names": [{"name": "a.example.org"}]},
        {"names": [{"name": "a.example.org", "addresses": ["x"], "sets": {"4": [], "6": []}}]},
        {"names": [{"name": "a.example.org", "addresses": ["192.0.2.9"], "sets": {"4": ["x.v4"], "6": []}}]},
        {"names": [{"name": "a.example.org", "addresses": [], "sets": {"4": ["nowhere"], "6": []}}]},
        {"refresh": None},
        {"refresh": {"min_ttl": "5", "max_ttl": 50, "refused": []}},
        {"refresh": {"min_ttl": True, "max_ttl": 50, "refused": []}},
        {"refresh": {"min_ttl": 5, "max_ttl": 50, "refused": ["x"]}},
        {"sets": [{"name": "x.v4", "peer": "x"}]},
        {"sets": [{"name": "x.v4", "peer": "x", "elements": "192.0.2.1"}]},
        {"version": 5},
        {"format": "1"},
        {"format": True},
        {"format": 1.0},
        {"format": 0},
        {"format": -1},
        {"format": None},
    ],
    ids=str,
)
def test_what_is_not_as_we_write_it_says_nothing(change):
    assert read(marked({**CONTENT, **change})) == BROKEN


@pytest.mark.parametrize("rest", ["", "{", "[]", "5", "null", "{}", '{"format":1}', "[" * 100000])
def test_a_broken_line_says_nothing(rest):
    text = f"{MARK}{rest}\n#: ingress 22/tcp from office, flow admin\n"

    assert read(text) == stamped(text.replace('{"format":1}', "")) == BROKEN
    assert body(text) == "#: ingress 22/tcp from office, flow admin\n"


def test_whatever_a_later_version_writes_beside_them_its_format_and_version_are_known():
    text = marked({"format": 2, "version": "7.8.9", "mode": ["new"]})

    assert read(text) == stamped(text) == Header(format=2, version="7.8.9")
    assert read(text).is_newer
    assert read(marked({"format": 2})) == Header(format=2, version="unknown")


def test_a_later_minor_version_may_say_more():
    assert read(marked({**CONTENT, "new": 1, "version": "7.8.9"})) == replace(HEADER, version="7.8.9")


@pytest.mark.parametrize("text", ["", "table ip other { }\n", "# gatehouse\n", f" {HEADER.line()}"])
def test_what_has_no_such_line_is_of_format_0(text):
    assert (stamped(text).format, read(text).description(), first_line(text)) == (0, [], {})
