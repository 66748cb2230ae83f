"""Random models whose hosts have several classes: what is compiled says of each pair of hosts what the rows say.

The rows are read here once more, by nothing but groups and flows: no set of classes, no address, no policy. Held to
them are both ends' verdicts, explain, assertions and Calico's semantics, and mutants of the compiler.
"""

from __future__ import annotations

import inspect
import types
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils import _pipeline
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.objects import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.verdict import Cluster, calico_verdict
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy import compile as compiler
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Fleet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Resolved
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.explain import explain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.owners import Owners
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.reach import Port
from ansible_collections.gatehouse.firewall.tests.parity.cases import tried
from ansible_collections.gatehouse.firewall.tests.parity.test_mutants import PACKETS as MUTANT_PACKETS
from ansible_collections.gatehouse.firewall.tests.parity.test_mutants import SEED as MUTANT_SEED
from ansible_collections.gatehouse.firewall.tests.parity.test_parity import PACKETS, SEED
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, problems_of
from hypothesis import given
from hypothesis import strategies as some

HOSTS = [f"h{number}" for number in range(6)]
CLASSES = ["a", "b", "c", "d"]
PORTS = [8001, 8002, 8003, 8004]
ASSERTIONS = 1  # of each model: each compiles it anew
DIRECTIONS = ("egress", "ingress")
_PER_MODEL = 50  # packets, at least, in most models


def address(host: str) -> str:
    """Return a host's address: each host has one, every second of IPv6."""
    number = HOSTS.index(host) // 2
    return f"198.51.100.{number + 1}" if HOSTS.index(host) % 2 else f"2001:db8::{number + 1}"


@some.composite
def models(draw: some.DrawFn) -> dict[str, Any]:
    """Draw a model whose classes share hosts, some of them isolated, with a zone that holds hosts as well."""
    members = {name: draw(some.lists(some.sampled_from(HOSTS), min_size=1, unique=True)) for name in CLASSES}
    isolated = [name for name in CLASSES if draw(some.sampled_from((True, False, False)))]
    ends = some.lists(some.sampled_from([*CLASSES, "zone"]), min_size=1, max_size=3, unique=True)
    flows = []
    for number in range(draw(some.integers(1, 6))):
        senders, receivers = draw(ends), draw(ends)
        if {*isolated} & {*senders} & {*receivers} or {*senders, *receivers} == {"zone"}:
            continue
        ports = draw(some.lists(some.sampled_from(PORTS), min_size=1, max_size=3, unique=True))
        row = {"from": senders, "to": receivers, "ports": [f"{port}/tcp" for port in ports]}
        flows.append({"name": f"f{number}", **row, "end": draw(some.sampled_from(("both", "both", *DIRECTIONS)))})
    return {
        "gatehouse_classes": [
            {"name": name, "groups": [name], "isolated": name in isolated} for name in draw(some.permutations(CLASSES))
        ],
        "gatehouse_zones": [{"name": "zone", "networks": ["198.51.100.0/31", "2001:db8::2/127"]}],
        "gatehouse_flows": flows,
        "gatehouse_calico": {"classes": [draw(some.sampled_from(CLASSES))], "interfaces": "all"},
        "groups": members,
        "hosts": {host: {"ansible_host": address(host)} for host in HOSTS},
    }


def allowed(model: Mapping[str, Any], direction: str, host: str, peer: str, port: int) -> bool:
    """Return whether the rows let a host send to another, or hear from it."""
    groups = model["groups"]
    both = [one["name"] for one in model["gatehouse_classes"] if one["isolated"]]
    if any({host, peer} <= {*groups[name]} for name in both):
        return False
    zone = any(ip_address(address(peer)) in ip_network(one) for one in model["gatehouse_zones"][0]["networks"])
    own = {name for name in CLASSES if host in groups[name]}
    others = {name for name in CLASSES if peer in groups[name]} | ({"zone"} if zone else set())
    ends = ("from", "to") if direction == "egress" else ("to", "from")
    return any(
        flow["end"] in ("both", direction)
        and f"{port}/tcp" in flow["ports"]
        and own & {*flow[ends[0]]}
        and others & {*flow[ends[1]]}
        for flow in model["gatehouse_flows"]
    )


@dataclass
class Held:
    """How much was compared with what."""

    counts: Counter[str] = field(default_factory=Counter)


def hold_model(model: dict[str, Any], held: Held, asserted: int = 0) -> None:
    """Hold all that is compiled of a model to its rows."""
    fleet = build(model)
    cluster = Cluster(render(fleet, problems := Problems()))
    problems.raise_if_any()
    owners, assertions = Owners(fleet), 0
    for sender, receiver in permutations(HOSTS, 2):
        if (":" in address(sender)) != (":" in address(receiver)):
            continue
        for port in PORTS:
            ends = {"egress": (sender, receiver), "ingress": (receiver, sender)}
            expected = {
                way: allowed(model, way, host, peer, port) for way, (host, peer) in ends.items() if host in fleet.hosts
            }
            _hold_packets(owners, cluster, model, (sender, receiver, port), expected, held)
            if expected and assertions < asserted:
                assertions += 1
                _hold_assertion(model, (sender, receiver, port), all(expected.values()), held)


