"""The playbook verify, as far as it goes without a host."""

from __future__ import annotations

import re


def test_a_check_connects_to_nobody_and_says_how_much_would_be_asked(play, fleet, write, tmp_path):
    inventory = write(tmp_path / "inventory.yml", fleet())
    outcome = play("gatehouse.firewall.verify", inventory, "--check")

    assert outcome.code == 0, outcome.output
    assert re.search(r"Would ask \d+ probes from 3 hosts to each other", outcome.output)
    assert "UNREACHABLE" not in outcome.output


def test_hosts_that_are_not_reached_are_said_and_are_no_disagreement(play, fleet, write, tmp_path):
    inventory = write(tmp_path / "inventory.yml", fleet())
    outcome = play("gatehouse.firewall.verify", inventory, "-e", "gatehouse_verify_max=30")

    assert "UNREACHABLE" in outcome.output
    assert "times: the sender's host was not reached or could not ask" in outcome.output
    assert outcome.failures == []


def test_a_wrong_model_ends_the_run_before_anybody_is_asked(play, fleet, write, tmp_path):
    inventory = write(tmp_path / "inventory.yml", fleet())
    outcome = play(
        "gatehouse.firewall.verify", inventory, "-e", '{"gatehouse_flows": [{"name": "x", "from": ["nobody"]}]}'
    )

    assert outcome.code != 0
    assert "gatehouse_flows[0].from[0]: got 'nobody'" in outcome.output
    assert "UNREACHABLE" not in outcome.output


def test_a_number_that_is_none_is_named(play, fleet, write, tmp_path):
    inventory = write(tmp_path / "inventory.yml", fleet())
    outcome = play("gatehouse.firewall.verify", inventory, "-e", "gatehouse_verify_max=0")

    assert outcome.failures == ["max: got 0, expected between 1 and 100000 probes"]
