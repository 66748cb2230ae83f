from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Refresh
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import UnitChange
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import _LONGEST_NAME
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.interpreter import Interpreter
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import FILE, ROUND
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh_unit import (
    MODULES,
    NAME,
    PROGRAM,
    TIMEOUT,
    program,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

BOUNDS = Refresh(60, 3600, ())


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


def test_the_program_has_all_that_it_imports(tmp_path):
    file = tmp_path / "refresh.pyz"
    file.write_bytes(program())

    def run(*words):
        command = [sys.executable, "-I", "-S", str(file), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    # Without a ruleset of ours below /etc, which no machine that tests has, there is nothing to do.
    assert (run("ask"), run("keep")) == ((0, "", ""), (0, "", ""))
    # As the unit of an earlier version has it run.
    assert run() == (1, "", "got [], expected ask or keep\n")


def test_the_program_is_the_same_bytes_every_time_and_nothing_but_our_modules():
    assert program() == program()
    names = zipfile.ZipFile(io.BytesIO(program())).namelist()
    assert len([name for name in names if "__" not in name]) == len(MODULES)


def test_a_host_has_the_unit_once_it_is_installed_and_no_more_once_it_is_forgotten(host):
    unit = host.refresh_unit()
    assert (unit.is_there(None), unit.is_there(BOUNDS)) == (True, False)

    assert unit.install(BOUNDS) == UnitChange(restart=(f"{NAME}.timer",))
    assert (unit.is_there(None), unit.is_there(BOUNDS)) == (False, True)

    assert unit.forget() == UnitChange(reload=True)
    assert unit.is_there(None)
    assert host.files() == set()
    assert unit.forget() == UnitChange()
    assert host.commands == [["systemctl", "stop", f"{NAME}.timer", f"{NAME}.service"]]


def test_to_install_it_twice_does_nothing(host):
    host.refresh_unit().install(BOUNDS)

    assert host.refresh_unit().install(BOUNDS) == UnitChange()


def test_other_bounds_are_another_timer(host):
    host.refresh_unit().install(BOUNDS)

    assert not host.refresh_unit().is_there(Refresh(30, 3600, ()))


@pytest.mark.parametrize("name", [PROGRAM, f"etc/systemd/system/{NAME}.service", f"etc/systemd/system/{NAME}.timer"])
def test_a_file_that_somebody_has_changed_is_seen_and_mended(host, name):
    host.refresh_unit().install(BOUNDS)
    (host.root / name).write_text("changed")

    assert not host.refresh_unit().is_there(BOUNDS)
    assert host.refresh_unit().install(BOUNDS) == UnitChange(reload=True, restart=(f"{NAME}.timer",))
    assert host.refresh_unit().is_there(BOUNDS)


def test_without_systemd_there_is_no_unit_and_nothing_is_missing(tmp_path):
    host = FakeHost(tmp_path, systemd=False)
    host.refresh_unit().install(BOUNDS)

    assert host.files() == set()
    assert host.refresh_unit().is_there(BOUNDS)


SYSTEMD_ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(not SYSTEMD_ANALYZE, reason="systemd-analyze is not installed")


def service(host):
    """Return the path of the service's file, once it is there."""
    host.refresh_unit().install(BOUNDS)
    return host.root / f"etc/systemd/system/{NAME}.service"


def settings(text):
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def test_the_service_ends_in_time_and_after_all_of_its_questions(host):
    assert settings(service(host).read_text())["TimeoutStartSec"] == f"{TIMEOUT}s"
    assert TIMEOUT > ROUND + _LONGEST_NAME


def test_what_reads_the_network_has_no_capability_and_hands_over_answers_alone(host):
    found = settings(service(host).read_text())

    assert (found["CapabilityBoundingSet"], found["NoNewPrivileges"]) == ("", "yes")
    assert found["RestrictAddressFamilies"] == "AF_INET AF_INET6"
    # systemd makes a RuntimeDirectory writable, whatever is said of /run.
    assert (found["ProtectSystem"], found["ReadOnlyPaths"], found.get("ReadWritePaths")) == ("strict", "/run", None)
    assert f"run/{found['RuntimeDirectory']}" == str(PurePosixPath(FILE).parent)
    assert found["InaccessiblePaths"] == "-/run/gatehouse"


@pytest.mark.parametrize(("path", "homes"), [("/usr/bin/python3", "yes"), ("/root/venv/bin/python", "read-only")])
def test_the_service_sees_homes_where_its_python_lies_in_one(host, path, homes):
    host.python = Interpreter(path)
    text = service(host).read_text()

    assert settings(text)["ProtectHome"] == homes
    assert f"ExecStart={path} -I -S /{PROGRAM} ask\n" in text
    assert f"ExecStartPost=+{path} -I -S /{PROGRAM} keep\n" in text


def test_a_python_that_others_can_change_is_told_where_it_runs_our_program(tmp_path):
    host = FakeHost(tmp_path)
    assert host.refresh_unit().weakness == ""
    host.python = Interpreter("/opt/python", "/opt has the mode 0777")

    assert host.refresh_unit().weakness.startswith(
        "gatehouse-refresh.service runs as root with /opt/python, which others than root can change: /opt has the mode"
    )
    assert FakeHost(tmp_path / "other", systemd=False).refresh_unit().weakness == ""


def systemd_analyze(*arguments):
    done = subprocess.run([SYSTEMD_ANALYZE, *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_knows_every_setting_of_the_service(host):
    assert f"{NAME}.service" not in systemd_analyze("verify", "--man=no", str(service(host)))

    text = service(host).read_text()
    service(host).write_text(text.replace("PrivateTmp=", "PrivateTemp="))
    unknown = host.root / f"{NAME}.service"
    unknown.write_text(text.replace("PrivateTmp=", "PrivateTemp="))
    assert "PrivateTemp" in systemd_analyze("verify", "--man=no", str(unknown))
