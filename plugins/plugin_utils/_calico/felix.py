# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A node's FelixConfiguration: failsafe ports of ours in it, and what a server writes there by itself.

A node's value beats the cluster's, the one in ``default``. A server that stores a configuration fills in values that
it doesn't name, and these then beat the cluster's, too. So ours carries the cluster's values for them. An annotation
says which: a value that is neither carried nor filled in is a person's, and stays.

Sources: libcalico-go/lib/clientv3/felixconfig.go from 3.24 on, and the defaults of the CRD in 3.32.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .names import FELIX, OWNER, Object, is_ours
from .step import APPLY, DELETE, Step, kept, meaning
from .verdict import FAILSAFE_KEY

FILLED_IN: Mapping[str, Any] = {
    "floatingIPs": "Disabled",  # 3.24
    "bpfConnectTimeLoadBalancing": "TCP",  # 3.27
    "bpfHostNetworkedNATWithoutCTLB": "Enabled",  # 3.27
    "bpfLogLevel": "",
    "nftablesMode": "Auto",  # 3.32
}
"""What servers are known to fill in, and since when."""

_BEFORE = "gatehouse.firewall/failsafes-before"
_CARRIED = "gatehouse.firewall/carried-values"
_CLUSTER = "default"

Values = Mapping[str, Any]


@dataclass(frozen=True)
class _Carried:
    """The values in a node's configuration that no person has set.

    ``cluster`` has the cluster's values that we wrote, and ``server`` what the server fills in.
    """

    cluster: Values
    server: Values

    def holds(self, spec: Values) -> set[str]:
        """Return the keys of a spec that are ours to set: a person has not said, or changed, their values."""
        known = {**self.server, **self.cluster}
        return {key for key in known if key not in spec or spec[key] == known[key]}

    def after(self, held: Iterable[str], cluster: Values) -> _Carried:
        """Return what is carried once the held keys have the cluster's values."""
        others = {key: value for key, value in self.cluster.items() if key not in held}
        return _Carried({**others, **{key: cluster[key] for key in held if key in cluster}}, self.server)

    def annotation(self, *, ours: bool) -> dict[str, str]:
        """Return what says so; of a configuration of ours, what servers are known to fill in goes without saying."""
        server = {key: value for key, value in self.server.items() if not ours or FILLED_IN.get(key) != value}
        found = {"cluster": dict(self.cluster), "server": server}
        said = {name: values for name, values in found.items() if values}
        return {_CARRIED: json.dumps(said, sort_keys=True)} if said else {}


def cluster_values(existing: Iterable[Object]) -> dict[str, Any]:
    """Return what the cluster's own configuration says."""
    specs = [one.get("spec") for one in existing if one["kind"] == FELIX and one["metadata"]["name"] == _CLUSTER]
    return {key: value for spec in specs for key, value in (spec or {}).items() if value not in (None, "")}


def to_merge(one: Object, there: Object | None, cluster: Values, sent: Object | None) -> Iterator[Step]:
    """Yield the step to failsafes of ours in a node's configuration, whose rest is its owner's.

    ``sent`` is what this run has sent already: what is there and was not sent, the server has filled in.
    """
    base = there or one
    metadata, spec = kept(base)
    annotations, carried = dict(metadata.get("annotations") or {}), _carried(base, sent)
    held = carried.holds(spec)
    if not is_ours(base):
        before = {key: spec[key] for key in FAILSAFE_KEY.values() if key in spec}
        # Noted once: a second run would take our own failsafes for those of before.
        annotations.setdefault(_BEFORE, json.dumps(before))
    annotations.pop(_CARRIED, None)
    annotations.update(carried.after(held, cluster).annotation(ours=is_ours(base)))
    if annotations:
        metadata["annotations"] = annotations
    merged = {**base, "metadata": metadata}
    merged["spec"] = {**_with_values(spec, held, cluster, carried.server), **one["spec"]}
    if there is None or meaning(merged) != meaning(there):
        yield Step(APPLY, merged, there)


def to_unmerge(one: Object, cluster: Values) -> Iterator[Step]:
    """Yield the step back to a node's configuration without failsafes of ours; one that was all ours goes."""
    metadata, spec = kept(one)
    annotations = dict(metadata.get("annotations") or {})
    before = annotations.pop(_BEFORE, None)
    if not is_ours(one) and before is None:
        return
    carried = _carried(one, None)
    held = carried.holds(spec)
    rest = {key: value for key, value in spec.items() if key not in FAILSAFE_KEY.values()}
    if is_ours(one) and not rest.keys() - held:
        yield Step(DELETE, one, one)
        return
    annotations.pop(_CARRIED, None)
    # Without these, the server would fill in values that beat the cluster's.
    needed = {key: cluster[key] for key in held & cluster.keys() if cluster[key] != carried.server.get(key)}
    rest = {**{key: value for key, value in rest.items() if key not in held}, **needed}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in OWNER}
    metadata = {**metadata, "labels": labels, "annotations": annotations}
    yield Step(APPLY, {**one, "metadata": metadata, "spec": {**rest, **json.loads(before or "{}")}}, one)


def beaten(wanted: Iterable[Object], existing: Iterable[Object]) -> Iterator[str]:
    """Yield a line for each configuration of some nodes whose values ours may beat: whose nodes, only Calico knows."""
    if not any(one["kind"] == FELIX for one in wanted):
        return
    found = list(existing)
    cluster = cluster_values(found)
    scoped = [one for one in found if one["kind"] == FELIX and (one.get("spec") or {}).get("nodeSelector")]
    for one in scoped:
        name, spec = one["metadata"]["name"], one["spec"]
        for key in sorted(FILLED_IN.keys() & spec.keys()):
            ours = cluster.get(key, FILLED_IN[key])
            if spec[key] != ours:
                says = f"{FELIX} {name} says {key}: {spec[key]} for nodes with {spec['nodeSelector']}"
                yield f"{says}; where failsafes are managed, a node's own configuration beats it with {ours or 'none'}"


def _carried(one: Object, sent: Object | None) -> _Carried:
    """Return what an object carries; in a person's, the server will fill in what isn't there when we come."""
    annotations, spec = one["metadata"].get("annotations") or {}, one.get("spec") or {}
    is_new = _BEFORE not in annotations
    said = _read(annotations.get(_CARRIED))
    known = {key: value for key, value in FILLED_IN.items() if is_ours(one) or (is_new and key not in spec)}
    learned = {key: value for key, value in spec.items() if sent is not None and key not in sent["spec"]}
    return _Carried(said.get("cluster", {}), {**known, **said.get("server", {}), **learned})


def _read(text: str | None) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: values for name, values in pairs if isinstance(values, dict)}


def _with_values(spec: Values, held: Iterable[str], cluster: Values, server: Values) -> dict[str, Any]:
    """Return a spec with the cluster's values for the held keys.

    What the cluster doesn't say is left to the server, which knows what its release has.
    """
    filled = {key for key in held if key not in cluster and key in spec and spec[key] != server.get(key)}
    found = {key: value for key, value in spec.items() if key not in filled}
    return {**found, **{key: cluster[key] for key in held if key in cluster}}
