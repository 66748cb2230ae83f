"""What hosts have denied, on the page: whose it was, and what would allow it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import Observed, Seen
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import HostState
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.denied import denied
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import page_of, read, report_of

TIMES = ("2026-11-30T08:00:00Z", "2026-11-30T17:30:00Z")


def seen(address, port, packets=3):
    return Seen("ingress", ip_address(address), "tcp", port, packets, *TIMES, denied=True)


def live(**hosts):
    return {host: HostState(host, denied=Observed(tuple(rows))) for host, rows in hosts.items()}


def lines(**hosts):
    return "".join(denied(report_of(good(), live=live(**hosts))))


def test_a_row_has_the_hosts_the_peer_and_what_the_model_says():
    shown = lines(web1=[seen("192.0.2.11", 22)], web2=[seen("192.0.2.11", 22, 4)])

    last = [TIMES[1], "unknown", "no flow allows it"]
    assert read(shown).rows[1:] == [["web1, web2", "ingress", "db1 (db)", "22/tcp", "7", *last]]
    assert "7 packets that no flow allows, on 2 hosts." in shown


@pytest.mark.parametrize("rows", [[], [seen("203.0.113.7", 443)]])
def test_nothing_is_said_where_nothing_was_denied_or_all_of_it_is_allowed_by_now(rows):
    assert lines(web1=rows) == ""


def test_of_many_rows_those_of_the_fleet_and_those_seen_most_often_are_shown():
    shown = lines(web1=[seen("198.51.100.99", port, packets=port) for port in range(1000, 1250)])

    assert (len(read(shown).rows), "and 50 more" in shown, ">1249/tcp<" in shown) == (201, True, True)


def test_the_page_has_a_section_of_it():
    assert '<h2 id="denied">Denied</h2>' in page_of(good(), live=live(web1=[seen("192.0.2.11", 22)]))
    assert 'id="denied"' not in page_of(good(), live=live(web1=[]))
