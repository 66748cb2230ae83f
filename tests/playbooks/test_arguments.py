"""A value that no role can take ends every playbook before any host is connected to; words that mean yes are a yes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
WITHOUT_ARGUMENTS = {"remove"}
BAD = {
    "gatehouse_audit_fail": "ture",
    "gatehouse_plan_offline": "ture",
    "gatehouse_rehearse": "ture",
    "gatehouse_report_offline": "ture",
    "gatehouse_takeover": "ture",
    "gatehouse_backend": "nftable",
    "gatehouse_calico_via": "etcd",
    "gatehouse_rollback_timeout": "ten",
    "gatehouse_unused_days": "a month",
}


@pytest.fixture(scope="module")
def inventory(fleet, write, tmp_path_factory):
    return write(tmp_path_factory.mktemp("inventory") / "hosts.yml", fleet())


@pytest.mark.parametrize("name", sorted({*PLAYBOOKS} - WITHOUT_ARGUMENTS))
def test_bad_values_on_the_command_line_end_a_playbook_before_any_host_is_asked(
    play, inventory, kubernetes_settings, tmp_path, name
):
    needed = {"gatehouse_vpc_id": "vpc-1", "from": "web", "to": "db"}
    extra = json.dumps({**needed, **BAD})
    outcome = play(f"gatehouse.firewall.{name}", inventory, "-e", extra, env=kubernetes_settings("", tmp_path))

    assert outcome.code != 0
    assert "UNREACHABLE" not in outcome.output
    messages = "\n".join(outcome.failures)
    assert [key for key in _taken(name) or BAD if key not in messages] == []


def _taken(name):
    """Return what Ansible itself checks of BAD before the first task; nothing where it leaves that to the model."""
    (first, *_others) = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8"))
    if "ansible.builtin.import_playbook" in first:
        return _taken(first["ansible.builtin.import_playbook"].removesuffix(".yml"))
    task = first["tasks"][0]
    role = task.get("ansible.builtin.import_role") or task.get("ansible.builtin.include_role") or {}
    if not role.get("rolespec_validate", bool(role)):
        return set()
    folder = ROOT / "roles" / role["name"].rpartition(".")[2] / "meta"
    specs = yaml.safe_load((folder / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    return BAD.keys() & specs[role.get("tasks_from", "main")]["options"].keys()


def test_every_word_for_yes_that_passes_is_a_yes(play, inventory):
    """Ansible's own filter bool takes it for a no, and the hosts would be asked."""
    outcome = play("gatehouse.firewall.plan", inventory, "-e", "gatehouse_plan_offline=y")

    assert outcome.code == 0, outcome.output
    assert "UNREACHABLE" not in outcome.output


def test_bad_values_of_groups_and_hosts_are_all_named_with_their_places(plan, fleet, write, tmp_path):
    wrong = {
        "webs": {"gatehouse_takeover": "perhaps"},
        "web2": {"gatehouse_rollback_timeout": "30s"},
        "db1": {"gatehouse_backend": "pf"},
    }
    outcome = plan(write(tmp_path / "hosts.yml", fleet(**wrong)), tmp_path / "plan", "--limit", "web1")

    expected = (
        "3 problems in the model; nothing was changed:\n"
        "  gatehouse_takeover (group webs): got 'perhaps', expected true or false\n"
        "  gatehouse_backend (host db1): got 'pf', expected one of auto, iptables, nftables\n"
        "  gatehouse_rollback_timeout (host web2): got '30s', expected a whole number"
    )
    assert outcome.failures == [expected]
    assert not (tmp_path / "plan").exists()


def test_playbooks_may_follow_each_other_in_one_run(play, inventory, write, tmp_path):
    """A result that one registers is no variable of the next one's model."""
    names = ["report", "explain", "plan", "verify", "report", "explain", "audit"]
    book = write(tmp_path / "all.yml", [{"import_playbook": f"gatehouse.firewall.{name}"} for name in names])
    question = ["from=office", "to=web", "on=443/tcp"]
    words = [*question, f"gatehouse_report_dir={tmp_path / 'report'}", "gatehouse_report_offline=yes"]
    words += [f"gatehouse_plan_dir={tmp_path / 'plan'}", "gatehouse_plan_offline=yes"]
    outcome = play(book, inventory, "--check", *(part for word in words for part in ("-e", word)))

    assert outcome.failures == []
    assert outcome.output.count("input of web1 (web) allows it") == 2
    assert outcome.output.count("UNREACHABLE") == len(["web1", "web2", "db1"])