Question = tuple[str, str, int]


def _hold_packets(
    owners: Owners,
    cluster: Cluster,
    model: Mapping[str, Any],
    asked: Question,
    expected: Mapping[str, bool],
    held: Held,
) -> None:
    fleet = owners.fleet
    sender, receiver, port = asked
    source, target = (ip_address(address(one)) for one in (sender, receiver))
    for way, answer in expected.items():
        host = sender if way == "egress" else receiver
        packet = Packet(way, source, target, "tcp", port, interface="eth0")
        assert verdict(fleet.policy_of(host), packet).allowed == answer, (model, asked, way)
        held.counts["allowed" if answer else "denied"] += 1
        if {*model["gatehouse_calico"]["classes"]} & {*fleet.classes_of(host)}:
            assert cluster.endpoint(host, "eth0") is not None
            assert calico_verdict(cluster, host, packet).allowed == answer, (model, asked, way)
            held.counts["calico"] += 1
        else:
            assert cluster.endpoint(host, "eth0") is None
    if expected:
        parties = (owners.senders(sender, _single(source)), owners.receivers(receiver, _single(target)))
        found = explain(fleet, *parties, Port("tcp", port))
        assert found.allowed == all(expected.values()), (model, asked, found)
        assert [stage.allowed for one in found.answers for stage in one.stages] == [*expected.values()]
        held.counts["explained"] += 1


def _single(one: Any) -> AddressSet:
    return AddressSet.of([ip_network(one)])


def _hold_assertion(model: dict[str, Any], asked: Question, passes: bool, held: Held) -> None:
    sender, receiver, port = asked
    for verb, holds in (("allow", passes), ("deny", not passes)):
        row = {verb: address(sender), "to": address(receiver), "port": f"{port}/tcp"}
        problems = problems_of({**model, "gatehouse_assertions": [row]})
        assert bool(problems) != holds, (model, row, problems)
        held.counts["asserted"] += 1


def hold(packets: int, start: int, asserted: int = 0) -> Held:
    held = Held()

    @tried(start, packets // _PER_MODEL)
    @given(models())
    def one(model: dict[str, Any]) -> None:
        hold_model(model, held, asserted)

    one()
    return held


def test_what_is_compiled_says_what_the_rows_say_of_every_pair_of_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    held = hold(PACKETS // 4, SEED, ASSERTIONS)

    with capsys.disabled():
        print(f"\nseveral classes: GATEHOUSE_PARITY_SEED={SEED}: 0 disagreements: {dict(held.counts)}")
    total = held.counts["allowed"] + held.counts["denied"]
    assert total >= PACKETS // 5
    assert min(held.counts["allowed"], held.counts["denied"]) > total // 20
    assert min(held.counts["calico"], held.counts["explained"]) > total // 4
    assert held.counts["asserted"] > total // 100


MUTANTS = {
    "the first class alone": ("_rules", "for name in classes)", "for name in classes[:1])"),
    "flows of all classes at once": ("_rules", "not any(name in own", "not all(name in own"),
    "peers of this class alone": (
        "compile_fleet",
        "lru_cache(maxsize=None)(resolved.peers)",
        "_alone(resolved)",
    ),
    "isolation of the first class": ("compile_fleet", "name in classes if model", "name in classes[:1] if model"),
    "isolation where all classes are isolated": (
        "compile_fleet",
        "if model.classes[name].isolated}",
        "if all(model.classes[one].isolated for one in classes)}",
    ),
    "isolated from hosts of all the same classes": (
        "compile_fleet",
        'name: peers(name, "") for name',
        "name: _alike(resolved, classes) for name",
    ),
}  # fmt: skip


def _alone(resolved: Resolved) -> Callable[[str, str], AddressSet]:
    """Return a wrong answer to who a class is: those of its hosts that are nothing else."""

    def peers(name: str, side: str) -> AddressSet:
        return _alike(resolved, (name,), side) | resolved.networks[name]

    return peers


def _alike(resolved: Resolved, classes: tuple[str, ...], side: str = "") -> AddressSet:
    hosts = [host for host, own in resolved.classes_by_host.items() if own == classes]
    return AddressSet.union(resolved.host(host).addresses(side) for host in hosts)


def mutant(function: str, before: str, after: str) -> Callable[..., Fleet]:
    """Return the function compile_fleet of a copy of the compiler with a piece of one function's text replaced."""
    text = inspect.getsource(getattr(compiler, function))
    assert text.count(before) == 1, f"{function} has changed: {before!r} is not there once"
    source = Path(str(compiler.__file__)).read_text(encoding="utf-8")
    copy = types.ModuleType(compiler.__name__)
    copy.__package__ = compiler.__package__
    vars(copy).update(_alone=_alone, _alike=_alike)
    exec(compile(source.replace(text, text.replace(before, after)), "mutant", "exec"), vars(copy))
    found: Callable[..., Fleet] = copy.compile_fleet
    return found


@pytest.mark.parametrize("name", MUTANTS)
def test_a_compiler_with_one_detail_wrong_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pipeline, "compile_fleet", mutant(*MUTANTS[name]))
    with pytest.raises(AssertionError):
        hold(MUTANT_PACKETS, MUTANT_SEED)
