"""A real kernel whose rules of ours are watched: what is flushed is seen, and loaded again where that was said."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import nullcontext

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.locks import held
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.watch_script import SCRIPT
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    OLD,
    each_kind,
    kernel_host,
    needs_all,
    other_rules,
)

pytestmark = needs_all
FINE, OFF, GONE = 0, 1, 10
FLUSHED = "<3>gatehouse: none of our rules is in force: something has flushed or deleted them\n"
FINE_AGAIN = "<5>gatehouse: our rules are in force\n"


class Watched:
    """A hardened host, and what its watch says."""

    def __init__(self, host):
        self.host = host
        self.seen = host.root / "run/gatehouse-watch"
        self.seen.mkdir()
        script = SCRIPT
        for folder in ("/run/gatehouse", "/etc/gatehouse", "/var/lib/gatehouse"):
            script = script.replace(folder, f"{host.root}{folder}")
        self.script = host.root / "watch.sh"
        self.script.write_text(script)

    def run(self, step, *before):
        """Take a step of the script; return its exit code and what it has printed."""
        words = [*before, "sh", str(self.script), step, *self.host.backend.loader_arguments().split(" ")]
        code, output, error = self.host.ask(words, None)
        assert error == ""
        return code, output

    def look(self):
        """Return the exit code of a look and what it says."""
        return self.run("look")

    def heal(self, status=GONE):
        """Return the same of what comes after a look that has ended with this exit code."""
        return self.run("heal", "env", f"EXIT_STATUS={status}")

    @property
    def metrics(self):
        """Return what the last look has left for node_exporter."""
        lines = (self.seen / "gatehouse.prom").read_text().splitlines()
        return dict(line.split(" ") for line in lines if not line.startswith("#"))

    def flush(self):
        """Do as `nft flush ruleset` does, or what comes closest with iptables."""
        if self.host.kind != "iptables-legacy":
            assert self.host.ask(["nft", "flush", "ruleset"], None)[0] == 0
            return
        for command in self.host.backend._commands[:2]:
            for table in ("filter", "mangle"):
                assert self.host.ask([command, "-t", table, "-F"], None)[0] == 0
                assert self.host.ask([command, "-t", table, "-X"], None)[0] == 0

    def accept_before(self):
        """Accept all before our rules do anything, as others may."""
        if self.host.kind == "nftables":
            words = ["nft", "insert", "rule", "inet", "gatehouse", "input", "accept"]
        else:
            words = [self.host.backend._commands[1], "-I", "INPUT", "1", "-j", "ACCEPT"]
        assert self.host.ask(words, None) == (0, "", "")


@pytest.fixture
def watched(request, tmp_path):
    with kernel_host(tmp_path, request.param) as host:
        yield Watched(host)


each_watched = pytest.mark.parametrize("watched", each_kind.args[1], indirect=True)


@each_watched
def test_as_long_as_all_is_well_nothing_is_said_but_to_node_exporter(watched):
    assert watched.look() == watched.look() == (FINE, "")
    assert watched.metrics["gatehouse_rules_in_force"] == "1"
    assert watched.heal(FINE) == (0, "")


@each_watched
def test_what_was_flushed_is_said_once_and_loaded_again(watched):
    watched.look()
    watched.flush()
    assert watched.look() == (GONE, FLUSHED)
    assert watched.metrics["gatehouse_rules_in_force"] == "0"
    assert watched.look() == (GONE, "")
    assert not watched.host.firewall().is_at(OLD[watched.host.kind])

    code, output = watched.heal()
    assert (code, output.count("\n")) == (0, 1)
    assert "the ruleset of the next boot is loaded again" in output
    assert watched.host.firewall().is_at(OLD[watched.host.kind])
    assert watched.look() == (FINE, FINE_AGAIN)
    assert watched.metrics["gatehouse_rules_in_force"] == "1"


@each_watched
def test_rules_without_a_way_to_them_are_not_in_force(watched):
    kind, commands = watched.host.kind, watched.host.backend._commands
    if kind == "nftables":
        assert watched.host.ask(["nft", "flush", "table", "inet", "gatehouse"], None)[0] == 0
    else:
        for command in commands[:2]:
            for jump in (["INPUT", "-j", "GATEHOUSE-INPUT"], ["OUTPUT", "-j", "GATEHOUSE-OUTPUT"]):
                assert watched.host.ask([command, "-D", *jump], None)[0] == 0
    assert watched.look() == (GONE, FLUSHED)
    watched.heal()
    assert watched.host.firewall().is_at(OLD[kind])


@each_watched
def test_what_others_accept_before_us_is_said_and_left_to_harden(watched):
    watched.accept_before()
    before = watched.host.backend.listing()
    code, said = watched.look()
    assert code == OFF
    assert said.startswith("<3>gatehouse: others have changed our rules where packets come by: ")
    has = {"nftables": "; has chain input: accept"}.get(watched.host.kind, "; has ip6tables -t filter -I INPUT 2 -j ")
    assert has.lstrip("; ") in said
    assert watched.metrics["gatehouse_rules_in_force"] == "0"

    assert [watched.heal(status) for status in (OFF, GONE)] == [(0, "")] * 2
    assert watched.host.backend.listing() == before


@each_watched
@pytest.mark.parametrize("is_flushed", [True, False])
def test_a_change_that_is_pending_is_left_alone(watched, is_flushed):
    watched.host.fires_by_hand = True
    watched.host.firewall().load(other_rules(OLD[watched.host.kind]), 30)
    if is_flushed:
        watched.flush()
    before = watched.host.rules()

    assert watched.look() == (0, "")
    assert watched.heal() == (0, "")
    assert watched.host.rules() == before
    assert not (watched.seen / "found").exists()


@each_watched
def test_what_a_change_that_died_has_left_is_no_pending_change_for_ever(watched):
    if not shutil.which("faketime"):
        pytest.skip("faketime is not installed")
    watched.host.fires_by_hand = True
    watched.host.firewall().load(other_rules(OLD[watched.host.kind]), 1)
    watched.flush()
    later = ["env", "NO_FAKE_STAT=1", "faketime", "-f", "+1h"]
    (pending,) = watched.host.root.glob("run/gatehouse/rollback-*")
    # The deadline is on a clock that can't be set: where it is to come, the other clock is of no matter.
    os.utime(pending, (time.monotonic() + 300,) * 2)
    assert watched.run("look", *later) == (0, "")
    os.utime(pending, (1, 1))
    assert watched.look() == (0, "")
    assert watched.run("look", *later) == (GONE, FLUSHED)


@each_watched
@pytest.mark.parametrize("is_held", [True, False])
def test_neither_is_what_holds_the_lock_of_changes(watched, is_held):
    watched.flush()
    with held(watched.host.root / "run/gatehouse/lock", "a test") if is_held else nullcontext():
        assert watched.look() == ((0, "") if is_held else (GONE, FLUSHED))


@each_watched
def test_after_remove_nothing_comes_back(watched):
    kind = watched.host.kind
    watched.look()
    script = watched.script.read_text()
    watched.host.firewall().remove()
    assert watched.host.files() & {"etc/gatehouse/watch.sh"} == set()
    assert not watched.seen.exists()

    watched.script.write_text(script)
    assert watched.heal() == (0, "")
    assert watched.host.backend.listing() == ""
    assert "gatehouse" not in watched.host.rules().lower(), kind


@each_watched
def test_a_ruleset_that_can_not_be_loaded_leaves_the_fallback_and_that_is_said(watched):
    (ruleset,) = watched.host.root.glob("etc/gatehouse/ruleset.*")
    (fallback,) = watched.host.root.glob("etc/gatehouse/fallback.*")
    fallback.write_text(ruleset.read_text().replace("443", "8443"))
    ruleset.write_text(ruleset.read_text() + "nothing can read this\n")
    watched.flush()
    words = ["env", f"EXIT_STATUS={GONE}", "sh", str(watched.script), "heal"]
    code, output, _error = watched.host.ask([*words, *watched.host.backend.loader_arguments().split(" ")], None)

    assert code == 1
    assert "<3>gatehouse: it could not be loaded: only replies and the management flow pass until it is" in output
    assert "8443" in watched.host.backend.listing()
