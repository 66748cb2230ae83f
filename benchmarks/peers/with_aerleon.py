"""Render a fleet with aerleon and print how many seconds that took: compile_fleet.py runs this where aerleon is."""

from __future__ import annotations

import json
import sys
import time

from aerleon import api
from aerleon.lib import naming


def main() -> None:
    """Read a fleet from standard input, and check that each policy has its peers' addresses."""
    fleet = json.load(sys.stdin)
    begun = time.perf_counter()
    definitions = naming.Naming()
    definitions.ParseDefinitionsObject(_definitions(fleet), "")
    texts = api.Generate([_policy(name, fleet["flows"]) for name in fleet["addresses"]], definitions)
    took = time.perf_counter() - begun
    for sender, receiver in {(sender, receiver) for _name, sender, receiver, _port in fleet["flows"]}:
        if any(address not in texts[f"{receiver}.nft"] for address in fleet["addresses"][sender][:3]):
            raise RuntimeError(f"the ruleset of {receiver} has no {sender}")
    print(took)


def _definitions(fleet: dict) -> dict:
    return {
        "networks": {
            name.upper(): {"values": [{"address": f"{address}/32"} for address in addresses]}
            for name, addresses in fleet["addresses"].items()
        },
        "services": {
            name.upper(): [{"protocol": "tcp", "port": port}] for name, _sender, _receiver, port in fleet["flows"]
        },
    }


def _policy(node_class: str, flows: list) -> dict:
    received = [_term(flow, "source-address", flow[1]) for flow in flows if flow[2] == node_class]
    sent = [_term(flow, "destination-address", flow[2]) for flow in flows if flow[1] == node_class]
    hooks = {"input": received, "output": sent}
    return {
        "filename": node_class,
        "filters": [
            {"header": {"targets": {"nftables": f"inet {hook} 0 drop"}}, "terms": terms}
            for hook, terms in hooks.items()
            if terms
        ],
    }


def _term(flow: list, match: str, peer: str) -> dict:
    name = flow[0]
    return {
        "name": name,
        match: peer.upper(),
        "destination-port": name.upper(),
        "protocol": "tcp",
        "action": "accept",
    }


if __name__ == "__main__":
    main()
