"""Where the API server is, as its Endpoints say it."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import Declaration
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.detected_options import (
    api_server,
    with_detected,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Declared
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where

BOTH = {"cidr": "networks", "port": "port"}
HINT = "; set gatehouse_options.api_server_cidr and api_server_port instead"


def subset(*addresses, port=6443, name="https"):
    return {"addresses": [{"ip": one} for one in addresses], "ports": [{"name": name, "port": port}]}


def detected(*subsets, undetected=None):
    problems = Problems()
    found = api_server(undetected or BOTH, [{"subsets": list(subsets)}], problems)
    return found, [str(problem) for problem in problems.found]


@pytest.mark.parametrize(
    ("subsets", "addresses"),
    [
        ([subset("192.0.2.1")], ["192.0.2.1"]),
        ([subset("192.0.2.2", "192.0.2.1")], ["192.0.2.1", "192.0.2.2"]),
        ([subset("192.0.2.1"), subset("2001:db8::1")], ["192.0.2.1", "2001:db8::1"]),
        ([subset("192.0.2.1"), subset("192.0.2.9", port=8080, name="http")], ["192.0.2.1"]),
        ([{**subset("192.0.2.1"), "notReadyAddresses": [{"ip": "192.0.2.5"}]}], ["192.0.2.1"]),
    ],
)
def test_the_addresses_are_the_ready_ones_of_the_port_named_https(subsets, addresses):
    assert detected(*subsets) == ({"cidr": addresses, "port": 6443}, [])


def test_only_what_is_asked_for_is_found():
    assert detected(subset("192.0.2.1"), undetected={"cidr": "networks"}) == ({"cidr": ["192.0.2.1"]}, [])


@pytest.mark.parametrize("subsets", [[], [subset()], [subset("192.0.2.1", name="metrics")], [{"addresses": None}]])
def test_nobody_there_is_a_problem(subsets):
    _found, problems = detected(*subsets)

    expected = "got nothing, expected at least one address with a port named https"
    assert problems == [f"Endpoints kubernetes (namespace default): {expected}{HINT}"]


def test_ports_that_differ_are_a_problem():
    _found, problems = detected(subset("192.0.2.1"), subset("192.0.2.2", port=8443))

    expected = "got '6443, 8443', expected one port named https for all addresses"
    assert problems == [f"Endpoints kubernetes (namespace default): {expected}{HINT}"]


def test_options_that_are_wrong_stay_wrong():
    declaration = Declaration(options=Declared(Where("gatehouse_options"), ["egress"]))

    assert with_detected(declaration, {}) == with_detected(declaration, {"port": 6443}) == declaration


@pytest.mark.parametrize("written", [None, {"egress": True}])
def test_what_was_found_stands_beside_what_the_user_says(written):
    declaration = Declaration(options=Declared(Where("gatehouse_options"), written))

    assert with_detected(declaration, {"port": 6443}).options.value == {**(written or {}), "port": 6443}
