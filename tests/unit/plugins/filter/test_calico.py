"""What the filters for Calico take and return; what the objects mean is held elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.gatehouse.firewall.plugins.filter.calico import FilterModule

FILTERS = FilterModule().filters()
CASE = Path(__file__).resolve().parents[3] / "golden" / "calico" / "01-the-documents-own-example"
MODEL = yaml.safe_load((CASE / "model.yml").read_text(encoding="utf-8"))
GROUPS, HOSTVARS = MODEL.pop("groups"), MODEL.pop("hosts")
OBJECTS = yaml.safe_load((CASE / "expected.yml").read_text(encoding="utf-8"))


def test_the_filters_have_the_names_that_users_rely_on():
    assert set(FILTERS) == {"calico_findings", "calico_v1_to_v3", "to_calico"}


def test_a_model_becomes_its_objects():
    assert FILTERS["to_calico"](MODEL, GROUPS, HOSTVARS) == OBJECTS


def test_what_calico_cannot_express_is_an_error_that_names_the_key():
    model = {**MODEL, "gatehouse_calico": {"classes": ["iks_worker"], "interfaces": "all"}}

    with pytest.raises(AnsibleFilterError, match=r"(?s)to_calico: .*gatehouse_calico\.interfaces: got 'all'") as found:
        FILTERS["to_calico"](model, GROUPS, HOSTVARS)
    assert "Traceback" not in str(found.value)


def test_failsafes_are_narrowed_once_calico_enforces():
    ssh = {"name": "ssh", "from": ["admins"], "to": ["iks_worker"], "ports": ["22/tcp"]}
    zones = [{"name": "admins", "networks": ["203.0.113.96/28"]}]
    calico = {"classes": ["iks_worker"], "failsafes": "manage", "management": ["ssh"]}
    model = {**MODEL, "gatehouse_flows": [ssh], "gatehouse_zones": zones}
    kinds = [
        {one["kind"] for one in FILTERS["to_calico"]({**model, "gatehouse_calico": settings}, GROUPS, HOSTVARS)}
        for settings in (calico, {**calico, "mode": "observe"})
    ]

    assert ["FelixConfiguration" in found for found in kinds] == [True, False]


def test_findings_are_lists_of_lines():
    assert FILTERS["calico_findings"](OBJECTS) == {"errors": [], "warnings": []}
    broken = [{**OBJECTS[0], "apiVersion": "v1"}]
    assert len(FILTERS["calico_findings"](broken)["errors"]) == 1


def test_an_object_of_2017_may_come_alone():
    old = {"apiVersion": "v1", "kind": "policy", "metadata": {"name": "a"}, "spec": {"order": 1, "selector": "all()"}}

    (policy,) = FILTERS["calico_v1_to_v3"](old)
    assert (policy["kind"], policy["metadata"]["name"]) == ("GlobalNetworkPolicy", "a")
    with pytest.raises(AnsibleFilterError, match=r"(?s)calico_v1_to_v3: .*objects\[0\].kind: got 'x'"):
        FILTERS["calico_v1_to_v3"]({"apiVersion": "v1", "kind": "x"})


def test_findings_about_one_object_are_those_about_a_list_of_it_and_nothing_is_no_object():
    assert FILTERS["calico_findings"](OBJECTS[0]) == {"errors": [], "warnings": []}
    with pytest.raises(AnsibleFilterError, match="calico_findings: objects: got NoneType, expected Calico's objects"):
        FILTERS["calico_findings"](None)
