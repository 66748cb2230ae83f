"""A stand-in for the API of a Kubernetes cluster, as far as the real Python client asks for policies of it.

NetworkPolicies, and Calico's objects where the cluster is said to serve any. It does with them what real ones do: it
drops empty lists, fills in protocols and Calico's labels and defaults, counts generations where a spec changes and
versions where anything does, takes ``dryRun`` and preconditions, and replaces none of Calico's objects without the
version that it has.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FELIX_DEFAULTS = {
    "floatingIPs": "Disabled",
    "bpfConnectTimeLoadBalancing": "TCP",
    "bpfHostNetworkedNATWithoutCTLB": "Enabled",
    "bpfLogLevel": "",
    "nftablesMode": "Auto",
}
VERBS = ["create", "delete", "get", "list", "patch", "update"]
NETWORKING, CALICO = "networking.k8s.io/v1", "projectcalico.org/v3"


def group(version):
    name, _slash, short = version.partition("/")
    one = {"groupVersion": version, "version": short}
    return {"name": name, "versions": [one], "preferredVersion": one}


def resource(kind, namespaced=True):
    singular = kind.lower()
    plural = f"{singular[:-1]}ies" if singular.endswith("y") else f"{singular.removesuffix('s')}s"
    names = {"name": plural, "singularName": singular, "kind": kind}
    return {**names, "namespaced": namespaced, "verbs": VERBS}


def resources(version, *served):
    return {"kind": "APIResourceList", "groupVersion": version, "resources": list(served)}


def discovery(calico_kinds):
    """Return what the API says of itself, by path."""
    versions = [NETWORKING, *([CALICO] if calico_kinds else [])]
    return {
        "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": resources("v1", resource("Endpoints")),
        "/apis": {"kind": "APIGroupList", "groups": [group(version) for version in versions]},
        f"/apis/{NETWORKING}": resources(NETWORKING, resource("NetworkPolicy")),
        f"/apis/{CALICO}": resources(CALICO, *(resource(kind, namespaced=False) for kind in calico_kinds)),
    }


class Cluster:
    """Objects by resource, namespace and name, the API server's own addresses, and what was asked."""

    def __init__(self, calico_kinds=()):
        self.discovery = discovery(calico_kinds)
        found = [one for path in self.discovery.values() for one in path.get("resources", [])]
        self.kinds = {one["name"]: one["kind"] for one in found}
        self.objects = {plural: {} for plural in self.kinds}
        self.addresses, self.port = ["192.0.2.1", "192.0.2.2"], 6443
        self.requests = []
        self.version = 0
        self.url = ""

    @property
    def policies(self):
        """The NetworkPolicies, by namespace and name."""
        return self.objects["networkpolicies"]

    def changes(self):
        """Return the requests that changed something, and forget all."""
        found = [request for request in self.requests if not request.startswith("GET") and "dryRun" not in request]
        self.requests.clear()
        return found

    def put(self, policy):
        """Store a policy as if somebody had applied it."""
        namespace = policy["metadata"].setdefault("namespace", "default")
        self.store("networkpolicies", namespace, copy.deepcopy(policy))

    def rules(self, name, direction="egress", namespace="keptn-jes"):
        return self.policies[namespace, name]["spec"].get(direction, [])

    def endpoints(self):
        addresses = [{"ip": address} for address in self.addresses]
        ports = [{"name": "https", "port": self.port, "protocol": "TCP"}]
        metadata = {"name": "kubernetes", "namespace": "default"}
        subsets = [{"addresses": addresses, "ports": ports}] if addresses else []
        return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}

    def store(self, plural, namespace, wanted, dry_run=False):
        """Store an object as the API does, or only say what that would be."""
        key = (namespace, wanted["metadata"]["name"])
        old = self.objects[plural].get(key)
        new = _with_defaults(wanted) if plural == "networkpolicies" else copy.deepcopy(wanted)
        new["kind"] = self.kinds[plural]
        _add_calicos(new)
        meta = {"uid": f"uid-{'-'.join(key)}", "creationTimestamp": "2026-11-21T00:00:00Z", "generation": 1}
        if old:
            same = old["spec"] == new["spec"]
            meta = {name: old["metadata"][name] for name in (*meta, "resourceVersion")}
            meta["generation"] += not same
        new["metadata"] = {**new["metadata"], **({"namespace": namespace} if namespace else {}), **meta}
        if new != old:
            new["metadata"]["resourceVersion"] = str(self.version + 1)
        if not dry_run:
            self.version += new != old
            self.objects[plural][key] = new
        return new


