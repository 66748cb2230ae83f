"""The collection's pure core, for the benchmarks that need no Ansible."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Mapping, Sequence

sys.path[:0] = os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft_loader import LOADER  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.plugin_utils import _pipeline as pipeline  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.nftables import render  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import Source, declare  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Fleet  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems  # noqa: E402

Variables = Mapping[str, object]

NFT_LOADER, NFT = LOADER, Nft
read_anew = read.__wrapped__  # not from memory

# For benchmarks, and for nothing else: RFC 2544 and RFC 5180.
SERVER = "198.19.255.1"
PEER_COUNT = 10_000
PEERS = [f"198.18.{number // 250}.{number % 250 + 1}" for number in range(PEER_COUNT)]


def compile_model(model: Variables, groups: Mapping[str, Sequence[str]], hosts: Mapping[str, Variables]) -> Fleet:
    """Compile a model for an inventory; it names no profile, and no host name in it resolves."""
    problems = Problems()
    declaration = declare([Source("", model)], lambda *_profile: (), problems)
    return pipeline.build(declaration, Inventory(groups, hosts), lambda _name: (), datetime.date.today(), problems)


def rulesets(fleet: Fleet) -> dict[str, str]:
    """Return the ruleset of every host; hosts whose policies are the same share one text."""
    texts: dict[int, str] = {}
    found = {}
    for host in fleet.hosts:
        policy = fleet.policy_of(host)
        if id(policy) not in texts:
            texts[id(policy)] = render(policy)
        found[host] = texts[id(policy)]
    return found


def server_ruleset(clients: Sequence[str], carries: Variables | None = None) -> str:
    """Return the ruleset of a web server that these clients may reach, an administrator too, and nobody else.

    It judges what it carries as well, where it carries anything.
    """
    model = {
        "gatehouse_classes": [{"name": "web", "groups": ["web"], "carries": carries or {}}],
        "gatehouse_zones": [
            {"name": "clients", "networks": [*clients, "2001:2::/64"]},
            {"name": "admin", "networks": ["198.19.255.9"]},
        ],
        "gatehouse_flows": [
            {"name": "https", "from": ["clients"], "to": ["web"], "ports": ["443/tcp+udp", "8000-9000/tcp"]},
            {"name": "ssh", "from": ["admin"], "to": ["web"], "ports": ["22/tcp"]},
            {"name": "metrics", "from": ["admin"], "to": ["web"], "ports": ["9100/tcp"]},
        ],
    }
    host = {"ansible_host": SERVER, "gatehouse_mode": {"forward": "enforce"}}
    return rulesets(compile_model(model, {"web": ["web1"]}, {"web1": host}))["web1"]
