"""Exports of other fleets: classes by their addresses and nothing else, for so many days."""

from __future__ import annotations

import datetime

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.export import exported
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError, Problems
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, build, good

EAST = {"exported": {"date": TODAY, "commit": "abc"}, "classes": [{"name": "east_web", "networks": ["198.51.100.1"]}]}
FLOW = {"name": "mine", "from": ["east_web"], "to": ["web"], "ports": ["8080/tcp"]}


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Compile a model with a flow from a class of an export."""
    monkeypatch.chdir(tmp_path)

    def compiled(content, days=0, **entry):
        (tmp_path / "east.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
        files = [{"path": str(tmp_path / "east.yml"), **entry}]
        model = good({"gatehouse_model_files": files, "gatehouse_flows[2]": FLOW})
        return build(model, TODAY + datetime.timedelta(days))

    return compiled


def problems(read, *arguments, **entry):
    with pytest.raises(ModelError) as raised:
        read(*arguments, **entry)
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize(("days", "entry"), [(0, {}), (30, {}), (7, {"max_age": 7}), (31, {"max_age": 31}), (-1, {})])
def test_the_classes_of_an_export_are_there_without_their_hosts(read, days, entry):
    fleet = read(EAST, days, **entry)

    (rule,) = [rule for rule in fleet.policies["web"].ingress if rule.flow == "mine"]
    assert rule.addresses.texts() == ["198.51.100.1"]
    assert "east_web" not in fleet.policies


@pytest.mark.parametrize(("days", "entry", "most"), [(31, {}, 30), (8, {"max_age": 7}, 7)])
def test_an_export_that_is_too_old_is_an_error(read, days, entry, most):
    (problem,) = problems(read, EAST, days, **entry)

    assert problem.startswith(
        f"gatehouse_model_files[0].path: got '{TODAY}', expected an export of at most {most} days ago"
    )
    assert problem.endswith(f"{days} days old; export it again, or say max_age where the file is named")


def test_an_export_of_a_day_to_come_is_an_error(read):
    (problem,) = problems(read, EAST, -2)

    assert problem.startswith(
        f"gatehouse_model_files[0].path: got '{TODAY}', expected an export of a day that isn't to come"
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"exported": {}}, "exported.date (file east.yml): got nothing, expected the day of the export"),
        (
            {"exported": {"date": "today"}},
            "exported.date (file east.yml): got 'today', expected a day such as 2027-01-31",
        ),
        ({"exported": None}, "exported (file east.yml): got nothing, expected a mapping with the keys commit, date"),
        ({"flows": [FLOW]}, "flows (file east.yml): got [{"),
        ({"zones": []}, "zones (file east.yml): got [], expected classes alone: this file is an export"),
    ],
    ids=str,
)
def test_an_export_says_its_day_and_its_classes_and_opens_nothing(read, more, expected):
    assert any(problem.startswith(expected) for problem in problems(read, {**EAST, **more}))


def test_an_export_manages_no_host(read):
    managed = [{**EAST["classes"][0], "groups": ["webs"], "isolated": True}]

    found = problems(read, {**EAST, "classes": managed})

    assert [problem.partition(":")[0] for problem in found if "no such key, but one of name, networks" in problem] == [
        "classes[0].groups (file east.yml)",
        "classes[0].isolated (file east.yml)",
    ]


def test_what_is_exported_is_read_by_another_fleet_and_not_passed_on(read):
    pods = {"name": "basket", "pods": {"labels": {"app": "basket"}}}
    fleet = build(good({"gatehouse_classes[2]": pods, "gatehouse_classes[1].networks": ["2001:db8::/64"]}))

    text = exported(fleet, "east_", TODAY, "abc-dirty", Problems())
    again = exported(read({**EAST, **yaml.safe_load(text), "classes": EAST["classes"]}), "", TODAY, "", Problems())

    assert text.startswith("# Written by the playbook gatehouse.firewall.export.")
    assert yaml.safe_load(text) == {
        "exported": {"date": TODAY, "commit": "abc-dirty"},
        "classes": [
            {"name": "east_web", "networks": ["192.0.2.1", "192.0.2.2"]},
            {"name": "east_db", "networks": ["192.0.2.11", "2001:db8::/64"]},
        ],
    }
    assert [one["name"] for one in yaml.safe_load(again)["classes"]] == ["web", "db"]


def test_a_prefix_that_makes_no_names_is_an_error():
    wrong = Problems()

    exported(build(good()), "1-", TODAY, "", wrong)

    assert [str(problem.where) for problem in wrong.found] == ["gatehouse_export_prefix"] * 2
