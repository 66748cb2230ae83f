"""A stand-in for the API of a Kubernetes cluster, as far as the real Python client asks for NetworkPolicies of it.

It keeps what the real one is documented to do with such objects: it drops empty lists, fills in protocols, counts
generations where a spec changes and versions where anything does, and takes ``dryRun``.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

VERBS = ["create", "delete", "get", "list", "patch", "update"]
NETWORKING = "/apis/networking.k8s.io/v1"
DISCOVERY = {
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "networking.k8s.io",
                "versions": [{"groupVersion": "networking.k8s.io/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "networking.k8s.io/v1", "version": "v1"},
            }
        ],
    },
}


def resources(version, name, singular, kind):
    one = {"name": name, "singularName": singular, "namespaced": True, "kind": kind, "verbs": VERBS}
    return {"kind": "APIResourceList", "groupVersion": version, "resources": [one]}


DISCOVERY["/api/v1"] = resources("v1", "endpoints", "", "Endpoints")
DISCOVERY[NETWORKING] = resources("networking.k8s.io/v1", "networkpolicies", "networkpolicy", "NetworkPolicy")


class Cluster:
    """What the stand-in holds: policies by namespace and name, the API server's own addresses, and what was asked."""

    def __init__(self):
        self.policies = {}
        self.addresses, self.port = ["192.0.2.1", "192.0.2.2"], 6443
        self.requests = []
        self.version = 0
        self.url = ""

    def changes(self):
        """Return the requests that changed something, and forget all."""
        found = [request for request in self.requests if not request.startswith("GET") and "dryRun" not in request]
        self.requests.clear()
        return found

    def put(self, policy):
        """Store a policy as if somebody had applied it."""
        self.store(policy["metadata"].setdefault("namespace", "default"), copy.deepcopy(policy))

    def rules(self, name, direction="egress", namespace="keptn-jes"):
        return self.policies[namespace, name]["spec"].get(direction, [])

    def endpoints(self):
        addresses = [{"ip": address} for address in self.addresses]
        ports = [{"name": "https", "port": self.port, "protocol": "TCP"}]
        metadata = {"name": "kubernetes", "namespace": "default"}
        subsets = [{"addresses": addresses, "ports": ports}] if addresses else []
        return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}

    def store(self, namespace, policy, dry_run=False):
        key = (namespace, policy["metadata"]["name"])
        old = self.policies.get(key)
        new = _as_stored(policy)
        meta = {"uid": f"uid-{'-'.join(key)}", "creationTimestamp": "2026-11-21T00:00:00Z", "generation": 1}
        if old:
            same = old["spec"] == new["spec"]
            meta = {name: old["metadata"][name] for name in (*meta, "resourceVersion")}
            meta["generation"] += not same
        new["metadata"] = {**new["metadata"], "namespace": namespace, **meta}
        if new != old:
            new["metadata"]["resourceVersion"] = str(self.version + 1)
        if not dry_run:
            self.version += new != old
            self.policies[key] = new
        return new


def _as_stored(policy):
    new = {**copy.deepcopy(policy), "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    for direction in ("ingress", "egress"):
        if not new["spec"].get(direction):
            new["spec"].pop(direction, None)
        for rule in new["spec"].get(direction, ()):
            for port in rule.get("ports", ()):
                port.setdefault("protocol", "TCP")
    return new


def _merged(old, patch):
    """Return what RFC 7396 makes of a patch: lists are replaced, and what isn't named stays."""
    if not isinstance(old, dict) or not isinstance(patch, dict):
        return patch
    merged = {**old, **{key: _merged(old.get(key), value) for key, value in patch.items()}}
    return {key: value for key, value in merged.items() if value is not None}


class Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_GET(self):
        path, _query = self._path()
        if path in DISCOVERY:
            self._answer(DISCOVERY[path])
        elif path == "/api/v1/namespaces/default/endpoints/kubernetes":
            self._answer(self.cluster.endpoints())
        else:
            self._get_policy(path)

    def do_POST(self):
        path, query = self._path()
        self._answer(self.cluster.store(path.split("/")[5], self._body(), "dryRun" in query), 201)

    def do_PUT(self):
        path, query = self._path()
        self._answer(self.cluster.store(path.split("/")[5], self._body(), "dryRun" in query))

    def do_PATCH(self):
        path, query = self._path()
        parts = path.split("/")
        patched = _merged(self.cluster.policies[parts[5], parts[7]], self._body())
        self._answer(self.cluster.store(parts[5], patched, "dryRun" in query))

    def do_DELETE(self):
        path, query = self._path()
        key = (path.split("/")[5], path.split("/")[7])
        if "dryRun" not in query:
            self.cluster.policies.pop(key)
        self._answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _get_policy(self, path):
        parts = path.split("/")
        found = {name: one for (namespace, name), one in self.cluster.policies.items() if namespace in parts[5:6]}
        if not path.startswith(f"{NETWORKING}/namespaces/") or parts[6] != "networkpolicies":
            self._answer({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}, 404)
        elif len(parts) == 7:
            items = [{key: one[key] for key in ("metadata", "spec")} for one in found.values()]
            self._answer({"kind": "NetworkPolicyList", "apiVersion": "networking.k8s.io/v1", "items": items})
        elif parts[7] in found:
            self._answer(found[parts[7]])
        else:
            self._answer({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}, 404)

    def _path(self):
        self.cluster.requests.append(f"{self.command} {self.path}")
        url = urlsplit(self.path)
        return url.path.rstrip("/"), parse_qs(url.query)

    def _body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

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
def running() -> Iterator[Cluster]:
    """Serve a cluster without any policy on a port of this machine."""
    cluster = Cluster()
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
