"""A plan is written whole or not at all."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.plan_files import fleet_files, write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render.network_policy import render
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

FILES = {"web1.nft": "one\n", "web2.nft": "two: é\n"}


def contents(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_files_are_written_once_and_again_where_they_differ(tmp_path):
    folder = tmp_path / "new" / "plan"

    assert write_files(folder, FILES)
    assert contents(folder) == FILES
    assert not write_files(folder, FILES)

    (folder / "web1.nft").write_text("spoilt")
    before = (folder / "web2.nft").stat().st_mtime_ns
    assert write_files(folder, FILES)
    assert contents(folder) == FILES
    assert (folder / "web2.nft").stat().st_mtime_ns == before


def test_other_files_stay(tmp_path):
    (tmp_path / "mine").write_text("x")
    write_files(tmp_path, FILES)

    assert contents(tmp_path) == {**FILES, "mine": "x"}


def test_where_one_file_cannot_be_written_none_is(tmp_path):
    with pytest.raises(OSError, match="b"):
        write_files(tmp_path, {"a.nft": "x", "b/c.nft": "y"})

    assert contents(tmp_path) == {}


def pods(**more):
    return {"gatehouse_classes[2]": {"name": "api", "pods": {"labels": {"app": "api"}, **more}}}


def test_a_model_without_pods_of_its_own_has_no_file_for_the_fleet():
    assert fleet_files(build(good())) == {}
    assert fleet_files(build(good(pods()))) == {}


def test_policies_are_one_file_of_a_document_each():
    fleet = build(good(pods(namespace="shop", isolate=["ingress", "egress"])))
    text = fleet_files(fleet)["network_policy.yml"]

    assert list(yaml.safe_load_all(text)) == render(fleet)
    assert text.count("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n") == 2
    assert "&id" not in text


def test_a_plan_without_policies_says_so_in_place_of_an_older_plans():
    assert fleet_files(build(good(pods(namespace="shop")))) == {
        "network_policy.yml": "# gatehouse.firewall: no NetworkPolicy\n"
    }
