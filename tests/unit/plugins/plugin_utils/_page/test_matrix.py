"""The matrix, and the same by port."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.matrix import matrix, ports
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import read, report_of


def wide():
    """Return a model with more receivers than have place for their ports."""
    zones = [{"name": f"zone{number}", "networks": [f"198.51.100.{number}"]} for number in range(12)]
    flow = {"name": "out", "from": ["web"], "to": [zone["name"] for zone in zones], "ports": ["53/tcp+udp"]}
    return good({"gatehouse_zones": [*good()["gatehouse_zones"], *zones], "gatehouse_flows[2]": flow})


def test_a_cell_has_the_ports_of_its_pair_and_is_empty_where_nobody_passes():
    reader = read(matrix(report_of(good())))

    assert reader.rows == [["from ↓ to →", "web", "db"], ["web", "", "5432/tcp"], ["office", "80/tcp443/tcp", ""]]
    assert [link for link in reader.links if link.startswith("#pair")] == ["#pair-1", "#pair-0"]


def test_a_cell_says_at_which_end_it_is_open_and_leaves_out_ports_beyond_four():
    many = {
        "gatehouse_flows[1].ports": [f"{port}/tcp" for port in (1, 3, 5, 7, 9, 11)],
        "gatehouse_flows[1].end": "egress",
    }

    assert read(matrix(report_of(good(many)))).rows[1][2] == "1/tcp3/tcp5/tcp7/tcpand 2 moreegress only"


def test_a_wide_matrix_has_numbers_which_say_their_ports_to_those_who_ask():
    lines = "".join(matrix(report_of(wide())))

    assert read(lines).rows[1][2] == "1"
    assert 'aria-label="web to zone0: 53/tcp 53/udp"' in lines
    assert "narrow" in read(lines).kinds
    assert "narrow" not in read(matrix(report_of(good()))).kinds


def test_ports_are_listed_upwards_each_with_all_who_reach_somebody_on_it():
    more = {"gatehouse_flows[2]": {"name": "all", "from": ["db"], "to": ["db"], "ports": ["all"]}}
    reader = read(ports(report_of(good({**more, "gatehouse_flows[1].ports": ["5432/tcp", "80/tcp", "53/tcp+udp"]}))))

    assert reader.rows[1:] == [
        ["all", "db to db"],
        ["53/tcp", "web to db"],
        ["53/udp", "web to db"],
        ["80/tcp", "office to web web to db"],
        ["443/tcp", "office to web"],
        ["5432/tcp", "web to db"],
    ]
