"""A node's FelixConfiguration: what is ours in it, what the server fills in, and what is a person's."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.felix import (
    FILLED_IN,
    beaten,
    cluster_values,
    to_merge,
    to_unmerge,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.step import DELETE

OURS = {
    "kind": "FelixConfiguration",
    "metadata": {"name": "node.a", "labels": {"app.kubernetes.io/managed-by": "gatehouse"}},
    "spec": {"failsafeInboundHostPorts": [{"protocol": "tcp", "port": 22}], "failsafeOutboundHostPorts": []},
}
CLUSTER = {"nftablesMode": "Enabled", "floatingIPs": "Enabled", "logSeverityScreen": "Warning"}


def felix(name, spec, **metadata):
    return {"kind": "FelixConfiguration", "metadata": {"name": name, **metadata}, "spec": spec}


def stored(one):
    """Return an object as a server keeps it."""
    return {**copy.deepcopy(one), "spec": {**FILLED_IN, **copy.deepcopy(one["spec"])}}


def merged(there, cluster=None, sent=None, one=None):
    """Return what is there after one run, and check that a second one would change nothing."""
    one = one or OURS
    found = list(to_merge(one, there, cluster or {}, sent))
    after = stored(found[0].wanted) if found else there
    assert list(to_merge(one, after, cluster or {}, found[0].wanted if found else None)) == []
    assert list(to_merge(one, after, cluster or {}, None)) == []
    return after


def test_a_configuration_of_ours_has_the_clusters_values_for_what_a_server_fills_in_and_no_others():
    after = merged(None, CLUSTER)

    assert (after["spec"]["nftablesMode"], after["spec"]["floatingIPs"]) == ("Enabled", "Enabled")
    assert after["spec"]["bpfConnectTimeLoadBalancing"] == "TCP"
    assert "logSeverityScreen" not in after["spec"]


def test_without_a_value_of_the_clusters_none_is_written_since_an_older_release_may_not_have_it():
    (step,) = to_merge(OURS, None, {}, None)

    assert step.wanted["spec"] == OURS["spec"]
    assert "annotations" not in step.wanted["metadata"]


@pytest.mark.parametrize("cluster", [{}, CLUSTER])
def test_nothing_of_a_configuration_of_ours_is_left_behind(cluster):
    (step,) = to_unmerge(merged(None, cluster), cluster)

    assert step.action == DELETE


def test_a_configuration_that_an_earlier_version_made_gets_the_clusters_values_and_goes_whole():
    after = merged(stored(OURS), CLUSTER)
    assert after["spec"]["nftablesMode"] == "Enabled"

    (step,) = to_unmerge(stored(OURS), CLUSTER)
    assert step.action == DELETE


def test_a_value_that_the_cluster_changes_later_is_carried_along_and_one_that_it_drops_goes():
    changed = merged(merged(None, CLUSTER), {**CLUSTER, "nftablesMode": "Disabled"})
    assert changed["spec"]["nftablesMode"] == "Disabled"

    (step,) = to_merge(OURS, changed, {}, None)
    assert not {"nftablesMode", "floatingIPs"} & step.wanted["spec"].keys()


def test_a_value_that_a_person_changes_on_a_node_stays_a_persons():
    theirs = merged(None, CLUSTER)
    theirs["spec"].update({"nftablesMode": "Disabled", "logSeverityScreen": "Debug"})

    assert merged(theirs, {**CLUSTER, "floatingIPs": "Disabled"})["spec"]["nftablesMode"] == "Disabled"
    (step,) = to_unmerge(theirs, CLUSTER)
    assert {"nftablesMode": "Disabled", "logSeverityScreen": "Debug"}.items() <= step.wanted["spec"].items()
    assert step.wanted["metadata"] == {"name": "node.a", "labels": {}, "annotations": {}}


def test_in_a_configuration_of_others_a_value_stays_and_one_that_we_cause_is_the_clusters():
    theirs = felix("node.a", {"nftablesMode": "Auto", "logSeverityScreen": "Info"})
    after = merged(theirs, CLUSTER)
    assert (after["spec"]["nftablesMode"], after["spec"]["floatingIPs"]) == ("Auto", "Enabled")

    (step,) = to_unmerge(after, CLUSTER)
    assert step.wanted["spec"] == {"nftablesMode": "Auto", "logSeverityScreen": "Info", "floatingIPs": "Enabled"}
    assert list(to_unmerge(step.wanted, CLUSTER)) == []


def test_what_a_server_fills_in_that_no_one_knows_yet_is_found_when_it_is_read_back():
    (first,) = to_merge(OURS, None, {"newMode": "On"}, None)
    there = stored(first.wanted)
    there["spec"]["newMode"] = "Off"
    (again,) = to_merge(OURS, there, {"newMode": "On"}, first.wanted)
    assert again.wanted["spec"]["newMode"] == "On"

    assert list(to_merge(OURS, again.wanted, {"newMode": "On"}, None)) == []
    (step,) = to_unmerge(again.wanted, {"newMode": "On"})
    assert step.action == DELETE


@pytest.mark.parametrize("text", ["", "[", "[]", '{"cluster": 1}'])
def test_an_annotation_that_is_broken_is_taken_for_none(text):
    broken = stored(OURS)
    broken["metadata"] = {**broken["metadata"], "annotations": {"gatehouse.firewall/carried-values": text}}

    assert merged(broken, CLUSTER)["spec"]["nftablesMode"] == "Enabled"


def test_the_clusters_values_are_those_of_default_alone_and_an_empty_one_is_none():
    found = [felix("default", {"bpfLogLevel": "", "nftablesMode": "Enabled"}), felix("node.b", {"floatingIPs": "x"})]

    assert cluster_values(found) == {"nftablesMode": "Enabled"}


def test_a_configuration_of_some_nodes_that_ours_may_beat_is_said():
    scoped = felix("edge", {"nodeSelector": "role == 'edge'", "nftablesMode": "Disabled", "floatingIPs": "Enabled"})
    (line,) = beaten([OURS], [felix("default", CLUSTER), scoped])

    assert line.startswith("FelixConfiguration edge says nftablesMode: Disabled for nodes with role == 'edge'")
    assert list(beaten([], [scoped])) == []


def test_the_failsafes_of_before_are_kept_as_text():
    theirs = felix("node.a", {"failsafeInboundHostPorts": []})
    annotations = merged(theirs)["metadata"]["annotations"]

    assert json.loads(annotations["gatehouse.firewall/failsafes-before"]) == {"failsafeInboundHostPorts": []}
