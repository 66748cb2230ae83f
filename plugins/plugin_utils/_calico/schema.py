# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the fields of Calico's objects may hold: the words and forms that its linter checks against.

Source: api/pkg/apis/projectcalico/v3 of Calico, release 3.32; the forms of names are Kubernetes' (RFC 1123).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from .._values.problems import Problems, Where, near_miss, one_of

# Python reads fe80::1%eth0 as an address, and 255.0.0.0 as a prefix' length; calicoctl refuses both.
_ZONE = "%"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_A_LABEL = re.compile(_LABEL, re.ASCII)
_INTERFACE = re.compile(r"[a-zA-Z0-9_.-]{1,15}", re.ASCII)
_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.ASCII)

_POLICY_KEYS = (
    "tier",
    "order",
    "selector",
    "types",
    "ingress",
    "egress",
    "preDNAT",
    "doNotTrack",
    "applyOnForward",
    "serviceAccountSelector",
    "namespaceSelector",
    "performanceHints",
)
SPEC_KEYS: Mapping[str, Collection[str] | None] = {
    "HostEndpoint": ("node", "interfaceName", "expectedIPs", "profiles", "ports"),
    "GlobalNetworkPolicy": _POLICY_KEYS,
    "StagedGlobalNetworkPolicy": ("stagedAction", *_POLICY_KEYS),
    "GlobalNetworkSet": ("nets",),
    "Tier": ("order", "defaultAction"),
    "FelixConfiguration": None,  # some 150 of them, which change with each release
}
RULE_KEYS = (
    "action",
    "ipVersion",
    "protocol",
    "notProtocol",
    "icmp",
    "notICMP",
    "source",
    "destination",
    "http",
    "metadata",
)
ENTITY_KEYS = (
    "nets",
    "notNets",
    "selector",
    "notSelector",
    "namespaceSelector",
    "ports",
    "notPorts",
    "services",
    "serviceAccounts",
)


def expect_keys(where: Where, value: Mapping[Any, Any], known: Collection[str] | None, problems: Problems) -> None:
    """Note the keys of a mapping that Calico doesn't know, and would drop or refuse."""
    if known is None:
        return
    for key in value:
        if key not in known:
            expected = f"no such key, but {one_of(known)}"
            problems.add(where.key(key), value[key], expected, near_miss(key, known))


def is_label(text: str) -> bool:
    """Return whether a text has the form of a DNS label, however long."""
    return bool(_A_LABEL.fullmatch(text))


def is_subdomain(text: str) -> bool:
    """Return whether a text is a DNS subdomain: labels joined by dots, at most 253 characters."""
    return bool(_SUBDOMAIN.fullmatch(text))


def is_interface(text: str) -> bool:
    """Return whether a text is the name of an interface as a host endpoint may have it."""
    return bool(_INTERFACE.fullmatch(text))


def is_address(value: object) -> bool:
    """Return whether a value is a single address, without a zone."""
    return isinstance(value, str) and _ZONE not in value and _reads(ip_address, value)


def is_network(value: object) -> bool:
    """Return whether a value is an address or a network, with host bits or without; its mask is a prefix' length."""
    if not isinstance(value, str) or _ZONE in value:
        return False
    _address, slash, length = value.partition("/")
    return (not slash or length.isdigit()) and _reads(lambda text: ip_network(text, strict=False), value)


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
