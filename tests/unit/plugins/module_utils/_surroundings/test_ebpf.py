from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.ebpf import replaces_kube_proxy, suspects

LINKS = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 minmtu 0 maxmtu 0
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 xdpgeneric qdisc noqueue state UP mode DEFAULT group default
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 0 minmtu 68 maxmtu 65535
    prog/xdp id 17 name xdp_entry tag 1a2b jited
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 9194
"""
QDISCS = """\
qdisc noqueue 0: dev lo root refcnt 2
qdisc fq_codel 0: dev eth1 root refcnt 2 limit 10240p
qdisc clsact ffff: dev eth1 parent ffff:fff1
"""


@pytest.mark.parametrize(
    ("pin", "found"),
    [
        (
            "cilium_nodeport_neigh4",
            "Cilium's replacement of kube-proxy (/sys/fs/bpf/tc/globals/cilium_nodeport_neigh4)",
        ),
        ("cali_v4_nat_fe3", "Calico's eBPF data plane (/sys/fs/bpf/tc/globals/cali_v4_nat_fe3)"),
        ("cali_v6_nat_fe3", "Calico's eBPF data plane (/sys/fs/bpf/tc/globals/cali_v6_nat_fe3)"),
        ("cilium_ct4_global", ""),
        ("mine", ""),
    ],
)
def test_a_replacement_of_kube_proxy_is_known_by_its_maps(tmp_path, pin, found):
    folder = tmp_path / "sys/fs/bpf/tc/globals"
    folder.mkdir(parents=True)
    (folder / pin).touch()

    assert replaces_kube_proxy(tmp_path) == found


def test_a_host_without_ebpf_has_none(tmp_path):
    assert replaces_kube_proxy(tmp_path) == ""


def answers(words, _text):
    return 0, LINKS if "link" in words else QDISCS, ""


@pytest.mark.parametrize(
    ("commands", "interfaces"), [(("ip", "tc"), ["eth0", "eth1"]), (("ip",), ["eth0"]), (("tc",), ["eth1"]), ((), [])]
)
def test_an_interface_with_a_program_before_netfilter_is_suspected(commands, interfaces):
    assert suspects(answers, {command: f"/sbin/{command}" for command in commands}) == interfaces
