"""Each file says under which licence it is, by a header of its own or in REUSE.toml."""

import pathlib
import re
import subprocess

import pytest

tomllib = pytest.importorskip("tomllib")

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = "GPL-3.0-or-later"
# With dots, so that tools that look for tags don't take these for this file's own.
HEADER = re.compile(rf"SPDX.License.Identifier: {re.escape(LICENCE)}$", re.MULTILINE)
OWNER = re.compile(r"^# (SPDX.FileCopyrightText:|Copyright.\(c\)) gatehouse\.firewall contributors$", re.MULTILINE)
BY_NAME = ("LICENSE", "LICENSES/GPL-3.0-or-later.txt")


def _files():
    """Return what git knows, and what is new; a folder without git has nothing to look at."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    names = filter(None, done.stdout.split("\0"))
    return [name for name in names if (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


def as_pattern(glob):
    """Return a glob of REUSE.toml as a regular expression: * stays within a folder, ** doesn't."""
    parts = re.split(r"(\*\*|\*)", glob)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(part) or re.escape(part) for part in parts))


def _annotations():
    return tomllib.loads((ROOT / "REUSE.toml").read_text(encoding="utf-8"))["annotations"]


def _has_header(name):
    start = (ROOT / name).read_bytes()[:600].decode(errors="replace")
    return bool(HEADER.search(start) and OWNER.search(start))


def test_each_file_has_a_header_or_is_in_reuse_toml():
    files = _files()
    if not files:
        pytest.skip("this folder is no checkout of git")
    patterns = [as_pattern(glob) for annotation in _annotations() for glob in annotation["path"]]
    covered = [name for name in files if any(pattern.fullmatch(name) for pattern in patterns)]

    assert [name for name in files if name not in (*covered, *BY_NAME) and not _has_header(name)] == []


def test_there_is_one_licence_and_its_text():
    texts = [(ROOT / name).read_bytes() for name in BY_NAME]

    assert {annotation["SPDX-License-Identifier"] for annotation in _annotations()} == {LICENCE}
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "name", ["plugins/action/ruleset.py", "playbooks/harden.yml", "roles/host/tasks/main.yml", ".ci/lint"]
)
def test_what_is_code_has_a_header(name):
    assert _has_header(name)


@pytest.mark.parametrize(
    ("glob", "name", "is_match"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/model.md", False),
        ("docs/**", "docs/images/a.png", True),
        ("roles/**/README.md", "roles/host/README.md", True),
        ("galaxy.yml", "galaxy_yml", False),
    ],
)
def test_a_glob_matches_as_reuse_has_it(glob, name, is_match):
    assert bool(as_pattern(glob).fullmatch(name)) is is_match
