"""The page, step by step and in its order: what it says to write and to type, and that what it shows is printed."""

from __future__ import annotations

import pytest
from page import Desk, Step, read_steps
from reader import PAGE

STEPS = [step for step in read_steps(PAGE.read_text(encoding="utf-8")) if step.blocks]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_step(desk: Desk, step: Step) -> None:
    for block in step.blocks:
        block.take(desk)
