"""What turns a policy into rules of a kernel. To hold another one to verdict(), add it to BACKENDS."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_loader import LOADER
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.tests.parity.namespaces import Namespace

Render = Callable[[Policy], Any]


@dataclass(frozen=True)
class Backend:
    """A way to load a policy into a namespace, in place of what it loaded there before.

    ``load`` returns the text that was loaded, and raises CommandError where the kernel or a tool refuses it.
    """

    name: str
    load: Callable[[Policy, Namespace], str]
    tools: tuple[str, ...] = ()


def nftables_backend(render: Render = nftables.render) -> Backend:
    """Return the backend nftables, or one with another renderer."""
    return Backend("nftables", partial(_load_nftables, render), ("nft",))


def iptables_backend(render: Render = iptables.render, variant: str = "nft") -> Backend:
    """Return the backend iptables in one of its variants, ``nft`` or ``legacy``, or one with another renderer."""
    commands = (f"iptables-{variant}", f"ip6tables-{variant}", "ipset")
    return Backend(f"iptables-{variant}", partial(_load_iptables, render, commands), (*commands, "awk"))


def _load_nftables(render: Render, policy: Policy, namespace: Namespace) -> str:
    text: str = render(policy)
    namespace.run("nft", "-f", "-", text=text)
    return text


def _load_iptables(render: Render, commands: tuple[str, ...], policy: Policy, namespace: Namespace) -> str:
    text = joined(render(policy))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        namespace.run("sh", "-c", LOADER, "load.sh", file.name, *commands)
    return text


def unload(namespace: Namespace) -> None:
    """Take away what any backend has loaded into a namespace, and what its kernel knows of connections."""
    namespace.run("sh", "-c", _REMOVE)


_REMOVE = """nft delete table inet gatehouse 2>/dev/null
for variant in nft legacy; do
    for command in iptables ip6tables; do
        for table in filter mangle; do
            $command-$variant -t $table -F; $command-$variant -t $table -X
        done
    done
done 2>/dev/null
ipset destroy; conntrack --flush 2>/dev/null; true"""


BACKENDS = (nftables_backend(), iptables_backend(), iptables_backend(variant="legacy"))
