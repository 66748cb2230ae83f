"""What others do on a host is found in a real kernel: each condition made by hand, and none of it on a clean host."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import Declared
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.managers import Manager
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.surroundings import (
    FORWARDING,
    Surroundings,
)
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_iptables import PATH, VARIANTS, needs_iptables
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_nft import lasting_namespace, needs_nft

pytestmark = [needs_nft, needs_iptables]

ADDRESSES = ["198.51.100.21", "2001:db8:1::21"]
UFW = Manager("ufw", "ufw.service", True, True)
BACKENDS = ["nftables", *VARIANTS]
MODEL = {
    "addresses": {"private": ADDRESSES, "public": []},
    "interfaces": {"private": ["eth0"], "public": ["eth1"]},
    "declared": {
        "ingress": ["22/tcp", "8443/tcp", "8443/udp"],
        "egress": ["53/udp"],
        "pre_dnat": [
            {"ports": ["30000-32767/tcp"], "addresses": ["203.0.113.151"]},
            {"ports": ["8080/sctp"], "addresses": ["203.0.113.152"]},
        ],
        "at": ["203.0.113.160"],
    },
}


class Host:
    """A namespace with two interfaces, whose files below /proc are its own."""

    def __init__(self, run):
        self._run = run
        for number in (0, 1):
            self.do("ip", "link", "add", f"eth{number}", "type", "veth", "peer", "name", f"peer{number}")
            self.do("ip", "link", "set", f"eth{number}", "up")
        self.do("ip", "link", "set", "lo", "up")
        for address in ("198.51.100.21/24", "2001:db8:1::21/64"):
            self.address("add", address, "eth0")
        for path in FORWARDING.values():
            self.do("sh", "-c", f"echo 0 > {path}")
        self.read_instead = {}

    def do(self, *words, text=None):
        code, output, error = self._run(list(words), text)
        assert code == 0, (words, error)
        return output

    def address(self, verb, address, interface, *more):
        self.do("ip", "address", verb, address, "dev", interface, *more, *(["nodad"] if ":" in address else []))

    def nft(self, family, body):
        self.do("nft", "-f", "-", text=f"table {family} theirs {{\n{body}\n}}\n")

    def rule(self, backend, words, nft):
        """Add a rule of others to both families, as a backend has it."""
        if backend == "nftables":
            self.nft("inet", nft)
            return
        for family in ("iptables", "ip6tables"):
            self.do(f"{family}-{backend}", *words.split())

    def read(self, path):
        return self.read_instead.get(path) or self._run(["cat", path], None)[1]

    def look(self, model=None):
        find = {name: name for name in ("nft", "ip")}
        find.update({name: name for name in _saves()})
        return Surroundings(self._run, find.get, Declared.read(model or MODEL), self.read)

    def findings(self, *managers, model=None):
        return self.look(model).findings(managers)

    def kinds(self, *managers, model=None):
        return [one.kind for one in self.findings(*managers, model=model)]


def _saves():
    names = [f"{family}-{kind}-save" for family in ("iptables", "ip6tables") for kind in VARIANTS]
    return [name for name in names if shutil.which(name, path=PATH)]


@pytest.fixture(scope="module")
def namespace():
    with lasting_namespace() as run:
        yield Host(run)


@pytest.fixture
def host(namespace):
    yield namespace
    namespace.do("nft", "flush", "ruleset")
    for family in ("iptables", "ip6tables"):
        for table in ("raw", "nat", "filter"):
            namespace.do(f"{family}-legacy", "-t", table, "-F")
    namespace.read_instead = {}


def only(findings):
    (found,) = findings
    return found


def each(findings):
    return {one.kind for one in findings}


def test_a_clean_host_has_nothing_to_say(host):
    assert host.findings() == []
    assert host.findings(UFW) == []


def test_our_own_rules_are_nothing_to_say(host):
    host.do(
        "nft",
        "-f",
        "-",
        text="table inet gatehouse {\nchain a {\ntype filter hook prerouting priority raw\nnotrack\n}\n}\n",
    )
    host.do("iptables-nft", "-t", "raw", "-N", "GATEHOUSE-X")
    host.do("iptables-nft", "-t", "raw", "-A", "GATEHOUSE-X", "-j", "NOTRACK")
    host.do("iptables-nft", "-t", "raw", "-A", "PREROUTING", "-j", "GATEHOUSE-X")

    assert host.findings() == []


@pytest.mark.parametrize("address", ["198.51.100.99/32", "2001:db8:1::99/128"])
def test_an_address_that_the_model_does_not_know_is_found(host, address):
    host.address("add", address, "eth1")
    found = only(host.findings())
    host.address("del", address, "eth1")

    text = f"{address.partition('/')[0]} on eth1 is an address of this host that the model doesn't know. "
    assert (found.kind, found.text.startswith(text)) == ("address_undeclared", True)
    assert "gatehouse_addresses" in found.text


@pytest.mark.parametrize("address", ["203.0.113.160/32", "203.0.113.151/32", "169.254.20.10/32", "127.0.0.9/8"])
def test_an_address_that_flows_are_for_or_that_no_peer_can_reach_is_known(host, address):
    host.address("add", address, "eth1")
    found = host.findings()
    host.address("del", address, "eth1")

    assert found == []


def test_the_address_of_a_bridge_counts_where_more_than_guests_are_on_it(host):
    host.do("ip", "link", "add", "br0", "type", "bridge")
    host.address("add", "192.0.2.1/24", "br0")
    guests = host.kinds()
    host.do("ip", "link", "add", "uplink", "link", "eth1", "type", "macvlan")
    host.do("ip", "link", "set", "uplink", "master", "br0")
    outside = host.kinds()
    host.do("ip", "link", "del", "uplink")
    host.do("ip", "link", "del", "br0")

    assert (guests, outside) == ([], ["address_undeclared"])


@pytest.mark.parametrize(
    ("names", "kind", "words"),
    [
        ({"public": ["eth9"]}, "side_missing", "public: of its interfaces, this host has none: eth9"),
        ({"public": ["eth9", "eth1"]}, "interface_missing", "public: this host has no interface eth9"),
        ({"private": ["eth0:1"]}, "side_missing", "none: eth0:1 (that is a label of addresses on eth0)"),
        ({"private": ["eth0@peer0"]}, "side_missing", "none: eth0@peer0 (ip prints that of eth0)"),
    ],
)
def test_a_declared_interface_that_is_not_there_is_found(host, names, kind, words):
    host.address("add", "198.51.100.22/24", "eth0", "label", "eth0:1")
    model = {**MODEL, "addresses": {"private": [*ADDRESSES, "198.51.100.22"]}, "interfaces": names}
    found = only(host.findings(model=model))
    host.address("del", "198.51.100.22/24", "eth0")

    assert found.kind == kind
    assert words in found.text
    assert "gatehouse_interfaces" in found.text


@pytest.fixture
def guests(host):
    """A bridge as Docker's, for which the host forwards, beside a way out."""
    host.do("ip", "link", "add", "docker0", "type", "bridge")
    host.do("ip", "link", "set", "docker0", "up")
    host.address("add", "192.0.2.1/24", "docker0")
    host.do("ip", "route", "add", "default", "dev", "eth0")
    host.do("sh", "-c", f"echo 1 > {FORWARDING[4]}")
    yield host
    host.do("sh", "-c", f"echo 0 > {FORWARDING[4]}")
    host.do("ip", "route", "del", "default")
    host.do("ip", "link", "del", "docker0")


