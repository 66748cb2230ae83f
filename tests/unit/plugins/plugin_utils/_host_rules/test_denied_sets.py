"""What is kept and logged of denials: bounded, apart from all that is allowed, and in one place for each direction."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.antispoof import STRICT
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.denied import Denied, Log
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import HostName, Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._host_rules.grammar import strange_lines

KINDS = {"ingress": "INPUT", "egress": "OUTPUT", "pre_dnat": "PRE-DNAT", "spoofed": "SPOOFED"}
WORDS = ("in", "out", "pre", "src")


def addresses(text):
    return AddressSet.of(map(parse_network, text.split()))


def rule(flow, networks, ports, peer="office", **more):
    return Rule(flow, peer, addresses(networks), PortSet.parse(ports), **more)


KEEPING = Policy(
    ("web",),
    ingress=(rule("a", "192.0.2.1 2001:db8::1", "22/tcp", log=True),),
    egress=(
        rule("b", "192.0.2.2", "53/udp", "dns"),
        rule("c", "192.0.2.9", "443/tcp", "vcs", names=(HostName("git.example.org", addresses("192.0.2.9")),)),
    ),
    isolated={"web": addresses("192.0.2.7 2001:db8::7")},
    pre_dnat=(PreDnat(PortSet.parse("30000-32767/tcp")),),
    antispoof=STRICT,
    interfaces={"public": ("eth0",), "private": ("eth1",)},
    known=addresses("192.0.2.1 192.0.2.2 192.0.2.64/26 2001:db8::1"),
)
NOT_KEEPING = replace(KEEPING, denied=Denied(keep=False))
LOGGING = replace(KEEPING, denied=Denied(log=Log("3/hour", 5)))


def nft_chains(policy):
    text = nftables.render(policy)
    return dict(re.findall(r"\tchain (\S+) \{\n(.*?)\t\}\n", text, re.DOTALL))


def nft_sets(policy):
    return dict(re.findall(r"\tset (\S+) \{\n(.*?)\t\}\n", nftables.render(policy), re.DOTALL))


def iptables_chains(policy, family=4):
    text = iptables.render(policy)[f"rules.v{family}"]
    found = dict.fromkeys(re.findall(r"^:(\S+)", text, re.MULTILINE), "")
    for line in text.splitlines():
        if line.startswith("-A "):
            found[line.split()[1]] += f"{line}\n"
    return found


def is_for_denials(chain):
    return bool(re.match(r"denied_|kept_", chain) or re.search(r"-(DENIED|KEPT|KNOWN)$", chain))


def allowed_path(chains):
    """Return the chains that packets pass which are allowed; where sources are judged, without its last rule."""
    return {name: text for name, text in chains.items() if not is_for_denials(name)}


def test_the_rules_of_a_kept_ruleset_are_the_lines_that_a_ruleset_may_consist_of():
    assert strange_lines(nftables.render(KEEPING)) == []


@pytest.mark.parametrize("other", [NOT_KEEPING, LOGGING])
def test_what_is_allowed_passes_the_same_rules_byte_for_byte_whether_denials_are_kept_or_not(other):
    other = replace(other, ingress=tuple(replace(one, log=False) for one in other.ingress))
    keeping = replace(KEEPING, ingress=other.ingress)

    assert allowed_path(nft_chains(keeping)) == allowed_path(nft_chains(other))
    for family in (4, 6):
        found, without = (iptables_chains(policy, family) for policy in (keeping, other))
        # A spoofed source is judged in the chain that drops it: nothing that is allowed passes its end.
        ends = [chains.pop("GATEHOUSE-SPOOFED").splitlines() for chains in (found, without)]
        assert allowed_path(found) == allowed_path(without)
        assert [line for line in ends[0] if "RETURN" in line] == [line for line in ends[1] if "RETURN" in line]


def test_whatever_is_denied_ends_in_one_place_for_each_kind_of_denial():
    nft, ipt = nft_chains(KEEPING), iptables_chains(KEEPING)

    for kind, stage in KINDS.items():
        last = nft[f"denied_{kind}"].splitlines()[-1]
        how = "reject with icmpx type admin-prohibited" if kind == "egress" else "drop"
        assert re.fullmatch(rf'\t\tcounter {how} comment "denied[^"]*"', last)
        end = ipt[f"GATEHOUSE-{stage}" if kind == "spoofed" else f"GATEHOUSE-{stage}-DENIED"].splitlines()[-1]
        target = "REJECT --reject-with icmp-admin-prohibited" if kind == "egress" else "DROP"
        assert re.search(rf'--comment "denied[^"]*" -j {target}$', end)
    drops = "".join([*nft.values(), *ipt.values()]).count("denied")
    assert "drop" not in "".join(text for name, text in nft.items() if name.startswith(("kept", "input_", "output_")))
    assert drops >= 2 * len(KINDS)


def test_nothing_is_kept_where_that_is_not_wanted_nor_where_a_host_only_observes():
    observing = replace(KEEPING, observe=DIRECTIONS)

    for policy in (NOT_KEEPING, observing):
        assert not any("kept" in name for name in nft_chains(policy))
        assert not any(name.startswith("denied.") for name in nft_sets(policy))
        assert "denied" not in iptables.render(policy)["ipset"]


@pytest.mark.parametrize("family", [4, 6])
def test_each_kind_of_denial_has_bounded_sets_for_known_peers_for_strangers_and_for_ports_alone(family):
    found = {name: text for name, text in nft_sets(KEEPING).items() if name.endswith(f".v{family}")}

    seconds = {"known": 2147483, "stranger": 3600, "any": 3600}
    for word in WORDS:
        for peers, timeout in seconds.items():
            address = "" if peers == "any" else f"ipv{family}_addr . "
            for kept in ("first", "last"):
                assert found[f"denied.{word}.{peers}.{kept}.v{family}"] == (
                    f"\t\ttype {address}inet_proto . inet_service; size 4096; "
                    f"flags dynamic,timeout; timeout {timeout}s;\n"
                )


def test_an_ipset_for_ports_alone_holds_a_network_from_the_start_that_makes_the_kernel_forget_the_peer():
    text = iptables.render(KEEPING)["ipset"]

    block = text[text.index("#set: denied.in.any.first\n") :].splitlines()[1:4]
    assert re.fullmatch(
        r"create gatehouse-new hash:net,port family inet maxelem 4096 timeout 3600 counters\n"
        r"add gatehouse-new 0\.0\.0\.0/1,udplite:0 timeout 0\n"
        r"create gatehouse-in4\.af-[0-9a-f]{8} hash:net,port family inet maxelem 4096 timeout 3600 counters -exist",
        "\n".join(block),
    )
    assert text.count("::/1,udplite:0 timeout 0") == text.count("0.0.0.0/1,udplite:0 timeout 0") == 2 * len(WORDS)


def test_names_of_ipsets_have_room_for_the_endings_of_the_loader():
    names = re.findall(r"create (gatehouse-\S+) .* -exist", iptables.render(KEEPING)["ipset"])

    assert len(set(names)) == len(names) > 40
    assert max(map(len, names)) <= 29


def test_known_peers_are_those_of_the_fleet_and_those_behind_the_host_names_of_the_policy():
    assert nft_chains(KEEPING)["kept_egress"].splitlines() == [
        "\t\tip daddr @denied.known.v4 goto kept_egress_known",
        "\t\tip daddr @denied.known.networks.v4 goto kept_egress_known",
        "\t\tip daddr @vcs.names.v4 goto kept_egress_known",
        "\t\tip6 daddr @denied.known.v6 goto kept_egress_known",
        "\t\tip6 daddr @vcs.names.v6 goto kept_egress_known",
        "\t\tgoto kept_egress_stranger",
    ]
    lines = iptables_chains(KEEPING)["GATEHOUSE-OUTPUT-KEPT"].splitlines()
    assert [line.split()[-1] for line in lines if " -g " in line] == ["GATEHOUSE-OUTPUT-KNOWN"] * 3


def test_a_peer_that_comes_or_goes_changes_no_rule():
    other = replace(KEEPING, known=addresses("192.0.2.5 192.0.2.64/27 2001:db8::5"))

    assert nft_chains(KEEPING) == nft_chains(other)
    for family in (4, 6):
        assert iptables_chains(KEEPING, family) == iptables_chains(other, family)


def test_single_addresses_are_in_a_set_without_networks_and_networks_apart_where_there_are_any():
    sets = {name: " ".join(text.split()) for name, text in nft_sets(KEEPING).items() if "denied.known" in name}
    assert sets == {
        "denied.known.v4": "type ipv4_addr elements = { 192.0.2.1, 192.0.2.2,",
        "denied.known.networks.v4": "type ipv4_addr flags interval elements = { 192.0.2.64/26,",
        "denied.known.v6": "type ipv6_addr elements = { 2001:db8::1,",
    }
    text = iptables.render(KEEPING)["ipset"]
    kinds = dict(re.findall(r"#set: (denied\.known\S*)\ncreate gatehouse-new (\S+ family inet) ", text))
    assert kinds == {"denied.known": "hash:ip family inet", "denied.known.networks": "hash:net family inet"}

    networks = nft_sets(replace(KEEPING, known=addresses("192.0.2.0/24")))
    assert [name for name in networks if name.startswith("denied.known")] == ["denied.known.networks.v4"]


def test_a_policy_without_a_peer_that_it_knows_has_strangers_alone():
    policy = Policy(("web",))

    assert sorted(name for name in nft_chains(policy) if "kept_ingress" in name) == [
        *("kept_ingress", "kept_ingress_any", "kept_ingress_any_port"),
        *("kept_ingress_stranger", "kept_ingress_stranger_port"),
    ]
    assert "KNOWN" not in "".join(iptables_chains(policy))


def test_where_the_model_knows_every_address_no_set_is_looked_up():
    policy = replace(KEEPING, known=addresses("0.0.0.0/0"))

    assert "\t\tmeta nfproto ipv4 goto kept_ingress_known\n" in nft_chains(policy)["kept_ingress"]
    assert "denied.known.v4" not in nft_sets(policy)
    kept = iptables_chains(policy)["GATEHOUSE-INPUT-KEPT"].splitlines()
    assert kept[1] == "-A GATEHOUSE-INPUT-KEPT -g GATEHOUSE-INPUT-KNOWN"


@pytest.mark.parametrize(
    ("log", "nft", "ipt"),
    [
        (
            Log(),
            'limit rate 10/minute burst 5 packets log prefix "{}"',
            '-m limit --limit 10/min {}-j LOG --log-prefix "{}"',
        ),
        (
            Log("3/hour", 5),
            'limit rate 3/hour burst 5 packets log prefix "{}" group 5',
            '-m limit --limit 3/hour {}-j NFLOG --nflog-group 5 --nflog-prefix "{}"',
        ),
    ],
)
def test_denials_are_logged_once_a_direction_at_a_limit_and_flows_in_the_same_place(log, nft, ipt):
    policy = replace(KEEPING, denied=Denied(log=log))
    of_nft, of_iptables = nft_chains(policy), iptables_chains(policy)

    for (kind, stage), word in zip(KINDS.items(), WORDS):
        prefix = f"gatehouse denied {word}: "
        assert [line for line in of_nft[f"denied_{kind}"].splitlines() if "log" in line] == [
            f"\t\t{nft.format(prefix)}"
        ]
        chain = f"GATEHOUSE-{stage}" if kind == "spoofed" else f"GATEHOUSE-{stage}-DENIED"
        logged = [line for line in of_iptables[chain].splitlines() if "LOG" in line]
        assert logged == [f"-A {chain} {ipt.format('--limit-burst 5 ', prefix)}"]
    group = "" if log.group is None else f" group {log.group}"
    assert f'log prefix "gatehouse a: "{group} comment "flow:a"' in of_nft["input_tcp_22"]
    assert ("NFLOG" in of_iptables["GATEHOUSE-INPUT-TCP-22"]) is (log.group is not None)


def test_invalid_packets_are_counted_apart_and_never_as_denials():
    for text in (nftables.render(KEEPING), *iptables.render(KEEPING).values()):
        lines = [line for line in text.splitlines() if re.search(r"ct state invalid|ctstate INVALID", line)]
        assert all('"invalid: belongs to no connection"' in line for line in lines)
        assert not any(re.search("denied|DENIED", line) for line in lines)
