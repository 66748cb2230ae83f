"""What has passed and what would not have, of the hosts of a class together."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import Observed, Seen
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import Count, HostState
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.traffic import observed, usage
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import read, report_of


def watched(host, usage=(), seen=()):
    return HostState(host, usage=tuple(usage), observed=Observed(tuple(seen)) if seen else None)


def used(flow, packets, direction="ingress"):
    return Count(flow, direction, packets, 60 * packets)


def peer(address, packets, first="2026-11-20T09:00:00Z", last="2026-11-21T09:00:00Z", protocol="tcp", port=9100):
    return Seen("ingress", ip_address(address), protocol, port, packets, first, last)


def rows(part, *said_by):
    return read(part(report_of(good(), live={one.host: one for one in said_by}))).rows[1:]


@pytest.mark.parametrize("part", [usage, observed])
def test_nothing_is_said_where_no_host_counts(part):
    assert list(part(report_of(good(), live={"web1": HostState("web1")}))) == []
    assert list(part(report_of(good(), live={"web1": watched("web1")}))) == []


def test_the_counts_of_a_flow_are_those_of_all_hosts_of_a_class():
    hosts = (watched("web1", usage=(used("front", 1200),)), watched("web2", usage=(used("front", 30), used("ssh", 0))))

    assert rows(usage, *hosts) == [["web", "front", "ingress", "1,230", "2"], ["web", "ssh", "ingress", "none", "1"]]


def test_a_flow_is_counted_by_class_and_direction():
    counts = (used("sql", 0), used("sql", 7, "egress"))

    assert rows(usage, watched("db1", usage=counts), watched("web1", usage=counts[1:])) == [
        ["web", "sql", "egress", "7", "1"],
        ["db", "sql", "ingress", "none", "1"],
        ["db", "sql", "egress", "7", "1"],
    ]


def test_flows_that_nobody_used_are_counted():
    live = {"web1": watched("web1", usage=(used("front", 1), used("ssh", 0)))}

    assert "1 of 2 flows by class and direction not used" in "".join(usage(report_of(good(), live=live)))


@pytest.mark.parametrize(("number", "shown"), [(25, True), (26, False)])
def test_many_rows_are_folded(number, shown):
    counts = tuple(used(f"flow{index}", index) for index in range(number))
    lines = "".join(usage(report_of(good(), live={"web1": watched("web1", usage=counts)})))

    assert ("<details open>" in lines) is shown
    assert lines.count("<tr>") == number + 1


def test_a_peer_has_its_counts_and_the_first_and_last_time_of_all_hosts():
    early, late = "2026-11-19T08:00:00Z", "2026-11-22T08:00:00Z"
    hosts = (
        watched("web1", seen=(peer("192.0.2.9", 5, first=early), peer("192.0.2.8", 1))),
        watched("web2", seen=(peer("192.0.2.9", 6, last=late),)),
    )

    assert rows(observed, *hosts) == [
        ["192.0.2.9", "ingress", "9100/tcp", "11", "2", early, late],
        ["192.0.2.8", "ingress", "9100/tcp", "1", "1", "2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z"],
    ]


def test_a_protocol_without_ports_has_none():
    assert rows(observed, watched("web1", seen=(peer("192.0.2.9", 5, protocol="gre", port=0),)))[0][2] == "gre"


@pytest.mark.parametrize(("number", "says"), [(200, False), (201, True)])
def test_of_many_peers_those_seen_most_often_are_shown(number, says):
    many = tuple(peer(f"198.51.100.{index}", index + 1) for index in range(number))
    lines = "".join(observed(report_of(good(), live={"web1": watched("web1", seen=many)})))

    assert len(read(lines).rows) == 201
    assert f"<code>198.51.100.{number - 1}</code>" in lines
    assert ("and 1 more, each seen less often" in lines) is says
    assert ("<code>198.51.100.0</code>" in lines) is not says
