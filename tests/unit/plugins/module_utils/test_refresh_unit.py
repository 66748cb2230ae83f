from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils.host_names import Refresh
from ansible_collections.gatehouse.firewall.plugins.module_utils.refresh_unit import MODULES, NAME, PROGRAM, program
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

BOUNDS = Refresh(60, 3600, ())


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


def test_the_program_has_all_that_it_imports(tmp_path):
    file = tmp_path / "refresh.pyz"
    file.write_bytes(program())

    # Without a ruleset of ours below /etc, which no machine that tests has, there is nothing to do.
    done = subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_program_is_the_same_bytes_every_time_and_nothing_but_our_modules():
    assert program() == program()
    names = zipfile.ZipFile(io.BytesIO(program())).namelist()
    assert len([name for name in names if "__" not in name]) == len(MODULES)


def test_a_host_has_the_unit_once_it_is_installed_and_no_more_once_it_is_forgotten(host):
    unit = host.refresh_unit()
    assert (unit.is_there(None), unit.is_there(BOUNDS)) == (True, False)

    unit.install(BOUNDS)
    assert (unit.is_there(None), unit.is_there(BOUNDS)) == (False, True)
    assert host.commands == [["systemctl", "daemon-reload"], ["systemctl", "restart", "--no-block", f"{NAME}.timer"]]

    unit.forget()
    assert unit.is_there(None)
    assert host.files() == set()
    unit.forget()
    assert host.commands[2:] == [
        ["systemctl", "stop", f"{NAME}.timer", f"{NAME}.service"],
        ["systemctl", "daemon-reload"],
    ]


def test_to_install_it_twice_does_nothing(host):
    host.refresh_unit().install(BOUNDS)
    host.commands.clear()
    host.refresh_unit().install(BOUNDS)

    assert host.commands == []


def test_other_bounds_are_another_timer(host):
    host.refresh_unit().install(BOUNDS)

    assert not host.refresh_unit().is_there(Refresh(30, 3600, ()))


@pytest.mark.parametrize("name", [PROGRAM, f"etc/systemd/system/{NAME}.service", f"etc/systemd/system/{NAME}.timer"])
def test_a_file_that_somebody_has_changed_is_seen_and_mended(host, name):
    host.refresh_unit().install(BOUNDS)
    (host.root / name).write_text("changed")

    assert not host.refresh_unit().is_there(BOUNDS)
    host.refresh_unit().install(BOUNDS)
    assert host.refresh_unit().is_there(BOUNDS)


def test_without_systemd_there_is_no_unit_and_nothing_is_missing(tmp_path):
    host = FakeHost(tmp_path, systemd=False)
    host.refresh_unit().install(BOUNDS)

    assert host.files() == set()
    assert host.refresh_unit().is_there(BOUNDS)
