from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.watch import NAME, PROGRAM, SECONDS
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import NFT, FakeHost

BODY = "table inet gatehouse\n"
RULESET = Header().line() + BODY
SELF_HEALING = Header(self_heal=True).line() + BODY
SERVICE = f"etc/systemd/system/{NAME}.service"
TIMER = f"etc/systemd/system/{NAME}.timer"
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


def test_a_hardened_host_watches_its_rules_until_they_are_removed(host):
    host.harden(RULESET)
    assert {PROGRAM, SERVICE, TIMER} <= host.files()
    assert host.commands[-1] == ["systemctl", "restart", "--no-block", f"{NAME}.timer"]
    assert host.firewall().is_at(RULESET)

    (host.root / f"run/{NAME}").mkdir()
    (host.root / f"run/{NAME}/gatehouse.prom").write_text("")
    host.firewall().remove()
    assert ["systemctl", "stop", f"{NAME}.timer", f"{NAME}.service"] in host.commands
    assert host.files() == set()
    assert host.firewall().is_at("")


@pytest.mark.parametrize("name", [PROGRAM, SERVICE, TIMER])
def test_a_watch_that_is_off_or_edited_is_a_finding_and_mended(host, name):
    host.harden(RULESET)
    assert host.firewall().findings(RULESET) == []
    (host.root / name).write_text("edited")
    assert [finding.kind for finding in host.firewall().findings(RULESET)] == ["watch_disabled"]
    assert not host.firewall().is_at(RULESET)
    assert not host.firewall().differs_in_addresses_alone(RULESET)

    host.harden(RULESET)
    assert host.firewall().findings(RULESET) == []


def test_only_a_host_that_is_to_heal_itself_loads_rules_again(host):
    host.harden(RULESET)
    assert "ExecStopPost" not in (host.root / SERVICE).read_text()
    assert not host.firewall().is_at(SELF_HEALING)

    host.harden(SELF_HEALING)
    assert f"ExecStopPost=+/bin/sh /{PROGRAM} heal replace.sh nft {NFT}\n" in (host.root / SERVICE).read_text()
    assert host.firewall().is_at(SELF_HEALING)
    assert not host.firewall().is_at(RULESET)
    host.harden(RULESET)
    assert "ExecStopPost" not in (host.root / SERVICE).read_text()


def test_without_systemd_nothing_watches_and_nothing_is_missing(tmp_path):
    host = FakeHost(tmp_path, systemd=False)
    host.harden(RULESET)

    assert not {PROGRAM, SERVICE, TIMER} & host.files()
    assert host.firewall().findings(RULESET) == []


def test_what_looks_can_ask_for_rules_and_write_what_it_has_seen_and_no_more(host):
    host.harden(SELF_HEALING)
    text = (host.root / SERVICE).read_text()
    found = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))

    assert f"ExecStart=/bin/sh /{PROGRAM} look replace.sh nft {NFT}\n" in text
    assert (found["CapabilityBoundingSet"], found["NoNewPrivileges"]) == ("CAP_NET_ADMIN CAP_NET_RAW", "yes")
    assert (found["ProtectSystem"], found["ReadOnlyPaths"], found.get("ReadWritePaths")) == ("strict", "/run", None)
    assert found["RuntimeDirectory"] == NAME
    # The next look has to come, and to be over, within 70 seconds.
    assert f"OnUnitInactiveSec={SECONDS}s\nAccuracySec=1s\n" in (host.root / TIMER).read_text()


@pytest.mark.skipif(not SYSTEMD_ANALYZE, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("ruleset", [RULESET, SELF_HEALING], ids=["looks", "heals"])
def test_systemd_knows_every_setting_of_both_units(host, ruleset):
    host.harden(ruleset)

    def said(path):
        done = subprocess.run(
            [SYSTEMD_ANALYZE, "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    assert NAME not in said(host.root / SERVICE)
    # A timer's service is looked for beside it.
    assert NAME not in said(host.root / TIMER)
    unknown = host.root / f"{NAME}.service"
    unknown.write_text((host.root / SERVICE).read_text().replace("PrivateTmp=", "PrivateTemp="))
    assert "PrivateTemp" in said(unknown)
