from __future__ import annotations

import datetime

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import flow_matrix, port_set
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, read

MODEL = read(
    classes=[{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}],
    zones=[{"name": "office"}, {"name": "world", "networks": ["0.0.0.0/0"], "zones": ["office"]}],
    flows=[
        {"name": "low", "from": ["office"], "to": ["web", "db"], "ports": ["8000-8009/tcp"]},
        {"name": "high", "from": ["office"], "to": ["web"], "ports": ["8010-8019/tcp", "8010/udp"]},
        {"name": "in", "from": ["world"], "to": ["web"], "ports": ["443/tcp"], "end": "ingress"},
        {"name": "out", "from": ["web"], "to": ["world"], "ports": ["80/tcp"], "end": "egress"},
        {"name": "mesh", "from": ["db"], "to": ["db"], "ports": ["all"]},
        {"name": "sent", "from": ["web"], "to": ["db"], "ports": ["5432/tcp"], "end": "egress"},
        {"name": "old", "from": ["web"], "to": ["db"], "ports": ["1/tcp"], "expires": "2026-01-01"},
    ],
)


@pytest.mark.parametrize(
    ("node_class", "direction", "peer", "ports"),
    [
        ("web", "ingress", "office", ["8000-8019/tcp", "8010/udp"]),
        ("db", "ingress", "office", ["8000-8009/tcp"]),
        ("web", "egress", "office", []),
        ("web", "ingress", "world", ["443/tcp"]),
        ("web", "egress", "world", ["80/tcp"]),
        ("db", "ingress", "db", ["all"]),
        ("db", "egress", "db", ["all"]),
        ("web", "ingress", "web", []),
        ("web", "egress", "db", ["5432/tcp"]),
        ("db", "ingress", "web", []),
    ],
)
def test_the_ports_between_a_class_and_a_peer_are_merged_and_sorted(node_class, direction, peer, ports):
    assert port_set(MODEL, node_class, direction, peer, TODAY).texts() == ports


def test_an_expired_flow_counts_up_to_its_last_day():
    assert port_set(MODEL, "db", "ingress", "web", datetime.date(2026, 1, 1)).texts() == ["1/tcp"]
    assert port_set(MODEL, "db", "ingress", "web", datetime.date(2026, 1, 2)).texts() == []


@pytest.mark.parametrize(
    ("question", "problems"),
    [
        (("wbe", "ingress", "office"), ["node_class: got 'wbe', expected a class: one of db, web; did you mean web?"]),
        (("office", "ingress", "web"), ["node_class: got 'office', expected a class: one of db, web"]),
        (("web", "in", "office"), ["direction: got 'in', expected one of egress, ingress"]),
        (
            ("web", "ingres", "office"),
            ["direction: got 'ingres', expected one of egress, ingress; did you mean ingress?"],
        ),
        (
            ("web", "ingress", "ofice"),
            ["peer: got 'ofice', expected a class or a zone: one of db, office, web, world; did you mean office?"],
        ),
        (
            (None, "up", 5),
            [
                "direction: got 'up', expected one of egress, ingress",
                "node_class: got nothing, expected a class: one of db, web",
                "peer: got 5, expected a class or a zone: one of db, office, web, world",
            ],
        ),
    ],
)
def test_a_question_about_what_isnt_there_is_refused(question, problems):
    with pytest.raises(ModelError) as raised:
        port_set(MODEL, *question, TODAY)

    assert [str(problem) for problem in raised.value.problems] == problems


def test_the_matrix_has_a_row_for_each_pair_and_end_in_the_models_order():
    rows = [(cell.sender, cell.receiver, cell.end, str(cell.ports), cell.flows) for cell in flow_matrix(MODEL, TODAY)]

    assert rows == [
        ("office", "web", "both", "8000-8019/tcp 8010/udp", ("low", "high")),
        ("office", "db", "both", "8000-8009/tcp", ("low",)),
        ("world", "web", "ingress", "443/tcp", ("in",)),
        ("web", "world", "egress", "80/tcp", ("out",)),
        ("db", "db", "both", "all", ("mesh",)),
        ("web", "db", "egress", "5432/tcp", ("sent",)),
    ]


def test_what_is_for_some_addresses_of_the_receiver_has_a_row_of_its_own_and_is_no_open_port_of_its():
    flows = [
        {"name": "vip", "from": ["world"], "to": ["web"], "ports": ["443/tcp"], "at": ["192.0.2.9"]},
        {"name": "all", "from": ["world"], "to": ["web"], "ports": ["80/tcp"]},
    ]
    model = read(classes=[{"name": "web", "groups": ["w"]}], zones=[{"name": "world"}], flows=flows)

    assert [(cell.pair, str(cell.ports)) for cell in flow_matrix(model, TODAY)] == [
        ("world to web at 192.0.2.9", "443/tcp"),
        ("world to web", "80/tcp"),
    ]
    assert port_set(model, "web", "ingress", "world", TODAY).texts() == ["80/tcp"]
