"""A page that lies is caught, and one that nobody could follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from page import Change, Command, Desk, File, PageError, missing, read_steps
from reader import INVENTORY, PAGE

PRINTED = "PLAY [Plan] ***\n\nweb1 | SUCCESS => \n    port: 80\ndone in 3 s\n"
TRUE = [
    ["PLAY [Plan] ***", "", "web1 | SUCCESS =>", "    port: 80", "done in 3 s"],
    ["...", "web1 | SUCCESS =>", "..."],
    ["PLAY [Plan] ***", "...", "    port: 80", "..."],
    ["...", "done in ... s"],
    [],
]
LIES = [
    ([".."], "doesn't print, there or at all:\n.."),
    (["...", "web2 | SUCCESS =>", "..."], "web2 | SUCCESS =>"),
    (["...", "    port: 80", "web1 | SUCCESS =>", "..."], "web1 | SUCCESS =>"),
    (["...", "web1 | SUCCESS =>", "done in 3 s"], "done in 3 s"),
    (["web1 | SUCCESS =>", "..."], "web1 | SUCCESS =>"),
    (["...", "port: 80", "..."], "port: 80"),
    (["...", "web1 | SUCCESS =>"], "prints more, and the page doesn't say that something is left out"),
    (["...", "done in 3 s", "and more"], "and more"),
]
FENCE = "```"


def page(*blocks: tuple[str, str, str]) -> str:
    """Return a page of one step, of paragraphs with a block each."""
    parts = [f"{text}\n\n{FENCE}{kind}\n{content}{FENCE}\n" for text, kind, content in blocks]
    return "# Page\n\n## Step\n\n" + "\n".join(parts)


def blocks(*parts: tuple[str, str, str]) -> tuple[File | Change | Command, ...]:
    return read_steps(page(*parts))[1].blocks


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, {"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize("shown", TRUE, ids=str)
def test_what_was_printed_may_be_shown_with_gaps_that_are_told(shown: list[str]) -> None:
    assert missing(tuple(shown), PRINTED) == ""


@pytest.mark.parametrize(("shown", "says"), LIES, ids=str)
def test_what_was_not_printed_like_that_is_named(shown: list[str], says: str) -> None:
    assert missing(tuple(shown), PRINTED).endswith(says)


def test_a_command_that_fails_has_to_be_followed_by_its_status(desk: Desk) -> None:
    for block in blocks(("Type:", "console", "$ false\n$ echo $?\n1\n$ true\n")):
        block.take(desk)

    (lie,) = blocks(("Type:", "console", "$ echo well; exit 3\nwell\n"))
    with pytest.raises(AssertionError, match="ends with 3, and the page doesn't say so"):
        lie.take(desk)


def test_a_status_that_was_another_is_a_lie(desk: Desk) -> None:
    failing, status = blocks(("Type:", "console", "$ exit 2\n$ echo $?\n4\n"))
    failing.take(desk)

    with pytest.raises(AssertionError, match=r"doesn't print, there or at all:\n4"):
        status.take(desk)


def test_a_path_that_was_set_holds_for_the_lines_after_it(desk: Desk) -> None:
    desk.write("bin/own", "#!/bin/sh\necho here\n")
    for block in blocks(("Type:", "console", "$ chmod +x bin/own\n$ PATH=$PWD/bin:$PATH\n$ own\nhere\n")):
        block.take(desk)


def test_a_file_is_written_where_the_line_before_says_and_a_change_is_made_in_it(desk: Desk) -> None:
    write = ("Use `this`. Write `a/b.yml`:", "yaml", "one: 1\ntwo: 2\n")
    change = ("In `a/b.yml`:", "diff", " one: 1\n-two: 2\n+two: 3\n+four: 4\n")
    for block in blocks(write, change):
        block.take(desk)

    assert desk.read("a/b.yml") == "one: 1\ntwo: 3\nfour: 4\n"


def test_a_change_of_what_is_not_there_is_a_lie(desk: Desk) -> None:
    write, change = blocks(("`a`:", "yaml", "one: 1\n"), ("`a`:", "diff", "-two: 2\n+two: 3\n"))
    write.take(desk)

    with pytest.raises(AssertionError, match="a has 0 times"):
        change.take(desk)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (("No file.", "yaml", "one: 1\n"), "a file to write, and the paragraph before names none"),
        (("`a`:", "diff", "one: 1\n"), "begins with a blank, - or [+]"),
        (("Type:", "console", "output\n$ true\n"), "output before any command"),
        (("Type:", "console", "$ true\n...\n"), "nothing is shown of what 'true' prints"),
    ],
)
def test_a_block_that_nobody_could_check_is_an_error(part: tuple[str, str, str], says: str) -> None:
    with pytest.raises(PageError, match=says):
        blocks(part)


def test_an_indented_block_is_an_error() -> None:
    with pytest.raises(PageError, match="line 3: an indented block"):
        read_steps("# Page\n\n    $ true\n")


def test_the_lab_has_the_hosts_of_the_page() -> None:
    files = [block for step in read_steps(PAGE.read_text(encoding="utf-8")) for block in step.blocks]
    (hosts,) = [block for block in files if isinstance(block, File) and block.path == "inventory/hosts.yml"]

    assert hosts.text == (INVENTORY / "hosts.yml").read_text(encoding="utf-8")
