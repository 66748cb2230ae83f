"""A host that restarts has its rules before it has a service to offer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from containers import Lab, probes
from prober import disagreements

HOSTS = ["nomad2", "k8s1", "vm1", "vm2", "nomad1", "k8s2"]  # Debian 11, 12 and 13 on nftables, and again on iptables


def test_rules_are_back_after_a_reboot_before_ssh_is(lab: Lab) -> None:
    before = lab.rulesets()
    with ThreadPoolExecutor(len(HOSTS)) as pool:
        list(pool.map(lab.restart, HOSTS))
    for host in {*HOSTS} & {*lab.shared}:  # what others had there is gone, and they bring it again
        lab.run(host, "foreign", "plant")
    assert lab.rulesets() == before
    for host in HOSTS:
        assert _began(lab, host, "gatehouse-firewall.service") < _began(lab, host, "ssh.service")

    asked = [
        probe for host in HOSTS for probe in probes(lab.hosts["admin"], lab.hosts[host], [("tcp", 22), ("tcp", 9999)])
    ]
    assert disagreements({probe: probe.port == 22 for probe in asked}, lab.namespaces) == []


def _began(lab: Lab, host: str, unit: str) -> int:
    return int(lab.run(host, "systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", unit))
