"""A look before the leap, and a model that must not leap: neither changes a host."""

from __future__ import annotations

import json

from containers import Lab, harden, playbook

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
    assert "class          hosts  flows  unchanged  changed" in other.stdout, other.stdout
    assert lab.states() == before


def test_a_bad_model_names_each_problem_and_changes_nothing(lab: Lab) -> None:
    before = lab.states()
    done = harden("--extra-vars", json.dumps({"gatehouse_flows": [SCRAPE, BAD]}))
    assert done.returncode != 0
    assert "gatehouse_flows[1].from[0]" in done.stdout + done.stderr
    assert "gatehouse_flows[1].ports[0]" in done.stdout + done.stderr
    assert lab.states() == before
