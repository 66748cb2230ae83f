"""Each command on a page names what exists: a playbook with its variables, a target of make, a script, an option.

The tutorial and the README's first host are run line by line (scenario tutorial). What explain.md, usage.md, verify.md
and profiles.md show as printed, their own tests print; that the commands of all pages exist is held here.
"""

import itertools
import pathlib
import re
import shlex

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")])
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^[$#] (.+)$", re.MULTILINE)
# What is no variable of ours, and is read by a playbook.
QUESTIONS = {"from", "to", "on"}
ASSIGNMENT = re.compile(r"[A-Z][A-Z_]*=\S*")
NOT_OURS = {"ansible", "ansible-galaxy", "apt-get", "cat", "cd", "echo", "git", "grep", "ls", "pip", "podman"}
NOT_OURS |= {"pre-commit", "python3"}


def commands(page):
    """Return the commands of a page, without comments and what is set for them."""
    found = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in COMMAND.findall(block):
            words = shlex.split(line, comments=True)
            while words and ASSIGNMENT.fullmatch(words[0]):
                words = words[1:]
            found += [words] if words else []
    return found


def _variables():
    specs = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in ROOT.glob("roles/*/meta/argument_specs.yml")]
    return {name for spec in specs for entry in spec["argument_specs"].values() for name in entry.get("options", {})}


def _targets():
    return set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))


def _wrong_in_playbook(words):
    """Return what a line with ansible-playbook names that is not there."""
    name = words[1].removeprefix("gatehouse.firewall.")
    given = [after.partition("=")[0] for word, after in itertools.pairwise(words) if word == "-e"]
    return [
        *([] if (ROOT / "playbooks" / f"{name}.yml").is_file() else [words[1]]),
        *(one for one in given if one not in _variables() | QUESTIONS),
    ]


def wrong(words):
    """Return what a command names that is not there; an unknown program is wrong, too."""
    program = words[0]
    if program == "ansible-playbook":
        return _wrong_in_playbook(words)
    if program == "make":
        return [word for word in words[1:] if "=" not in word and word not in _targets()]
    if "/" in program:
        files = [word for word in words if "/" in word and not word.startswith(("-", "/", "http"))]
        return [file for file in files if not (ROOT / file.partition("::")[0]).exists()]
    return [] if program in NOT_OURS else [program]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_shows_commands_that_exist(page):
    assert [(" ".join(words), found) for words in commands(page) if (found := wrong(words))] == []


def test_there_are_commands_and_the_ones_that_are_run_are_among_them():
    assert sum(len(commands(page)) for page in PAGES) > 60
    assert commands(ROOT / "docs" / "tutorial.md")
    assert commands(ROOT / "README.md")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ansible-playbook gatehouse.firewall.hardn", ["gatehouse.firewall.hardn"]),
        ("ansible-playbook gatehouse.firewall.plan -e gatehouse_plan_dri=x", ["gatehouse_plan_dri"]),
        ("make lnit unit", ["lnit"]),
        (".ci/tests tests/unit/nothing.py", ["tests/unit/nothing.py"]),
        ("gatehouse up", ["gatehouse"]),
        ("ansible-playbook gatehouse.firewall.plan -e gatehouse_plan_dir=x", []),
    ],
)
def test_what_is_wrong_is_found(line, found):
    assert wrong(shlex.split(line)) == found
