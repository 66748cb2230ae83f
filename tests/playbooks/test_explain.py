"""The playbook explain over the lab's inventory, the filter and the test; a model that breaks its assertions."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "molecule" / "shared" / "inventory"
PAGE = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")


@pytest.fixture
def explain(play):
    return lambda *words: play("gatehouse.firewall.explain", LAB, *(f"--extra-vars={word}" for word in words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["from=nomad1", "to=vm2", "on=2376/tcp"],
            ["allowed", "output of nomad1 (nomad_client) allows it", "profile circleci_server_4"],
        ),
        (
            ["from=stranger", "to=vm2", "on=2376/tcp"],
            ["denied", "input of vm2 (external_vm) denies it: no flow allows it; the flow"],
        ),
        (["from=lb1", "to=k8s1", "port=30080/tcp"], ["allowed", "pre-DNAT of k8s1 (k8s_node) allows it"]),
        (["from=external", "to=lb1", "port=22/tcp"], ["denied", "input of lb1"]),
        (["to=vm2"], ["vm2, as external_vm, lets in:", "22/tcp 2376/tcp from nomad_client, flow nomad_to_vm"]),
        (["host=vm2"], ["vm2 is external_vm, by the group job_vms"]),
        (["from=vm2"], ["vm2, as external_vm, may reach", "22/tcp to vcs, flow code_checkout"]),
    ],
)
def test_a_question_is_answered(explain, words, expected):
    outcome = explain(*words)

    assert outcome.code == 0, outcome.output
    assert [part for part in expected if part not in outcome.output] == []
    assert ("reserved name" in outcome.output) == any(word.startswith("port=") for word in words)


def test_the_page_shows_what_is_printed(explain):
    command, *shown = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
    words = [word for word in shlex.split(command) if "=" in word]
    printed = [line.strip().strip('",') for line in explain(*words).output.splitlines()]

    assert len(shown) > 1
    assert [line for line in map(str.strip, shown) if line not in printed] == []


def test_a_question_about_nobody_is_an_error(explain):
    outcome = explain("from=nomad9", "to=vm2", "port=1/tcp")

    assert outcome.code != 0
    assert "1 problem in the question:" in outcome.output
    assert "from: got 'nomad9', expected a host of the inventory, a node class" in outcome.output
    assert "did you mean nomad2?" in outcome.output or "did you mean nomad1?" in outcome.output


def test_a_question_about_nothing_is_an_error(explain):
    outcome = explain()

    assert outcome.code != 0
    assert "got no question, expected one such as -e from=web1 -e to=db1 -e on=5432/tcp" in outcome.output


ASSERTIONS = {
    "gatehouse_assertions": [
        {"deny": "external", "to": "external_vm", "port": "2376/tcp"},
        {"deny": "external", "to": "nomad_client", "port": "4647/tcp"},
        {"allow": "ssh_admin", "to": ["k8s_node", "vm1"], "port": "22/tcp"},
    ]
}


def test_assertions_that_hold_are_silent(plan, tmp_path):
    assert plan(LAB, tmp_path / "plan", **ASSERTIONS).code == 0


def test_one_that_does_not_hold_ends_the_run_before_anything_is_written(plan, tmp_path):
    wrong = [*ASSERTIONS["gatehouse_assertions"], {"deny": "external", "to": "external_vm", "port": "50000-60000/tcp"}]
    outcome = plan(LAB, tmp_path / "plan", gatehouse_assertions=wrong)

    assert outcome.code != 0
    assert "gatehouse_assertions[3]: got '0.0.0.1 -> 198.51.100.31, 54782/tcp: passes'" in outcome.output
    assert "the flow rerun_on_vm allows it" in outcome.output
    assert not (tmp_path / "plan").exists()


BOOK = """\
- hosts: localhost
  gather_facts: false
  vars:
    model:
      classes: [{name: web, groups: [webs]}, {name: db, networks: [192.0.2.1]}]
      flows: [{name: sql, from: [web], to: [db], ports: [5432/tcp]}]
    why: "{{ model | gatehouse.firewall.explain('web2', 'db', '5432/tcp', groups, hostvars) }}"
  tasks:
    - ansible.builtin.assert:
        that:
          - model is gatehouse.firewall.reachable('web', 'db', '5432/tcp', groups, hostvars)
          - model is not gatehouse.firewall.reachable('db', 'web1', '5432/tcp', groups, hostvars)
          - why.answers[0].stages[0].flow == 'sql'
"""


def test_the_filter_and_the_test_answer_in_a_playbook(play, tmp_path):
    (tmp_path / "ask.yml").write_text(BOOK)
    hosts = tmp_path / "hosts.yml"
    hosts.write_text("webs: {hosts: {web1: {ansible_host: 198.51.100.1}, web2: {ansible_host: 198.51.100.2}}}")
    outcome = play(tmp_path / "ask.yml", hosts)

    assert outcome.code == 0, outcome.output
