"""The state of a host after harden: every host, of either backend and of Debian 11, 12 and 13."""

from __future__ import annotations

import stat

from containers import BOOT_FILES, SHOW, Lab
from testinfra.host import Host

testinfra_hosts = [f"podman://gatehouse-{name}" for name in Lab().managed]

UNIT = "gatehouse-firewall.service"


def boot_file(lab: Lab, host: Host) -> str:
    return BOOT_FILES[lab.backends[host.backend.name.removeprefix(lab.prefix)]]


def test_our_rules_are_in_the_kernel_and_in_the_boot_file(lab: Lab, host: Host) -> None:
    assert "denied: no flow allows it" in host.check_output(SHOW)
    assert "denied: no flow allows it" in host.file(boot_file(lab, host)).content_string


def test_only_root_reads_the_boot_file(lab: Lab, host: Host) -> None:
    rules = host.file(boot_file(lab, host))
    assert (rules.user, rules.group, stat.S_IMODE(rules.mode)) == ("root", "root", 0o600)


def test_our_unit_loads_it_before_the_network_is_up(host: Host) -> None:
    show = host.check_output(f"systemctl show --property=UnitFileState,ActiveState,Before {UNIT}")
    found = dict(line.split("=", 1) for line in show.splitlines())
    assert found["UnitFileState"] == "enabled"
    assert "network-pre.target" in found["Before"].split()


def test_the_distributions_own_firewall_service_is_as_it_was(host: Host) -> None:
    assert host.run("systemctl is-enabled nftables.service").stdout.strip() == "disabled"
    assert "/etc/nftables.conf" not in host.run("dpkg --verify nftables").stdout
