"""A model is compiled once for a run, whatever its tasks ask."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "molecule" / "shared" / "inventory"
FLEETS = "{{ lookup('pipe', 'find ' ~ folders ~ ' -name gatehouse-* | wc -l') }} fleets"
COUNT = {"ansible.builtin.debug": {"msg": FLEETS}}
REPORT = {"gatehouse.firewall.report": {"directory": "report"}, "run_once": True}


def test_the_tasks_of_a_run_compile_a_model_once_and_another_model_again(program, environment, write, tmp_path):
    tasks = [
        COUNT,
        {"gatehouse.firewall.compile": {"hosts": ["k8s1"]}, "run_once": True},
        COUNT,
        REPORT,
        {"gatehouse.firewall.explain_info": {"receiver": "vm2"}},
        COUNT,
        {**REPORT, "vars": {"gatehouse_echo_request": False}},
        COUNT,
    ]
    playbook = write(tmp_path / "play.yml", [{"hosts": "k8s1", "gather_facts": False, "tasks": tasks}])
    folders = tmp_path / "tmp"
    command = [program("ansible-playbook"), str(playbook), f"--inventory={LAB}", f"--extra-vars=folders={folders}"]
    env = {**environment, "ANSIBLE_LOCAL_TEMP": str(folders)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"(\d) fleets", done.stdout) == ["0", "1", "1", "2"]
    assert list(folders.glob("*/gatehouse-*")) == []
