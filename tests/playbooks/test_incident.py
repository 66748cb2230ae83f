"""A forgotten flow is found and mended in three commands, without switching anything off: on "this machine"."""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import yaml

OWN, PEER, STRANGER = "198.51.100.161", "198.51.100.162", "198.51.100.163"
INVENTORY = {
    "all": {
        "vars": {
            "gatehouse_classes": [{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}],
            "gatehouse_zones": [{"name": "office", "networks": ["203.0.113.0/24"]}],
            "gatehouse_flows": [
                {"name": "site", "from": ["office"], "to": ["web"], "ports": ["443/tcp"], "why": "customers"},
                {"name": "sql", "from": ["web"], "to": ["db"], "ports": ["5432/tcp"], "why": "what the site shows"},
            ],
            "gatehouse_rollback_timeout": 30,
        },
        "children": {
            "webs": {
                "hosts": {"web1": {"ansible_host": OWN}},
                "vars": {"ansible_connection": "local", "ansible_become": False},
            },
            "dbs": {"hosts": {"db1": {"ansible_host": PEER}}},
        },
    }
}
LINK = """
set -e
ip link add eth0 type veth peer name other
for device in lo eth0 other; do ip link set $device up; done
ip address add $1/28 dev eth0
for peer in $2 $3; do ip neighbour add $peer dev eth0 lladdr 02:00:00:00:00:02; done
"""
SEND_ON = """
import pathlib, socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while not pathlib.Path('{2}').exists():
    try:
        sender.sendto(b'x', ('{0}', {1}))
    except PermissionError:
        pass
    time.sleep(0.1)
"""
SEND = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{}', {}))"


class Site:
    """The host, and the folder of the user who runs playbooks."""

    def __init__(self, machine, folder, play, write):
        self.machine, self.folder, self._play, self._write = machine, folder, play, write

    def play(self, playbook, *more):
        return self._play(playbook, "inventory.yml", "--limit", "web1", *more, cwd=self.folder)

    def run(self, playbook, *more):
        done = self.play(playbook, *more)
        assert done.code == 0, done.output
        return done.output

    def declare(self, *flows):
        """Write the model with more flows."""
        variables = INVENTORY["all"]["vars"]
        declared = {**variables, "gatehouse_flows": [*variables["gatehouse_flows"], *flows]}
        self._write(self.folder / "inventory.yml", {"all": {**INVENTORY["all"], "vars": declared}})

    @contextmanager
    def sending(self, peer, port):
        """Have the host send all the while, whether it may or not."""
        over = self.folder / "over"
        with ThreadPoolExecutor(1) as pool:
            sender = pool.submit(self.machine, sys.executable, "-c", SEND_ON.format(peer, port, over))
            try:
                yield
            finally:
                over.touch()
        assert sender.result().returncode == 0, sender.result().stderr
        over.unlink()

    def passes(self, peer, port):
        """Return whether a datagram leaves the host; a program is told that it may not."""
        done = self.machine(sys.executable, "-c", SEND.format(peer, port))
        assert done.returncode == 0 or "PermissionError" in done.stderr
        return done.returncode == 0


