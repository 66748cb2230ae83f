"""A host is hardened and used, and reports say which of its flows are: on "this machine", in namespaces of its own."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

OWN, PEER = "198.51.100.161", "198.51.100.162"
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "usage.md").read_text(encoding="utf-8")
TIME = "%Y-%m-%dT%H:%M:%SZ"
INVENTORY = {
    "webs": {
        "hosts": {"web1": {"ansible_host": OWN}},
        "vars": {
            "ansible_connection": "local",
            "ansible_become": False,
            "gatehouse_classes": [{"name": "web", "groups": ["webs"]}],
            "gatehouse_zones": [
                {"name": "office", "networks": ["198.51.100.160/28"]},
                {"name": "rerun_ssh", "networks": []},
            ],
            "gatehouse_flows": [
                {"name": "tell", "from": ["web"], "to": ["office"], "ports": ["9000/udp"]},
                {
                    "name": "site",
                    "from": ["office"],
                    "to": ["web"],
                    "ports": ["443/tcp"],
                    "owner": "us",
                    "ticket": "N-1",
                },
                {"name": "rerun_sessions", "from": ["rerun_ssh"], "to": ["web"], "ports": ["64535/tcp"]},
            ],
            "gatehouse_rollback_timeout": 30,
        },
    }
}
HARDEN = {"hosts": "webs", "gather_facts": False, "roles": ["gatehouse.firewall.host"]}
LINK = """
set -e
ip link add eth0 type veth peer name nobody
for device in lo eth0 nobody; do ip link set $device up; done
ip address add $1/28 dev eth0
ip neighbour add $2 dev eth0 lladdr 02:00:00:00:00:02
"""
SEND = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{}', {}))"


class Site:
    """The host, and the folder of who looks after it."""

    def __init__(self, machine, folder, play):
        self.machine = machine
        self.folder = folder
        self._play = play
        self.file = folder / "report" / "usage.json"

    def run(self, playbook, *more):
        done = self._play(playbook, "inventory.yml", *more, cwd=self.folder)
        return done.code, done.output

    def report(self, *more):
        code, output = self.run("gatehouse.firewall.report", *more)
        assert code == 0, output
        return output

    def kept(self):
        """Return what the history has of the host."""
        return json.loads(self.file.read_text(encoding="utf-8"))["hosts"]["web1"]

    def count(self, flow, direction):
        return self.kept()["flows"][flow][direction]["packets"]

    def use(self, times):
        for _time in range(times):
            done = self.machine(sys.executable, "-c", SEND.format(PEER, 9000))
            assert done.returncode == 0, done.stderr

    def age(self, days):
        """Have reports begun so many days ago."""
        content = json.loads(self.file.read_text(encoding="utf-8"))
        before = (datetime.now(timezone.utc) - timedelta(days=days)).strftime(TIME)
        host = content["hosts"]["web1"]
        host["seen"] = before
        for ends in host["flows"].values():
            for one in ends.values():
                one.update(since=before, used=one["used"] and before)
        self.file.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def site(machine, play_there, write, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write(folder / "inventory.yml", INVENTORY)
    write(folder / "harden.yml", [HARDEN])
    link = machine("sh", "-c", LINK, "sh", OWN, PEER)
    assert link.returncode == 0, link.stderr
    site = Site(machine, folder, play_there)
    code, output = site.run("harden.yml")
    assert code == 0, output
    return site


def test_reports_say_which_flows_are_used_and_which_nobody_uses(site):
    first = site.report()
    assert "flows unused for 30 days: not known yet, watched for 0 days" in first
    assert (site.count("tell", "egress"), site.count("site", "ingress")) == (0, 0)
    loaded = datetime.strptime(site.kept()["in_force_since"], TIME).replace(tzinfo=timezone.utc)
    assert timedelta() <= datetime.now(timezone.utc) - loaded < timedelta(minutes=5)

    site.use(3)
    site.age(31)
    second = site.report()
    shown = re.findall(r'(?m)^    "(.*)",?$', PAGE)
    assert len(shown) == 2
    assert [line for line in shown if f'"{line}"' not in second] == []
    assert site.count("tell", "egress") == 3
    page = (site.folder / "report" / "usage.md").read_text(encoding="utf-8")
    assert '- {name: "site", last_used: "never since ' in page
    assert 'owner: "us", ticket: "N-1"}' in page
    assert "flows unused for 45 days: not known yet, watched for 31 days" in site.report(
        "-e", "gatehouse_unused_days=45"
    )


def test_a_second_run_changes_nothing_of_a_host_that_counts(site):
    site.use(1)
    code, output = site.run("harden.yml")
    assert (code, "changed=0" in output) == (0, True), output
    code, output = site.run("harden.yml", "--check", "--diff", "-v")
    assert (code, "changed=0" in output, "in_force_since" in output) == (0, True, False), output

    site.report()
    before = site.kept()["in_force_since"]
    site.report()
    assert site.count("tell", "egress") > 0
    assert site.kept()["in_force_since"] == before


def test_an_audit_finds_nothing_in_what_was_counted_and_leaves_the_counts_to_node_exporter(site):
    site.use(1)
    file = site.folder / "gatehouse.prom"
    extra = {"gatehouse_audit_textfile": str(file)}
    code, output = site.run("gatehouse.firewall.audit", "-e", json.dumps(extra))

    assert code == 0, output
    metrics = file.read_text(encoding="utf-8").splitlines()
    assert 'gatehouse_flow_attempts_total{flow="site",direction="ingress"} 0' in metrics
    assert any(line.startswith('gatehouse_flow_attempts_total{flow="tell",direction="egress"} ') for line in metrics)
    found = [line for line in metrics if line.startswith("gatehouse_drift{") and not line.endswith(" 0")]
    assert found == ['gatehouse_drift{kind="not_at_boot"} 1']  # this machine has no systemd in these namespaces


@pytest.mark.parametrize("more", [("--check",), ("-e", "gatehouse_report_offline=true")])
def test_a_check_and_a_report_without_hosts_leave_the_history_alone(site, more):
    site.report()
    before = site.file.read_text(encoding="utf-8")
    site.use(1)
    site.report(*more)

    assert site.file.read_text(encoding="utf-8") == before


def test_what_is_no_history_is_named_and_stays(site):
    site.report()
    good = site.file.read_text(encoding="utf-8")
    (site.folder / "report" / "usage.md").unlink()
    site.file.write_text("tea: two sugars\n", encoding="utf-8")
    code, output = site.run("gatehouse.firewall.report")

    assert code != 0
    assert "usage.json: got 'tea: two sugars\\n', expected the usage.json of schema 1" in output.replace("\\\\", "\\")
    assert "Traceback" not in output
    assert site.file.read_text(encoding="utf-8") == "tea: two sugars\n"
    assert not (site.folder / "report" / "usage.md").exists()
    site.file.write_text(good, encoding="utf-8")


def test_a_number_of_days_that_is_none_is_refused(site):
    code, output = site.run("gatehouse.firewall.report", "-e", "gatehouse_unused_days=0")

    assert code != 0
    assert "gatehouse_unused_days: got 0, expected a number of days, of at least 1" in output
