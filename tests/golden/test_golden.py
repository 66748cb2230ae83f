"""Models and what they become, from simple to complex: NN-name/model.yml, expected/, packets.yml with verdicts.

expected/ has a ruleset for each host, <host>.nft (where it is for iptables, <host>.ipset, .rules.v4 and .rules.v6), and
what stands once for the fleet, <name>.yml.txt.

GATEHOUSE_REGENERATE=1 writes expected/ anew; read the difference before you keep it. packets.yml is written by hand.
"""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import header, iptables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.nftables import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.manifests import manifest_files, manifests
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._host_rules.grammar import strange_lines
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

FOLDER = Path(__file__).parent
CASES = sorted(path.parent.name for path in FOLDER.glob("*/model.yml"))
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/expected/*.nft"))

# What keeps denials is the same in every ruleset, and would be most of it: one case has it.
KEEPING = ("32-kept-denials",)

each_case = pytest.mark.parametrize("case", CASES)
each_file = pytest.mark.parametrize("file", FILES)


def read(*names):
    return yaml.safe_load(FOLDER.joinpath(*names).read_text(encoding="utf-8"))


@functools.cache
def fleet_of(case):
    return build(read(case, "model.yml"))


def rulesets_of(case):
    fleet = fleet_of(case)
    # ansible-test doesn't let a .yml of the collection hold several documents.
    of_fleet = {f"{name}.txt": text for name, text in manifest_files(manifests(fleet, Problems())).items()}
    files = {}
    for name, host in fleet.hosts.items():
        policy = fleet.policy_of(name)
        if case not in KEEPING:
            policy = replace(policy, denied=replace(policy.denied, keep=False))
        texts = iptables.render(policy) if host.backend == "iptables" else {"nft": render(policy)}
        files |= {f"{name}.{ending}": text for ending, text in texts.items()}
    return {**files, **of_fleet}


def expected_of(case):
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.joinpath(case, "expected").glob("*")}


def regenerate(case):
    folder = FOLDER / case / "expected"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, ruleset in rulesets_of(case).items():
        (folder / name).write_text(ruleset, encoding="utf-8")


@each_case
def test_a_model_renders_to_the_expected_rulesets(case, monkeypatch):
    monkeypatch.setattr(header, "VERSION", "0.0.0")  # a release changes no ruleset
    if os.environ.get("GATEHOUSE_REGENERATE"):
        regenerate(case)

    assert rulesets_of(case) == expected_of(case)


def as_packet(direction, text, host):
    """Return a packet as ``203.0.113.7 443/tcp eth1``, ``203.0.113.7 gre`` or ``203.0.113.7 icmp:8`` have it.

    What the host redirects is ``forwarded`` or ``becomes=8443``; ``to=203.0.113.200`` is to another than the host, and
    ``at=203.0.113.41`` to the host at this address. It is forwarded to ``pod=192.0.2.10``, and ``leaves=docker0``. The
    host's routes lead ``back=eth0`` to the source.
    """
    address, what, *more = text.split()
    interface = [word for word in more if word != "forwarded" and "=" not in word]
    changes = dict(word.split("=") for word in more if "=" in word)
    peer = ip_address(address)
    own = next((net[0] for net in host.addresses("").networks if net.version == peer.version), peer)
    own = ip_address(changes.get("to") or changes.get("at") or own)
    source, destination = (peer, own) if direction == "ingress" else (own, peer)
    port, _slash, protocol = what.rpartition("/")
    protocol, _colon, icmp_type = protocol.partition(":")
    return Packet(
        direction,
        source,
        destination,
        protocol,
        port=int(port) if port else None,
        icmp_type=int(icmp_type) if icmp_type else None,
        interface=interface[0] if interface else "",
        to_host="to" not in changes,
        redirected_to=int(changes["becomes"]) if "becomes" in changes else None,
        forwarded="forwarded" in more,
        forwarded_to=ip_address(changes["pod"]) if "pod" in changes else None,
        leaves_by=changes.get("leaves", ""),
        back=changes.get("back", ""),
    )


@each_case
def test_every_packet_has_the_verdict_that_was_written_by_hand(case):
    fleet = fleet_of(case)
    found, expected = {}, {}
    for host, rows in read(case, "packets.yml").items():
        for row, word in rows.items():
            direction, _blank, text = row.partition(" ")
            outcome = verdict(fleet.policy_of(host), as_packet(direction, text, fleet.hosts[host]))
            found[host, row] = outcome.flow or ("allow" if outcome.allowed else "deny")
            expected[host, row] = word

    assert found == expected


@each_case
def test_every_managed_host_and_every_open_flow_has_a_packet(case):
    fleet, packets = fleet_of(case), read(case, "packets.yml")
    words = {word for rows in packets.values() for word in rows.values()}
    deciding = {
        rule.flow
        for policy in fleet.policies.values()
        for rule in (*policy.ingress, *policy.egress)
        if rule.addresses and rule.ports
    }

    assert set(packets) <= set(fleet.sets)
    assert {fleet.sets[host] for host in packets} == set(fleet.policies)
    assert "deny" in words
    assert deciding - words - SHADOWED == set()


# Flows for everything decide before these do.
SHADOWED = {"admin", "between_nodes_by_choice", "sessions", "status_pages_transparent"}


@private_nft.needs_nft
@each_file
def test_the_kernel_lists_every_set_chain_and_rule_of_an_expected_ruleset(file):
    ruleset = (FOLDER / file).read_text(encoding="utf-8")
    listing = private_nft.listing(ruleset, ruleset)

    assert strange_lines(ruleset) == []
    assert words_of(listing) == words_of(ruleset.partition("table inet gatehouse {")[2])


@private_nft.needs_nft
@each_file
def test_a_host_that_changes_over_to_it_has_what_a_boot_would_load(file):
    before = FILES[FILES.index(file) - 1]
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, "nft")
        nft.load((FOLDER / before).read_text(encoding="utf-8"))
        nft.load((FOLDER / file).read_text(encoding="utf-8"))
        assert nft.listing() == private_nft.listing((FOLDER / file).read_text(encoding="utf-8"))


def words_of(text):
    """Return how often what nft writes as it reads it occurs in a ruleset."""
    marks = ("set ", "chain ", "policy drop", 'comment "', "goto ", "log prefix", " accept", " drop", "jump ", "@")
    return {mark: text.count(mark) for mark in marks}