def carrying(*interfaces, isolated=False, networks=()):
    carries = {"interfaces": interfaces, "networks": networks, "isolated": isolated}
    return {**MODEL, "declared": {**MODEL["declared"], "carries": carries}}


def test_a_host_that_forwards_for_guests_of_whom_no_class_says_anything_is_found(guests):
    found = only(guests.findings())

    assert found.kind == "forwarding_unjudged"
    assert found.text.startswith("this host forwards IPv4 for docker0, of which its classes say nothing: ")
    assert guests.findings(model=carrying()) == []
    assert guests.findings(model=carrying("docker0")) == []
    assert guests.kinds(model=carrying("br-*")) == ["forwarding_unjudged"]
    guests.do("sh", "-c", f"echo 0 > {FORWARDING[4]}")
    assert guests.findings() == []


def test_a_gateway_is_found_by_the_rules_of_others(guests):
    guests.do("ip", "link", "set", "docker0", "name", "lan0")
    guests.nft("ip", "chain post {\ntype nat hook postrouting priority srcnat\nmasquerade\n}")
    found = only(guests.findings())
    guests.do("ip", "link", "set", "lan0", "name", "docker0")

    assert found.kind == "forwarding_unjudged"
    assert "forwards IPv4 by nftables ip theirs, chain post: masquerade, of which its classes say" in found.text


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_port_that_is_published_for_those_behind_the_host_is_judged_where_it_is_forwarded(guests, backend):
    for port, target in ((8080, "192.0.2.10:80"), (8081, "203.0.113.9:80"), (8082, "192.0.2.11")):
        if backend == "nftables":
            guests.nft(
                "ip",
                f"chain n{port} {{\ntype nat hook prerouting priority dstnat\ntcp dport {port} dnat to {target}\n}}",
            )
        else:
            rule = f"-t nat -A PREROUTING -p tcp --dport {port} -j DNAT --to-destination {target}"
            guests.do(f"iptables-{backend}", *rule.split())
    by_interface, by_network = carrying("docker0"), carrying("br-*", networks=["192.0.2.0/24"])

    for model in (by_interface, by_network):
        (found,) = (one.text for one in guests.findings(model=model) if one.kind == "redirected")
        assert found.startswith("8081/tcp is redirected by a rule of others (")
    assert len([one for one in guests.findings(model=carrying()) if one.kind == "redirected"]) == 3


