"""The stage of a rehearsal: nothing of it is left, nothing of it touches the host, and who may not have one is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe import stage
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.module_utils._probe.test_prober import (
    LEGS,
    answers,
    nothing,
    probe,
    run,
)

pytestmark = private_nft.needs_nft
CHECKOUT = Path(__file__).resolve().parents[5]


def test_rules_are_loaded_on_the_stage_and_not_here():
    here = os.readlink("/proc/self/ns/net")
    told = []

    def load():
        listed = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
        told.append(os.readlink("/proc/self/ns/net") != here)
        assert all(told)
        assert {line.split()[0].partition("@")[0] for line in listed.splitlines()} == {"lo", "eth0"}

    assert answers(load, probe("tcp", 80, 4)) == ["refused"]
    assert os.readlink("/proc/self/ns/net") == here


def test_a_stage_that_turns_out_to_be_here_is_not_played_on(monkeypatch):
    monkeypatch.setattr(stage, "_new_network", lambda: os.open("/proc/self/ns/net", os.O_RDONLY))
    run_of = []

    def note(words, _text):
        run_of.append(words)
        return 0, "", ""

    with pytest.raises(FirewallError, match="not on its stage: nothing was changed"):
        stage.rehearse(note, nothing, LEGS, [probe("tcp", 80, 4)], 5)
    assert run_of == []


def test_rules_that_cannot_be_loaded_are_an_error():
    def refuse():
        raise FirewallError("nft can't load the ruleset")

    with pytest.raises(FirewallError, match="nft can't load the ruleset"):
        answers(refuse, probe("tcp", 80, 4))


def test_a_rehearsal_that_dies_is_an_error_and_no_traceback():
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(FirewallError, match="died on the way"):
        answers(die, probe("tcp", 80, 4))


def test_whatever_goes_wrong_on_the_stage_stays_there():
    def break_down():
        raise KeyError("eth0")

    with pytest.raises(FirewallError, match="the rehearsal has failed: KeyError"):
        answers(break_down, probe("tcp", 80, 4))


SCRIPT = """
    import os, runpy, sys, time
    runpy.run_path({conftest!r})
    from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.stage import rehearse
    from ansible_collections.gatehouse.firewall.tests.kernel.plugins.module_utils._probe import test_prober as by

    def load():
        print(os.getpid(), flush=True)
        time.sleep({sleep})

    try:
        print(rehearse(by.run, load, by.LEGS, [by.probe("tcp", 80, 4)], 10))
    except Exception as error:
        print(error)
"""


def script(sleep=0):
    text = textwrap.dedent(SCRIPT)
    return [sys.executable, "-c", text.format(conftest=str(CHECKOUT / "tests/conftest.py"), sleep=sleep)]


def test_the_stage_ends_with_its_parent_however_that_dies():
    parent = subprocess.Popen(script(sleep=60), stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()

    parent.kill()
    parent.communicate()
    end = time.monotonic() + 5
    while _lives(child):
        assert time.monotonic() < end, "the stage outlives who made it"
        time.sleep(0.05)


def _lives(process):
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except OSError:
        return False


def test_who_may_make_no_namespace_is_told_what_it_takes():
    bare = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", bare, "sh", *script()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "gives us no network namespace to rehearse in" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_who_is_not_root_rehearses_in_a_user_namespace():
    command = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", *script()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout.endswith("['refused']\n"), done.stdout + done.stderr


def test_what_loads_rules_is_told_that_it_does_so_on_a_stage(tmp_path):
    told = tmp_path / "told"
    answers(lambda: told.write_text(os.environ["GATEHOUSE_STAGE"]), probe("tcp", 80, 4))

    assert told.read_text() == "yes"
    assert "GATEHOUSE_STAGE" not in os.environ


def without_ipv6(words, text):
    """Run a command on a host whose new namespaces have no IPv6."""
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1", encoding="ascii")
    Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6").write_text("1", encoding="ascii")
    return run(words, text)


def test_without_ipv6_its_probes_show_nothing_and_the_rest_counts():
    asked = [probe("tcp", 80, 4), probe("tcp", 80, 6)]
    found = stage.rehearse(without_ipv6, nothing, LEGS, asked, 20)

    assert found[0] == "refused"
    assert found[1].startswith("no ")


def test_what_keeps_a_node_from_answering_arp_keeps_no_peer_from_it():
    def strict(words, text):
        for name in ("arp_ignore", "arp_announce"):
            setting = Path(f"/proc/sys/net/ipv4/conf/all/{name}")
            if "link set lo up" in (text or ""):
                setting.write_text("2", encoding="ascii")
        return run(words, text)

    assert stage.rehearse(strict, nothing, LEGS, [probe("tcp", 80, 4, "egress")], 20) == ["refused"]


def test_by_each_interface_goes_what_is_asked_of_it():
    legs = {"eth0": ["203.0.113.114"], "eth1": ["203.0.113.115"]}
    first = {**probe("tcp", 80, 4), "interface": "eth0"}
    asked = [first, {**first, "interface": "eth1", "target": "203.0.113.115"}, {**first, "target": "203.0.113.115"}]
    text = 'table inet t {\n chain c {\n type filter hook input priority 0;\n iifname "eth1" drop\n }\n}\n'

    def load():
        subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)

    assert stage.rehearse(run, load, legs, asked, 20) == ["refused", "silent", "refused"]
    assert stage.rehearse(run, nothing, legs, asked, 20) == ["refused"] * 3
    assert list(LEGS) == ["eth0"]