def _with_defaults(policy):
    new = {**copy.deepcopy(policy), "apiVersion": NETWORKING}
    for direction in ("ingress", "egress"):
        if not new["spec"].get(direction):
            new["spec"].pop(direction, None)
        for rule in new["spec"].get(direction, ()):
            for port in rule.get("ports", ()):
                port.setdefault("protocol", "TCP")
    return new


def _add_calicos(new):
    """Add the labels and the values that Calico's API gives to an object of its own."""
    if new["kind"] == "FelixConfiguration":
        new["spec"] = {**FELIX_DEFAULTS, **new["spec"]}
    if new["kind"] in ("GlobalNetworkPolicy", "StagedGlobalNetworkPolicy"):
        new["metadata"]["labels"] = {**new["metadata"].get("labels", {}), "projectcalico.org/tier": "default"}
        new["spec"].setdefault("tier", "default")


def _merged(old, patch):
    """Return what RFC 7396 makes of a patch: lists are replaced, and what isn't named stays."""
    if not isinstance(old, dict) or not isinstance(patch, dict):
        return patch
    merged = {**old, **{key: _merged(old.get(key), value) for key, value in patch.items()}}
    return {key: value for key, value in merged.items() if value is not None}


class Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_GET(self):
        path, plural, namespace, name = self._asked()
        found = self.cluster.objects.get(plural, {})
        if path in self.cluster.discovery:
            self._answer(self.cluster.discovery[path])
        elif path == "/api/v1/namespaces/default/endpoints/kubernetes":
            self._answer(self.cluster.endpoints())
        elif plural not in self.cluster.kinds or (name and (namespace, name) not in found):
            self._answer({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}, 404)
        elif name:
            self._answer(found[namespace, name])
        else:
            items = [one for (where, _name), one in found.items() if where == namespace]
            items = [{key: one[key] for key in ("metadata", "spec")} for one in items]
            version = "/".join(path.split("/")[2:4])
            self._answer({"kind": f"{self.cluster.kinds[plural]}List", "apiVersion": version, "items": items})

    def do_POST(self):
        _path, plural, namespace, _name = self._asked()
        body = self._body()
        if body["metadata"].get("resourceVersion"):
            self._refuse("BadRequest", 400, "resourceVersion should not be set on objects to be created")
        else:
            self._answer(self.cluster.store(plural, namespace, body, self.dry_run), 201)

    def do_PUT(self):
        _path, plural, namespace, name = self._asked()
        body = self._body()
        version = body["metadata"].get("resourceVersion")
        if (namespace, name) not in self.cluster.objects[plural]:
            self._refuse("NotFound", 404, f"{plural} {name} not found")
        elif plural != "networkpolicies" and not version:
            self._refuse("Invalid", 422, "metadata.resourceVersion: must be specified for an update")
        elif self._is_outdated(plural, (namespace, name), version):
            self._refuse("Conflict", 409, "the object has been modified")
        else:
            self._answer(self.cluster.store(plural, namespace, body, self.dry_run))

    def do_PATCH(self):
        _path, plural, namespace, name = self._asked()
        patched = _merged(self.cluster.objects[plural][namespace, name], self._body())
        self._answer(self.cluster.store(plural, namespace, patched, self.dry_run))

    def do_DELETE(self):
        _path, plural, namespace, name = self._asked()
        preconditions = (self._body() or {}).get("preconditions") or {}
        if self._is_outdated(plural, (namespace, name), preconditions.get("resourceVersion")):
            self._refuse("Conflict", 409, "the object has been modified")
            return
        if not self.dry_run:
            self.cluster.objects[plural].pop((namespace, name))
        self._answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _is_outdated(self, plural, key, version):
        return version and version != self.cluster.objects[plural][key]["metadata"]["resourceVersion"]

    def _refuse(self, reason, code, message):
        self._answer({"kind": "Status", "status": "Failure", "reason": reason, "code": code, "message": message}, code)

    def _asked(self):
        """Return a request's path, and the resource, the namespace and the name that it is about."""
        self.cluster.requests.append(f"{self.command} {self.path}")
        url = urlsplit(self.path)
        self.dry_run = "dryRun" in parse_qs(url.query)
        path = url.path.rstrip("/")
        parts = path.split("/")[4:]
        namespace = parts[1] if parts[:1] == ["namespaces"] else ""
        plural, name, *_more = [*(parts[2:] if namespace else parts), "", ""]
        return path, plural, namespace, name

    def _body(self):
        length = int(self.headers["Content-Length"] or 0)
        return json.loads(self.rfile.read(length)) if length else None

    def _answer(self, content, code=200):
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@contextmanager
def running(calico_kinds: Iterable[str] = ()) -> Iterator[Cluster]:
    """Serve a cluster without any object on a port of this machine; it has these kinds of Calico's."""
    cluster = Cluster(calico_kinds)
    handler = type("OneCluster", (Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
