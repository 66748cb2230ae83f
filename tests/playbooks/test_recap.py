"""Who failed, and who was not reached, in the words of Ansible's recap: on "this machine", in namespaces of its own."""

from __future__ import annotations

import re

import pytest

LOCAL = {"ansible_connection": "local", "ansible_become": False}
REFUSING = """#!/bin/sh\necho '{"failed": true, "msg": "a password is required"}'\n"""
LINE = re.compile(
    r"^(\S+)\s+: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+) +skipped=\d+ +rescued=(\d+) +ignored=(\d+)",
    re.MULTILINE,
)


@pytest.fixture
def harden(machine, play_there, write, tmp_path):
    """Harden hosts, of which some are dead and some refuse, as a user does; return what was said and the recap."""
    refusing = tmp_path / "refusing"
    refusing.write_text(REFUSING, encoding="utf-8")
    refusing.chmod(0o755)
    kinds = {
        "alive": LOCAL,
        "dead": {"ansible_connection": "ssh", "ansible_port": 1},
        "refusing": {**LOCAL, "ansible_python_interpreter": str(refusing)},
    }

    def run(*arguments, **hosts):
        rows = {
            host: {**kinds[kind], "ansible_host": f"198.51.100.{10 + n}"}
            for n, (host, kind) in enumerate(hosts.items())
        }
        groups = {
            "webs": [host for host in rows if host.startswith("web")],
            "dbs": [host for host in rows if host.startswith("db")],
        }
        classes = [{"name": group[:-1], "groups": [group]} for group, members in groups.items() if members]
        children = {group: {"hosts": {host: rows[host] for host in members}} for group, members in groups.items()}
        model = {"gatehouse_classes": classes, "gatehouse_rollback_timeout": 5}
        inventory = write(tmp_path / "hosts.yml", {"all": {"vars": model, "children": children}})
        done = play_there("gatehouse.firewall.harden", inventory, *arguments, cwd=tmp_path)
        keys = ("changed", "unreachable", "failed", "rescued", "ignored")
        recap = {host: dict(zip(keys, map(int, counts))) for host, *counts in LINE.findall(done.output)}
        machine("nft", "delete", "table", "inet", "gatehouse")
        return done.code, done.output, recap

    return run


def failed(recap):
    return {
        host: {key for key in ("unreachable", "failed", "rescued", "ignored") if counts[key]}
        for host, counts in recap.items()
    }


def test_a_dead_host_is_unreachable_and_no_other_host_has_failed(harden):
    code, output, recap = harden(web1="dead", db1="alive", web2="dead")

    assert code == 4
    assert failed(recap) == {"db1": set(), "web1": {"unreachable"}, "web2": {"unreachable"}}, output
    assert recap["db1"]["changed"] == 1
    assert "Not reached: web1" in output


def test_a_host_that_can_not_be_changed_has_failed_alone_and_stops_the_batches_after_it(harden):
    code, output, recap = harden(web1="alive", web2="alive", db1="refusing")

    assert code == 2
    assert failed(recap) == {"web1": set(), "db1": {"failed"}}, output
    assert "1 of 3 hosts could not be changed. Stopped here: what was not tried yet is as it was" in output
    assert "Failed: db1" in output
    assert "Not tried yet: web2" in output
    assert "a password is required" in output


def test_a_fleet_that_can_not_be_changed_at_all_is_summed_up(harden):
    code, output, recap = harden(web1="refusing", web2="alive")

    assert code == 2
    assert failed(recap)["web1"] == {"failed"}, output
    assert "1 of 2 hosts could not be changed. Stopped here" in output
    assert "web2" not in recap or failed(recap)["web2"] == set()
