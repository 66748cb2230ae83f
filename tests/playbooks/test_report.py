"""The playbook report, as a user runs it: four files, written once."""

from __future__ import annotations

import json
import re
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "molecule" / "shared" / "inventory"
FILES = {"report.html", "flows.md", "flows.csv", "flows.mmd"}


def test_a_report_is_written_once_and_not_in_check_mode(play, tmp_path):
    extra = json.dumps({"gatehouse_report_dir": str(tmp_path / "report"), "gatehouse_report_offline": True})
    checked = play("gatehouse.firewall.report", LAB, "-e", extra, "--check")
    assert (checked.code, (tmp_path / "report").exists()) == (0, False), checked.output

    first = play("gatehouse.firewall.report", LAB, "-e", extra)
    assert (first.code, "changed=1" in first.output) == (0, True), first.output
    assert f"The report page is {tmp_path / 'report' / 'report.html'}" in first.output
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
    assert "0 of 8 hosts as the model has them</strong>, 0 not, 8 without an answer." in page
    assert re.search(r"8 hosts <small>no answer</small></h3>\n<p>.*>k8s1</a>, .*</p>\n.*\n<li>not reached</li>", page)


def test_the_page_of_a_plan_begins_with_what_would_change_and_is_the_only_file(play, fleet, write, tmp_path):
    diff = {"before": "ingress 443/tcp from office\n", "after": "ingress 443/tcp from office\ningress 80/tcp\n"}
    inventory = fleet(web1={"look": {"changed": True, "diff": diff}}, web2={"look": {"skipped": True}})
    directory = str(tmp_path / "plan")
    task = {"gatehouse.firewall.report": {"directory": directory, "planned": "look"}, "run_once": True}
    book = write(tmp_path / "play.yml", [{"hosts": "all", "gather_facts": False, "tasks": [task]}])

    done = play(book, write(tmp_path / "inventory.yml", inventory))
    assert done.code == 0, done.output
    assert [(path.name, path.stat().st_mode & 0o777) for path in (tmp_path / "plan").iterdir()] == [
        ("report.html", 0o600)
    ]
    page = (tmp_path / "plan" / "report.html").read_text(encoding="utf-8")
    assert (
        page.index("1 host would change")
        < page.index("<ins><b>+</b> ingress 80/tcp</ins>")
        < page.index(">Picture</h2>")
    )
    assert page.index("gave no answer") < page.index(">web2</a>, ") < page.index(">Picture</h2>")


def test_flows_that_are_missing_no_more_are_no_more_in_the_file(play, fleet, write, tmp_path):
    row = {"direction": "ingress", "address": "203.0.113.7", "protocol": "tcp", "port": 8080, "packets": 3}
    times = dict.fromkeys(("first", "last"), "2026-11-20T08:00:00Z")
    enforces = {"findings": [], "backend": "nftables", "denied": [], "denied_full": [], "denied_since": ""}
    denies = {**enforces, "denied": [{**row, **times, "known": True}]}
    observes = {**enforces, "observed": [{**row, **times}], "observed_full": [], "observed_since": times["first"]}
    task = {"gatehouse.firewall.report": {"directory": str(tmp_path / "report"), "registered": "look"}}
    play_ = {"hosts": "all", "gather_facts": False, "tasks": [{**task, "run_once": True}]}
    book = write(tmp_path / "play.yml", [play_])
    file, texts = tmp_path / "report" / "missing_flows.yml", []
    for look in (enforces, observes, {"failed": True, "msg": "no sudo"}, enforces, denies):
        done = play(book, write(tmp_path / "inventory.yml", fleet(web1={"look": look})))
        assert done.code == 0, done.output
        texts.append(file.read_text(encoding="utf-8") if file.exists() else "")

    assert ["8080/tcp" in text for text in texts] == [False, True, True, False, True]
    assert [re.search('why: "(.*?):', text)[1] for text in texts if "8080/tcp" in text] == [
        "observed",
        "observed",
        "denied",
    ]
    assert texts[0] == ""
    assert "gatehouse_flows: []" in texts[3]
    numbers = (tmp_path / "report" / "denied.prom").read_text(encoding="utf-8")
    labels = 'class="web",direction="ingress",peer="office",peer_kind="zone"'
    assert f"gatehouse_fleet_denied_packets{{{labels}}} 3\n" in numbers


def test_a_host_whose_answer_can_not_be_read_writes_no_rows_and_is_named(play, fleet, write, tmp_path):
    row = {"direction": "ingress", "address": "203.0.113.7", "protocol": "tcp", "port": 8080, "packets": 3}
    times = {"first": "2026-11-20T08:00:00Z", "last": "2026-11-20T08:00:00Z"}
    evil = {**times, "first": "2026-11-20T08:00:00Z\n  - {name: evil, from: [office], to: [db], ports: [all]}"}
    said = {"backend": "nftables", "findings": [], "observed_full": [], "observed_since": "2026-11-19T08:00:00Z"}
    inventory = fleet(
        web1={"look": {**said, "observed": [{**row, **times}]}}, web2={"look": {**said, "observed": [{**row, **evil}]}}
    )
    task = {"gatehouse.firewall.report": {"directory": str(tmp_path / "report"), "registered": "look"}}
    tasks = [{**task, "run_once": True}]
    book = write(tmp_path / "play.yml", [{"hosts": "all", "gather_facts": False, "tasks": tasks}])

    done = play(book, write(tmp_path / "inventory.yml", inventory))
    assert done.code == 0, done.output
    assert "web2: what it answers can't be read: observed[0].first: got" in " ".join(done.output.split())
    rows = (tmp_path / "report" / "missing_flows.yml").read_text(encoding="utf-8")
    assert ("8080/tcp" in rows, "evil" in rows) == (True, False)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "1 without an answer." in page
