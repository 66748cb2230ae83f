from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.group_files import note_hidden
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems

SSH = {"name": "ssh", "from": "web", "to": "db", "ports": "22/tcp"}


def test_what_two_files_of_a_group_say_in_different_ways_is_named_with_both():
    problems = Problems()
    files = {
        "group_vars/all/a.yml": {"gatehouse_flows": [SSH], "gatehouse_profile": "eks"},
        "group_vars/all/b.yml": {"gatehouse_flows": [], "gatehouse_zones": []},
        "group_vars/all/c.yml": {"gatehouse_profile": "eks", "gatehouse_zones": None, "motd": 1},
    }
    note_hidden(files, problems)

    assert [str(problem) for problem in problems.found] == [
        (
            "gatehouse_flows (group_vars/all/b.yml): got [], expected it in one file of the group: "
            "group_vars/all/a.yml has it, too, and Ansible takes only one of them"
        )
    ]
