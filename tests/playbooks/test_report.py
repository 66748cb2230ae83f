"""The playbook report, as a user runs it: four files, written once."""

from __future__ import annotations

import json
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "molecule" / "shared" / "inventory"
FILES = {"report.html", "flows.md", "flows.csv", "flows.mmd"}


def test_a_report_is_written_once_and_not_in_check_mode(play, tmp_path):
    extra = json.dumps({"gatehouse_report_dir": str(tmp_path / "report"), "gatehouse_report_offline": True})
    checked = play("gatehouse.firewall.report", LAB, "-e", extra, "--check")
    assert (checked.code, (tmp_path / "report").exists()) == (0, False), checked.output

    first = play("gatehouse.firewall.report", LAB, "-e", extra)
    assert (first.code, "changed=1" in first.output) == (0, True), first.output
    assert f"The page for everybody is {tmp_path / 'report' / 'report.html'}" in first.output
    assert {path.name for path in (tmp_path / "report").iterdir()} == FILES
    assert "k8s_node to nomad_client" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")

    again = play("gatehouse.firewall.report", LAB, "-e", extra)
    assert (again.code, "changed=0" in again.output) == (0, True), again.output


def test_a_report_that_cannot_be_written_says_so(play, tmp_path):
    (tmp_path / "file").touch()
    extra = json.dumps({"gatehouse_report_dir": str(tmp_path / "file" / "report"), "gatehouse_report_offline": True})

    refused = play("gatehouse.firewall.report", LAB, "-e", extra)
    assert refused.failures[0].startswith("can't write the report: ")


def test_hosts_that_are_not_reached_are_said_to_be_so(play, tmp_path):
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    report = str(tmp_path / "report")
    extra = {"gatehouse_report_dir": report, "ansible_connection": "ssh", "ansible_ssh_executable": str(ssh)}

    done = play("gatehouse.firewall.report", LAB, "-e", json.dumps(extra))
    assert done.code == 0, done.output
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<h3>k8s1</h3>\n<ul><li>not reached</li></ul>" in page