def test_the_way_out_is_none_of_the_interfaces_of_guests(guests):
    assert guests.kinds(model=carrying("docker0", "eth*")) == ["uplink_carried"]


def test_guests_on_a_bridge_of_an_isolated_class_need_br_netfilter(guests):
    for name in ("bridge-nf-call-iptables", "bridge-nf-call-ip6tables"):
        guests.read_instead[f"/proc/sys/net/bridge/{name}"] = "0\n"
    assert guests.kinds(model=carrying("docker0", isolated=True)) == ["bridge_unjudged"]
    assert guests.kinds(model=carrying("eth9", "docker0", isolated=False)) == []
    for path in guests.read_instead:
        guests.read_instead[path] = "1\n"
    assert guests.kinds(model=carrying("docker0", isolated=True)) == []


RAW = "chain pre {{\ntype filter hook {hook} priority raw\n{rule}\n}}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("hook", "words", "nft", "port"),
    [
        ("prerouting", "--dport 8443", "dport 8443", "8443/udp"),
        ("output", "--sport 8443", "sport 8443", "8443/udp"),
        ("prerouting", "--sport 53", "sport 53", "53/udp"),
        ("output", "--dport 50:60", "dport 50-60", "53/udp"),
        ("prerouting", "-m multiport --dports 1,8443", "dport { 1, 8443 }", "8443/udp"),
        ("output", "", "sport != 1", "53/udp, 8443/udp"),
    ],
)
def test_a_rule_that_untracks_a_port_of_a_flow_is_found(host, backend, hook, words, nft, port):
    rule = RAW.format(hook=hook, rule=f"udp {nft} notrack")
    host.rule(backend, f"-t raw -A {hook.upper()} -p udp {words} -j NOTRACK", rule)
    found = host.findings()

    assert each(found) == {"untracked"}
    assert len(found) == (1 if backend == "nftables" else 2)
    assert all(one.text.startswith(f"{port} is not tracked, by a rule of others (") for one in found)
    assert all(hook in one.text.lower() or "pre" in one.text for one in found)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("hook", "words", "nft"),
    [
        ("prerouting", "-p udp --dport 4444", "udp dport 4444"),
        ("prerouting", "-p tcp --sport 8443", "tcp sport 8443"),
        ("output", "-p tcp --dport 53", "tcp dport 53"),
        ("prerouting", "-i lo", 'iifname "lo"'),
    ],
)
def test_a_rule_that_untracks_no_port_of_a_flow_is_none_of_our_concern(host, backend, hook, words, nft):
    host.rule(backend, f"-t raw -A {hook.upper()} {words} -j NOTRACK", RAW.format(hook=hook, rule=f"{nft} notrack"))

    assert host.findings() == []


@pytest.mark.parametrize(
    "rules",
    [
        "udp dport 8443 jump nt",
        "udp dport vmap { 8443 : goto nt, 22 : accept }",
        "udp dport vmap @ports",
        "ip daddr . udp dport vmap { 198.51.100.21 . 8443 : jump nt }",
        "udp dport @these jump nt",
        "meta l4proto { tcp, udp } th dport { 8443-9000 } jump nt",
        "meta mark 7 jump nt",
    ],
)
def test_wherever_a_chain_leads_it_is_found(host, rules):
    sets = (
        "set these {\ntype inet_service\nflags interval\nelements = { 1-3, 8443 }\n}\n"
        "map ports {\ntype inet_service : verdict\nelements = { 8443 : jump nt, 9 : drop }\n}\n"
    )
    host.nft("inet", f"{sets}chain nt {{\nnotrack\n}}\n{RAW.format(hook='prerouting', rule=rules)}")

    assert host.kinds() == ["untracked"]


def test_a_chain_that_leads_elsewhere_is_not(host):
    other = "udp dport vmap { 8444 : goto nt, 8443 : accept }"
    host.nft("inet", f"chain nt {{\nnotrack\n}}\n{RAW.format(hook='prerouting', rule=other)}")

    assert host.findings() == []


