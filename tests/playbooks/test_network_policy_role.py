"""The role network_policy, with kubernetes.core and the real client, over HTTP, against a stand-in for the API."""

from __future__ import annotations

import functools
import runpy
from pathlib import Path

import pytest

pytest.importorskip("kubernetes", reason="requirements/newest.txt has the client of Kubernetes")

running = runpy.run_path(str(Path(__file__).with_name("kubernetes_api.py")))["running"]

INGRESS, EGRESS = "jes-ingress-network-policy", "jes-egress-network-policy"
OPTIONS = {"namespace": "keptn-jes", "ingress": True, "egress": True}
API_SERVER = {
    "to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}, {"ipBlock": {"cidr": "192.0.2.2/32"}}],
    "ports": [{"protocol": "TCP", "port": 6443}],
}
WORKERS = {"name": "workers", "pods": {"labels": {"app": "worker"}, "namespace": "keptn-jes", "isolate": ["ingress"]}}


@pytest.fixture
def cluster():
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def first(runner, tmp_path_factory):
    """A cluster to which the role was applied, and how that ended."""
    with running() as found:
        return found, runner(found, tmp_path_factory.mktemp("first"))()


@pytest.fixture
def applied(first, cluster):
    """Have the test's cluster be as the role leaves one."""
    for policy in first[0].policies.values():
        cluster.put(policy)


@pytest.fixture
def run(runner, cluster, tmp_path):
    """Run the role for the test's cluster."""
    return runner(cluster, tmp_path)


