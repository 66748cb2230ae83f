# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What Calico's objects are called, and how they say whose they are.

Names are DNS labels without dots: Calico 3.26 to 3.28 refuse a dot in a policy's name, and later ones take what is
before it for a tier. Labels' values are held to the same, which Kubernetes' own rule allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from .._values.problems import Problems, Where

API_VERSION = "projectcalico.org/v3"
PREFIX = "gatehouse-"
FELIX = "FelixConfiguration"
POLICIES = ("GlobalNetworkPolicy", "StagedGlobalNetworkPolicy")
OWNER = {"app.kubernetes.io/managed-by": "gatehouse"}
CLASS_LABEL = "gatehouse.firewall/class"
HOST_LABEL = "gatehouse.firewall/host"
SIDE_LABEL = "gatehouse.firewall/side"
SET_LABEL = "gatehouse.firewall/set"
FLOW_ANNOTATION = "gatehouse.firewall/flow"
WHY_ANNOTATION = "gatehouse.firewall/why"
LONGEST_LABEL = 63  # characters of a DNS label, RFC 1123 2.1, and of a label's value

_BETWEEN = "--"  # no name by itself has two dashes together
_DIGEST = 10  # hexadecimal digits
_NOT_OF_A_LABEL = re.compile(r"[^a-z0-9]+")


Object = dict[str, Any]
"""One of Calico's objects, as YAML has it."""


def an_object(kind: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Object:
    """Return an object of Calico's."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": dict(metadata), "spec": dict(spec)}


@dataclass
class Names:
    """Legal names for what the model and the inventory call things, no two of which may be the same."""

    problems: Problems
    taken: dict[tuple[str, str], str] = field(default_factory=dict)

    def slug(self, kind: str, name: str, where: Where) -> str:
        """Return a thing's name as a DNS label; note a name without one, and another thing of this kind that has it."""
        slug = _NOT_OF_A_LABEL.sub("-", name.lower()).strip("-")
        if not slug or len(slug) > LONGEST_LABEL:
            self.problems.add(where, name, f"a name that fits Calico: letters and digits, at most {LONGEST_LABEL}")
        other = self.taken.setdefault((kind, slug), name)
        if other != name:
            self.problems.add(where, name, f"a name of its own for Calico: {other} is called {slug}, too")
        return slug

    def slug_of_several(self, kind: str, several: Sequence[str], where: Where) -> str:
        """Return the name of a set of things as a DNS label; of a long one, as much as fits, and a digest."""
        slug = _BETWEEN.join(self.slug(kind, name, where) for name in several)
        if len(slug) > LONGEST_LABEL and len(several) > 1:
            digest = sha256(slug.encode()).hexdigest()[:_DIGEST]
            slug = f"{slug[: LONGEST_LABEL - _DIGEST - len(_BETWEEN)].rstrip('-')}{_BETWEEN}{digest}"
        return slug


def is_ours(document: object) -> bool:
    """Return whether an object says that this collection made it."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and all(labels.get(key) == value for key, value in OWNER.items())
