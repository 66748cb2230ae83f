"""The role calico, against a stand-in for calicoctl that checks arguments and order, or against the real one.

GATEHOUSE_CALICOCTL is the path of a real calicoctl, which finds an empty datastore by its own environment.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PROGRAMS = Path(__file__).parent / "programs"
MODEL = Path(__file__).resolve().parents[1] / "golden" / "calico" / "02-load-balancers-stay-open"
REAL = os.environ.get("GATEHOUSE_CALICOCTL", "")
one_core = pytest.mark.one_core  # what changes in which order is said to calicoctl by our code alone
KINDS = ("GlobalNetworkSet", "GlobalNetworkPolicy", "FelixConfiguration", "HostEndpoint")
EXPECTED = [(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load((MODEL / "expected.yml").read_text())]
REMOVE = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: gatehouse.firewall.calico, tasks_from: remove}
"""


@pytest.fixture
def store(tmp_path):
    """The stand-in's datastore."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def runner(play, python_with):
    """Return a function that runs the playbook calico, or one's own, for an inventory and a datastore."""

    def with_calicoctl(
        inventory, store, *arguments, playbook="gatehouse.firewall.calico", environment=None, **variables
    ):
        settings = {
            "gatehouse_calicoctl": str(PROGRAMS / "calicoctl"),
            "gatehouse_calico_environment": {"CALICO_STORE": str(store), **(environment or {})},
            "ansible_python_interpreter": python_with("subprocess"),
            **variables,
        }
        return play(playbook, inventory, "-e", json.dumps(settings), *arguments)

    return with_calicoctl


@pytest.fixture
def run(runner, calico_inventory, store):
    """Run the playbook calico, or one's own, for the test's datastore."""
    return functools.partial(runner, calico_inventory, store)


@pytest.fixture(scope="module")
def template(runner, calico_case, tmp_path_factory):
    """A datastore to which the model was applied."""
    folder = tmp_path_factory.mktemp("applied")
    store = folder / "store"
    store.mkdir()
    assert runner(calico_case(folder), store).code == 0
    return store


@pytest.fixture
def apply(template, store):
    """Have the test's datastore be as the role leaves one."""

    def again():
        shutil.rmtree(store)
        shutil.copytree(template, store)

    return again


def names_in(store):
    found = {tuple(path.name.removesuffix(".json").split(".", 1)) for path in store.glob("*.json")}
    return sorted(found)


def log_of(store):
    path = store / "log"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def remove(tmp_path):
    path = tmp_path / "remove.yml"
    path.write_text(REMOVE, encoding="utf-8")
    return path


@pytest.mark.parametrize(("release", "datastore"), [("3.32.1", "etcdv3"), ("3.29.1", "kubernetes")])
def test_everything_is_applied_in_order_and_the_second_run_changes_nothing(run, store, release, datastore):
    settings = {"CALICO_RELEASE": release, "DATASTORE_TYPE": datastore}
    first = run(environment=settings)
    assert (first.code, "changed=1" in first.output) == (0, True), first.output
    assert sorted((kind, name.removeprefix("default.")) for kind, name in names_in(store)) == sorted(EXPECTED)
    assert [tuple(line.split()[1:]) for line in log_of(store)] == EXPECTED

    before = log_of(store)
    second = run(environment=settings)
    assert (second.code, "changed=0" in second.output) == (0, True), second.output
    assert log_of(store) == before


@one_core
def test_where_policies_are_listed_with_their_tier_one_change_changes_one_and_removal_takes_all(run, store, tmp_path):
    old = {"CALICO_RELEASE": "3.29.1"}
    run(environment=old)
    path = store / "GlobalNetworkPolicy.default.gatehouse-iks-worker-public-ingress.json"
    path.write_text(json.dumps({**(policy := json.loads(path.read_text())), "spec": {**policy["spec"], "order": 5}}))
    (store / "log").unlink()

    assert run(environment=old).code == 0
    assert log_of(store) == ["apply GlobalNetworkPolicy default.gatehouse-iks-worker-public-ingress"]
    assert run(playbook=remove(tmp_path), environment=old).code == 0
    assert names_in(store) == []


