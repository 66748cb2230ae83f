"""An audit finds what somebody did to a host by hand, names the flow, and changes nothing; on either backend."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from containers import BOOT_FILES, RULE_ADDED_BY_HAND, Lab, harden, playbook

HOSTS = {"nftables": "k8s1", "iptables": "k8s2"}
TAKEN_OVER = "/var/lib/gatehouse/taken_over.json"
# In each round, every host gets what was done by hand to it alone; what was done before is still there.
BY_HAND = {
    "to rules": {
        "k8s1": ("address_removed", "nft delete element inet gatehouse load_balancer.v4 '{ 198.51.100.41 }'"),
        "k8s2": ("rule_added", RULE_ADDED_BY_HAND["iptables"]),
        "nomad2": ("rule_removed", "nft flush chain inet gatehouse input_tcp_22"),
        "nomad1": ("rule_removed", "iptables -D GATEHOUSE-INPUT-TCP-22 1"),
        "vm1": ("rule_added", RULE_ADDED_BY_HAND["nftables"]),
        "vm2": ("rule_changed", "iptables -R GATEHOUSE-INPUT-TCP-22 2 -j RETURN"),
        "lb1": ("table_gone", "nft delete table inet gatehouse"),
    },
    "on disk": {
        "k8s1": ("boot_file_edited", f"echo '# mine' >> {BOOT_FILES['nftables']}"),
        "k8s2": ("boot_file_edited", f"echo '# mine' >> {BOOT_FILES['iptables']}"),
        "nomad2": ("unit_disabled", "systemctl disable gatehouse-firewall.service"),
        "nomad1": ("unit_disabled", "systemctl disable gatehouse-firewall.service"),
        "vm1": ("another_manager", "systemctl enable nftables.service"),
        "vm2": ("another_manager", "systemctl enable nftables.service"),
    },
}
MANAGED_BY_ANOTHER = [host for host, (kind, _script) in BY_HAND["on disk"].items() if kind == "another_manager"]

THEIRS = """nft -f - <<'END'
table inet theirs {
    ct helper ftp {
        type "ftp" protocol tcp
    }
    chain raw {
        type filter hook prerouting priority raw
        tcp dport 30001 notrack
    }
    chain help {
        type filter hook prerouting priority filter
        tcp dport 21 ct helper set "ftp"
    }
    chain nat {
        type nat hook prerouting priority dstnat
        tcp dport 8080 redirect to :80
    }
}
END"""
ADDRESSES = {
    "nftables": ["198.51.100.198/32", "2001:db8:1::198/128"],
    "iptables": ["198.51.100.199/32", "2001:db8:1::199/128"],
}
# What no model can know, and how it goes again.
ALONE = {
    "nftables": (
        {"address_undeclared", "restored_at_boot", "untracked", "helper", "redirected"},
        THEIRS,
        "nft delete table inet theirs",
    ),
    "iptables": (
        {"address_undeclared", "restored_at_boot", "untracked", "redirected", "jump_not_first"},
        """ip6tables -t raw -A PREROUTING -p tcp --dport 30001 -j NOTRACK
iptables -t nat -A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 80
iptables -I INPUT 1 -p udp --dport 9 -j ACCEPT""",
        """ip6tables -t raw -D PREROUTING -p tcp --dport 30001 -j NOTRACK
