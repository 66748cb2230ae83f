"""What a host alone knows is said by plan, harden and audit: on "this machine", in namespaces of its own."""

from __future__ import annotations

import json
import re

import pytest

OWN, OWN6 = "198.51.100.161", "2001:db8:1::161"
INVENTORY = {
    "webs": {
        "hosts": {"web1": {"ansible_host": OWN, "gatehouse_addresses": {"private": [OWN, OWN6]}}},
        "vars": {
            "ansible_connection": "local",
            "ansible_become": False,
            "gatehouse_classes": [{"name": "web", "groups": ["webs"], "pre_dnat": {"ports": ["30000-32767/tcp"]}}],
            "gatehouse_zones": [{"name": "office", "networks": ["198.51.100.160/28"]}],
            "gatehouse_flows": [{"name": "site", "from": ["office"], "to": ["web"], "ports": ["443/udp"]}],
            "gatehouse_rollback_timeout": 30,
        },
    }
}
HARDEN = {"hosts": "webs", "gather_facts": False, "roles": ["gatehouse.firewall.host"]}
LINK = """
set -e
ip link add eth0 type veth peer name other
for device in lo eth0 other; do ip link set $device up; done
ip address add $1/28 dev eth0
ip address add $2/64 dev eth0 nodad
"""
SPOIL = """
set -e
ip address add 198.51.100.170/28 dev eth0
ip address add 2001:db8:1::170/64 dev eth0 nodad
printf '#!/bin/sh\\niptables-restore < /etc/iptables.rules\\n' > /etc/rc.local
chmod +x /etc/rc.local
nft -f - <<'END'
table inet theirs {
    ct helper ftp {
        type "ftp" protocol tcp
    }
    chain raw {
        type filter hook prerouting priority raw
        udp dport 443 notrack
    }
    chain help {
        type filter hook prerouting priority filter
        tcp dport 21 ct helper set "ftp"
    }
    chain nat {
        type nat hook prerouting priority dstnat
        tcp dport { 8080, 30080 } redirect to :80
    }
}
END
"""
MEND = """
ip address del 198.51.100.170/28 dev eth0
ip address del 2001:db8:1::170/64 dev eth0
rm /etc/rc.local
nft delete table inet theirs
"""
ALWAYS = {"not_at_boot"}  # this machine has no systemd in these namespaces
SPOILT = ALWAYS | {"address_undeclared", "helper", "redirected", "restored_at_boot", "untracked"}
SAID = (
    "198.51.100.170 on eth0 is an address of this host that the model doesn't know",
    "2001:db8:1::170 on eth0 is an address of this host that the model doesn't know",
    "443/udp is not tracked, by a rule of others (nftables inet theirs, chain raw: udp dport 443 notrack)",
    "8080/tcp is redirected by a rule of others (nftables inet theirs, chain nat: tcp dport {",
    "connections get a helper by a rule of others (nftables inet theirs, chain help: tcp dport 21",
    "/etc/rc.local puts whole tables back",
    "nothing loads our rules at boot: /bin/sh /etc/gatehouse/replace.sh /etc/gatehouse/ruleset.nft ",
)


class Site:
    """The host, and who looks after it."""

    def __init__(self, machine, folder, play):
        self.machine, self.folder, self._play = machine, folder, play

    def run(self, playbook, *more):
        """Return the exit code and what was said, on one line: older cores wrap their warnings."""
        done = self._play(playbook, "inventory.yml", *more, cwd=self.folder)
        return done.code, " ".join(done.output.split())

    def do(self, script, *arguments):
        done = self.machine("sh", "-c", script, "sh", *arguments)
        assert done.returncode == 0, done.stderr

    def audit(self):
        """Return what an audit says, and the kinds that its metrics count."""
        file = self.folder / "gatehouse.prom"
        code, output = self.run("gatehouse.firewall.audit", "-e", json.dumps({"gatehouse_audit_textfile": str(file)}))
        assert code == 0, output
        return output, set(re.findall(r'drift\{kind="(\w+)"\} [1-9]', file.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def site(machine, play_there, write, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write(folder / "inventory.yml", INVENTORY)
    write(folder / "harden.yml", [HARDEN])
    site = Site(machine, folder, play_there)
    site.do(LINK, OWN, OWN6)
    return site


def test_what_is_found_is_named_with_its_remedy_refused_or_warned_of_and_gone_once_it_is_mended(site):
    site.do(SPOIL)
    code, refused = site.run("harden.yml")
    assert (code, "puts whole tables back. It puts" in refused, "Nothing was changed" in refused) == (2, True, True)
    code, planned = site.run("gatehouse.firewall.plan")
    assert (code, [said for said in SAID if said not in planned]) == (0, [])

    site.do("rm /etc/rc.local")
    code, hardened = site.run("harden.yml")
    assert (code, [said for said in SAID if said not in hardened]) == (0, [SAID[-2]])
    site.do("touch /etc/rc.local")
    output, kinds = site.audit()
    assert (kinds, [said for said in SAID if said not in output]) == (SPOILT - {"restored_at_boot"}, [SAID[-2]])

    site.do(MEND)
    output, kinds = site.audit()
    assert (kinds, [said for said in SAID if said in output]) == (ALWAYS, [SAID[-1]])
    assert "Nothing found" not in output


def test_a_side_without_an_interface_is_refused_before_anything_changes(site):
    rules = site.machine("nft", "-s", "list", "ruleset").stdout
    sided = {"gatehouse_interfaces": {"public": "eth9", "private": "eth0"}, "gatehouse_echo_request": False}
    code, output = site.run("harden.yml", "-e", json.dumps(sided))

    assert code == 2
    assert "public: of its interfaces, this host has none: eth9. No rule for that side would ever match" in output
    assert site.machine("nft", "-s", "list", "ruleset").stdout == rules
