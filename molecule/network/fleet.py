"""The fleet of the scenario as its tests see it: clients of DHCP, each on a link of its own to the servers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from containers import Completed, Lab, playbook, run_plainly
from servers import Link, Server

INVENTORY = Path(__file__).parent / "inventory"
NETWORKD = """[Match]
Name=lan0
[Network]
DHCP=yes
IPv6AcceptRA=yes
LinkLocalAddressing=ipv6
[DHCPv4]
ClientIdentifier=mac
[DHCPv6]
WithoutRA=solicit
"""
MANAGER = """[main]
plugins=keyfile
[keyfile]
unmanaged-devices=interface-name:eth0
[device]
managed=1
"""
SERVERS = (1, 2, 3)
ROUTER_LIFETIME = 30  # seconds
TAKE_OUT = r"""chain="inet gatehouse input"
for handle in $(nft --handle list chain $chain 2>/dev/null | sed -n '/dport \(68\|546\) /s/.*# handle //p'); do
    nft delete rule $chain handle $handle
done
for command in iptables ip6tables; do
    $command -S GATEHOUSE-INPUT 2>/dev/null | grep -E -- '--dport (68|546) ' | sed 's/^-A/-D/' | while read -r rule; do
        $command $rule
    done
done
true"""
CONNECTION = """[connection]
id=lan0
type=ethernet
interface-name=lan0
[ipv4]
method=auto
[ipv6]
method=dhcp
"""


class Fleet(Lab):
    """The hosts, each by its name in the inventory."""

    prefix = "gatehouse-dhcp-"

    def __init__(self) -> None:
        super().__init__(INVENTORY)
        self.links = {name: Link(name, number) for number, name in enumerate(self.managed, 1)}

    def write(self, name: str, path: str, text: str, mode: str = "0644") -> None:
        """Write a file on a host."""
        self.run(name, "sh", "-c", f'umask 077; printf %s "$1" > {path} && chmod {mode} {path}', "sh", text)

    def configure(self) -> None:
        """Have each client look after its link; nobody answers it yet."""
        for name in self.managed:
            if name.startswith("networkd"):
                self.write(name, "/etc/systemd/network/lan0.network", NETWORKD)
                self.run(name, "systemctl", "restart", "systemd-networkd.service")
            else:
                self.write(name, "/etc/NetworkManager/NetworkManager.conf", MANAGER)
                self.write(name, "/etc/NetworkManager/system-connections/lan0.nmconnection", CONNECTION, "0600")
                self.run(name, "systemctl", "restart", "NetworkManager.service")

    def serve(self) -> dict[str, list[Server]]:
        """Give the servers their addresses on each link, and a router's advertisements with a lifetime of 30 s."""
        words = ["--keep-in-foreground", "--port=0", "--enable-ra", "--user=root", "--pid-file=/run/dnsmasq.pid"]
        for name, link in self.links.items():
            own = [*(f"{link.address(server)}/28" for server in SERVERS), f"2001:db8:65:{link.number}::1/64"]
            for line in (f"link set {name} up", *(f"address replace {one} dev {name}" for one in own)):
                self._servers_ip(line)
            words += [f"--ra-param={name},5,{ROUTER_LIFETIME}", f"--dhcp-range=2001:db8:65:{link.number}::,ra-only"]
        self.run("servers", "sh", "-c", f"dnsmasq {' '.join(words)} </dev/null >/dev/null 2>&1 &")
        return {name: [Server(link, number) for number in SERVERS] for name, link in self.links.items()}

    def routers(self, name: str) -> str:
        """Return a client's default routes, which routers have advertised."""
        return self.run(name, "ip", "-6", "route", "show", "default", "dev", "lan0")

    def take_out_what_hears_answers(self) -> None:
        """Take the rules by which answers of DHCP servers come in out of each client's kernel, by hand."""
        self.everywhere(TAKE_OUT)

    def addresses(self, name: str) -> set[str]:
        """Return the addresses of a client's leased interface."""
        found = json.loads(self.run(name, "ip", "-json", "address", "show", "dev", "lan0"))
        return {info["local"] for info in found[0]["addr_info"]}

    @contextmanager
    def asked_by_their_links(self) -> Iterator[None]:
        """Have the servers' machine reach each client by its link, whatever network the client's address is of."""
        ways = []
        for name in self.links:
            (lan,) = json.loads(self.run(name, "ip", "-json", "link", "show", "dev", "lan0"))
            for family in (4, 6):
                address = self.hosts[name].address("private", family)
                # Nobody on this link asks or answers for it in IPv6.
                self._servers_ip(f"-{family} neighbour replace {address} lladdr {lan['address']} dev {name}")
                ways.append(f"-{family} route {{}} {address} dev {name}")
        try:
            for way in ways:
                self._servers_ip(way.format("replace"))
            yield
        finally:
            for way in ways:
                self._servers_ip(way.format("delete"))

    def _servers_ip(self, line: str) -> None:
        self.run("servers", "ip", *line.split())

    def spoofed(self, name: str) -> set[tuple[str, int]]:
        """Return the addresses that were claimed on a client, and dropped, with the ports that were asked for."""
        with tempfile.TemporaryDirectory() as folder:
            words = ["--module-name=gatehouse.firewall.ruleset_info", f"--tree={folder}", name]
            backend = "--args=backend={{ gatehouse_backend | default('auto') }}"
            done = run_plainly(["ansible", f"--inventory={INVENTORY}", *words, backend])
            assert done.returncode == 0, done.stdout + done.stderr
            rows = json.loads(Path(folder, name).read_text())["denied"]
        return {(row["address"], row["port"]) for row in rows if row["direction"] == "spoofed"}

    def harden(self, *arguments: str) -> Completed:
        """Harden all clients at once."""
        done = playbook("harden", "--extra-vars=gatehouse_serial=100%", *arguments, inventory=INVENTORY)
        assert done.returncode == 0, done.stdout + done.stderr
        return done