iptables -t nat -D PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 80
iptables -D INPUT -p udp --dport 9 -j ACCEPT""",
    ),
}
SCRIPT = "printf '#!/bin/sh\\niptables-restore </etc/rules\\n' >/etc/rc.local; chmod +x /etc/rc.local"


@dataclass(frozen=True)
class ByHand:
    """What audits found in each round, and what harden made of all of it."""

    found: dict[str, dict[str, set[str]]]
    refused: str
    unlike_before: set[str]
    clean: bool


def audit(lab: Lab, hosts: list[str], *arguments: str) -> tuple[int, str]:
    done = playbook("audit", f"--limit={','.join(hosts)}", "--extra-vars=gatehouse_audit_fail=true", *arguments)
    assert len(re.findall("changed=0 .*unreachable=0", done.stdout)) == len(hosts), done.stdout + done.stderr
    assert set(hosts) <= set(lab.managed)
    return done.returncode, done.stdout


def findings(lab: Lab, host: str) -> set[str]:
    """Return the kinds that the metrics file counts."""
    lines = lab.run(host, "cat", "/tmp/gatehouse.prom").splitlines()
    return {line.split('"')[1] for line in lines if line.startswith("gatehouse_drift{") and not line.endswith(" 0")}


def test_an_audit_after_harden_is_clean_everywhere() -> None:
    done = playbook("audit", "--extra-vars=gatehouse_audit_fail=true")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def by_hand(lab: Lab) -> ByHand:
    before, found = lab.states(), {}
    for what, done_to in BY_HAND.items():
        for host, (_kind, script) in done_to.items():
            lab.run(host, "sh", "-c", script)
        spoilt = lab.rulesets()
        code, _output = audit(lab, [*done_to], "--extra-vars=gatehouse_audit_textfile=/tmp/gatehouse.prom")
        assert code != 0
        assert lab.rulesets() == spoilt
        found[what] = {host: findings(lab, host) for host in done_to}

    hosts = sorted({host for done_to in BY_HAND.values() for host in done_to})
    refused = harden(f"--limit={','.join(MANAGED_BY_ANOTHER)}")
    done = harden(f"--limit={','.join(hosts)}", "--extra-vars=gatehouse_takeover=true gatehouse_serial=100%")
    assert done.returncode == 0, done.stdout + done.stderr
    unlike_before = {host for host, state in lab.states().items() if state != before[host]}
    clean = audit(lab, hosts)[0] == 0
    for host in MANAGED_BY_ANOTHER:  # else the next removal brings back a manager that this test brought
        lab.run(host, "rm", "-f", TAKEN_OVER)
    return ByHand(found, refused.stdout, unlike_before, clean)


@pytest.mark.parametrize("what", BY_HAND)
def test_what_somebody_did_by_hand_is_found_and_harden_mends_it(by_hand: ByHand, what: str) -> None:
    rounds = [*BY_HAND][: [*BY_HAND].index(what)]
    earlier = {host: {BY_HAND[one][host][0] for one in rounds if host in BY_HAND[one]} for host in BY_HAND[what]}
    assert by_hand.found[what] == {host: {kind} | earlier[host] for host, (kind, _script) in BY_HAND[what].items()}

    assert "the distribution's nftables.service (nftables.service is enabled)" in by_hand.refused
    assert by_hand.unlike_before == set()
    assert by_hand.clean


def test_what_the_host_alone_knows_is_found_until_it_is_gone(lab: Lab) -> None:
    def on_each(verb: str, scripts: dict[str, str]) -> None:
        for backend, host in HOSTS.items():
            own = [f"ip address {verb} {address} dev eth0" for address in ADDRESSES[backend]]
            lab.run(host, "sh", "-ec", "\n".join([*own, scripts[backend]]))

    on_each("add", {backend: f"{SCRIPT}\n{spoil}" for backend, (_kinds, spoil, _mend) in ALONE.items()})
    code, output = audit(lab, [*HOSTS.values()], "--extra-vars=gatehouse_audit_textfile=/tmp/gatehouse.prom")
    found = {backend: findings(lab, host) for backend, host in HOSTS.items()}
    on_each("del", {backend: f"rm /etc/rc.local\n{mend}" for backend, (_kinds, _spoil, mend) in ALONE.items()})

    assert (code != 0, found) == (True, {backend: kinds for backend, (kinds, _spoil, _mend) in ALONE.items()})
    for address in (one.partition("/")[0] for some in ADDRESSES.values() for one in some):
        assert f"{address} on eth0 is an address of this host that the model doesn't know" in output
    assert audit(lab, [*HOSTS.values()])[0] == 0


def test_a_change_of_the_model_is_told_from_a_change_by_hand(lab: Lab) -> None:
    other_model = ("--extra-vars", '{"gatehouse_options": {"transparent_load_balancers": true}}')
    code, output = audit(lab, [*HOSTS.values()], *other_model)
    assert code != 0
    for host in HOSTS.values():
        said = "\n".join(re.findall(rf"(?m)^{host} +model_changed +(.*)$", output))
        assert "new in the model: ingress 80/tcp 443/tcp from external" in said
        assert "no more in the model: ingress 30000-32767/tcp from load_balancer" in said
