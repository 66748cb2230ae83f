"""One fleet's classes in another fleet's model, by a file with an age."""

from __future__ import annotations

import datetime
import json
import subprocess

import pytest
import yaml


@pytest.fixture
def export(play, tmp_path):
    """Export an inventory's classes."""

    def run(inventory, *arguments, **more):
        extra = {"gatehouse_export": str(tmp_path / "imports" / "east.yml"), "gatehouse_export_prefix": "east_", **more}
        return play("gatehouse.firewall.export", inventory, "-e", json.dumps(extra), *arguments)

    return run


def test_another_fleet_has_the_classes_with_their_day_and_commit(export, planned, fleet, write, tmp_path):
    east = write(tmp_path / "east" / "hosts.yml", fleet())
    git = ["git", "-C", str(east.parent), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "All there is"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, encoding="utf-8", timeout=60)
    file = tmp_path / "imports" / "east.yml"

    checked, first, second = export(east, "--check"), export(east, "--limit", "db1"), export(east)

    assert (checked.code, first.code, second.code) == (0, 0, 0), checked.output + first.output + second.output
    assert ("changed=1" in first.output, "changed=0" in second.output) == (True, True)
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == {
        "exported": {"date": datetime.date.today(), "commit": commit.stdout.strip()},
        "classes": [
            {"name": "east_web", "networks": ["192.0.2.1", "192.0.2.2"]},
            {"name": "east_db", "networks": ["192.0.2.11"]},
        ],
    }

    flows = [{"name": "sync", "from": ["east_db"], "to": ["db"], "ports": ["5432/tcp"]}]
    model = {
        "gatehouse_classes": [{"name": "db", "groups": ["dbs"]}],
        "gatehouse_model_files": [{"path": "../imports/east.yml", "max_age": 7}],
        "gatehouse_flows": flows,
    }
    west = {"all": {"vars": model, "children": {"dbs": {"hosts": {"db9": {"ansible_host": "198.51.100.9"}}}}}}
    files = planned(write(tmp_path / "west" / "hosts.yml", west), tmp_path / "plan")
    assert "192.0.2.11" in files["db9"]


def test_without_a_file_to_write_it_says_so(play, fleet, write, tmp_path):
    outcome = play("gatehouse.firewall.export", write(tmp_path / "hosts.yml", fleet()))

    assert outcome.code != 0
    assert "gatehouse_export: got nothing, expected the path of the file to write" in outcome.output
    assert "Traceback" not in outcome.output