@pytest.fixture(scope="module")
def site(machine, play_there, write, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    link = machine("sh", "-c", LINK, "sh", OWN, PEER, STRANGER)
    assert link.returncode == 0, link.stderr
    site = Site(machine, folder, play_there, write)
    site.declare()
    site.run("gatehouse.firewall.harden")
    return site


def to_paste(output):
    """Return the flows that a run has printed."""
    rows = re.search(r"^gatehouse_flows:\n(?:  .*\n)+", output, re.MULTILINE)
    assert rows, output
    return yaml.safe_load(rows[0])["gatehouse_flows"]


def test_a_forgotten_flow_is_found_and_mended_in_three_commands(site):
    assert [site.passes(PEER, 5433), site.passes(PEER, 5433), site.passes(STRANGER, 53)] == [False, False, False]

    shown = site.run("gatehouse.firewall.denied")
    reason = r"no flow allows it; the flow sql is to db, and .*, but on 5432/tcp"
    row = rf"^web1  egress +db1 \(db\) +5433/udp  2 +\S+Z  no rules until \S+Z  {reason}$"
    assert re.search(row, shown, re.MULTILINE), shown
    assert shown.index("db1 (db)") < shown.index(f"stranger {STRANGER}")
    (flow,) = to_paste(shown)
    assert (flow["from"], flow["to"], flow["ports"]) == (["web"], ["db"], ["5433/udp"])
    assert "Not asked, as the play is not for them: db1" in shown

    site.declare(flow)
    site.run("gatehouse.firewall.harden")
    assert [site.passes(PEER, 5433), site.passes(STRANGER, 53)] == [True, False]

    after = site.run("gatehouse.firewall.denied")
    assert "2 packets not shown, as the model allows them by now (web_to_db)" in after
    assert ("db1 (db)" in after, f"stranger {STRANGER}" in after) == (False, True)


def test_an_explanation_ends_with_what_the_host_has_denied(site):
    assert not site.passes(PEER, 5434)
    question = [f"--extra-vars={word}" for word in ("from=web1", "to=db1", "on=5434/udp", "live=true")]
    shown = site.run("gatehouse.firewall.explain", *question)

    assert "output of web1 (web) denies it: no flow allows it" in shown
    assert re.search(r"^web1  egress +db1 \(db\)  5434/udp  1 ", shown, re.MULTILINE), shown
    assert "5433/udp" not in shown.split("denies it")[1]


def test_an_audit_leaves_what_was_denied_to_node_exporter(site):
    site.passes(PEER, 5434)
    file = site.folder / "gatehouse.prom"
    site.run("gatehouse.firewall.audit", "-e", json.dumps({"gatehouse_audit_textfile": str(file)}))
    metrics = dict(line.rsplit(" ", 1) for line in file.read_text(encoding="utf-8").splitlines() if line[0] != "#")
    denied = {key: int(value) for key, value in metrics.items() if key.startswith("gatehouse_denied_packets")}

    assert {key for key, value in denied.items() if value} == {
        'gatehouse_denied_packets{direction="egress",peer="known"}',
        'gatehouse_denied_packets{direction="egress",peer="stranger"}',
    }
    assert metrics['gatehouse_denied_keys{direction="egress",family="IPv4",peer="known"}'] == "1"
    assert metrics['gatehouse_mode{direction="egress",mode="enforce"}'] == "1"
    age = time.time() - int(metrics["gatehouse_loaded_time_seconds"])
    assert 0 <= age < 3600
    assert int(metrics["gatehouse_conntrack_entries"]) <= int(metrics["gatehouse_conntrack_limit"])


def test_a_canary_that_denies_the_fleet_what_it_did_not_before_stops_the_run(site):
    site.declare({"name": "stream", "from": ["web"], "to": ["db"], "ports": ["5435/udp"], "why": "logs"})
    site.run("gatehouse.firewall.harden")
    site.declare()
    with site.sending(PEER, 5435):
        done = site.play("gatehouse.firewall.harden", "-e", "gatehouse_soak=2s")

    assert done.code == 2, done.output
    assert f"denies peers of the fleet what it did not deny before: 5435/udp to {PEER}. " in done.output
    assert "1 of 1 hosts deny what they did not deny before" in done.output
    assert "changed=0" in site.run("gatehouse.firewall.harden", "-e", "gatehouse_soak=2s")
    shown = site.run("gatehouse.firewall.denied")
    assert re.search(r"^web1 .* 5435/udp .*Z  allowed until \S+Z \(stream\)  no flow allows it", shown, re.MULTILINE), (
        shown
    )
    assert re.search(r"^web1 .* 5434/udp .*Z  denied  +no flow allows it", shown, re.MULTILINE), shown
