"""A renderer with one detail wrong is caught, whichever detail it is."""

from __future__ import annotations

import inspect
import sys
import textwrap
import types

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import (
    datagrams,
    ipsets,
    iptables,
    iptables_carried,
    iptables_denied,
    iptables_flows,
    iptables_view,
    nft_carried,
    nft_denied,
    nft_flows,
    nft_pre_dnat,
    nft_text,
    nftables,
    port_matches,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import peer_sets as peers
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import port_segments as dispatch
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.tests.parity.backends import Render, iptables_backend, nftables_backend
from ansible_collections.gatehouse.firewall.tests.parity.cases import drawn
from ansible_collections.gatehouse.firewall.tests.parity.check import (
    Bench,
    DisagreementError,
    RefusedError,
    Tally,
    hold,
    hold_case,
    hold_roughly,
)
from ansible_collections.gatehouse.firewall.tests.parity.wire import Wire

PACKETS = 40000  # one is found by some hundred packets or by ten thousand, as the dice fall
SEED = 5
Mutant = tuple[types.ModuleType, str, str, str]
# A function of a module, what stands in its text, and what stands there instead.
_HALVES = "[str(next(one.subnets())).removesuffix('/32').removesuffix('/128') for one in addresses.of_family(family)]"
MUTANTS: dict[str, Mutant] = {
    "a range ends a port early": (
        dispatch,
        "segments",
        "Segment(first, end - 1,",
        "Segment(first, max(first, end - 2),",
    ),
    "a range without its first port": (dispatch, "segments", "low <= first and", "low < first and"),
    "a rule ends where another begins": (dispatch, "segments", "end - 1 <= high", "end <= high"),
    "what begins with one flow is one": (
        dispatch,
        "segments",
        "tuple((rule.flow, rule.peer, bool(rule.names)) for rule in deciding)",
        '((deciding[0].flow, "", False),)',
    ),
    "a name counts in one family": (nft_flows, "_rule_matches", "family in KEYWORD}", "family in (4,)}"),
    "the address of the wrong end": (nft_text, "in_set", "address_match(kind)", "'saddr'"),
    "IPv6 is forgotten": (nft_flows, "_by_family", "if own", "if own and family == 4"),
    "who is everybody in one family": (
        nft_flows,
        "_shortened",
        "matches == ANYBODY",
        "set(matches.values()) & set(ANYBODY.values())",
    ),
    "a flow at one address is at all": (nft_flows, "_rule_matches", "or not rule.is_narrowed", "or True"),
    "an address counts as what it became": (nft_flows, "_rule_matches", "ct original ", ""),
    "half of each network": (nftables, "_sets", "addresses.texts_of_family(family)", _HALVES),
    "a flow on one side is on both": (nft_flows, "_interface", "if not names:", "if True:"),
    "isolation is forgotten": (nft_flows, "_whatever_the_port", "policy.isolated.items()", "{}.items()"),
    "isolation of one class alone": (
        nft_flows,
        "_whatever_the_port",
        "policy.isolated.items()",
        "[*policy.isolated.items()][:1]",
    ),
    "one stage before DNAT alone": (nft_pre_dnat, "_destinations", "jump' if several", "goto' if several"),
    "echo requests always pass": (nft_flows, "_icmp", "policy.echo_request", "True"),
    "ICMP types of one direction": (nft_flows, "_icmp", "icmp_types(direction,", 'icmp_types("ingress",'),
    "DHCPv6 from anywhere": (datagrams, "nftables_match", '"saddr": one.source, ', ""),
    "DHCP to any group": (datagrams, "nftables_match", "if one.to_host", "if False"),
    "DHCP ports swapped": (datagrams, "nftables_match", '"sport": one.source_port, "dport": one.port', '"sport": 68'),
    "DHCP always passes": (nft_flows, "dhcp_clients", "policy.dhcp", "True"),
    "IGMP from afar": (nftables, "_base", "ip ttl {IGMP_TTL} ", ""),
    "IGMP to any address": (nftables, "_base", " ip daddr {IGMP_GROUPS}", ""),
    "an error about a connection is dropped": (nft_flows, "_icmp", '    yield "ct state related accept"\n', ""),
    "what is invalid may pass": (nftables, "_base", "    yield invalid(policy, direction)\n", ""),
    "replies are dropped": (nftables, "_base", '    yield "ct state established accept"\n', ""),
    "loopback is nothing special": (nftables, "_base", '"lo" accept', '"lo" continue'),
    "a flow for all ports is forgotten": (nft_flows, "_whatever_the_port", "if rule.ports.everything", "if False"),
    "SCTP is forgotten": (nft_flows, "flow_chains", "for protocol in PROTOCOLS", "for protocol in PROTOCOLS[:2]"),
    "what no rule allows passes": (nft_denied, "_denied", "counter {verdict} comment", "accept comment"),
    "what is kept passes": (nft_denied, "_counted_denials", '" return"', '" accept"'),
    "isolation is judged by flow": (nft_flows, "_whatever_the_port", "return comment", "continue comment"),
    "what is judged before DNAT is not denied": (
        nft_pre_dnat,
        "pre_dnat_chains",
        "refusal(policy, PRE_DNAT)",
        "'accept'",
    ),
    "redirected packets are judged too late": (nftables, "_pre_dnat_base", "dstnat - 20", "dstnat + 20"),
    "what is forwarded is judged": (
        nft_pre_dnat,
        "_destinations",
        "fib daddr type {{ local, broadcast, multicast }} ",
        "",
    ),
    "a service's addresses are forgotten": (
        nft_pre_dnat,
        "_destinations",
        "stage.addresses):",
        "type(stage.addresses)()):",
    ),
    "replies are judged before DNAT": (
        nftables,
        "_pre_dnat_base",
        '        yield "ct state established accept"\n',
        "",
    ),
    "one side's stage before DNAT is on both": (nft_pre_dnat, "_on", "if names", "if False"),
    "DHCP is dropped before DNAT": (nft_pre_dnat, "pre_dnat_chains", '*dhcp_clients(policy, "ingress"),', ""),
    "SCTP is not judged before DNAT": (
        nft_pre_dnat,
        "_ports",
        "for protocol in PROTOCOLS",
        "for protocol in PROTOCOLS[:2]",
    ),
    "the port that was asked for is forgotten": (nft_flows, "_flows", 'if direction == "ingress":', "if False:"),
    "any port that was asked for counts": (
        dispatch,
        "within",
        "max(segment.first, item.first), min(segment.last, item.last)",
        "segment.first, segment.last",
    ),
    "an interface proves nothing": (
        nft_carried,
        "_carried",
        "for name in interfaces)",
        "for name in ())",
    ),
    "an address is believed where interfaces are known": (nft_carried, "_carried", "if not interfaces:", "if True:"),
    "an asterisk stands for nothing": (nft_carried, "_to", '"{name}" goto', '"{name.rstrip("*")}" goto'),
    "what is for guests is judged as theirs": (nft_carried, "_carried", '"carried_in"', '"carried_out"'),
    "a forged guest goes free": (
        nft_carried,
        "_carried",
        "'saddr')}goto carried_out",
        "'saddr')}accept",
    ),
    "guests' networks are forgotten": (nft_carried, "_to", "in _families(policy)", "in ()"),
    "guests of isolated hosts may talk": (nft_carried, "_between", "if policy.isolates_carried:", "if False:"),
    "guests of no isolated host may not talk": (nft_carried, "_between", "if policy.isolates_carried:", "if True:"),
    "guests said to be together are apart": (nft_carried, "_between", "policy.isolates_carried", "policy.isolated"),
    "between guests, flows decide": (nft_carried, "carried_chains", '*_to(policy, "carried_between"), ', ""),
    "what is excepted is forgotten": (nft_carried, "_judged", 'if way == "egress":', "if False:"),
    "the port that it became decides for guests": (
        nft_carried,
        "_judged",
        '"jump carried_in_flows" if way == "ingress" else ',
        "",
    ),
    "who is isolated reaches guests": (
        nft_flows,
        "flows_as_asked_for",
        '    yield from _whatever_the_port(policy, "ingress")\n',
        "",
    ),
    "SCTP for guests is forgotten": (
        nft_flows,
        "flows_as_asked_for",
        "for protocol in PROTOCOLS",
        "for protocol in PROTOCOLS[:2]",
    ),
    "replies of guests and to them are judged": (nftables, "_base_chains", '"forward", BASE', '"forward", BASE[::2]'),
    "what is invalid may pass on": (nft_carried, "_judged", "    yield invalid(policy, kind)\n", ""),
    "IPv6 loses its ICMP on the way": (nft_carried, "_judged", '("icmp", "ipv6-icmp")', '("icmp",)'),
    "what no flow allows passes on": (nft_carried, "_judged", "    yield refusal(policy, kind)\n", ""),
}
IPTABLES_MUTANTS: dict[str, Mutant] = {
    "a range ends a port early": MUTANTS["a range ends a port early"],
    "who sends has the names": (iptables_flows, "_rule_matches", "{END[stage.direction]}", "src"),
    "the address of the wrong end": (iptables_view, "address_matches", "{end}", "src"),
    "half of each network": (
        ipsets,
        "address_set",
        "addresses.texts_of_family(family)",
        f"tuple({_HALVES})",
    ),
    "a flow at one address is at all": (iptables_flows, "_at", 'stage.direction == "egress" or', "True or"),
    "an address counts as what it became": (iptables_flows, "_at", "-m conntrack --ctorigdst", "-d"),
    "a flow on one side is on both": (iptables_view, "interface_matches", "for name in", "for name in () and"),
    "isolation is forgotten": (iptables_flows, "before_ports", "policy.isolated.items()", "{}.items()"),
    "isolation of one class alone": (
        iptables_flows,
        "before_ports",
        "policy.isolated.items()",
        "[*policy.isolated.items()][:1]",
    ),
    "one stage before DNAT alone": (iptables, "_pre_dnat_base", "stages(view.policy)", "[*stages(view.policy)][:1]"),
    "echo requests always pass": (iptables_flows, "_icmp", "view.policy.echo_request", "True"),
    "what is invalid may pass": (
        iptables,
        "_base",
        "    yield invalid(view, stage)\n",
        "",
    ),
    "what no rule allows passes": (iptables_denied, "drop", "-j {target}", "-j RETURN"),
    "what is denied is kept and passes": (iptables_denied, "drop", "-j {chain}-KEPT", "-g {chain}-KEPT"),
    "isolation is no denial": (iptables_flows, "before_ports", "{denied(view, stage)}", "-j RETURN"),
    "replies are dropped": (
        iptables,
        "_base",
        '    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"\n',
        "",
    ),
    "DHCP to any group": (datagrams, "iptables_match", "if one.to_host", "if False"),
    "DHCP always passes": (iptables, "_dhcp", "view.policy.dhcp", "True"),
    "IGMP from afar": (iptables, "_base", " -m ttl --ttl-eq {IGMP_TTL}", ""),
    "an error about a connection is dropped": (
        iptables_flows,
        "_icmp",
        '    yield "-m conntrack --ctstate RELATED -j RETURN"\n',
        "",
    ),
    "a chain of ports is left too early": (iptables_flows, "flows", "[*rules, otherwise]", "rules"),
    "the last of many ranges is forgotten": (port_matches, "port_matches", "if batch:", "if False:"),
    "what is forwarded is judged": (iptables, "_pre_dnat_base", "-m addrtype --dst-type {kind} ", ""),
    "replies are judged before DNAT": (
        iptables,
        "_pre_dnat_base",
        '    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"\n',
        "",
    ),
    "an interface proves nothing": (
        iptables_carried,
        "_base",
        "for name in interfaces)",
        "for name in ())",
    ),
    "an address is believed where interfaces are known": (iptables_carried, "_base", "if not interfaces:", "if True:"),
    "an asterisk stands for nothing": (iptables_carried, "_interfaces", '"*", "+"', '"*", ""'),
    "what is for guests is judged as theirs": (iptables_carried, "_base", "_to(view, to_in)", "_to(view, to_out)"),
    "a forged guest goes free": (iptables_carried, "_base", '{source}{to_out}"', '{source}-j RETURN"'),
    "guests' networks are forgotten": (iptables_carried, "_to", 'in _in(view, "dst")', "in ()"),
    "guests of isolated hosts may talk": (iptables_carried, "_between", "if view.policy.isolates_carried", "if False"),
    "between guests, flows decide": (iptables_carried, "_judged", "if stage.kind == FORWARD_OUT:", "if False:"),
    "what is excepted is forgotten": (iptables_carried, "_excepted", "if stage.kind != FORWARD_OUT:", "if True:"),
    "the port that it became decides for guests": (
        iptables_flows,
        "_ports_matches",
        "stage.kind != FORWARD_IN",
        "True",
    ),
    "replies of guests and to them are judged": (
        iptables_carried,
        "_base",
        '    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"\n',
        "",
    ),
    "what is invalid may pass on": (iptables_carried, "_judged", "    yield invalid(view, stage)\n", ""),
}
REFUSED: Mutant = (nft_text, "chain", 'yield "\\t}"', 'yield ""')
ONE_SIDE_FOR_ANOTHER: Mutant = (peers, "peer_name", 'f"{rule.peer}.{rule.side}"', "rule.peer")
NOTHING_WRONG: Mutant = (dispatch, "segments", "", "")


@pytest.fixture(scope="module")
def wires(benches: list[Bench]) -> dict[str, Wire]:
    return {bench.backend.name: bench.wire for bench in benches}


def nftables_bench(wires: dict[str, Wire], render: Render) -> Bench:
    return Bench(nftables_backend(render), wires["nftables"])


def iptables_bench(wires: dict[str, Wire], render: Render) -> Bench:
    return Bench(iptables_backend(render), wires["iptables-nft"])


def hold_where_it_differs(bench: Bench, render: Render, right: Render) -> None:
    """Try a mutant with the random cases for which it renders something else: the kernel can't tell it elsewhere."""
    packets = 0
    for _start, case in drawn(SEED):
        packets += len(case.packets)
        if packets > PACKETS:
            return
        if render(case.policy) != right(case.policy):
            hold_case([bench], case, Tally())


def mutant(renderer: types.ModuleType, place: types.ModuleType, function: str, before: str, after: str) -> Render:
    """Return the function render of a renderer that has a piece of one function's text replaced as long as it runs."""
    right = getattr(place, function)
    text = textwrap.dedent(inspect.getsource(right))
    assert not before or text.count(before) == 1, f"{function} has changed: {before!r} is not there once"
    made: dict[str, object] = {}
    exec(compile(text.replace(before, after) if before else text, "mutant", "exec"), vars(place), made)

    def render(policy: Policy) -> object:
        with pytest.MonkeyPatch.context() as patch:
            for module, name in _known_as(right):
                patch.setattr(module, name, made[function])
            return renderer.render(policy)

    return render


def _known_as(function: object) -> list[tuple[types.ModuleType, str]]:
    """Return the modules of the renderers' room that know a function, each with the name by which it does."""
    room = [module for name, module in sys.modules.items() if name.startswith(f"{nftables.__package__}.")]
    return [(module, name) for module in room for name, one in vars(module).items() if one is function]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_renderer_for_nftables_with_one_detail_wrong_is_caught(wires: dict[str, Wire], name: str) -> None:
    render = mutant(nftables, *MUTANTS[name])
    with pytest.raises(DisagreementError, match="disagree on"):
        hold_where_it_differs(nftables_bench(wires, render), render, nftables.render)


@pytest.mark.parametrize("name", IPTABLES_MUTANTS)
def test_a_renderer_for_iptables_with_one_detail_wrong_is_caught(wires: dict[str, Wire], name: str) -> None:
    render = mutant(iptables, *IPTABLES_MUTANTS[name])
    with pytest.raises(DisagreementError, match="disagree on"):
        hold_where_it_differs(iptables_bench(wires, render), render, iptables.render)


def test_copies_of_the_renderers_with_nothing_wrong_are_not_caught(wires: dict[str, Wire]) -> None:
    hold_roughly([nftables_bench(wires, mutant(nftables, *NOTHING_WRONG))], 1000, SEED)
    hold_roughly([iptables_bench(wires, mutant(iptables, *NOTHING_WRONG))], 1000, SEED)


def test_the_report_is_small_and_has_all_that_is_needed(wires: dict[str, Wire]) -> None:
    with pytest.raises(DisagreementError) as caught:
        hold([nftables_bench(wires, mutant(nftables, *MUTANTS["a range ends a port early"]))], PACKETS, SEED)

    print(caught.value)
    lines = str(caught.value).splitlines()
    assert lines[0] == "the kernel and verdict() disagree on 1 of 1 packets"
    assert len([line for line in lines if ", flow flow" in line]) == 3, "one rule, and what the ruleset says of it"
    assert len([line for line in lines if line.startswith("packet: ")]) == 1
    assert "  nftables: dropped" in lines
    assert [line for line in lines if line.startswith("  verdict(): allowed: the flow flow")]
    assert "  table inet gatehouse {" in lines
    assert lines[-1].startswith("GATEHOUSE_PARITY_SEED=")


def test_a_ruleset_that_the_kernel_refuses_is_reported(wires: dict[str, Wire]) -> None:
    with pytest.raises(RefusedError, match="nftables refuses a ruleset: nft -f -: "):
        hold([nftables_bench(wires, mutant(nftables, *REFUSED))], PACKETS, SEED)


def test_peers_of_one_side_that_are_those_of_another_are_caught_or_refused(wires: dict[str, Wire]) -> None:
    # A set that is missing, or one with the wrong peers: it depends on which policy is drawn first.
    with pytest.raises((DisagreementError, RefusedError)):
        hold([nftables_bench(wires, mutant(nftables, *ONE_SIDE_FOR_ANOTHER))], PACKETS, SEED)