def test_what_the_host_sends_to_itself_may_be_untracked(host):
    host.rule("nft", "-t raw -A OUTPUT -p tcp --dport 4444 -j NOTRACK", "")
    rule = ["iptables-nft", "-t", "raw", "-A", "OUTPUT", "-p", "udp", "--dport", "53", "-j", "CT", "--notrack"]
    host.do(*rule, "-d", "198.51.100.21")
    assert host.findings() == []

    host.do(*rule, "-d", "203.0.113.9")
    assert host.kinds() == ["untracked"]


@pytest.mark.parametrize("backend", ["nftables", "nft"])
def test_a_helper_of_others_is_found(host, backend):
    nft = (
        'ct helper ftp-std {\ntype "ftp" protocol tcp\n}\n'
        'chain h {\ntype filter hook prerouting priority filter\ntcp dport 21 ct helper set "ftp-std"\n}'
    )
    host.rule(backend, "-t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp", nft)
    found = host.findings()

    assert each(found) == {"helper"}
    assert "connections get a helper by a rule of others (" in found[0].text
    assert "open the ports of the data connections by a flow" in found[0].text


def test_a_kernel_that_helps_by_itself_is_found(host):
    host.read_instead["/proc/sys/net/netfilter/nf_conntrack_helper"] = "1\n"

    assert "net.netfilter.nf_conntrack_helper is 1" in only(host.findings()).text


NAT = "chain n {{\ntype nat hook prerouting priority dstnat\n{rule}\n}}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("words", "nft", "what"),
    [
        ("-p tcp --dport 8080 -j REDIRECT --to-ports 80", "tcp dport 8080 redirect to :80", "8080/tcp"),
        ("-p udp -j REDIRECT --to-ports 80", "meta l4proto udp redirect to :80", "every udp port"),
        (
            "-p tcp -m multiport --dports 29999:30001 -j REDIRECT --to-ports 80",
            "tcp dport 29999-30001 redirect to :80",
            "29999/tcp",
        ),
    ],
)
def test_a_port_that_is_redirected_and_not_named_is_found(host, backend, words, nft, what):
    host.rule(backend, f"-t nat -A PREROUTING {words}", NAT.format(rule=nft))
    found = only(host.findings())

    assert found.kind == "redirected"
    assert found.text.startswith(f"{what} is redirected by a rule of others (")
    assert "pre_dnat" in found.text


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("words", "nft"),
    [
        ("-p tcp --dport 30080 -j REDIRECT --to-ports 80", "tcp dport 30080 redirect to :80"),
        ("-p icmp -j RETURN", "icmp type echo-request return"),
        ("-i lo -p tcp --dport 8080 -j REDIRECT", 'iifname "lo" tcp dport 8080 redirect'),
    ],
)
def test_one_that_pre_dnat_names_is_judged_there(host, backend, words, nft):
    host.rule(backend, f"-t nat -A PREROUTING {words}", NAT.format(rule=nft))

    assert host.findings() == []


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("203.0.113.150", "30555/tcp at 203.0.113.150"),
        ("203.0.113.151", ""),
        ("198.51.100.21", ""),
        ("127.0.0.1", ""),
    ],
)
def test_an_external_address_that_is_published_counts_unless_pre_dnat_names_it(host, backend, address, what):
    if backend == "nftables":
        host.nft("ip", NAT.format(rule=f"ip daddr {address} tcp dport 30555 dnat to 192.0.2.10:80"))
    else:
        rule = f"-t nat -A PREROUTING -d {address} -p tcp --dport 30555 -j DNAT --to-destination 192.0.2.10:80"
        host.do(f"iptables-{backend}", *rule.split())
    found = [one.text for one in host.findings()]

    assert len(found) == bool(what)
    assert all(text.startswith(f"{what} is redirected") for text in found)


@pytest.mark.parametrize(
    ("addresses", "count"), [("203.0.113.148-203.0.113.150", 1), ("198.51.100.20-198.51.100.22", 0)]
)
def test_a_range_of_addresses_counts_by_those_in_it(host, addresses, count):
    host.nft("ip", NAT.format(rule=f"ip daddr {addresses} tcp dport 30555 dnat to 192.0.2.10:80"))

    assert host.kinds() == ["redirected"] * count


