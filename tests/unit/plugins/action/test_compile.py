"""The parts that need no play; what a play gets stands in tests/playbooks."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.action.compile import one_policy_each, warnings_about, write_files
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
    with pytest.raises(AnsibleActionFail, match="can't write the plan: "):
        write_files(tmp_path, {"a.nft": "x", "b/c.nft": "y"})

    assert contents(tmp_path) == {}


def test_hosts_share_what_does_not_differ():
    fleet = build(good())

    assert one_policy_each(fleet) == (dict(fleet.policies), {"web1": "web", "web2": "web", "db1": "db"})


def test_hosts_with_other_interfaces_have_policies_of_their_own_where_a_side_matters():
    put = {
        "gatehouse_flows[0].side": "public",
        "hosts.web1.gatehouse_interfaces": {"public": ["eth1", "eth2"], "private": "eth0"},
        "hosts.web2.gatehouse_interfaces": {"public": "eth1"},
    }
    policies, hosts = one_policy_each(build(good(put)))

    assert hosts == {"web1": "web private=eth0 public=eth1,eth2", "web2": "web public=eth1", "db1": "db"}
    assert policies[hosts["web1"]].interfaces == {"private": ("eth0",), "public": ("eth1", "eth2")}
    assert policies[hosts["web2"]].interfaces == {"public": ("eth1",)}


@pytest.mark.parametrize(
    ("expires", "hosts", "warnings"),
    [
        ("2026-11-21", ["web1", "db1"], []),
        ("2026-11-20", [], ["Closed, because their last day is over: sql"]),
        (None, ["web1", "nas", "dns"], ["In no node class, and left as they are: dns, nas"]),
    ],
)
def test_a_user_is_told_of_closed_flows_and_of_hosts_in_no_class(expires, hosts, warnings):
    fleet = build(good({"gatehouse_flows[1].expires": expires}))

    assert list(warnings_about(fleet, hosts)) == warnings