@one_core
def test_a_host_for_every_interface_has_rules_that_calicoctl_takes(play, write, store, tmp_path):
    case = yaml.safe_load((MODEL.parent / "05-every-interface" / "model.yml").read_text(encoding="utf-8"))
    groups, hosts = case.pop("groups"), case.pop("hosts")
    children = {name: {"hosts": {host: hosts[host] for host in members}} for name, members in groups.items()}
    inventory = write(tmp_path / "all.yml", {"all": {"vars": case, "children": children}})
    settings = {
        "gatehouse_calicoctl": str(PROGRAMS / "calicoctl"),
        "gatehouse_calico_environment": {"CALICO_STORE": str(store)},
    }
    applied = play("gatehouse.firewall.calico", inventory, "-e", json.dumps(settings))

    assert (applied.code, "changed=1" in applied.output) == (0, True), applied.output
    assert [line for line in log_of(store) if "HostEndpoint" in line and "BARE" not in line]


@one_core
def test_a_nodes_configuration_has_the_clusters_values_and_nothing_of_it_is_left(run, store, tmp_path):
    cluster = {"kind": "FelixConfiguration", "metadata": {"name": "default"}}
    cluster["spec"] = {"nftablesMode": "Enabled", "floatingIPs": "Enabled", "logSeverityScreen": "Warning"}
    (store / "FelixConfiguration.default.json").write_text(json.dumps(cluster))
    run()

    spec = json.loads((store / "FelixConfiguration.node.worker1.json").read_text())["spec"]
    assert (spec["nftablesMode"], spec["floatingIPs"], spec["bpfConnectTimeLoadBalancing"]) == (
        "Enabled",
        "Enabled",
        "TCP",
    )
    assert "logSeverityScreen" not in spec
    assert "changed=0" in run().output
    assert run(playbook=remove(tmp_path)).code == 0
    assert names_in(store) == [("FelixConfiguration", "default")]


@one_core
def test_what_comes_meanwhile_is_not_overwritten_and_what_is_in_force_is_said(run, store, tmp_path):
    (_hep, first), (_hep, name) = EXPECTED[-2:]
    theirs = {"apiVersion": "projectcalico.org/v3", "kind": "HostEndpoint", "metadata": {"name": name}}
    theirs["spec"] = {"node": "x", "interfaceName": "eth9"}
    (tmp_path / "theirs.json").write_text(json.dumps(theirs))
    failed = run(environment={"CALICO_MEANWHILE": f"{len(EXPECTED) - 3}:{tmp_path / 'theirs.json'}"})

    assert failed.code != 0
    assert f"got '{name}', expected no object of this name" in failed.failures[0]
    assert f"all but HostEndpoint {first} (to be created), HostEndpoint '{name}' (refused)" in failed.failures[0]
    assert "There is no host endpoint of ours" in failed.failures[0]
    assert json.loads((store / f"HostEndpoint.{name}.json").read_text())["spec"] == theirs["spec"]


@one_core
def test_an_object_that_changes_between_its_reading_and_its_writing_is_left_as_it_is(apply, run, store, tmp_path):
    apply()
    path = store / "GlobalNetworkPolicy.gatehouse-iks-worker-public-deny.json"
    policy = json.loads(path.read_text())
    path.write_text(json.dumps({**policy, "spec": {**policy["spec"], "order": 5}}))
    (tmp_path / "theirs.json").write_text(json.dumps({**policy, "spec": {**policy["spec"], "order": 6}}))
    failed = run(environment={"CALICO_MEANWHILE": f"{len(EXPECTED)}:{tmp_path / 'theirs.json'}"})

    assert "update conflict: GlobalNetworkPolicy(gatehouse-iks-worker-public-deny)" in failed.failures[0]
    assert "all but GlobalNetworkPolicy gatehouse-iks-worker-public-deny (to be changed)." in failed.failures[0]
    assert "Every host endpoint of ours has its policies" in failed.failures[0]
    assert json.loads(path.read_text())["spec"]["order"] == 6


