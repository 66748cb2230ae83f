"""Models and their Calico objects: calico/NN-name/model.yml, expected.yml, and packets.yml with verdicts by hand.

GATEHOUSE_REGENERATE=1 writes expected.yml anew; read the difference before you keep it.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import Findings, lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.verdict import Cluster, calico_verdict
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.manifests import dump, manifest_files, manifests
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.tests.golden import crds
from ansible_collections.gatehouse.firewall.tests.golden.test_golden import as_packet
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

FOLDER = Path(__file__).parent / "calico"
CASES = sorted(path.parent.name for path in FOLDER.glob("*/model.yml"))

each_case = pytest.mark.parametrize("case", CASES)
needs_schemas = pytest.mark.skipif(
    not crds.FOLDER, reason="GATEHOUSE_CALICO_CRDS names no folder with Calico's schemas"
)


@functools.cache
def read(case, name):
    return yaml.safe_load((FOLDER / case / name).read_text(encoding="utf-8"))


@functools.cache
def fleet_of(case):
    return build(read(case, "model.yml"))


def objects_of(case):
    problems = Problems()
    files = manifest_files(manifests(fleet_of(case), problems))
    problems.raise_if_any()
    return list(yaml.safe_load_all(files["calico.yml"]))


@each_case
def test_a_model_renders_to_the_expected_objects(case):
    if os.environ.get("GATEHOUSE_REGENERATE"):
        text = dump([objects_of(case)])
        (FOLDER / case / "expected.yml").write_text(text, encoding="utf-8")

    assert objects_of(case) == read(case, "expected.yml")


@each_case
def test_every_packet_has_the_verdict_that_was_written_by_hand(case):
    fleet, cluster = fleet_of(case), Cluster(objects_of(case))
    nodes = {"Worker_2": "worker2.example.org"}
    found, expected = {}, {}
    for host, rows in read(case, "packets.yml").items():
        for row, word in rows.items():
            direction, _blank, text = row.partition(" ")
            packet = as_packet(direction, text, fleet.hosts[host])
            outcome = calico_verdict(cluster, nodes.get(host, host), packet)
            found[host, row] = outcome.flow or ("allow" if outcome.allowed else "deny")
            expected[host, row] = word

    assert found == expected


@each_case
def test_the_linter_has_no_word_against_the_objects(case):
    assert lint(objects_of(case)) == Findings()


@needs_schemas
@each_case
def test_calicos_own_schemas_have_no_word_against_the_objects(case):
    assert [complaint for one in objects_of(case) for complaint in crds.complaints(one)] == []


@needs_schemas
def test_calicos_own_schemas_refuse_what_they_should():
    (policy, *_others) = [one for one in objects_of(CASES[0]) if one["spec"].get("preDNAT")]
    policy["spec"]["applyOnForward"] = False
    policy["spec"]["orders"] = 5
    policy["spec"]["ingress"][0]["action"] = "allow"

    assert len(crds.complaints(policy)) == 3
