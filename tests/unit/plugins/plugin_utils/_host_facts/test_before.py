"""What the ruleset before did with what is denied now, as a host has kept it: the way there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.kinds import DENIED_KINDS
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.before import Before as Kept
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.before import Before, allows, read_before
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import Seen
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.antispoof import can_iptables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.play import one_policy_each
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import EVERYBODY
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

GOLDEN = Path(__file__).resolve().parents[4] / "golden"
MODELS = sorted(path.parent.name for path in GOLDEN.glob("*/model.yml"))
T = "2026-11-30T17:00:00Z"
NEXT = Header(describes=("ingress 1/tcp from nobody, flow other",))
FAR = ["198.18.0.9", "2001:db8:ffff::9"]
BEYOND = {("icmp", 0), ("gre", 0), ("udp", 67), ("udp", 547), ("tcp", 1), ("tcp", 65535)}


def kept_by(folder):
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return Kept(write, folder)


def told(folder, policy, text, seen):
    """Return what a controller reads of a host that had rules of this policy, and has denied something since."""
    kept = kept_by(folder)
    # Each way is by JSON.
    kept.keep(None, read(text), json.loads(json.dumps(allows(policy))))
    kept.keep(read(text), NEXT, None)
    rows = [{"address": str(one.address)} for one in seen]
    return json.loads(json.dumps(kept.result(NEXT, rows)))


def around(policy):
    """Return something on each edge of what a policy is about, in every direction, by a few ports."""
    rules = [rule for direction in DIRECTIONS for rule in policy.rules(direction)]
    addresses = {ip_address(text) for text in FAR}
    of_carried = (policy.carries.networks, policy.carries.excepted)
    for found in (*(rule.addresses for rule in rules), *policy.isolated.values(), *of_carried):
        for network in found.networks[:2]:
            first, last = network.network_address, network.broadcast_address
            addresses |= {first, last}
            addresses |= {first - 1} if int(first) else set()
            addresses |= {last + 1} if int(last) + 1 < 2**network.max_prefixlen else set()
    ranges = [one for rule in rules for one in rule.ports.ranges]
    ranges += [one for stage in policy.pre_dnat for one in stage.ports.ranges]
    ports = {(one.protocol, port) for one in ranges for port in (one.first, one.last)} | BEYOND
    return [
        Seen(direction, address, protocol, port, 1, T, T, denied=True)
        for direction in DENIED_KINDS
        for address in addresses
        for protocol, port in ports
    ]


def rulesets(policy):
    yield nftables.render(policy)
    if can_iptables(policy.antispoof):
        yield joined(iptables.render(policy))


@pytest.mark.parametrize("model", MODELS)
def test_a_policy_comes_back_as_it_was(model, tmp_path):
    fleet = build(yaml.safe_load((GOLDEN / model / "model.yml").read_text(encoding="utf-8")))
    policies, _keys = one_policy_each(fleet)
    for number, policy in enumerate(policies.values()):
        seen = around(policy)
        expected = [replace(Before(T, policy, bool(policy.carries)).of(one), until="") for one in seen]
        for text in rulesets(policy):
            before = read_before(told(tmp_path / str(number), policy, text, seen))
            assert [replace(before.of(one), until="") for one in seen] == expected


def web(put=None):
    return build(good(put=put)).policy_of("web1")


def denied(address, port, direction="ingress", protocol="tcp"):
    return Seen(direction, ip_address(address), protocol, port, 1, T, T, denied=True)


STRICT = {"hosts.web1.gatehouse_interfaces": {"public": "eth1"}, "hosts.web1.gatehouse_antispoof": "strict"}
NODE_PORTS = {"gatehouse_classes[0].pre_dnat": {"ports": ["8443/tcp"]}}
OFFICE, DB = "203.0.113.7", "192.0.2.11"


@pytest.mark.parametrize(
    ("put", "seen", "said"),
    [
        ({}, denied(OFFICE, 443), f"allowed until {T} (front)"),
        ({}, denied(OFFICE, 8080), "denied"),
        ({}, denied(DB, 5432, "egress"), f"allowed until {T} (sql)"),
        ({}, denied(DB, 5432), "denied"),
        ({"hosts.web1.gatehouse_mode": "observe"}, denied(OFFICE, 8080), f"observed until {T}"),
        ({"hosts.web1.gatehouse_mode": {"egress": "observe"}}, denied(OFFICE, 8080), "denied"),
        ({}, denied(OFFICE, 443, "spoofed"), f"not judged until {T}"),
        (STRICT, denied(OFFICE, 443, "spoofed"), "denied"),
        ({}, denied(OFFICE, 8443, "pre_dnat"), f"not judged until {T}"),
        (NODE_PORTS, denied(OFFICE, 8443, "pre_dnat"), "denied"),
        ({}, denied("0.0.0.0", 443), "unknown"),
        ({}, denied(OFFICE, 0, protocol="icmp"), "unknown"),
        ({"gatehouse_echo_request": False}, denied(OFFICE, 0, protocol="icmp"), "denied"),
        ({}, denied(OFFICE, 67, "egress", "udp"), "unknown"),
        ({"gatehouse_dhcp": False}, denied(OFFICE, 67, "egress", "udp"), "denied"),
        ({"gatehouse_flows[0].at": ["192.0.2.1"]}, denied(OFFICE, 443), "unknown"),
        ({"gatehouse_flows[0].at": ["192.0.2.1"]}, denied(OFFICE, 444), "denied"),
    ],
)
def test_what_became_of_it_is_told_as_far_as_a_host_keeps_it(put, seen, said):
    assert str(Before(T, web(put)).of(seen)) == said


def test_without_rules_of_ours_nothing_was_denied():
    assert str(Before(T).of(denied(OFFICE, 8080))) == f"no rules until {T}"


def test_what_a_flow_allows_on_one_side_alone_is_unknown():
    interfaces = {"public": "eth1", "private": "eth0"}
    put = {f"hosts.{host}.gatehouse_interfaces": interfaces for host in ("web1", "web2")}
    put |= {"gatehouse_flows[0].side": "public"}

    assert str(Before(T, web(put)).of(denied(OFFICE, 443))) == "unknown"


def test_a_host_that_knows_nothing_of_it_says_nothing():
    assert read_before({"denied": []}) is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["until"], "yesterday", "ruleset_before.until: got 'yesterday', expected a time such as"),
        (["sets"], [], r"ruleset_before.sets: got \[\], expected a mapping"),
        (["allows", "rules", "ingress", 0, "flow"], "<b>", r"rules.ingress\[0\].flow: got '<b>', expected a name"),
        (
            ["allows", "rules", "egress", 0, "ports"],
            ["x"],
            r"rules.egress\[0\].ports: got \['x'\], expected a list of p",
        ),
        (["allows", "antispoof"], "maybe", "allows.antispoof: got 'maybe', expected "),
        (["sets", "office"], ["nowhere"], r"sets.office: got \['nowhere'\], expected a list of networks"),
    ],
)
def test_an_answer_that_has_another_form_is_refused(path, value, message, tmp_path):
    policy = web()
    answer = told(tmp_path, policy, nftables.render(policy), [denied(OFFICE, 443)])
    place = answer["ruleset_before"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(AnswerError, match=message):
        read_before(answer)


def test_what_a_host_keeps_has_no_addresses():
    many = {"gatehouse_zones[0].networks": [f"10.0.{number // 250}.{number % 250}" for number in range(5000)]}

    assert len(json.dumps(allows(web(many)))) < 2000
    assert all(rule.at == EVERYBODY for rule in web(many).ingress)
