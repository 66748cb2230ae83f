"""A plan is written whole or not at all."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.errors import ModelError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.plan_files import (
    fleet_files,
    fleet_remarks,
    write_files,
)
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


EKS = {
    "gatehouse_profile": "eks",
    "gatehouse_classes": [
        {"name": "eks_node", "groups": ["webs"]},
        {"name": "eks_control_plane", "networks": ["192.0.2.128/28"]},
    ],
    "gatehouse_zones": [],
    "gatehouse_services": [],
    "gatehouse_flows": [],
}
CALLS = {"name": "calls", "from": ["eks_node"], "to": ["eks_control_plane"], "ports": ["5060/sctp"]}


def test_security_groups_are_one_document_each_in_the_models_order():
    fleet = build(good({**EKS, "gatehouse_options": {"variant": "separate_minimum"}}))
    files = fleet_files(fleet)

    assert list(files) == ["security_groups.yml"]
    assert files["security_groups.yml"].count("---\n") == 2
    names = [group["name"] for group in yaml.safe_load_all(files["security_groups.yml"])]
    assert names == ["eks-control-plane", "eks-node"]
    assert fleet_remarks(fleet) == []


def test_a_model_without_security_groups_has_no_file_for_the_fleet():
    assert fleet_files(build(good())) == {}
    assert fleet_remarks(build(good())) == []


def test_a_profiles_groups_that_cant_express_the_model_are_left_out_of_the_plan_and_that_is_said():
    fleet = build(good({**EKS, "gatehouse_flows": [CALLS]}))

    assert fleet_files(fleet) == {}
    (remark,) = fleet_remarks(fleet)
    assert remark.startswith("security_groups.yml is not written, since the profile's groups can't express the model: ")
    assert "gatehouse_flows[0].ports: got '5060/sctp'" in remark


def test_the_users_own_groups_that_cant_express_the_model_are_an_error():
    own = {"gatehouse_security_groups": [{"name": "eks-cluster", "classes": ["eks_node"]}]}

    with pytest.raises(ModelError, match="5060/sctp"):
        fleet_files(build(good({**EKS, **own, "gatehouse_flows": [CALLS]})))
