"""README.md's first host: its words, line by line, from a bare Debian to a host that observes and then enforces."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from page import Command, Desk, Step, read_steps
from reader import README, sit_down_bare

PART = re.compile(r"^## Install\n.*?(?=^## What there is$)", re.MULTILINE | re.DOTALL)
MINUTES = 10
REMOVE = "ansible-playbook gatehouse.firewall.remove -i inventory.yml"
WARNING = "[WARNING]: "
EXPECTED = (
    "Only observing (gatehouse_mode), nothing is blocked there: web1",
    "This host has observed for 0 minutes only",
)


def steps() -> list[Step]:
    """Return what the README has a reader do."""
    (part,) = PART.findall(README.read_text(encoding="utf-8"))
    return read_steps(part)


@pytest.fixture(scope="module")
def bare() -> Iterator[Desk]:
    """Return a reader's folder; the hosts are as they were afterwards."""
    with sit_down_bare() as desk:
        yield desk
        desk.run(REMOVE)


def test_the_first_host_observes_and_then_enforces_within_ten_minutes(bare: Desk) -> None:
    begun, warnings = time.monotonic(), []
    for block in [block for step in steps() for block in step.blocks]:
        printed = block.take(bare)
        if isinstance(block, Command):
            found = [line.removeprefix(WARNING) for line in printed.splitlines() if line.startswith(WARNING)]
            warnings += [text for text in found if not text.startswith(EXPECTED)]
    print(f"README: {time.monotonic() - begun:.0f} s")

    assert warnings == []
    assert time.monotonic() - begun < MINUTES * 60
