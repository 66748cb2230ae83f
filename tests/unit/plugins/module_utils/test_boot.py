from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils.boot import UNIT, UNIT_TEXT
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import NFT, FakeHost

RULESET, LISTING, UNIT_FILE, LINK = (
    "etc/gatehouse/ruleset.nft",
    "var/lib/gatehouse/live.nft",
    f"etc/systemd/system/{UNIT}",
    f"etc/systemd/system/sysinit.target.wants/{UNIT}",
)


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


@pytest.fixture
def plain_host(tmp_path):
    return FakeHost(tmp_path, systemd=False)


def test_a_host_that_was_never_hardened_has_nothing_of_ours(host):
    boot = host.boot()

    assert (boot.ruleset(), boot.live(), boot.is_enabled(), boot.leaves_nothing()) == ("", "", False, True)


def test_what_is_persisted_is_there_for_the_next_boot(host):
    host.boot().persist("wanted", "listed")

    assert host.files() == {RULESET, LISTING, UNIT_FILE, LINK}
    assert (host.root / RULESET).read_text() == "wanted"
    assert (host.root / LISTING).read_text() == "listed"
    assert (host.boot().ruleset(), host.boot().live(), host.boot().is_enabled()) == ("wanted", "listed", True)
    assert not host.boot().leaves_nothing()
    assert host.commands == [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", UNIT]]


def test_the_unit_is_left_alone_while_it_is_as_we_wrote_it(host):
    host.boot().persist("wanted", "listed")
    host.commands.clear()
    host.written.clear()
    host.boot().persist("other", "listed")

    assert host.commands == []
    assert host.written == [RULESET, LISTING]


@pytest.mark.parametrize("spoil", ["edited", "removed", "disabled"])
def test_a_unit_that_somebody_spoilt_is_written_and_enabled_again(host, spoil):
    host.boot().persist("wanted", "listed")
    if spoil == "edited":
        (host.root / UNIT_FILE).write_text("[Unit]\n")
    if spoil == "removed":
        (host.root / UNIT_FILE).unlink()
    (host.root / LINK).unlink()

    assert not host.boot().is_enabled()
    host.boot().persist("wanted", "listed")
    assert host.boot().is_enabled()


def test_the_unit_calls_the_hosts_nft_before_the_network_is_up(host):
    host.boot().persist("wanted", "listed")
    unit = (host.root / UNIT_FILE).read_text().splitlines()

    assert f"ExecStart={NFT} -f /{RULESET}" in unit
    assert [line for line in unit if line.startswith("Before=")] == ["Before=network-pre.target shutdown.target"]
    assert "Wants=network-pre.target" in unit
    assert not [line for line in unit if line.startswith("ExecStop")], "to stop the unit must not open the host"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_has_nothing_against_the_unit(tmp_path):
    path = tmp_path / UNIT
    path.write_text(UNIT_TEXT.format(nft="/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )

    assert UNIT not in done.stderr


def test_what_is_forgotten_leaves_nothing(host):
    host.boot().persist("wanted", "listed")
    host.commands.clear()
    host.boot().forget()

    assert host.files() == set()
    assert host.boot().leaves_nothing()
    assert not (host.root / "etc/gatehouse").exists()
    assert not (host.root / "var/lib/gatehouse").exists()
    assert host.commands == [["systemctl", "disable", "--now", UNIT], ["systemctl", "daemon-reload"]]


def test_forgetting_twice_is_forgetting_once(host):
    host.boot().persist("wanted", "listed")
    host.boot().forget()
    host.commands.clear()
    host.boot().forget()

    assert host.commands == []


def test_a_file_that_somebody_keeps_beside_ours_stays(host):
    host.boot().persist("wanted", "listed")
    (host.root / "etc/gatehouse/notes").write_text("mine")
    host.boot().forget()

    assert host.files() == {"etc/gatehouse/notes"}


def test_without_systemd_files_are_kept_and_no_unit_is_written(plain_host):
    plain_host.boot().persist("wanted", "listed")

    assert plain_host.files() == {RULESET, LISTING}
    assert plain_host.commands == []
    assert plain_host.boot().is_enabled()
    plain_host.boot().forget()
    assert plain_host.boot().leaves_nothing()


def test_what_is_forgotten_where_systemd_does_not_run_leaves_nothing_either(host):
    host.boot().persist("wanted", "listed")
    shutil.rmtree(host.root / "run/systemd")
    host.boot().forget()

    assert host.boot().leaves_nothing()
