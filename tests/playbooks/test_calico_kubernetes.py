"""The role calico by the Kubernetes API, with kubernetes.core and the real client, over HTTP, against a stand-in."""

from __future__ import annotations

import copy
import functools
import json
import os
import runpy
from pathlib import Path

import pytest
import yaml

pytest.importorskip("kubernetes", reason="requirements/newest.txt has the client of Kubernetes")

HERE = Path(__file__).parent
running = runpy.run_path(str(HERE / "kubernetes_api.py"))["running"]
CASE = HERE.parent / "golden" / "calico" / "02-load-balancers-stay-open"
EXPECTED = yaml.safe_load((CASE / "expected.yml").read_text(encoding="utf-8"))
STAGED = "StagedGlobalNetworkPolicy"
KINDS = ("GlobalNetworkSet", "GlobalNetworkPolicy", "FelixConfiguration", "HostEndpoint")
DEFAULT = {"metadata": {"name": "default"}, "spec": {"nftablesMode": "Enabled"}}
FELIX = {"metadata": {"name": "node.worker1"}, "spec": {"logSeverityScreen": "Info"}}


@pytest.fixture
def cluster():
    with running([*KINDS, STAGED]) as found:
        yield found


@pytest.fixture(scope="module")
def runner(play, python_with, kubernetes_settings, calico_case, write):
    """Return a function that runs the role for a cluster, with its files in a folder, and returns how that ended."""

    def role(folder, cluster, *arguments, tasks_from="main", env=None, **variables):
        task = {"ansible.builtin.import_role": {"name": "gatehouse.firewall.calico", "tasks_from": tasks_from}}
        book = write(folder / "play.yml", [{"hosts": "all", "gather_facts": False, "tasks": [task]}])
        extra = {
            "gatehouse_calico_via": "kubernetes",
            "ansible_python_interpreter": python_with("kubernetes"),
            **variables,
        }
        env = kubernetes_settings(cluster.url, folder) if env is None else env
        return play(book, calico_case(folder), "-e", json.dumps(extra), *arguments, env=env)

    return lambda folder: functools.partial(role, folder)


@pytest.fixture
def run(runner, tmp_path):
    """Run the role for a cluster; return how that ended."""
    return runner(tmp_path)


@pytest.fixture(scope="module")
def first(runner, tmp_path_factory):
    """A cluster with configurations of somebody else's to which the role was applied, those, and what was changed."""
    with running([*KINDS, STAGED]) as found:
        theirs = [found.store("felixconfigurations", "", one)["spec"] for one in (FELIX, DEFAULT)]
        assert runner(tmp_path_factory.mktemp("first"))(found).code == 0
        yield found, theirs, changed_kinds(found)


@pytest.fixture
def applied(first, cluster):
    """Have the test's cluster be as the role leaves one."""
    cluster.objects, cluster.version = copy.deepcopy(first[0].objects), first[0].version


def specs(cluster):
    return {
        (one["kind"], name): one["spec"] for found in cluster.objects.values() for (_where, name), one in found.items()
    }


def changed_kinds(cluster):
    """Return the resources that were changed, in order, each run of one once."""
    found = [request.split("/")[4].partition("?")[0] for request in cluster.changes()]
    return [name for index, name in enumerate(found) if found[index - 1 : index] != [name]]


def test_a_check_says_that_objects_would_be_created_and_creates_none(run, cluster):
    checked = run(cluster, "--check")
    assert (checked.code, "changed=1" in checked.output, cluster.changes()) == (0, True, []), checked.output


@pytest.mark.usefixtures("applied")
def test_objects_are_created_in_order_and_the_second_run_changes_nothing(first, run, cluster):
    there, _theirs, changed = first
    found = specs(there)
    names = {(one["kind"], one["metadata"]["name"]) for one in EXPECTED}
    assert found.keys() == names | {("FelixConfiguration", "default")}
    assert all(one["spec"].items() <= found[one["kind"], one["metadata"]["name"]].items() for one in EXPECTED)
    assert changed == [
        "globalnetworksets",
        "globalnetworkpolicies",
        "felixconfigurations",
        "hostendpoints",
    ]

    again = run(cluster)
    assert (again.code, "changed=0" in again.output, cluster.changes()) == (0, True, []), again.output


@pytest.mark.usefixtures("applied")
def test_a_changed_object_is_replaced_whole_and_removal_goes_the_other_way_round(first, run, cluster):
    felix, default = first[1]
    assert specs(cluster)["FelixConfiguration", "node.worker2.example.org"]["nftablesMode"] == "Enabled"
    policy = cluster.objects["globalnetworkpolicies"]["", "gatehouse-iks-worker-public-ingress"]
    policy["spec"]["doNotTrack"] = True
    changed = run(cluster)
    assert changed.code == 0, changed.output
    assert "doNotTrack" not in specs(cluster)["GlobalNetworkPolicy", "gatehouse-iks-worker-public-ingress"]

    cluster.changes()
    assert run(cluster, tasks_from="remove").code == 0
    assert specs(cluster) == {("FelixConfiguration", "node.worker1"): felix, ("FelixConfiguration", "default"): default}
    assert changed_kinds(cluster) == [
        "hostendpoints",
        "felixconfigurations",
        "globalnetworkpolicies",
        "globalnetworksets",
    ]


def test_an_api_without_calicos_group_is_refused_and_calicos_storage_is_never_written(run):
    with running() as bare:
        refused = run(bare)

    assert refused.code != 0
    assert "This Kubernetes API serves no GlobalNetworkSet of projectcalico.org/v3" in refused.failures[0]
    assert not [request for request in bare.requests if "crd.projectcalico.org" in request]


def test_observing_needs_an_api_that_has_staged_policies(run):
    with running(KINDS) as old:
        refused = run(old, gatehouse_calico={"classes": ["iks_worker"], "mode": "observe"})
        assert run(old).code == 0

    assert "This Calico has no StagedGlobalNetworkPolicy" in refused.failures[0]


def test_without_kubernetes_core_that_is_said(run, environment, cluster):
    paths = environment["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    without = [path for path in paths if not (Path(path) / "ansible_collections" / "kubernetes").exists()]
    settings = {"ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(without), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    refused = run(cluster, env=settings)

    assert refused.code != 0
    assert "gatehouse_calico_via: kubernetes needs the collection kubernetes.core" in refused.output
    assert cluster.requests == []
