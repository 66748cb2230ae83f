# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""One step to one of Calico's objects, and what of an object means something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .names import FELIX, POLICIES, Object

APPLY, DELETE = "apply", "delete"
OF_THE_DATASTORE = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
VERSION = "resourceVersion"

Key = tuple[str, str]
"""An object's kind and its name."""

_OF_CALICO = "projectcalico.org/"  # what begins the names of labels and annotations that Calico itself gives
_DEFAULT_TIER = "default"


@dataclass(frozen=True)
class Step:
    """One object to apply whole, or to delete, and what is there now."""

    action: str
    wanted: Object
    before: Object | None

    @property
    def name(self) -> str:
        """Return what the step is about."""
        return " ".join(key_of(self.wanted))

    @property
    def word(self) -> str:
        """Return what becomes of the object."""
        if self.action == DELETE:
            return "deleted"
        return "changed" if self.before else "created"

    @property
    def phase(self) -> tuple[str, str]:
        """Return what the steps of one batch have in common: the action and the kind."""
        return self.action, self.wanted["kind"]

    @property
    def request(self) -> Object:
        """Return the object as it is sent.

        A change names the version that it is made from: where there is another one by now, the server refuses it.
        Kubernetes takes no change of a custom resource without.
        """
        version = self.before and self.before["metadata"].get(VERSION)
        return {**self.wanted, "metadata": {**self.wanted["metadata"], VERSION: version}} if version else self.wanted


def key_of(one: Object) -> Key:
    """Return an object's kind and name."""
    return one["kind"], one["metadata"]["name"]


def plain_key_of(one: Object) -> Key:
    """Return an object's kind, and its name without the prefix that Calico 3.29.0 to 3.29.3 give policies."""
    kind, name = key_of(one)
    prefix = f"{_DEFAULT_TIER}."
    if kind in POLICIES and (one.get("spec") or {}).get("tier", _DEFAULT_TIER) == _DEFAULT_TIER:
        return kind, name.removeprefix(prefix)
    return kind, name


def kept(one: Object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an object's metadata, but what the datastore puts there, and its spec: both for changing."""
    metadata = {key: value for key, value in one["metadata"].items() if key not in OF_THE_DATASTORE}
    if metadata.get("annotations"):
        metadata["annotations"] = dict(metadata["annotations"])
    return metadata, dict(one.get("spec") or {})


def meaning(one: Object) -> dict[str, Any]:
    """Return what of an object means something, without what servers add by themselves."""
    metadata, spec = one["metadata"], dict(one.get("spec") or {})
    # Servers fill in the tier; since 3.29 they add a label of it, too.
    if one["kind"] in POLICIES and spec.get("tier") == _DEFAULT_TIER:
        del spec["tier"]
    return {
        "labels": _not_of_calico(metadata.get("labels")),
        "annotations": _not_of_calico(metadata.get("annotations")),
        # An empty list of failsafes switches them off, and a missing one means Felix' defaults.
        "spec": spec if one["kind"] == FELIX else _without_nothings(spec),
    }


def adds_only(asked: Any, got: Any) -> bool:
    """Return whether all that was asked for is there, and perhaps more."""
    if isinstance(asked, Mapping) and isinstance(got, Mapping):
        return all(key in got and adds_only(value, got[key]) for key, value in asked.items())
    if isinstance(asked, list) and isinstance(got, list):
        return len(asked) == len(got) and all(adds_only(*pair) for pair in zip(asked, got))
    return bool(asked == got)


def _not_of_calico(texts: Mapping[str, str] | None) -> dict[str, str]:
    return {key: text for key, text in (texts or {}).items() if not key.startswith(_OF_CALICO)}


def _without_nothings(value: Any) -> Any:
    if isinstance(value, Mapping):
        pruned = {key: _without_nothings(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ({}, [], None, False, "")}
    return [_without_nothings(item) for item in value] if isinstance(value, list) else value
