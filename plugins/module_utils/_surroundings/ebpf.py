# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What answers for node ports before netfilter sees a packet: eBPF programs at the interface.

A host firewall can't judge what is redirected there. Sources: Cilium pins the map of its node port service as
``cilium_nodeport_neigh4`` (pkg/maps/neighborsmap), Calico's eBPF mode its NAT frontends as ``cali_v4_nat_fe*``
(felix/bpf/nat), both below ``/sys/fs/bpf/tc/globals``.
"""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Run

GLOBALS = "sys/fs/bpf/tc/globals"
PINS = {
    "Cilium's replacement of kube-proxy": "cilium_nodeport_neigh*",
    "Calico's eBPF data plane": "cali_v[46]_nat_fe*",
}
_XDP = re.compile(r"^\d+: ([^:@ ]+)[^\n]*\n(?:[ \t][^\n]*\n)*?[ \t]+prog/xdp ", re.MULTILINE)


def replaces_kube_proxy(root: Path) -> str:
    """Return what redirects node ports before netfilter, and how that is known; an empty text for nothing."""
    for product, pattern in PINS.items():
        for path in sorted((root / GLOBALS).glob(pattern)):
            return f"{product} (/{path.relative_to(root)})"
    return ""


def suspects(run: Run, commands: dict[str, str]) -> list[str]:
    """Return the interfaces with a program that sees packets before netfilter, whatever it does with them.

    ``commands`` has the full paths of ip and tc, as far as the host has them.
    """
    found = set()
    if "ip" in commands:
        found.update(_XDP.findall(run([commands["ip"], "-details", "link", "show"], None)[1]))
    if "tc" in commands:
        lines = run([commands["tc"], "qdisc", "show"], None)[1].splitlines()
        words = [line.split() for line in lines if line.startswith("qdisc clsact ")]
        found.update(line[line.index("dev") + 1] for line in words)
    return sorted(found)
