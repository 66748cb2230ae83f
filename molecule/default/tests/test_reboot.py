"""A host that restarts has its rules before it has a service to offer."""

from __future__ import annotations

import pytest
from containers import Lab, probes
from prober import disagreements


@pytest.mark.parametrize("host", ["vm2", "nomad1", "vm1"])  # Debian 11, 12 and 13
def test_rules_are_back_after_a_reboot_before_ssh_is(lab: Lab, host: str) -> None:
    before = lab.rulesets()
    lab.restart(host)
    assert lab.rulesets() == before
    assert _began(lab, host, "gatehouse-firewall.service") < _began(lab, host, "ssh.service")

    asked = probes(lab.hosts["admin"], lab.hosts[host], [("tcp", 22), ("tcp", 9999)])
    assert disagreements({probe: probe.port == 22 for probe in asked}, lab.namespaces) == []


def _began(lab: Lab, host: str, unit: str) -> int:
    return int(lab.run(host, "systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", unit))
