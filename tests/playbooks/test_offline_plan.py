"""The plan over the lab's inventory: a file for each managed host, the same whoever else is planned."""

from __future__ import annotations

from pathlib import Path

import pytest

LAB = Path(__file__).resolve().parents[2] / "molecule" / "shared" / "inventory"
MANAGED = {"k8s1", "k8s2", "nomad1", "nomad2", "vm1", "vm2", "lb1", "lb2"}


@pytest.fixture(scope="module")
def whole(planned, tmp_path_factory):
    return planned(LAB, tmp_path_factory.mktemp("whole"))


def test_every_managed_host_has_a_file_and_nobody_else(whole):
    assert set(whole) == MANAGED


def test_a_file_is_a_ruleset_of_the_hosts_class(whole):
    for host, node_class in {
        "k8s1": "k8s_node",
        "nomad2": "nomad_client",
        "vm1": "external_vm",
        "lb2": "load_balancer",
    }.items():
        assert whole[host].splitlines()[1].startswith(f"# gatehouse.firewall, node class {node_class}.")


def test_a_limited_plan_writes_its_hosts_file_byte_for_byte(whole, planned, tmp_path):
    assert planned(LAB, tmp_path, "--limit", "nomad1") == {"nomad1": whole["nomad1"]}


def test_a_pattern_in_place_of_the_hosts_does_too(whole, planned, tmp_path):
    limited = planned(LAB, tmp_path, gatehouse_hosts="vm2,lb1")

    assert limited == {"vm2": whole["vm2"], "lb1": whole["lb1"]}


def test_a_second_plan_changes_nothing_and_a_changed_one_only_what_differs(plan, tmp_path):
    first = plan(LAB, tmp_path, "--limit", "nomad1")
    second = plan(LAB, tmp_path, "--limit", "nomad1")
    changed = plan(LAB, tmp_path, "--limit", "nomad1", gatehouse_echo_request=False)

    assert ["changed=1" in outcome.output for outcome in (first, second, changed)] == [True, False, True]


def test_a_plan_in_check_mode_writes_nothing(plan, tmp_path):
    outcome = plan(LAB, tmp_path / "plan", "--check", "--limit", "nomad1")

    assert outcome.code == 0
    assert not (tmp_path / "plan").exists()


def test_a_plan_with_more_words_stays_readable(plan, tmp_path):
    outcome = plan(LAB, tmp_path, "-v")

    assert outcome.code == 0
    assert max(map(len, outcome.output.splitlines())) < 2000


def test_hosts_in_no_class_are_named(plan, tmp_path):
    outcome = plan(LAB, tmp_path, "--limit", "nomad1,dns,admin")

    assert "In no node class, and left as they are: admin, dns" in outcome.output


def test_words_on_a_command_line_are_taken_for_what_they_mean(play, tmp_path):
    words = "gatehouse_plan_offline=yes", f"gatehouse_plan_dir={tmp_path}", "gatehouse_echo_request=no"
    options = '{"gatehouse_options": {"transparent_load_balancers": "true", "vm_service_public_ip": "no"}}'
    extra = [part for word in (*words, options) for part in ("-e", word)]
    outcome = play("gatehouse.firewall.plan", LAB, *extra, "--limit", "k8s1")

    assert outcome.code == 0, outcome.output
    ruleset = (tmp_path / "k8s1.nft").read_text()
    assert "flow frontend_transparent" in ruleset
    assert "echo-request" not in ruleset
