"""From the objects that are there to those that are wanted, in an order that is safe wherever it stops.

Sets come before the policies that select them, policies before failsafes are narrowed, and host endpoints last: an
endpoint denies whatever no policy allows from the moment it exists. Taking away goes the other way round. Whoever dies
on the way leaves a state in which every endpoint has its policies, and the next run goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import yaml

from ..errors import Problems, Where
from .names import FELIX, OWNER, Object, is_ours
from .verdict import FAILSAFE_KEY

HOST_ENDPOINT = "HostEndpoint"
KINDS = ("GlobalNetworkSet", "GlobalNetworkPolicy", "StagedGlobalNetworkPolicy", FELIX, HOST_ENDPOINT)
"""What this collection makes, in the order of creation."""
APPLY, DELETE = "apply", "delete"

_BEFORE = "gatehouse.firewall/failsafes-before"
_OF_THE_DATASTORE = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
_LEFT_OUT_BY_SOME = {"tier": "default"}


@dataclass(frozen=True)
class Step:
    """One object to apply whole, or to delete, and what is there now."""

    action: str
    wanted: Object
    before: Object | None

    @property
    def name(self) -> str:
        """Return what the step is about."""
        return f"{self.wanted['kind']} {self.wanted['metadata']['name']}"

    @property
    def word(self) -> str:
        """Return what becomes of the object."""
        if self.action == DELETE:
            return "deleted"
        return "changed" if self.before else "created"


def steps(wanted: Sequence[Object], existing: Sequence[Object], problems: Problems) -> list[Step]:
    """Return what to do, in order; note objects of somebody else's that have names of ours."""
    there = {_key(one): one for one in existing}
    found = [step for one in _in_order(wanted) for step in _to_apply(one, there.get(_key(one)), problems)]
    keys = {_key(one) for one in wanted}
    left = [one for one in reversed(_in_order(existing)) if _key(one) not in keys]
    return [*found, *(step for one in left for step in _to_take_back(one))]


def rivals(wanted: Sequence[Object], existing: Sequence[Object], problems: Problems) -> list[str]:
    """Return a line for each host endpoint of somebody else's that ours puts out of force.

    Of several endpoints for an interface, the first by name governs it alone (Felix' resolveHostEndpoints). Where that
    is somebody else's, as Calico's own automatic ones may be, ours would do nothing: a problem.
    """
    theirs = [one for one in existing if one["kind"] == HOST_ENDPOINT and not is_ours(one)]
    lines = []
    for own in (one for one in wanted if one["kind"] == HOST_ENDPOINT):
        for other in theirs:
            if _interface(own) == _interface(other):
                names = own["metadata"]["name"], other["metadata"]["name"]
                if names[1] < names[0]:
                    where = Where("metadata.name", f"{HOST_ENDPOINT} of node {own['spec']['node']}")
                    expected = f"no endpoint for the interface that comes before {names[0]}: it would govern it alone"
                    problems.add(where, names[1], expected)
                else:
                    lines.append(f"{HOST_ENDPOINT} {names[1]} is out of force: {names[0]} governs its interface now")
    return lines


def _interface(endpoint: Object) -> tuple[str, str]:
    return endpoint["spec"].get("node", ""), endpoint["spec"].get("interfaceName", "")


def batches(found: Iterable[Step]) -> list[dict[str, Any]]:
    """Return steps as calicoctl takes them: runs of the same action on the same kind."""
    runs = groupby(found, key=lambda step: (step.action, step.wanted["kind"]))
    return [{"action": action, "objects": [step.wanted for step in run]} for (action, _kind), run in runs]


def difference(step: Step) -> dict[str, str]:
    """Return a step as Ansible shows differences: the object as it is, and as it will be."""
    after = _text(step.wanted) if step.action == APPLY else ""
    header = f"{step.name} ({step.word})"
    return {"before": _text(step.before), "after": after, "before_header": header, "after_header": header}


def _text(one: Object | None) -> str:
    if one is None:
        return ""
    metadata = {key: value for key, value in one["metadata"].items() if key not in _OF_THE_DATASTORE}
    shown = {"kind": one["kind"], "metadata": metadata, "spec": one.get("spec") or {}}
    return str(yaml.safe_dump(shown, sort_keys=True, width=120))


def _in_order(objects: Iterable[Object]) -> list[Object]:
    return sorted((one for one in objects if one["kind"] in KINDS), key=lambda one: KINDS.index(one["kind"]))


def _key(one: Object) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def _to_apply(one: Object, there: Object | None, problems: Problems) -> Iterator[Step]:
    if there is None:
        yield Step(APPLY, one, None)
    elif one["kind"] == FELIX:
        yield from _to_merge(one, there)
    elif not is_ours(there):
        expected = f"no object of this name, or one with the label {_label()}: it is somebody else's"
        problems.add(Where("metadata.name", one["kind"]), one["metadata"]["name"], expected)
    elif _normal(one) != _normal(there):
        yield Step(APPLY, one, there)


def _to_merge(one: Object, there: Object) -> Iterator[Step]:
    """Yield the step to failsafes of ours in a node's configuration, of which the rest is somebody else's."""
    metadata, spec = _kept(there)
    annotations = metadata.setdefault("annotations", {})
    if not is_ours(there) and _BEFORE not in annotations:
        annotations[_BEFORE] = json.dumps({key: spec[key] for key in FAILSAFE_KEY.values() if key in spec})
    merged = {**there, "metadata": metadata, "spec": {**spec, **one["spec"]}}
    if _normal(merged) != _normal(there):
        yield Step(APPLY, merged, there)


def _to_take_back(one: Object) -> Iterator[Step]:
    if one["kind"] == FELIX:
        yield from _to_unmerge(one)
    elif is_ours(one):
        yield Step(DELETE, one, one)


def _to_unmerge(one: Object) -> Iterator[Step]:
    """Yield the step back to a node's configuration without failsafes of ours; one that was all ours goes."""
    metadata, spec = _kept(one)
    before = (metadata.get("annotations") or {}).pop(_BEFORE, None)
    rest = {key: value for key, value in spec.items() if key not in FAILSAFE_KEY.values()}
    if is_ours(one) and not rest:
        yield Step(DELETE, one, one)
    elif is_ours(one) or before is not None:
        labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in OWNER}
        found = {**metadata, "labels": labels}
        yield Step(APPLY, {**one, "metadata": found, "spec": {**rest, **json.loads(before or "{}")}}, one)


def _kept(one: Object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an object's metadata, but what the datastore puts there, and its spec: both for changing."""
    metadata = {key: value for key, value in one["metadata"].items() if key not in _OF_THE_DATASTORE}
    if metadata.get("annotations"):
        metadata["annotations"] = dict(metadata["annotations"])
    return metadata, dict(one.get("spec") or {})


def _normal(one: Object) -> Any:
    """Return what of an object means something, without what the datastore fills in."""
    metadata = one["metadata"]
    spec = {key: value for key, value in (one.get("spec") or {}).items() if _LEFT_OUT_BY_SOME.get(key) != value}
    # Of failsafes, an empty list is another thing than none.
    said = spec if one["kind"] == FELIX else _without_nothings(spec)
    return metadata.get("labels") or {}, metadata.get("annotations") or {}, said


def _without_nothings(value: Any) -> Any:
    if isinstance(value, Mapping):
        pruned = {key: _without_nothings(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ({}, [], None, False, "")}
    return [_without_nothings(item) for item in value] if isinstance(value, list) else value


def _label() -> str:
    return ", ".join(f"{key}: {value}" for key, value in OWNER.items())