@pytest.fixture(scope="module")
def runner(play, python_with, kubernetes_settings, write):
    """Return a function that runs the role for a cluster that a kubeconfig names, and returns how that ended."""

    def role(
        cluster, folder, *arguments, tasks_from="main", options=None, inventory="localhost,", check=True, **variables
    ):
        model = {"gatehouse_profile": "keptn_jes", "gatehouse_options": options or OPTIONS}
        variables = {**model, **variables} if inventory == "localhost," else {}
        task = {"ansible.builtin.import_role": {"name": "gatehouse.firewall.network_policy", "tasks_from": tasks_from}}
        content = [{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": [task]}]
        here = ("-c", "local", "-e", f"ansible_python_interpreter={python_with('kubernetes')}")
        settings = kubernetes_settings(cluster.url, folder)
        outcome = play(write(folder / "play.yml", content), inventory, *here, *arguments, env=settings)
        assert not check or outcome.code == 0, outcome.output
        return outcome

    return lambda *around: functools.partial(role, *around)


def foreign(name, namespace="keptn-jes", rules=()):
    metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": list(rules)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def names(cluster):
    return sorted(name for _namespace, name in cluster.policies)


@pytest.mark.usefixtures("applied")
def test_policies_are_applied_and_a_second_run_changes_nothing(first, run, cluster):
    there, outcome = first
    before = {key: dict(one) for key, one in cluster.policies.items()}
    second = run()

    assert "changed=1" in outcome.output
    assert len([request for request in there.requests if not request.startswith("GET")]) == 2
    assert names(there) == [EGRESS, INGRESS]
    assert there.rules(INGRESS, "ingress") == []
    assert "changed=0" in second.output
    assert cluster.policies == before


def test_the_playbook_takes_the_model_of_an_inventory(play, python_with, kubernetes_settings, cluster, write, tmp_path):
    model = {"gatehouse_profile": "keptn_jes", "gatehouse_options": OPTIONS}
    hosts = write(tmp_path / "hosts.yml", {"all": {"hosts": {"node1": {}}, "vars": model}})
    twice = write(tmp_path / "twice.yml", [{"import_playbook": "gatehouse.firewall.network_policy"}] * 2)
    settings = kubernetes_settings(cluster.url, tmp_path)
    done = play(twice, hosts, "-e", f"ansible_playbook_python={python_with('kubernetes')}", env=settings)

    first, second = (part.count("\nchanged: [") for part in done.output.split("PLAY [")[1:])
    assert (done.code, first, second) == (0, 1, 0), done.output
    assert names(cluster) == [EGRESS, INGRESS]


def test_the_api_server_is_found_where_the_model_leaves_it_to_the_cluster(first):
    assert first[0].rules(EGRESS)[1] == API_SERVER


def test_the_cluster_is_not_asked_for_an_api_server_that_the_model_names(run, cluster):
    run(options={**OPTIONS, "api_server_cidr": "198.51.100.0/28"})

    assert cluster.rules(EGRESS)[1] == {"to": [{"ipBlock": {"cidr": "198.51.100.0/28"}}]}
    assert not [request for request in cluster.requests if "endpoints/kubernetes" in request]


def test_a_cluster_without_endpoints_of_the_api_server_gets_nothing_and_says_so(run, cluster):
    cluster.addresses = []
    outcome = run(check=False)

    assert outcome.code != 0
    assert "Endpoints kubernetes (namespace default): got nothing, expected at least one address" in outcome.output
    assert cluster.policies == {}


def test_check_mode_changes_nothing_and_shows_what_would_change(run, cluster):
    outcome = run("--check", "--diff")
    assert "changed=1" in outcome.output
    assert cluster.changes() == []
    assert cluster.policies == {}


@pytest.mark.usefixtures("applied")
def test_check_mode_shows_what_would_change_of_a_policy_and_leaves_it(run, cluster):
    cluster.addresses = ["192.0.2.9"]
    outcome = run("--check", "--diff")

    assert cluster.changes() == []
    assert cluster.rules(EGRESS)[1] == API_SERVER
    assert "192.0.2.9/32" in outcome.output


def test_what_the_model_has_no_more_goes_and_what_others_have_stays(run, cluster):
    cluster.put(foreign("backup"))
    cluster.put(foreign("elsewhere", namespace="other"))
    run(gatehouse_classes=[WORKERS])
    ours_elsewhere = {**foreign("gatehouse-old-ingress", namespace="other")}
    ours_elsewhere["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "gatehouse"}
    cluster.put(ours_elsewhere)
    before = {key: dict(one) for key, one in cluster.policies.items() if key[1] in ("backup", "elsewhere")}
    assert "gatehouse-workers-ingress" in names(cluster)

    run()

    assert names(cluster) == ["backup", "elsewhere", "gatehouse-old-ingress", EGRESS, INGRESS]
    assert {key: one for key, one in cluster.policies.items() if key in before} == before


def test_a_flow_that_is_gone_is_gone_in_the_cluster(run, cluster):
    run(options={**OPTIONS, "control_plane_host": "203.0.113.9"})
    assert {"to": [{"ipBlock": {"cidr": "203.0.113.9/32"}}]} in cluster.rules(EGRESS)

    run()
    assert {"to": [{"ipBlock": {"cidr": "203.0.113.9/32"}}]} not in cluster.rules(EGRESS)


@pytest.mark.usefixtures("applied")
def test_a_rule_that_was_opened_by_hand_is_closed_again_where_the_model_has_none(run, cluster):
    cluster.policies["keptn-jes", INGRESS]["spec"]["ingress"] = [{}]

    run()

    assert cluster.rules(INGRESS, "ingress") == []


def test_a_label_that_the_model_has_no_more_selects_no_more(run, cluster):
    run(gatehouse_classes=[WORKERS])
    pods = {**WORKERS["pods"], "labels": {"tier": "back"}}
    run(gatehouse_classes=[{**WORKERS, "pods": pods}])

    selector = cluster.policies["keptn-jes", "gatehouse-workers-ingress"]["spec"]["podSelector"]
    assert selector == {"matchLabels": {"tier": "back"}}


def test_a_policy_of_somebody_else_by_a_name_of_the_models_ends_the_run_before_anything_changes(run, cluster):
    cluster.put(foreign(INGRESS))
    before = dict(cluster.policies)
    outcome = run(check=False)

    assert outcome.code != 0
    assert "the cluster has NetworkPolicies that are not ours" in outcome.output
    assert cluster.policies == before


def test_a_play_for_localhost_has_the_model_of_the_inventory(run, cluster, fleet, write, tmp_path):
    classes = [{"name": "web", "groups": ["webs"]}, WORKERS]
    flows = [{"name": "work", "from": ["web"], "to": ["workers"], "ports": ["8080/tcp"], "end": "ingress"}]
    hosts = fleet(all={"gatehouse_classes": classes}, webs={"gatehouse_flows": flows})
    run(inventory=write(tmp_path / "hosts.yml", hosts))

    (rule,) = cluster.rules("gatehouse-workers-ingress", "ingress")
    assert [one["ipBlock"]["cidr"] for one in rule["from"]] == ["192.0.2.1/32", "192.0.2.2/32"]


@pytest.mark.usefixtures("applied")
def test_an_audit_of_what_was_applied_finds_nothing(run):
    outcome = run(tasks_from="audit", gatehouse_audit_fail=True)

    assert "changed=0" in outcome.output
    assert "Show the findings" in outcome.output
    assert "findings, see above" not in outcome.output


@pytest.mark.usefixtures("applied")
def test_an_audit_reports_an_api_server_that_has_moved_by_its_flow_and_changes_nothing(run, cluster):
    cluster.addresses = ["192.0.2.1", "192.0.2.7"]
    failing = run(tasks_from="audit", gatehouse_audit_fail=True, check=False)

    assert (
        f"keptn-jes/{EGRESS}, flow jes_to_api_server: the model has 192.0.2.7/32 on 6443/tcp, "
        "the cluster 192.0.2.2/32 on 6443/tcp"
    ) in failing.output
    assert "1 findings, see above" in failing.output
    assert failing.code != 0
    assert cluster.changes() == []


@pytest.mark.usefixtures("applied")
def test_an_audit_reports_what_was_opened_and_removed_by_hand(run, cluster):
    cluster.policies["keptn-jes", INGRESS]["spec"]["ingress"] = [{}]
    del cluster.policies["keptn-jes", EGRESS]
    cluster.put(foreign("open", rules=[{}]))
    outcome = run(tasks_from="audit")

    for text in (
        f"keptn-jes/{INGRESS}: everybody on every port is open, and not by the model",
        f"keptn-jes/{EGRESS}: not there, so that nothing of ours restricts egress",
        f"keptn-jes/open: not ours, opens ingress for the pods of keptn-jes/{INGRESS}",
    ):
        assert text in outcome.output


@pytest.mark.usefixtures("applied")
def test_a_removal_takes_ours_and_nothing_else_and_needs_neither_names_nor_an_api_server(run, cluster):
    cluster.put(foreign("backup"))
    cluster.addresses = []
    options = {**OPTIONS, "control_plane_host": "gone.invalid"}
    outcome = run(tasks_from="remove", options=options)
    again = run(tasks_from="remove", options=options)

    assert names(cluster) == ["backup"]
    assert "changed=1" in outcome.output
    assert "changed=0" in again.output
