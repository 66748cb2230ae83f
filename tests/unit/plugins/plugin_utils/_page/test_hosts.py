"""The index of hosts: each under its class, with what is its own."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import HostState
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.hosts import hosts
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import read, report_of


def test_a_host_stands_under_its_class_with_its_addresses_and_leads_to_its_rules():
    reader = read(hosts(report_of(good())))

    assert reader.rows == [
        ["host", "private"],
        ["web1", "192.0.2.1"],
        ["web2", "192.0.2.2"],
        ["host", "private"],
        ["db1", "192.0.2.11"],
    ]
    assert reader.links == ["#class-web", "#class-db"]


def test_a_host_has_its_sides_interfaces_and_backend_where_it_says_so():
    own = {
        "gatehouse_addresses": {"private": ["192.0.2.1"], "public": ["203.0.113.1"]},
        "gatehouse_interfaces": {"public": "eth1"},
        "gatehouse_backend": "iptables",
    }
    reader = read(hosts(report_of(good({"hosts.web1": own}))))

    assert reader.rows[:3] == [
        ["host", "private", "public", "interfaces", "backend"],
        ["web1", "192.0.2.1", "203.0.113.1", "eth1 public", "iptables"],
        ["web2", "192.0.2.2", "", "", ""],
    ]


def test_a_host_that_was_asked_says_what_enforces():
    reader = read(hosts(report_of(good(), live={"web2": HostState("web2", backend="nftables")})))

    assert reader.rows[:3] == [
        ["host", "private", "backend"],
        ["web1", "192.0.2.1", ""],
        ["web2", "192.0.2.2", "nftables"],
    ]


def test_what_a_host_calls_its_backend_is_text_and_nothing_else():
    lines = "".join(hosts(report_of(good(), live={"web2": HostState("web2", backend="<img src=x onerror=alert(1)>")})))

    assert "<img" not in lines
    assert "&lt;img src=x onerror=alert(1)&gt;" in lines


@pytest.mark.parametrize(("number", "shown"), [(50, True), (51, False)])
def test_a_class_of_many_hosts_is_folded(number, shown):
    own = [f"web{index}" for index in range(number)]
    addresses = {name: {"ansible_host": f"192.0.2.{100 + index}"} for index, name in enumerate(own)}

    lines = "".join(hosts(report_of(good({"groups.webs": own, "hosts": {**good()["hosts"], **addresses}}))))
    assert ('<details id="hosts-web" open>' in lines) is shown
