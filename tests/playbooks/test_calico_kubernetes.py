"""The role calico by the Kubernetes API, with kubernetes.core and the real client, over HTTP, against a stand-in."""

from __future__ import annotations

import json
import os
import runpy
import sys
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


@pytest.fixture
def run(play, kubernetes_settings, calico_inventory, write, tmp_path):
    """Run the role for a cluster; return how that ended."""

    def role(cluster, *arguments, tasks_from="main", env=None, **variables):
        task = {"ansible.builtin.import_role": {"name": "gatehouse.firewall.calico", "tasks_from": tasks_from}}
        book = write(tmp_path / "play.yml", [{"hosts": "all", "gather_facts": False, "tasks": [task]}])
        extra = {"gatehouse_calico_via": "kubernetes", "ansible_python_interpreter": sys.executable, **variables}
        env = kubernetes_settings(cluster.url, tmp_path) if env is None else env
        return play(book, calico_inventory, "-e", json.dumps(extra), *arguments, env=env)

    return role


def specs(cluster):
    return {
        (one["kind"], name): one["spec"] for found in cluster.objects.values() for (_where, name), one in found.items()
    }


def changed_kinds(cluster):
    """Return the resources that were changed, in order, each run of one once."""
    found = [request.split("/")[4].partition("?")[0] for request in cluster.changes()]
    return [name for index, name in enumerate(found) if found[index - 1 : index] != [name]]


def test_objects_are_created_in_order_and_the_second_run_changes_nothing(run, cluster):
    checked = run(cluster, "--check")
    assert (checked.code, "changed=1" in checked.output, cluster.changes()) == (0, True, []), checked.output

    assert run(cluster).code == 0
    found = specs(cluster)
    assert found.keys() == {(one["kind"], one["metadata"]["name"]) for one in EXPECTED}
    assert all(one["spec"].items() <= found[one["kind"], one["metadata"]["name"]].items() for one in EXPECTED)
    assert changed_kinds(cluster) == [
        "globalnetworksets",
        "globalnetworkpolicies",
        "felixconfigurations",
        "hostendpoints",
    ]

    again = run(cluster)
    assert (again.code, "changed=0" in again.output, cluster.changes()) == (0, True, []), again.output


def test_a_changed_object_is_replaced_whole_and_removal_goes_the_other_way_round(run, cluster):
    felix = cluster.store("felixconfigurations", "", FELIX)["spec"]
    default = cluster.store("felixconfigurations", "", DEFAULT)["spec"]
    assert run(cluster).code == 0
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
