"""What other tools planted is the same, byte for byte, whatever we do beside it."""

from __future__ import annotations

import json

from containers import Lab, harden

ANOTHER_MODEL = json.dumps({"gatehouse_options": {"transparent_load_balancers": True}})


def test_foreign_rules_are_as_they_were_before_harden(lab: Lab) -> None:
    assert set(lab.foreign_changes().values()) == {""}


def test_foreign_rules_outlive_another_model_and_the_rollback(lab: Lab) -> None:
    before = lab.states()
    limit = ["--limit", ",".join(lab.shared), "--extra-vars=gatehouse_serial=100%"]
    done = harden(*limit, "--extra-vars", ANOTHER_MODEL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {host for host, state in lab.states().items() if state != before[host]} == set(lab.shared)
    assert set(lab.foreign_changes().values()) == {""}

    # Run for some hosts alone, it brings them byte for byte to what the run for all had.
    done = harden(*limit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.states() == before
    assert set(lab.foreign_changes().values()) == {""}
