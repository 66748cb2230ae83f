"""The state of a host after harden: every host, of either backend and of Debian 11, 12 and 13."""

from __future__ import annotations

import pytest
from containers import BOOT_FILES, SHOW, Lab

pytestmark = pytest.mark.parametrize("host", Lab().managed)

UNIT = "gatehouse-firewall.service"


def boot_file(lab: Lab, host: str) -> str:
    return BOOT_FILES[lab.backends[host]]


def test_our_rules_are_in_the_kernel_and_in_the_boot_file(lab: Lab, host: str) -> None:
    assert "denied: no flow allows it" in lab.run(host, "sh", "-c", SHOW)
    assert "denied: no flow allows it" in lab.run(host, "cat", boot_file(lab, host))


def test_only_root_reads_the_boot_file(lab: Lab, host: str) -> None:
    assert lab.run(host, "stat", "--format=%U %G %a", boot_file(lab, host)) == "root root 600\n"


def test_our_unit_loads_it_before_the_network_is_up(lab: Lab, host: str) -> None:
    show = lab.run(host, "systemctl", "show", "--property=UnitFileState,ActiveState,Before", UNIT)
    found = dict(line.split("=", 1) for line in show.splitlines())
    assert found["UnitFileState"] == "enabled"
    assert "network-pre.target" in found["Before"].split()


def test_the_distributions_own_firewall_service_is_as_it_was(lab: Lab, host: str) -> None:
    assert lab.run(host, "sh", "-c", "systemctl is-enabled nftables.service || true") == "disabled\n"
    assert "/etc/nftables.conf" not in lab.run(host, "sh", "-c", "dpkg --verify nftables || true")
