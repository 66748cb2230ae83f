"""The integration targets run the shipped playbooks, and what changes a machine runs on none that is in use."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = sorted((ROOT / "tests" / "integration" / "targets").iterdir())
PLAYED = re.compile(r"\b(?:play|unchanged) ([a-z_]+)")
OF_CLUSTERS_AND_CLOUDS = {"calico", "network_policy", "security_group"}
OTHERS = {"verify"} | OF_CLUSTERS_AND_CLOUDS


def _played(target):
    return set(PLAYED.findall((target / "runme.sh").read_text(encoding="utf-8")))


def test_each_playbook_is_run_or_known_not_to_be():
    shipped = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}

    assert {name for target in TARGETS for name in _played(target)} == shipped - OTHERS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_target_that_hardens_is_destructive(target):
    aliases = (target / "aliases").read_text(encoding="utf-8").splitlines()

    assert ("harden" in _played(target)) == ({"destructive", "needs/root"} <= set(aliases))
