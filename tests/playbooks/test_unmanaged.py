"""A host that has left every class, and still has our rules: on "this machine", in namespaces of its own."""

from __future__ import annotations

import pytest

LEFT = "ansible-playbook gatehouse.firewall.remove --limit web1 takes them away"


@pytest.fixture
def run(machine, play_there, write, tmp_path):
    """Run a playbook of ours for web1, in a class or in none; return its status and what it said."""
    local = {"ansible_connection": "local", "ansible_become": False}

    def playbook(name, group, *arguments):
        hosts = {"web1": {**local, "ansible_host": "198.51.100.10"}}
        others = {"web2": {"ansible_host": "198.51.100.11"}}
        children = {group: {"hosts": hosts}, "others": {"hosts": others}}
        classes = [{"name": "web", "groups": ["webs"], "may_be_empty": True}, {"name": "other", "groups": ["others"]}]
        model = {"gatehouse_classes": classes, "gatehouse_rollback_timeout": 30}
        inventory = write(tmp_path / "hosts.yml", {"all": {"vars": model, "children": children}})
        done = play_there(f"gatehouse.firewall.{name}", inventory, "--limit=web1", *arguments, cwd=tmp_path)
        return done.code, done.output

    yield playbook
    machine("nft", "delete", "table", "inet", "gatehouse")


def test_a_host_of_no_class_that_still_has_our_rules_is_named_until_they_are_removed(run):
    asked = ("-e", "gatehouse_audit_unmanaged=true")
    assert run("harden", "webs")[0] == 0
    assert LEFT not in run("audit", "retired")[1]

    code, output = run("audit", "retired", *asked)
    assert (code, LEFT in output) == (0, True), output
    code, output = run("audit", "retired", *asked, "-e", "gatehouse_audit_fail=true")
    assert (code, "1 finding, see the table" in output, LEFT in output) == (2, True, True), output
    assert LEFT not in run("audit", "webs", *asked)[1]

    assert run("remove", "retired")[0] == 0
    code, output = run("audit", "retired", *asked, "-e", "gatehouse_audit_fail=true")
    assert (code, LEFT in output) == (0, False), output
