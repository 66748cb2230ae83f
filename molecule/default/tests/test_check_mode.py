"""A look before the leap, and a model that must not leap: neither changes a host."""

from __future__ import annotations

import json
from pathlib import Path

from containers import RULE_ADDED_BY_HAND, Lab, harden, playbook

SCRAPE = {"name": "lab_scrape", "from": ["monitoring"], "to": ["k8s_node"], "ports": ["9100/tcp"], "why": "a test"}
BAD = {**SCRAPE, "name": "lab_bad", "from": ["nobody_knows"], "ports": ["70000/tcp"]}


def test_check_mode_names_the_flows_that_would_be_gained_and_lost_and_changes_nothing(lab: Lab) -> None:
    before = lab.states()
    done = harden("--check", "--diff", "--extra-vars", json.dumps({"gatehouse_flows": [SCRAPE]}))
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(line.startswith("+") and "lab_scrape" in line for line in done.stdout.splitlines()), done.stdout
    assert any(line.startswith("-") and "balancer_ssh" in line for line in done.stdout.splitlines()), done.stdout
    assert lab.states() == before


def test_a_plan_sums_up_what_would_change_and_tells_by_its_exit_code(lab: Lab) -> None:
    before = lab.states()
    same, other = (
        playbook("plan", "--extra-vars=gatehouse_plan_fail=true", *more)
        for more in ([], ["--extra-vars", json.dumps({"gatehouse_flows": [SCRAPE]})])
    )
    assert same.returncode == 0, same.stdout + same.stderr
    assert "hosts would change" not in same.stdout
    assert other.returncode != 0
    assert "4 of 8 hosts would change" in other.stdout, other.stdout
    assert "classes        hosts  flows  unchanged  would change" in other.stdout, other.stdout
    assert lab.states() == before


def test_a_reviewed_plan_is_applied_as_it_is_and_refused_where_the_model_or_a_host_has_moved(
    lab: Lab, tmp_path: Path
) -> None:
    only, plan = "--limit=k8s_nodes", f"--extra-vars=gatehouse_plan={tmp_path / 'plan.json'}"
    reviewed, moved = (
        ["--extra-vars", json.dumps({"gatehouse_flows": [{**SCRAPE, "ports": [port]}]})]
        for port in ("9100/tcp", "9101/tcp")
    )
    planned = playbook("plan", only, f"--extra-vars=gatehouse_plan_dir={tmp_path}", *reviewed)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert set(json.loads((tmp_path / "plan.json").read_text())["hosts"]) == {"k8s1", "k8s2"}
    assert "would change</strong>" in (tmp_path / "report.html").read_text()

    before = lab.states()
    refused = harden(only, plan, *moved)
    assert refused.returncode != 0
    assert "the model lets k8s1 let through something else than when the plan was made" in refused.stdout
    assert lab.states() == before

    for host in ("k8s1", "k8s2"):
        lab.run(host, "sh", "-c", RULE_ADDED_BY_HAND[lab.backends[host]])
    refused = harden(only, plan, "--extra-vars=gatehouse_serial=100%", *reviewed)
    assert refused.returncode != 0
    for host in ("k8s1", "k8s2"):
        assert f"{host} lets through something else than when the plan was made" in refused.stdout
        lab.run(host, "systemctl", "restart", "gatehouse-firewall.service")
    assert lab.states() == before

    applied, again = harden(only, plan, *reviewed), harden(only, plan, *reviewed)
    assert (applied.returncode, again.returncode) == (0, 0), applied.stdout + again.stdout
    assert "lab_scrape" in applied.stdout
    assert lab.states() != before
    assert harden(only).returncode == 0
    assert lab.states() == before


def test_a_bad_model_names_each_problem_and_changes_nothing(lab: Lab) -> None:
    before = lab.states()
    done = harden("--extra-vars", json.dumps({"gatehouse_flows": [SCRAPE, BAD]}))
    assert done.returncode != 0
    assert "gatehouse_flows[1].from[0]" in done.stdout + done.stderr
    assert "gatehouse_flows[1].ports[0]" in done.stdout + done.stderr
    assert lab.states() == before