KUBE_PROXY = """\
map service-ips {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { 10.96.0.1 . tcp . 443 comment "default/kubernetes:https" : goto service-A,
                 203.0.113.150 . tcp . 80 comment "default/web:http" : goto external-B }
}
map service-nodeports {
    type inet_proto . inet_service : verdict
    elements = { tcp . 30080 comment "default/web:http" : goto external-B, tcp . 29999 : goto external-B }
}
chain service-A {
    meta l4proto tcp dnat to 192.0.2.10:6443
}
chain external-B {
    goto endpoint-B
}
chain endpoint-B {
    meta l4proto tcp dnat to 192.0.2.10:80
}
chain services {
    ip daddr . meta l4proto . th dport vmap @service-ips
    fib daddr type local meta l4proto . th dport vmap @service-nodeports
}
chain nat-prerouting {
    type nat hook prerouting priority dstnat
    jump services
}"""
KUBE_PROXY_IPTABLES = """\
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SVC-A - [0:0]
:KUBE-SVC-B - [0:0]
:KUBE-SEP-B - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "a/b:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-A
-A KUBE-SERVICES -d 203.0.113.150/32 -p tcp -m comment --comment "a/w:h external IP" -m tcp --dport 80 -j KUBE-SVC-B
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -m comment --comment default/web:http -m tcp --dport 30080 -j KUBE-SVC-B
-A KUBE-NODEPORTS -p tcp -m comment --comment default/web:http -m tcp --dport 29999 -j KUBE-SVC-B
-A KUBE-SVC-A -p tcp -j DNAT --to-destination 192.0.2.10:6443
-A KUBE-SVC-B -j KUBE-SEP-B
-A KUBE-SEP-B -p tcp -j DNAT --to-destination 192.0.2.10:80
COMMIT
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_kubernetes_services_those_are_found_that_others_can_reach(host, backend):
    if backend == "nftables":
        host.nft("ip", KUBE_PROXY)
    else:
        host.do(f"iptables-{backend}-restore", "--noflush", text=KUBE_PROXY_IPTABLES)
    found = sorted(one.text.partition(" is redirected")[0] for one in host.findings())

    assert found == ["29999/tcp", "80/tcp at 203.0.113.150"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("family", FORWARDING)
@pytest.mark.parametrize(
    ("words", "nft", "what"),
    [
        ("-P FORWARD DROP", "chain f {\ntype filter hook forward priority filter\npolicy drop\n}", "policy drop"),
        (
            "-A FORWARD -p tcp --dport 23 -j DROP",
            "chain f {\ntype filter hook forward priority filter\ntcp dport 23 drop\n}",
            "23",
        ),
        (
            "-t nat -A POSTROUTING -j MASQUERADE",
            "chain f {\ntype nat hook postrouting priority srcnat\nmasquerade\n}",
            "masquerade",
        ),
    ],
)
def test_forwarding_that_goes_with_a_manager_is_said(host, backend, family, words, nft, what):
    host.rule(backend, words, nft)
    model = {**carrying(), "addresses": {"private": [*ADDRESSES, "203.0.113.21", "2001:db8:2::21"]}}
    host.read_instead[FORWARDING[family]] = "1\n"
    assert host.findings(UFW) == []  # it has one network

    for address in ("203.0.113.21/24", "2001:db8:2::21/64"):
        host.address("add", address, "eth1")
    found = only(host.findings(UFW, model=model))
    host.read_instead = {}
    assert host.findings(UFW, model=model) == []
    for address in ("203.0.113.21/24", "2001:db8:2::21/64"):
        host.address("del", address, "eth1")
    for kind in VARIANTS:
        for command in ("iptables", "ip6tables"):
            host.do(f"{command}-{kind}", "-P", "FORWARD", "ACCEPT")

    assert (found.kind, what in found.text.lower()) == ("forwarding_lost", True)
    assert found.text.startswith(f"ufw: this host forwards IPv{family} by: ")


def test_more_than_can_be_read_is_summed_up(host):
    rules = "\n".join(f"tcp dport {port} redirect to :80" for port in range(8001, 8016))
    host.nft("inet", NAT.format(rule=rules))
    found = host.findings()

    assert len(found) == 11
    assert found[-1].text.startswith("and 5 more of this kind, such as 8011/tcp is redirected")


def test_what_can_not_be_read_is_said(host):
    def run(words, text):
        return (1, "", "no") if "ruleset" in words else host._run(words, text)

    host.nft("inet", RAW.format(hook="prerouting", rule="udp dport 8443 notrack"))
    found = Surroundings(run, {"nft": "nft", "ip": "ip"}.get, Declared.read(MODEL), host.read).findings(())

    assert [(one.kind, one.text.partition(". ")[0]) for one in found] == [
        ("rules_unreadable", "nft -s list ruleset: no")
    ]
