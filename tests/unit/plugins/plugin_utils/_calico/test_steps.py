"""The order of creation and removal: wherever it stops, each host endpoint has its policies."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.steps import (
    DELETE,
    KINDS,
    batches,
    difference,
    rivals,
    steps,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems

GOLDEN = Path(__file__).resolve().parents[4] / "golden" / "calico"
STATES = {path.parent.name: yaml.safe_load(path.read_text("utf-8")) for path in GOLDEN.glob("*/expected.yml")}
STATES["nothing"] = []
HEP = "HostEndpoint"


def steps_between(before, after):
    problems = Problems()
    found = steps(after, before, problems)
    assert problems.found == []
    return found


def states_on_the_way(before, after):
    """Yield the datastore after each step."""
    there = {(one["kind"], one["metadata"]["name"]): one for one in before}
    for step in steps_between(before, after):
        key = (step.wanted["kind"], step.wanted["metadata"]["name"])
        if step.action == DELETE:
            del there[key]
        else:
            there[key] = step.wanted
        yield list(there.values())


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(sorted(STATES), 2)))
def test_no_endpoint_is_ever_without_its_policies_and_no_policy_without_its_sets(before, after):
    state = STATES[before]
    for state in states_on_the_way(STATES[before], STATES[after]):
        warnings = [str(one) for one in lint(state).warnings if HEP in str(one)]
        assert warnings == []
        sets = {
            one["metadata"]["labels"]["gatehouse.firewall/set"] for one in state if one["kind"] == "GlobalNetworkSet"
        }
        assert sets_selected(state) <= sets

    key = str
    assert sorted(map(key, state)) == sorted(map(key, STATES[after]))


def sets_selected(objects):
    """Return the sets that rules select, by their labels."""
    text = str([one["spec"] for one in objects])
    return {part.partition("'")[0] for part in text.split("gatehouse.firewall/set == '")[1:]}


@pytest.mark.parametrize("name", sorted(STATES))
def test_the_same_again_is_no_step(name):
    assert steps_between(STATES[name], STATES[name]) == []


@pytest.mark.parametrize("name", sorted(STATES))
def test_what_a_datastore_fills_in_is_no_difference(name):
    stored = copy.deepcopy(STATES[name])
    for number, one in enumerate(stored):
        one["metadata"].update(
            {"uid": "x", "resourceVersion": str(number), "creationTimestamp": "2026-11-21T00:00:00Z"}
        )
        if one["kind"] == "GlobalNetworkPolicy":
            one["spec"].update({"tier": "default", "doNotTrack": False})
    assert steps_between(stored, STATES[name]) == []


def test_what_differs_is_changed_and_the_rest_is_left():
    before = copy.deepcopy(STATES["01-the-documents-own-example"])
    before[0]["spec"]["nets"].append("203.0.113.99/32")
    (step,) = steps_between(before, STATES["01-the-documents-own-example"])

    assert (step.name, step.word) == ("GlobalNetworkSet gatehouse-iks-worker-public", "changed")
    assert "203.0.113.99/32" in difference(step)["before"]
    assert "203.0.113.99/32" not in difference(step)["after"]


def test_somebody_elses_objects_stay_and_one_with_a_name_of_ours_is_an_error():
    wanted = STATES["01-the-documents-own-example"]
    foreign = {"kind": HEP, "metadata": {"name": "mine"}, "spec": {"node": "worker1", "interfaceName": "eth9"}}
    assert steps_between([*wanted, foreign], wanted) == []
    assert foreign not in [step.wanted for step in steps_between([*wanted, foreign], [])]

    problems, taken = Problems(), copy.deepcopy(wanted[-1])
    taken["metadata"]["labels"] = {}
    steps(wanted, [taken], problems)
    assert str(problems.found[0]).startswith(f"metadata.name ({HEP}): got 'gatehouse-worker1.eth1', expected no object")


@pytest.mark.parametrize("name", ["x", "default.x"])
def test_a_policy_is_found_by_its_name_with_its_tier_too_and_goes_on_under_the_name_that_it_has(name):
    (wanted,) = (one for one in STATES["01-the-documents-own-example"] if one["metadata"]["name"].endswith("-ingress"))
    wanted = {**wanted, "metadata": {**wanted["metadata"], "name": "x"}}
    labels = {**wanted["metadata"]["labels"], "projectcalico.org/tier": "default"}
    there = {**wanted, "metadata": {"name": name, "resourceVersion": "7", "labels": labels}}
    assert steps_between([there], [wanted]) == []

    (step,) = steps_between([{**there, "spec": {**there["spec"], "order": 1}}], [wanted])
    assert step.request["metadata"] == {"name": name, "labels": wanted["metadata"]["labels"], "resourceVersion": "7"}
    assert step.request["spec"] == wanted["spec"]


def test_where_a_policy_is_there_by_both_names_the_one_with_the_tier_goes():
    wanted = {"kind": "GlobalNetworkPolicy", "metadata": {"name": "x", **OWNED}, "spec": {"order": 1}}
    other = {**wanted, "metadata": {"name": "default.x", **OWNED}}
    (step,) = steps_between([wanted, other], [wanted])

    assert (step.action, step.name) == (DELETE, "GlobalNetworkPolicy default.x")
    foreign = {**other, "metadata": {"name": "default.x"}}
    assert steps_between([wanted, foreign], [wanted]) == []


def test_two_policies_of_one_name_are_said_with_the_way_to_the_older_one():
    wanted = {"kind": "GlobalNetworkPolicy", "metadata": {"name": "x", **OWNED}, "spec": {"order": 1}}
    problems = Problems()
    steps([wanted], [{**wanted, "spec": {"order": 2}}, wanted], problems)

    (problem,) = problems.found
    assert str(problem).startswith(
        "metadata.name (GlobalNetworkPolicy): got 'x', expected one object of this name, but 2"
    )
    assert "calicoctl delete globalnetworkpolicy default.x" in str(problem)


OWNED = {"labels": {"app.kubernetes.io/managed-by": "gatehouse"}}
FAILSAFES = {"failsafeInboundHostPorts": [{"protocol": "tcp", "port": 22}]}
OURS = {
    "kind": "FelixConfiguration",
    "metadata": {"name": "node.a", "labels": {"app.kubernetes.io/managed-by": "gatehouse"}},
}
OURS["spec"] = {**FAILSAFES, "failsafeOutboundHostPorts": []}


@pytest.mark.parametrize("own", [{}, {"failsafeInboundHostPorts": [{"protocol": "tcp", "port": 2222}]}])
def test_of_somebody_elses_felix_configuration_the_failsafes_alone_change_and_come_back(own):
    theirs = {
        "kind": "FelixConfiguration",
        "metadata": {"name": "node.a", "annotations": {"why": "x"}, "resourceVersion": "7"},
        "spec": {"logSeverityScreen": "Info", **own},
    }
    (step,) = steps_between([theirs], [OURS])
    assert step.wanted["spec"] == {"logSeverityScreen": "Info", **OURS["spec"]}
    assert step.wanted["metadata"]["annotations"]["why"] == "x"
    assert steps_between([step.wanted], [OURS]) == []

    narrower = {**OURS, "spec": {**OURS["spec"], "failsafeInboundHostPorts": []}}
    (again,) = steps_between([step.wanted], [narrower])
    (back,) = steps_between([again.wanted], [])
    assert back.action != DELETE
    assert back.wanted["spec"] == theirs["spec"]
    assert back.wanted["metadata"]["annotations"] == {"why": "x"}


@pytest.mark.parametrize(
    ("name", "spec", "problem", "warning"),
    [
        ("auto-hep", {"node": "vm1", "interfaceName": "*"}, "expected no endpoint for the interface that comes", ""),
        ("vm1-auto-hep", {"node": "vm1", "interfaceName": "*"}, "", f"{HEP} vm1-auto-hep is out of force"),
        ("auto-hep", {"node": "vm3", "interfaceName": "*"}, "", ""),
        ("auto-hep", {"node": "vm1", "interfaceName": "eth0"}, "", ""),
    ],
)
def test_an_endpoint_of_somebody_elses_for_the_same_interface_is_said(name, spec, problem, warning):
    problems = Problems()
    theirs = {"kind": HEP, "metadata": {"name": name}, "spec": spec}
    lines = rivals(STATES["05-every-interface"], [theirs], problems)

    assert [problem in str(one) for one in problems.found] == ([True] if problem else [])
    assert [line.startswith(warning) for line in lines] == ([True] if warning else [])
    ours = STATES["05-every-interface"][-2]
    assert rivals(STATES["05-every-interface"], [ours], Problems()) == []


def test_failsafes_that_are_taken_away_whole_are_a_difference():
    (step,) = steps_between([OURS], [{**OURS, "spec": {**OURS["spec"], "failsafeInboundHostPorts": []}}])

    assert step.word == "changed"


def test_a_felix_configuration_of_ours_goes_with_its_endpoints():
    assert [step.action for step in steps_between([OURS], [])] == [DELETE]


def test_what_somebody_has_added_to_a_felix_configuration_of_ours_stays():
    added = {**OURS, "spec": {**OURS["spec"], "logSeverityScreen": "Info"}}
    (step,) = steps_between([added], [])

    assert (step.action, step.wanted["spec"]) == ("apply", {"logSeverityScreen": "Info"})
    assert step.wanted["metadata"]["labels"] == {}
    assert steps_between([step.wanted], []) == []


def test_batches_are_runs_of_one_kind():
    found = batches(steps_between([], STATES["02-load-balancers-stay-open"]))

    assert [batch["objects"][0]["kind"] for batch in found] == [kind for kind in KINDS if not kind.startswith("Staged")]
    assert {batch["action"] for batch in found} == {"apply"}
