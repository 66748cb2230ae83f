"""Each rule of the linter both ways: objects that have all of Calico's forms are clean, and each breach is said."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import Findings, lint

DATA = yaml.safe_load((Path(__file__).parent / "lint.yml").read_text(encoding="utf-8"))
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def objects_with(put):
    objects = copy.deepcopy(DATA["good"])
    for path, value in copy.deepcopy(put).items():
        *steps, last = [int(index) if index else key for index, key in _STEP.findall(path)]
        parent = objects
        for step in steps:
            parent = parent[step]
        if isinstance(parent, list) and last == len(parent):
            parent.append(value)
        else:
            parent[last] = value
    return objects


def test_objects_in_all_of_calicos_forms_are_clean():
    assert lint(DATA["good"]) == Findings()


@pytest.mark.parametrize("case", DATA["errors"], ids=lambda case: str(case["put"]))
def test_an_error_is_said_with_its_place(case):
    findings = lint(objects_with(case["put"]))
    lines = "\n".join(map(str, findings.errors))

    assert [words for words in case["says"] if words not in lines] == [], lines
    assert findings.warnings == ()


@pytest.mark.parametrize("case", DATA["warnings"], ids=lambda case: str(case["put"]))
def test_a_trap_is_a_warning_and_no_error(case):
    findings = lint(objects_with(case["put"]))
    lines = "\n".join(map(str, findings.warnings))

    assert findings.errors == ()
    assert [words for words in case["says"] if words not in lines] == [], lines


def test_annotations_have_a_bound():
    findings = lint(objects_with({"[1].metadata.annotations": {"a": "x" * 262_144}}))

    assert "262145 bytes" in str(findings.errors[0])
    assert lint(objects_with({"[1].metadata.annotations": {"a": "x" * 262_143}})) == Findings()


def test_what_a_policy_denies_of_felix_failsafes_is_said_until_they_are_narrowed():
    deny_ssh = {"action": "Deny", "protocol": "TCP", "destination": {"ports": [22]}}
    objects = objects_with({"[2].spec.ingress[0]": deny_ssh})

    assert lint(objects) == Findings()
    (warning,) = lint([one for one in objects if one["kind"] != "FelixConfiguration"]).warnings
    assert "got '22/tcp', expected a FelixConfiguration with failsafeInboundHostPorts" in str(warning)


@pytest.mark.parametrize("objects", [[], [None], ["x"], [[]], [{}], [{"apiVersion": "projectcalico.org/v3"}]])
def test_whatever_the_objects_are_there_is_no_traceback(objects):
    assert bool(lint(objects).errors) == bool(objects)
