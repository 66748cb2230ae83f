"""docs/tutorial.md as its reader takes it: step by step, what to write, what to type, and what is then shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PROMPT, STATUS = "$ ", "echo $?"
LEFT_OUT = "..."


class PageError(Exception):
    """What is wrong with a page, and where."""


@dataclass(frozen=True)
class File:
    """A file that the reader writes."""

    path: str
    text: str

    def take(self, desk: Desk) -> None:
        """Write it."""
        desk.write(self.path, self.text)


@dataclass(frozen=True)
class Change:
    """What the reader changes in a file: the lines as they were, and as they become."""

    path: str
    before: str
    after: str

    def take(self, desk: Desk) -> None:
        """Change it where the lines are, which has to be one place."""
        text = desk.read(self.path)
        if text.count(self.before) != 1:
            raise AssertionError(f"{self.path} has {text.count(self.before)} times:\n{self.before}")
        desk.write(self.path, text.replace(self.before, self.after))


@dataclass(frozen=True)
class Command:
    """A line that the reader types, what is shown of its output, and whether its failure is told."""

    line: str
    shown: tuple[str, ...]
    may_fail: bool

    def take(self, desk: Desk) -> str:
        """Run it, find what is shown in what it prints, and return that."""
        printed = desk.run(self.line)
        complaint = missing(self.shown, printed)
        if complaint:
            raise AssertionError(f"{PROMPT}{self.line}\n{complaint}\n\nIt printed:\n{printed}")
        if desk.status and not self.may_fail:
            told = f"ends with {desk.status}, and the page doesn't say so"
            raise AssertionError(f"{PROMPT}{self.line}\n{told}\n\nIt printed:\n{printed}")
        return printed


@dataclass(frozen=True)
class Step:
    """A heading, and what stands below it for the reader to do."""

    title: str
    blocks: tuple[File | Change | Command, ...]


class Desk:
    """The folder and the shell in which the reader works: on this machine, or in a container that sees the folder."""

    def __init__(self, folder: Path, environment: dict[str, str], container: str = "") -> None:
        self.folder = folder
        self.status = 0
        self._environment = environment
        self._container = container

    def write(self, path: str, text: str) -> None:
        """Write a file, and the folders that it is in."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        """Return what is in a file."""
        return (self.folder / path).read_text(encoding="utf-8")

    def run(self, line: str) -> str:
        """Return what a line of shell prints, complaints included, and remember how it ended, and PATH."""
        path = self.folder / ".path"
        script = f"trap 'printf %s \"$PATH\" >{shlex.quote(str(path))}' EXIT\n(exit {self.status})\n{line}"
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run([*self._shell(), script], cwd=self.folder, text=True, check=False, **pipes)
        self.status = done.returncode
        self._environment = {**self._environment, "PATH": path.read_text(encoding="utf-8")}
        return done.stdout

    def _shell(self) -> list[str]:
        settings = [f"{key}={value}" for key, value in self._environment.items()]
        inside = ["podman", "exec", f"--workdir={self.folder}", self._container] if self._container else []
        return [*inside, "env", "--ignore-environment", *settings, "bash", "-c"]


def desk(folder: Path, **environment: str) -> Desk:
    """Return a folder to work in, with nothing of this machine's own settings of Ansible."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))}
    return Desk(folder, {**plain, "NO_COLOR": "1", **environment})


def read_steps(markdown: str) -> list[Step]:
    """Return the steps of a page in their order; a block that nobody could check is an error."""
    steps: list[tuple[str, list[File | Change | Command]]] = []
    tokens = MarkdownIt("commonmark").parse(markdown)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            steps.append((tokens[number + 1].content, []))
        elif token.type == "code_block":
            raise PageError(f"line {_line(token)}: an indented block, which no reader could be told how to take")
        elif token.type == "fence":
            steps[-1][1].extend(_blocks(token, _path_before(tokens[:number])))
    return [Step(title, tuple(blocks)) for title, blocks in steps]


def _blocks(fence: Token, path: str) -> Iterator[File | Change | Command]:
    kind = fence.info.split()[0] if fence.info else ""
    if kind == "console":
        yield from _commands(fence)
    elif not path:
        raise PageError(f"line {_line(fence)}: a file to write, and the paragraph before names none")
    elif kind == "diff":
        yield _change(fence, path)
    else:
        yield File(path, fence.content)


def _path_before(tokens: list[Token]) -> str:
    """Return what the paragraph just before names last in a code span; nothing where there is none."""
    inline = tokens[-2] if len(tokens) > 1 and tokens[-1].type == "paragraph_close" else None
    spans = [child.content for child in (inline and inline.children) or [] if child.type == "code_inline"]
    return spans[-1] if spans else ""


def _change(fence: Token, path: str) -> Change:
    lines = fence.content.splitlines(keepends=True)
    for line in lines:
        if line[0] not in "-+ ":
            raise PageError(f"line {_line(fence)}: a line of a change begins with a blank, - or +, not like {line!r}")
    before, after = ("".join(line[1:] for line in lines if line[0] in side) for side in ("- ", "+ "))
    return Change(path, before, after)


def _commands(fence: Token) -> Iterator[Command]:
    typed: list[tuple[str, list[str]]] = []
    for line in fence.content.splitlines():
        if line.startswith(PROMPT):
            typed.append((line.removeprefix(PROMPT), []))
        elif typed:
            typed[-1][1].append(line)
        else:
            raise PageError(f"line {_line(fence)}: output before any command: {line!r}")
    following = [line for line, _shown in typed[1:]] + [""]
    for (line, shown), then in zip(typed, following, strict=True):
        if shown and all(text.strip() == LEFT_OUT for text in shown):
            raise PageError(f"line {_line(fence)}: nothing is shown of what {line!r} prints")
        yield Command(line, tuple(shown), may_fail=STATUS in (line, then))


def missing(shown: tuple[str, ...], printed: str) -> str:
    """Return what of the lines shown was not printed; nothing where all were, in their order and with no gap untold.

    ``...`` stands for any number of lines left out, and in a line for what is left out of it.
    """
    text = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    if not shown or _prints(shown, text):
        return ""
    for number in range(len(shown)):
        if not _prints((*shown[: number + 1], LEFT_OUT), text):
            return f"doesn't print, there or at all:\n{shown[number]}"
    return "prints more, and the page doesn't say that something is left out"


def _prints(shown: tuple[str, ...], text: str) -> bool:
    return re.fullmatch("".join(map(_pattern, shown)), text) is not None


def _pattern(line: str) -> str:
    if line.strip() == LEFT_OUT:
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*".join(map(re.escape, line.rstrip().split(LEFT_OUT))) + r"\n"


def _line(token: Token) -> int:
    return (token.map or [0])[0] + 1