def test_check_mode_says_what_would_be_done_and_does_nothing(run, store):
    checked = run("--check", "--diff")

    assert (checked.code, "changed=1" in checked.output) == (0, True), checked.output
    assert "+++ after: HostEndpoint gatehouse-worker1.eth1 (created)" in checked.output
    assert "gatehouse.firewall/flow: ssh" in checked.output
    assert names_in(store) == []


@pytest.mark.parametrize("after", [0, *(pytest.param(after, marks=one_core) for after in range(2, len(EXPECTED), 4))])
def test_a_run_that_dies_leaves_no_endpoint_bare_and_the_next_one_goes_on(run, store, after):
    died = run(environment={"CALICO_DIE_AFTER": str(after)})
    assert died.code != 0
    assert "connection refused" in died.failures[0]
    assert "In force now is all but" in died.failures[0]
    assert len(names_in(store)) == after

    assert run().code == 0
    assert [line for line in log_of(store) if "BARE" in line] == []
    assert [tuple(line.split()[1:]) for line in log_of(store)][:after] == EXPECTED[:after]
    assert names_in(store) == sorted(EXPECTED)


def test_removal_goes_the_other_way_round_and_leaves_what_is_not_ours(apply, run, store, tmp_path):
    apply()
    theirs = {"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy", "metadata": {"name": "theirs"}}
    theirs["spec"] = {"selector": "x == 'y'", "types": ["Ingress"]}
    (store / "GlobalNetworkPolicy.theirs.json").write_text(json.dumps(theirs))
    (store / "log").unlink()

    removed = run(playbook=remove(tmp_path))
    assert removed.code == 0, removed.output
    assert names_in(store) == [("GlobalNetworkPolicy", "theirs")]
    assert [line.split()[1] for line in log_of(store)] == sorted(
        (kind for kind, _name in EXPECTED), key=lambda kind: -KINDS.index(kind)
    )
    assert [line for line in log_of(store) if "BARE" in line] == []

    again = run(playbook=remove(tmp_path))
    assert "changed=0" in again.output


@one_core
def test_a_removal_that_dies_leaves_no_endpoint_bare(apply, run, store, tmp_path):
    for after in (len(EXPECTED) + 1, len(EXPECTED) + 4):
        apply()
        run(playbook=remove(tmp_path), environment={"CALICO_DIE_AFTER": str(after)})
        run(playbook=remove(tmp_path))
        assert names_in(store) == []
        assert [line for line in log_of(store) if "BARE" in line] == []


@one_core
def test_a_host_that_is_gone_loses_its_endpoint(apply, run, store, calico_inventory):
    apply()
    document = yaml.safe_load(calico_inventory.read_text())
    del document["all"]["children"]["workers"]["hosts"]["Worker_2"]
    calico_inventory.write_text(yaml.safe_dump(document))
    assert run().code == 0

    left = [name for kind, name in names_in(store) if kind == "HostEndpoint"]
    assert left == ["gatehouse-worker1.eth1"]
    assert log_of(store)[-2:] == [
        "delete HostEndpoint gatehouse-worker-2.eth1",
        "delete FelixConfiguration node.worker2.example.org",
    ]


@one_core
def test_an_object_of_somebody_elses_with_a_name_of_ours_is_refused_and_stays(run, store):
    theirs = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "HostEndpoint",
        "metadata": {"name": "gatehouse-worker1.eth1"},
    }
    theirs["spec"] = {"node": "worker1", "interfaceName": "eth1"}
    path = store / "HostEndpoint.gatehouse-worker1.eth1.json"
    path.write_text(json.dumps(theirs))
    refused = run()

    assert refused.code != 0
    assert "got 'gatehouse-worker1.eth1', expected no object of this name" in refused.failures[0]
    assert names_in(store) == [("HostEndpoint", "gatehouse-worker1.eth1")]
    assert json.loads(path.read_text()) == theirs


