from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import VERSION
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import FORMAT, MARK
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import COMMAND, UNIT, UNIT_TEXT
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import NFT, FakeHost

RULESET, FALLBACK, LOADER, LISTING, UNIT_FILE, LINK = (
    "etc/gatehouse/ruleset.nft",
    "etc/gatehouse/fallback.nft",
    "etc/gatehouse/replace.sh",
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
    boot, nft = host.boot(), host.backend

    assert (boot.ruleset(nft), boot.live(nft), boot.is_enabled(nft), boot.leaves_nothing([nft])) == (
        "",
        "",
        False,
        True,
    )


def test_what_is_persisted_is_there_for_the_next_boot(host):
    host.keep(host.backend, "wanted", "listed")

    assert host.files() == {RULESET, FALLBACK, LOADER, LISTING, UNIT_FILE, LINK}
    assert (host.root / RULESET).read_text() == "wanted"
    assert (host.root / LISTING).read_text().splitlines()[1:] == ["listed"]
    assert not host.boot().is_edited(host.backend)
    boot, nft = host.boot(), host.backend
    assert (boot.ruleset(nft), boot.live(nft), boot.is_enabled(nft)) == ("wanted", "listed", True)
    assert not host.boot().leaves_nothing([host.backend])
    assert host.commands == [["systemctl", "start", "--no-block", UNIT]]
    assert os.readlink(host.root / LINK) == f"/{UNIT_FILE}"


def test_the_record_says_of_which_format_it_is_and_that_of_version_0_1_0_is_read_too(host):
    host.keep(host.backend, "wanted", "listed\n")
    path = host.root / LISTING
    line, _newline, rest = path.read_text().partition("\n")
    said = json.loads(line[len(MARK) :])
    assert (said["format"], said["version"], rest) == (FORMAT, VERSION, "listed\n")

    path.write_text(f"{said['ruleset']}\n{rest}")
    assert host.boot().live(host.backend) == "listed\n"
    assert not host.boot().is_edited(host.backend)


@pytest.mark.parametrize("line", ["", MARK, f"{MARK}{{}}", f'{MARK}{{"ruleset": 5}}', "0" * 64])
def test_a_record_that_somebody_has_edited_vouches_for_no_ruleset(host, line):
    host.keep(host.backend, "wanted", "listed")
    (host.root / LISTING).write_text(f"{line}\nlisted")

    assert host.boot().is_edited(host.backend)


def test_the_unit_is_left_alone_while_it_is_as_we_wrote_it(host):
    host.keep(host.backend, "wanted", "listed")
    host.commands.clear()
    host.written.clear()
    host.keep(host.backend, "other", "listed")

    assert host.commands == [["systemctl", "start", "--no-block", UNIT]]
    assert [path.replace("/.", "/").replace(".new", "") for path in host.written] == [
        *(FALLBACK, RULESET, LISTING, LOADER)
    ]


@pytest.mark.parametrize("spoil", ["edited", "removed", "disabled"])
def test_a_unit_that_somebody_spoilt_is_written_and_enabled_again(host, spoil):
    host.keep(host.backend, "wanted", "listed")
    if spoil == "edited":
        (host.root / UNIT_FILE).write_text("[Unit]\n")
    if spoil == "removed":
        (host.root / UNIT_FILE).unlink()
    (host.root / LINK).unlink()

    assert not host.boot().is_enabled(host.backend)
    host.commands.clear()
    host.keep(host.backend, "wanted", "listed")
    assert host.boot().is_enabled(host.backend)
    assert (["systemctl", "daemon-reload"] in host.commands) == (spoil == "edited")


def test_the_unit_calls_the_hosts_nft_before_the_network_is_up(host):
    host.keep(host.backend, "wanted", "listed")
    unit = (host.root / UNIT_FILE).read_text().splitlines()

    (start,) = [line for line in unit if line.startswith("ExecStart=")]
    assert start.startswith(f"ExecStart=/bin/sh -c '/bin/sh /{LOADER} /{RULESET} {NFT} && exit; ")
    assert [line for line in unit if line.startswith("Before=")] == [
        "Before=network-pre.target ssh.service sshd.service shutdown.target"
    ]
    assert "Wants=network-pre.target" in unit
    assert not [line for line in unit if line.startswith("ExecStop")], "to stop the unit must not open the host"


@pytest.mark.parametrize(
    ("ruleset", "code", "loaded"), [("good", 0, ["good"]), ("refused", 1, ["fallback"]), (None, 1, ["fallback"])]
)
def test_a_ruleset_that_cannot_be_loaded_at_boot_leaves_the_fallback_and_a_failed_unit(tmp_path, ruleset, code, loaded):
    nft = tmp_path / "nft"
    nft.write_text(f'#!/bin/sh\ngrep -q refused "$2" && exit 1\ncat "$2" >>{tmp_path}/loaded\n')
    nft.chmod(0o755)
    (tmp_path / "fallback").write_text("fallback\n")
    if ruleset:
        (tmp_path / "ruleset").write_text(f"{ruleset}\n")
    fallback = tmp_path / "fallback"
    command = COMMAND.format(
        load=f"{nft} -f {tmp_path}/ruleset", fallback=fallback, load_fallback=f"{nft} -f {fallback}"
    )
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert (tmp_path / "loaded").read_text().split() == loaded
    assert ("The saved ruleset could not be loaded" in done.stderr) == bool(code)
    assert ("Only replies and the management flow pass" in done.stderr) == bool(code)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_has_nothing_against_the_unit(tmp_path):
    path = tmp_path / UNIT
    path.write_text(
        UNIT_TEXT.format(command=COMMAND.format(load="/bin/true", fallback="/x", load_fallback="/bin/false"))
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )

    assert UNIT not in done.stderr


def test_what_is_forgotten_leaves_nothing(host):
    host.keep(host.backend, "wanted", "listed")
    host.commands.clear()
    host.forget_all()

    assert host.files() == set()
    assert host.boot().leaves_nothing([host.backend])
    assert not (host.root / "etc/gatehouse").exists()
    assert not (host.root / "var/lib/gatehouse").exists()
    assert host.commands == [["systemctl", "disable", "--now", UNIT], ["systemctl", "daemon-reload"]]


def test_forgetting_twice_is_forgetting_once(host):
    host.keep(host.backend, "wanted", "listed")
    host.forget_all()
    host.commands.clear()
    host.forget_all()

    assert host.commands == []


def test_a_file_that_somebody_keeps_beside_ours_stays(host):
    host.keep(host.backend, "wanted", "listed")
    (host.root / "etc/gatehouse/notes").write_text("mine")
    host.forget_all()

    assert host.files() == {"etc/gatehouse/notes"}


def test_without_systemd_files_are_kept_and_no_unit_is_written(plain_host):
    plain_host.keep(plain_host.backend, "wanted", "listed")

    assert plain_host.files() == {RULESET, FALLBACK, LOADER, LISTING}
    assert plain_host.commands == []
    assert plain_host.boot().is_enabled(plain_host.backend)
    plain_host.forget_all()
    assert plain_host.boot().leaves_nothing([plain_host.backend])


def test_what_is_forgotten_where_systemd_does_not_run_leaves_nothing_either(host):
    host.keep(host.backend, "wanted", "listed")
    shutil.rmtree(host.root / "run/systemd")
    host.forget_all()

    assert host.boot().leaves_nothing([host.backend])


def test_an_edited_ruleset_of_the_next_boot_is_noticed(host):
    host.keep(host.backend, "wanted", "listed")
    (host.root / RULESET).write_text("edited")

    assert host.boot().is_edited(host.backend)


def test_what_is_prepared_counts_only_once_it_is_kept(host):
    host.keep(host.backend, "old", "listed")
    host.boot().prepare(host.backend, "new", "listed", "fallback")
    assert host.boot().ruleset(host.backend) == "old"

    host.boot().give_up(host.backend)
    assert host.files() == {RULESET, FALLBACK, LOADER, LISTING, UNIT_FILE, LINK}
    assert host.boot().ruleset(host.backend) == "old"


def test_without_its_fallback_a_boot_is_not_as_it_should_be(host):
    host.keep(host.backend, "wanted", "listed")
    (host.root / FALLBACK).unlink()

    assert not host.boot().is_enabled(host.backend)
