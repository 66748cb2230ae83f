# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Calico's datastore, by calicoctl and by the Kubernetes API, through modules that run where the task does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ansible.errors import AnsibleActionFail, AnsibleError

from .._calico.names import API_VERSION
from .._calico.step import DELETE, VERSION, Step
from .._calico.steps import batches

STAGED = "StagedGlobalNetworkPolicy"
NOT_SERVED = (
    "This Kubernetes API serves no {0} of projectcalico.org/v3. It needs Calico's API server, or Calico with native v3 "
    "resources; or else use calicoctl (gatehouse_calico_via: calicoctl). crd.projectcalico.org is never written: "
    "nothing validates what is written there"
)
NO_COLLECTION = "gatehouse_calico_via: kubernetes needs the collection kubernetes.core and its Python library: {0}"


Objects = list[dict[str, Any]]


class RunsModules(Protocol):
    """An action plugin that runs modules, and has a task's arguments."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the task's own arguments."""

    def module(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run a module where the task runs; fail where it does."""


class Calicoctl:
    """Calico's datastore by calicoctl."""

    def __init__(self, action: RunsModules) -> None:
        """Take the action that runs modules."""
        self._action = action
        self.unsupported: list[str] = []

    def existing(self, kinds: Iterable[str]) -> Objects:
        """Return the objects of some kinds."""
        return self._listed(kinds=list(kinds))

    def write(self, batch: Sequence[Step], kinds: Iterable[str]) -> Objects:
        """Take the steps, those of a kind together; return the objects of some kinds as they are then."""
        return self._listed(batches=batches(batch), kinds=list(kinds))

    def _listed(self, **arguments: Any) -> Objects:
        result = self._run(**arguments)
        self.unsupported += result["unsupported"]
        objects: Objects = result["objects"]
        return objects

    def _run(self, **arguments: Any) -> dict[str, Any]:
        return self._action.module(
            "gatehouse.firewall.calicoctl", path=self._action.arguments["calicoctl"], **arguments
        )


class Kubernetes:
    """Calico's objects by the Kubernetes API."""

    def __init__(self, action: RunsModules) -> None:
        """Take the action that runs modules."""
        self._action = action
        self.unsupported: list[str] = []

    def existing(self, kinds: Iterable[str]) -> Objects:
        """Return the objects of some kinds."""
        found: Objects = []
        for kind in kinds:
            result = self._run("kubernetes.core.k8s_info", api_version=API_VERSION, kind=kind)
            if result.get("api_found", True):
                found += [{"apiVersion": API_VERSION, "kind": kind, **one} for one in result["resources"]]
            elif kind == STAGED:
                self.unsupported.append(kind)
            else:
                raise AnsibleActionFail(NOT_SERVED.format(kind))
        return found

    def write(self, batch: Sequence[Step], kinds: Iterable[str]) -> Objects:
        """Take one step after the other; return the objects of some kinds as they are then."""
        for how, steps in itertools.groupby(batch, self._how):
            # The module takes a list, in its order and up to the first that fails; to start it costs more than a step.
            self._run("kubernetes.core.k8s", resource_definition=[step.request for step in steps], **how)
        return self.existing(kinds)

    def _how(self, step: Step) -> dict[str, Any]:
        """Return how a step is taken: an object is replaced whole, and goes or changes as it was read or not at all."""
        if step.action != DELETE:
            return {"state": "present", "force": bool(step.before)}
        version = step.before["metadata"].get(VERSION) if step.before else None
        preconditions = {"delete_options": {"preconditions": {VERSION: version}}} if version else {}
        return {"state": "absent", **preconditions}

    def _run(self, name: str, **arguments: Any) -> dict[str, Any]:
        try:
            return self._action.module(name, **self._action.arguments["connection"], **arguments)
        except AnsibleError as error:
            if "was not found" in str(error) or "Failed to import" in str(error):
                raise AnsibleActionFail(NO_COLLECTION.format(error)) from error
            raise
