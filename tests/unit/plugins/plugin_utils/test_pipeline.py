from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils import _pipeline as pipeline
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import Declaration, Source, declare
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import (
    ModelError,
    Problem,
    Problems,
    Where,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import (
    TODAY,
    build,
    good,
    problems_of,
)


def test_nothing_declared_is_an_empty_fleet():
    fleet = pipeline.build(Declaration(), Inventory({}, {}), lambda _name: (), TODAY, Problems())

    assert (dict(fleet.policies), dict(fleet.hosts), dict(fleet.sets)) == ({}, {}, {})


def test_problems_of_every_stage_are_raised_together():
    spoilt = good(
        {
            "gatehouse_flow": [],
            "gatehouse_options": {"x": 1},
            "gatehouse_services[0].ports[0]": "0/tcp",
            "gatehouse_zones[1].hostnames": ["nowhere.example.org"],
            "gatehouse_flows[0].side": "public",
            "hosts.web2.gatehouse_interfaces": {"public": "eth1"},
            "hosts.db1": {},
        }
    )

    assert [str(problem.where) for problem in problems_of(spoilt)] == [
        "gatehouse_flow",
        "gatehouse_options.x",
        "gatehouse_services[0].ports[0]",
        "gatehouse_zones[1].hostnames[0]",
        "ansible_host (host db1)",
        "gatehouse_interfaces.public (host web1)",
    ]


def test_problems_noted_before_are_raised_too():
    problems = Problems([Problem(Where("gatehouse_profile"), "'x'", "a shipped profile")])

    with pytest.raises(ModelError):
        pipeline.build(Declaration(), Inventory({}, {}), lambda _name: (), TODAY, problems)


def test_the_same_declaration_compiles_to_the_same_fleet():
    assert build(good(profiled=True)) == build(good(profiled=True))


def test_hosts_are_read_that_a_class_a_zone_an_assertion_or_a_question_is_about_and_no_other():
    groups = {"all": ["web1", "db1", "lone", "named", "asserted", "asked"], "webs": ["web1"], "dbs": ["db1"]}
    problems = Problems()
    declaration = declare(
        [
            Source(
                "",
                {
                    "gatehouse_classes": [{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs", "x"]}],
                    "gatehouse_zones": [{"name": "office", "hostnames": ["named", "git.example.org"]}],
                    "gatehouse_assertions": [{"from": ["asserted"], "to": "db", "ports": ["22/tcp"], "allowed": False}],
                },
            )
        ],
        lambda *_arguments: [],
        problems,
    )
    model = pipeline.read(declaration, problems)

    assert pipeline.hosts_to_read(declaration, model, groups, ["asked", "nobody", None]) == [
        *("web1", "db1", "named", "asserted", "asked")
    ]
