# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From the objects that are there to those that are wanted, in an order that is safe wherever it stops.

Sets come before the policies that select them, policies before failsafes are narrowed, and host endpoints last: an
endpoint denies whatever no policy allows from the moment it exists. Removal goes the other way round. A run that dies
on the way leaves a state in which every endpoint has its policies, and the next run goes on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import yaml

from .._values.problems import Problems, Where
from .felix import cluster_values, to_merge, to_unmerge
from .names import FELIX, OWNER, Object, is_ours
from .step import APPLY, DELETE, OF_THE_DATASTORE, Key, Step, key_of, meaning, plain_key_of

HOST_ENDPOINT = "HostEndpoint"
KINDS = ("GlobalNetworkSet", "GlobalNetworkPolicy", "StagedGlobalNetworkPolicy", FELIX, HOST_ENDPOINT)
"""What this collection makes, in the order of creation."""


def steps(
    wanted: Sequence[Object],
    existing: Sequence[Object],
    problems: Problems,
    sent: Mapping[Key, Object] | None = None,
) -> list[Step]:
    """Return what to do, in order; note objects of others that have names of ours.

    ``sent`` has what this run has sent already.
    """
    _check_twins(existing, problems)
    there, cluster = _paired(wanted, existing), cluster_values(existing)
    found: list[Step] = []
    for one in _in_order(wanted):
        found += _to_apply(one, there.get(key_of(one)), cluster, (sent or {}).get(key_of(one)), problems)
    keys = {key_of(one) for one in there.values()}
    left = [one for one in reversed(_in_order(existing)) if key_of(one) not in keys]
    return [*found, *(step for one in left for step in _to_take_back(one, cluster))]


def _paired(wanted: Iterable[Object], existing: Iterable[Object]) -> dict[Key, Object]:
    """Return what is there of each wanted object.

    Calico 3.29.0 to 3.29.3 list a policy x as default.x, and either name means the same object. Later releases may
    have both, and then x is the wanted one.
    """
    found = {plain_key_of(one): one for one in existing}
    found.update({key_of(one): one for one in existing})
    return {key: found[key] for key in map(key_of, wanted) if key in found}


def _check_twins(existing: Iterable[Object], problems: Problems) -> None:
    """Note two objects of ours with one name.

    Over etcd, Calico 3.32 lists a policy that 3.29.0 to 3.29.3 have made as x, but stores a change beside it: both are
    in force then, and the older one is reached as default.x alone.
    """
    for (kind, name), count in Counter(map(key_of, filter(is_ours, existing))).items():
        if count > 1:
            hint = f"calicoctl delete {kind.lower()} default.{name} takes away the one that an earlier Calico has made"
            problems.add(Where("metadata.name", kind), name, f"one object of this name, but {count} are there", hint)


def rivals(wanted: Sequence[Object], existing: Sequence[Object], problems: Problems) -> list[str]:
    """Return a line for each host endpoint of others that ours puts out of force.

    Of several endpoints for an interface, the first by name governs it alone (Felix' resolveHostEndpoints). Where that
    is not ours, as Calico's own automatic ones may be, ours would do nothing: a problem.
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
    runs = groupby(found, key=lambda step: step.phase)
    return [{"action": action, "objects": [step.request for step in run]} for (action, _kind), run in runs]


def difference(step: Step) -> dict[str, str]:
    """Return a step as Ansible shows differences: the object as it is, and as it will be."""
    after = _text(step.wanted) if step.action == APPLY else ""
    header = f"{step.name} ({step.word})"
    return {"before": _text(step.before), "after": after, "before_header": header, "after_header": header}


def _text(one: Object | None) -> str:
    if one is None:
        return ""
    metadata = {key: value for key, value in one["metadata"].items() if key not in OF_THE_DATASTORE}
    shown = {"kind": one["kind"], "metadata": metadata, "spec": one.get("spec") or {}}
    return str(yaml.safe_dump(shown, sort_keys=True, width=120))


def _in_order(objects: Iterable[Object]) -> list[Object]:
    return sorted((one for one in objects if one["kind"] in KINDS), key=lambda one: KINDS.index(one["kind"]))


def _to_apply(
    one: Object, there: Object | None, cluster: Mapping[str, Any], sent: Object | None, problems: Problems
) -> Iterator[Step]:
    if one["kind"] == FELIX:
        yield from to_merge(one, there, cluster, sent)
    elif there is None:
        yield Step(APPLY, one, None)
    elif not is_ours(there):
        expected = f"no object of this name, or one with the label {_label()}: it is not ours"
        problems.add(Where("metadata.name", one["kind"]), there["metadata"]["name"], expected)
    elif meaning(one) != meaning(there):
        # It keeps the name under which it is listed.
        yield Step(APPLY, {**one, "metadata": {**one["metadata"], "name": there["metadata"]["name"]}}, there)


def _to_take_back(one: Object, cluster: Mapping[str, Any]) -> Iterator[Step]:
    if one["kind"] == FELIX:
        yield from to_unmerge(one, cluster)
    elif is_ours(one):
        yield Step(DELETE, one, one)


def _label() -> str:
    return ", ".join(f"{key}: {value}" for key, value in OWNER.items())
