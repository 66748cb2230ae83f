"""An audit finds what somebody did to a host by hand, names the flow, and changes nothing."""

from __future__ import annotations

import re

import pytest
from containers import BACKEND, BOOT_FILE, RULE_ADDED_BY_HAND, Lab, harden, playbook

HOST = "k8s1"
TAKEN_OVER = "/var/lib/gatehouse/taken_over.json"
BY_HAND = {"rule_added": RULE_ADDED_BY_HAND} | {
    "nftables": {
        "rule_removed": "nft flush chain inet gatehouse input_tcp_22",
        "rule_changed": "nft delete element inet gatehouse load_balancer.v4 '{ 198.51.100.41 }'",
        "table_gone": "nft delete table inet gatehouse",
    },
    "iptables": {
        "rule_removed": "iptables -D GATEHOUSE-INPUT-TCP-22 1",
        "rule_changed": "iptables -R GATEHOUSE-INPUT-TCP-22 2 -j RETURN",
    },
}[BACKEND]
ON_DISK = {
    "boot_file_edited": f"echo '# mine' >> {BOOT_FILE}",
    "unit_disabled": "systemctl disable gatehouse-firewall.service",
    "another_manager": "systemctl enable nftables.service",
}


def audit(*arguments: str) -> tuple[int, str]:
    done = playbook("audit", f"--limit={HOST}", "--extra-vars=gatehouse_audit_fail=true", *arguments)
    assert re.search("changed=0 .*unreachable=0", done.stdout), done.stdout + done.stderr
    return done.returncode, done.stdout


def findings(lab: Lab) -> set[str]:
    """Return the kinds that the metrics file counts."""
    lines = lab.run(HOST, "cat", "/tmp/gatehouse.prom").splitlines()
    return {line.split('"')[1] for line in lines if line.startswith("gatehouse_drift{") and not line.endswith(" 0")}


def test_an_audit_after_harden_is_clean_everywhere() -> None:
    done = playbook("audit", "--extra-vars=gatehouse_audit_fail=true")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", [*BY_HAND, *ON_DISK])
def test_what_somebody_did_by_hand_is_found_and_harden_mends_it(lab: Lab, kind: str) -> None:
    before = lab.states()
    lab.run(HOST, "sh", "-c", {**BY_HAND, **ON_DISK}[kind])
    spoilt = lab.rulesets()

    code, _output = audit("--extra-vars=gatehouse_audit_textfile=/tmp/gatehouse.prom")
    assert code != 0
    assert findings(lab) == {kind}
    assert lab.rulesets() == spoilt

    if kind == "another_manager":
        refused = harden(f"--limit={HOST}")
        assert "the distribution's nftables.service (nftables.service is enabled)" in refused.stdout
    done = harden(f"--limit={HOST}", "--extra-vars=gatehouse_takeover=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.states() == before
    assert audit()[0] == 0
    lab.run(HOST, "rm", "-f", TAKEN_OVER)  # else the next removal brings back a manager that this test brought


def test_a_change_of_the_model_is_told_from_a_change_by_hand() -> None:
    code, output = audit("--extra-vars", '{"gatehouse_options": {"transparent_load_balancers": true}}')
    assert code != 0
    assert "new in the model: ingress 80/tcp 443/tcp from external" in output
    assert "no more in the model: ingress 30000-32767/tcp from load_balancer" in output
