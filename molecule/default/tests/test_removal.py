"""What the module put on a host, it takes away again, and only that."""

from __future__ import annotations

import subprocess

import pytest
from containers import INVENTORY, SHOW, Lab

OURS = f"{SHOW}; find /etc /usr/local /var/lib -name '*gatehouse*'"


@pytest.fixture(scope="module", autouse=True)
def _removed(lab: Lab) -> None:
    module = ["--module-name=gatehouse.firewall.ruleset", "--args=state=absent"]
    subprocess.run(["ansible", f"--inventory={INVENTORY}", *module, ",".join(lab.managed)], check=True)


def test_nothing_of_ours_is_left(lab: Lab) -> None:
    assert set(lab.everywhere(OURS).values()) == {""}


def test_foreign_rules_are_as_they_were_before_harden(lab: Lab) -> None:
    assert set(lab.foreign_changes().values()) == {""}
