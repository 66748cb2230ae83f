"""What docs/profiles.md says about a profile of one's own: each block of it, as a user would type it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
SECTION = re.split(r"^## ", PAGE, flags=re.MULTILINE)
TEXT = next(part for part in SECTION if part.startswith("Write a profile in ten minutes"))
PROFILE, MODEL = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
(CONSOLE,) = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
INVENTORY = """\
wikis: {hosts: {wiki1: {ansible_host: 198.51.100.1}}}
databases: {hosts: {db1: {ansible_host: 198.51.100.2}}}
"""


@pytest.fixture
def home(tmp_path):
    for name, text in {
        "profiles/wiki.yml": PROFILE,
        "inventory/group_vars/all.yml": MODEL,
        "inventory/hosts.yml": INVENTORY,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(home, command):
    environment = {**os.environ, "NO_COLOR": "1", "ANSIBLE_DISPLAY_FAILED_STDERR": "false"}
    return subprocess.run(command, shell=True, cwd=home, capture_output=True, text=True, check=False, env=environment)


def test_the_commands_print_what_the_page_says(home):
    plan, grep, *expected = CONSOLE.splitlines()
    planned = run(home, plan.lstrip("$ "))
    assert planned.returncode == 0, planned.stdout + planned.stderr

    assert run(home, grep.lstrip("$ ")).stdout.splitlines() == expected


def test_a_mistake_is_told_by_the_profile_and_the_row(home):
    profile = home / "profiles/wiki.yml"
    profile.write_text(profile.read_text().replace("services: [sql]", "services: [slq]"))
    planned = run(home, CONSOLE.splitlines()[0].lstrip("$ "))

    assert planned.returncode != 0
    (place,) = re.findall(r"Each mistake is reported with the profile's name and the row \(`(.*?)`\)", TEXT)
    assert place in planned.stdout
    assert not (home / "plan").exists()
