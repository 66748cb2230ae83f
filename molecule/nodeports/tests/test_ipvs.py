"""In kube-proxy's mode IPVS the same flow decides, where the kernel has IPVS: on node 1, at ports of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from cluster import BACKENDS, Cluster, probes
from prober import Probe, disagreements

pytestmark = pytest.mark.parametrize("backend", BACKENDS, scope="module")

SERVICES = {"30100/tcp": ("-t", 9376), "30100/udp": ("-u", 5353)}
LEGS = ("private", "public")
HAS_IPVS = "test -e /proc/net/ip_vs || modprobe --quiet ip_vs"


@pytest.fixture(scope="module", autouse=True)
def _redirected(cluster: Cluster) -> Iterator[None]:
    if subprocess.run(["sh", "-c", HAS_IPVS], capture_output=True, check=False).returncode != 0:
        pytest.skip("this kernel has no IPVS")
    if not shutil.which("ipvsadm"):
        pytest.skip("this kernel has IPVS, but ipvsadm is not installed")
    inside = ["nsenter", f"--net={cluster.namespaces['node1']}"]
    # As kube-proxy sets it, or its own rules drop the replies, which nobody tracks.
    subprocess.run([*inside, "sysctl", "--write", "net.ipv4.vs.conntrack=1"], check=True)
    services = "\n".join(_services(cluster)) + "\n"
    subprocess.run([*inside, "ipvsadm", "--restore"], input=services, text=True, check=True)
    yield
    subprocess.run([*inside, "ipvsadm", "--clear"], check=True)


def _services(cluster: Cluster) -> Iterator[str]:
    """Yield the services on the node's addresses, each with the pod behind the node, as ipvsadm wants them."""
    node, pod = cluster.hosts["node1"], cluster.hosts["pod1"]
    for leg, family in ((leg, family) for leg in LEGS for family in (4, 6)):
        ours, theirs = node.address(leg, family), pod.address("private", family)
        for flag, target in SERVICES.values():
            service = f"{flag} {_with_port(ours, 30100)}"
            yield f"-A {service} -s rr"
            yield f"-a {service} -r {_with_port(theirs, target)} -m"


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _expected(cluster: Cluster) -> dict[Probe, bool]:
    return {
        probe: (source, leg) == ("balancer", "private")
        for source in ("balancer", "stranger")
        for leg in LEGS
        for probe in probes(cluster, source, "node1", leg, SERVICES)
    }


def test_the_balancer_gets_through_on_its_private_side_and_nobody_else_does(hardened: Cluster) -> None:
    assert disagreements(_expected(hardened), hardened.namespaces, closed_passes=False) == []


def test_everybody_gets_through_once_our_rules_are_gone(bare: Cluster) -> None:
    assert disagreements(dict.fromkeys(_expected(bare), True), bare.namespaces, closed_passes=False) == []