@one_core
def test_observing_needs_a_calico_that_has_staged_policies(run, store):
    model = {"classes": ["iks_worker"], "mode": "observe"}
    old = run(environment={"CALICO_KINDS": ",".join(KINDS)}, gatehouse_calico=model)
    assert "This Calico has no StagedGlobalNetworkPolicy" in old.failures[0]
    assert names_in(store) == []

    assert run(gatehouse_calico=model).code == 0
    kinds = {kind for kind, _name in names_in(store)}
    assert kinds == {"GlobalNetworkSet", "StagedGlobalNetworkPolicy", "HostEndpoint"}

    assert run().code == 0
    assert names_in(store) == sorted(EXPECTED)
    assert [line for line in log_of(store) if "BARE" in line] == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"gatehouse_calicoctl": "/nowhere/calicoctl"}, "/nowhere/calicoctl"),
        ({"gatehouse_calico": {"classes": ["iks_workr"]}}, "did you mean iks_worker?"),
        (
            {"gatehouse_calico": {"classes": []}},
            "gatehouse_calico.classes: got [], expected a list of at least one",
        ),
        ({"gatehouse_calico": "all"}, "gatehouse_calico: got 'all', expected a mapping"),
        (
            {"gatehouse_calico": {"classes": ["iks_worker"], "failsafes": "manage"}},
            "gatehouse_calico.management: got nothing, expected a list of flows that stay open",
        ),
        (
            {"gatehouse_calico": {"classes": ["iks_worker"], "interfaces": "all"}},
            "gatehouse_calico.interfaces: got 'all', expected public or sides: iks_worker has",
        ),
        (
            {"gatehouse_calico": {"classes": ["iks_worker"], "failsafes": "manage", "management": ["node_ports"]}},
            "expected one of",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(run, store, variables, says):
    refused = run(**variables)

    assert refused.code != 0
    assert any(says in message for message in refused.failures), refused.output
    assert names_in(store) == []
    assert "Traceback" not in refused.output


def test_a_model_without_calico_sends_nothing(run, store, calico_inventory):
    document = yaml.safe_load(calico_inventory.read_text())
    del document["all"]["vars"]["gatehouse_calico"]
    calico_inventory.write_text(yaml.safe_dump(document))

    assert "changed=0" in run().output
    assert names_in(store) == []


def test_the_run_says_that_ssh_stays_open_where_failsafes_are_left_alone(run):
    assert "Calico leaves 22/tcp" not in run("--check").output
    assert "Calico leaves 22/tcp" in run("--check", gatehouse_calico={"classes": ["iks_worker"]}).output


def test_what_is_in_force_is_said_to_be_unknown_where_it_cannot_be_read(run):
    died = run(environment={"CALICO_DIE_AFTER": "1", "CALICO_GONE": "1"})

    assert "What is in force now can't be read: calicoctl can't list GlobalNetworkSet: connection" in died.failures[0]


@pytest.mark.skipif(not REAL, reason="GATEHOUSE_CALICOCTL names no real calicoctl")
def test_the_real_calicoctl_takes_every_object_and_gives_it_back(run, tmp_path):
    settings = {"gatehouse_calicoctl": REAL}
    assert run(**settings).code == 0
    assert "changed=0" in run(**settings).output
    listed = subprocess.run([REAL, "get", "hostendpoint"], capture_output=True, text=True, check=True)
    assert "gatehouse-worker1.eth1" in listed.stdout
    assert run(playbook=remove(tmp_path), **settings).code == 0
    left = subprocess.run([REAL, "get", "felixconfiguration"], capture_output=True, text=True, check=True)
    assert "node.worker1" not in left.stdout
