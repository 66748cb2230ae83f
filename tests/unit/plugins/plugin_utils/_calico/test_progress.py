"""Batches against a datastore in memory: each is worked out from what is there by then, and read back."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.felix import FILLED_IN
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.progress import CalicoError, Progress, in_force
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.step import APPLY, key_of

GOLDEN = Path(__file__).resolve().parents[4] / "golden" / "calico"
WANTED = yaml.safe_load((GOLDEN / "02-load-balancers-stay-open" / "expected.yml").read_text("utf-8"))
POLICIES = [one["metadata"]["name"] for one in WANTED if one["kind"] == "GlobalNetworkPolicy"]
FELIX, HEP = "FelixConfiguration", "HostEndpoint"
DEFAULTS = {FELIX: FILLED_IN, "GlobalNetworkPolicy": {"tier": "default"}}


class Datastore:
    """Objects by kind and name, and what a server does to them: ``name_of`` and ``filled`` say how it stores one."""

    def __init__(self, name_of=lambda one: one["metadata"]["name"], filled=lambda _one: {}):
        self.name_of, self.filled = name_of, filled
        self.objects = {}
        self.batches = []
        self.meanwhile = {}

    def put(self, one):
        new = copy.deepcopy(one)
        new["metadata"]["name"] = self.name_of(one)
        new["spec"] = {**self.filled(one), **new["spec"]}
        self.objects[key_of(new)] = new

    def read(self, kinds=None):
        return [copy.deepcopy(one) for key, one in self.objects.items() if kinds is None or key[0] in kinds]

    def write(self, batch, kinds):
        for step in batch:
            if step.action == APPLY:
                self.put(step.request)
            else:
                del self.objects[key_of(step.request)]
        self.batches.append((batch[0].phase, [step.wanted["metadata"]["name"] for step in batch]))
        for one in self.meanwhile.pop(len(self.batches), []):
            self.put(one)
        return self.read(kinds)

    def bring(self, wanted):
        progress = Progress(wanted, self.read())
        progress.carry_out(self.write)
        return progress


def x_before_policies(one):
    name = one["metadata"]["name"]
    return f"x-{name}" if one["kind"] == "GlobalNetworkPolicy" else name


def names_the_tier(one):
    name = one["metadata"]["name"]
    return f"default.{name}" if one["kind"] == "GlobalNetworkPolicy" and "." not in name else name


@pytest.mark.parametrize(
    "store",
    [
        Datastore(),
        Datastore(name_of=names_the_tier),
        Datastore(filled=lambda one: DEFAULTS.get(one["kind"], {})),
    ],
    ids=["as sent", "3.29.0 to 3.29.3", "with defaults"],
)
def test_one_run_does_it_all_the_second_nothing_and_the_last_leaves_nothing(store):
    assert len(store.bring(WANTED).done) == len(WANTED)
    assert [phase for phase, _names in store.batches] == [
        (APPLY, "GlobalNetworkSet"),
        (APPLY, "GlobalNetworkPolicy"),
        (APPLY, FELIX),
        (APPLY, HEP),
    ]
    assert store.bring(WANTED).done == []

    changed = copy.deepcopy(WANTED)
    next(one for one in changed if one["kind"] == "GlobalNetworkPolicy")["spec"]["order"] = 7
    assert len(store.bring(changed).done) == 1
    assert len(store.objects) == len(WANTED)

    store.bring([])
    assert store.objects == {}


def test_a_policy_that_is_kept_under_another_name_is_found_before_any_endpoint_loses_or_needs_it():
    store = Datastore(name_of=x_before_policies)

    with pytest.raises(CalicoError, match=f"GlobalNetworkPolicy {POLICIES[0]} was applied, and is not there when read"):
        store.bring(WANTED)
    assert not [key for key in store.objects if key[0] == HEP]


def test_an_object_of_others_that_comes_meanwhile_is_not_overwritten():
    store, theirs = Datastore(), copy.deepcopy(WANTED[-1])
    theirs["metadata"]["labels"] = {}
    store.meanwhile[3] = [theirs]

    with pytest.raises(CalicoError, match=rf"metadata.name \({HEP}\): got '.*', expected no object of this name"):
        store.bring(WANTED)
    assert store.objects[key_of(theirs)] == theirs


def test_what_comes_meanwhile_into_a_nodes_configuration_stays():
    store = Datastore()
    name = next(one["metadata"]["name"] for one in WANTED if one["kind"] == FELIX)
    store.meanwhile[2] = [{"kind": FELIX, "metadata": {"name": name}, "spec": {"logSeverityScreen": "Info"}}]
    store.bring(WANTED)

    assert store.objects[FELIX, name]["spec"]["logSeverityScreen"] == "Info"


def test_what_a_server_adds_that_this_version_does_not_know_is_said_and_stops_nothing():
    store = Datastore(filled=lambda one: {"future": "on"} if one["kind"] == HEP else {})
    progress = store.bring(WANTED)

    assert len(progress.done) == len(WANTED)
    assert progress.warnings[0].startswith(f"Calico adds something to {HEP} gatehouse-worker")


def test_what_a_server_makes_something_else_of_stops_the_run():
    store = Datastore()
    put = store.put

    def another_order(one):
        put(one if one["kind"] != "GlobalNetworkPolicy" else {**one, "spec": {**one["spec"], "order": 5}})

    store.put = another_order
    with pytest.raises(CalicoError, match="was applied, and is something else when read back"):
        store.bring(WANTED)
    assert not [key for key in store.objects if key[0] == HEP]


def test_what_a_server_fills_into_a_nodes_configuration_is_brought_to_the_clusters_value_in_the_same_run():
    store = Datastore(filled=lambda one: {"newMode": "Off"} if one["kind"] == FELIX else {})
    store.put({"kind": FELIX, "metadata": {"name": "default"}, "spec": {"newMode": "On"}})
    store.bring(WANTED)

    assert {one["spec"]["newMode"] for one in store.read([FELIX])} == {"On"}
    assert store.bring(WANTED).done == []
    store.bring([])
    assert list(store.objects) == [(FELIX, "default")]


def test_what_was_deleted_and_is_still_there_stops_the_run():
    store = Datastore()
    store.bring(WANTED)

    with pytest.raises(CalicoError, match=f"{HEP} .* was deleted, and is still there"):
        Progress([], store.read()).carry_out(lambda _batch, kinds: store.read(kinds))


def test_what_is_in_force_is_said_with_the_host_endpoints_that_no_policy_covers():
    assert in_force(WANTED, WANTED) == "In force now is all of it. Every host endpoint of ours has its policies"
    assert in_force([], []) == "In force now is all of it. There is no host endpoint of ours"

    text = in_force(WANTED, [one for one in WANTED if not one["kind"].endswith("Policy")])
    assert text.startswith(f"In force now is all but GlobalNetworkPolicy {POLICIES[0]} (to be created), ")
    assert "These host endpoints of ours have no policy" in text
    assert "gatehouse-worker1.eth1 (ingress and egress)" in text
    assert " and 1 more. There is no host endpoint" in in_force(WANTED, [])
