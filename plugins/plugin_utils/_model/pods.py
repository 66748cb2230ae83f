# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Pods as a node class: who they are in a cluster, and what there is of policies for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from .._values.problems import Problems, Where, near_miss, one_of
from .._values.readers import Item, dns_label_at, rows

POLICY_TYPES = {"ingress": "Ingress", "egress": "Egress"}
"""Each direction, and what Kubernetes calls the policies of it."""

_POD_KEYS = ("labels", "namespace", "isolate", "policy_names")
_SUBDOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LONGEST_NAME = 253
_EXPECTED_KEY = "a label's name such as app or app.kubernetes.io/name"
_EXPECTED_VALUE = "a label's value, a text of at most 63 letters, digits, -, _ and ., between letters or digits"
_EXPECTED_NAME = "the name of an object: at most 253 lower-case letters, digits, - and ., between letters or digits"


@dataclass(frozen=True)
class Pods:
    """Which pods a class is: those with these labels in one namespace, or in any where none is named.

    ``isolate`` has the directions that have a policy although no flow says so; None is for the profile to say, or none.
    ``policy_names`` maps a direction to its policy's name.
    """

    labels: Mapping[str, str]
    namespace: str = ""
    isolate: tuple[str, ...] | None = None
    policy_names: Mapping[str, str] = field(default_factory=dict)

    def policy_name(self, node_class: str, direction: str) -> str:
        """Return the name of the NetworkPolicy of one direction, in the letters that Kubernetes takes."""
        default = f"gatehouse-{node_class}-{direction}".lower().replace("_", "-")
        return self.policy_names.get(direction, default)


def read_pods(item: Item, key: str) -> Pods:
    """Read which pods a class is."""
    inner = Item(item.place(key), item.raw(key), _POD_KEYS, item.problems)
    return Pods(
        labels=dict(_labels(inner)) if inner.is_mapping else {},
        namespace=dns_label_at(inner.place("namespace"), inner.raw("namespace"), item.problems),
        isolate=tuple(dict.fromkeys(_directions(inner))) if inner.has("isolate") else None,
        policy_names=dict(_policy_names(inner)),
    )


def inherit_pods(own: Pods | None, shipped: Pods | None) -> Pods | None:
    """Return which pods a class of the user's is, with what its namesake of a profile says where it says nothing."""
    if not own or not shipped:
        return own or shipped
    return replace(
        own,
        namespace=own.namespace or shipped.namespace,
        isolate=shipped.isolate if own.isolate is None else own.isolate,
        policy_names={**shipped.policy_names, **own.policy_names},
    )


def _labels(item: Item) -> Iterator[tuple[str, str]]:
    raw, where = item.raw("labels"), item.place("labels")
    if not isinstance(raw, Mapping) or not raw:
        expected = "at least one label, such as {app: web}: without any, these would be all pods"
        item.problems.add(where, raw, expected)
        return
    for name, value in raw.items():
        prefix, slash, short = name.rpartition("/") if isinstance(name, str) else ("", "", "")
        if not _LABEL.fullmatch(short) or (slash and not _is_subdomain(prefix)):
            item.problems.add(where, name, _EXPECTED_KEY)
        elif not isinstance(value, str) or (value and not _LABEL.fullmatch(value)):
            item.problems.add(where.key(name), value, _EXPECTED_VALUE, _quote(value))
        else:
            yield str(name), str(value)


def _quote(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'did you mean "{text}", in quotes?' if isinstance(value, (bool, int, float)) else ""


def _is_subdomain(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and bool(_SUBDOMAIN.fullmatch(text))


def _directions(item: Item) -> Iterator[str]:
    where, raw = item.place("isolate"), item.raw("isolate")
    items = [(where, raw)] if isinstance(raw, str) else rows(where, raw, item.problems)
    for place, value in items:
        if _is_direction(place, value, item.problems):
            yield str(value)


def _is_direction(where: Where, value: object, problems: Problems) -> bool:
    if isinstance(value, str) and value in POLICY_TYPES:
        return True
    problems.add(where, value, one_of(POLICY_TYPES), near_miss(value, POLICY_TYPES))
    return False


def _policy_names(item: Item) -> Iterator[tuple[str, str]]:
    if not item.has("policy_names"):
        return
    inner = Item(item.place("policy_names"), item.raw("policy_names"), POLICY_TYPES, item.problems)
    for direction in POLICY_TYPES:
        name = inner.raw(direction)
        if isinstance(name, str) and _is_subdomain(name):
            yield direction, str(name)
        elif name is not None:
            item.problems.add(inner.place(direction), name, _EXPECTED_NAME)
