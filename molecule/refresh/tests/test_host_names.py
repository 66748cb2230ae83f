"""A zone by host name: each host asks for it by itself, and changes nothing but what its sets hold."""

from __future__ import annotations

import json
import re
import shlex
import time
from contextlib import ExitStack
from typing import Any

import pytest
from fleet import APPS, NAME, PATIENCE, Fleet, NameServer
from patience import wait_until
from prober import Probe, disagreements


@pytest.fixture(scope="module", autouse=True)
def _hardened(fleet: Fleet, names: NameServer) -> None:
    names.answer(fleet.record("git1"))
    done = fleet.harden()
    assert done.returncode == 0, done.stdout + done.stderr
    await_answers(fleet, "git1")


def behind_the_name(fleet: Fleet, app: str) -> list[str]:
    """Return the addresses behind the name, as the ruleset of an app's next boot has them."""
    line = fleet.run(app, "sh", "-c", "head -n 1 /etc/gatehouse/ruleset.*")
    (name,) = json.loads(line.partition(": ")[2])["names"]
    return list(name["addresses"])


def known(fleet: Fleet, app: str) -> dict[str, Any]:
    """Return what an app knows of the name."""
    return dict(json.loads(fleet.run(app, "cat", "/var/lib/gatehouse/names.json"))[NAME])


def has_found(fleet: Fleet, app: str, addresses: list[str]) -> bool:
    """Return whether an app itself has found these addresses, and not long ago."""
    age = time.time() - float(known(fleet, app).get("answered", 0))
    return behind_the_name(fleet, app) == addresses and age < PATIENCE


def await_answers(fleet: Fleet, host: str) -> None:
    """Wait until each app itself has found that a host is behind the name."""
    addresses = fleet.hosts[host].addresses
    wait_until(lambda: all(has_found(fleet, app, addresses) for app in APPS), PATIENCE)


def journal(fleet: Fleet, app: str) -> str:
    return fleet.run(app, "journalctl", "--unit=gatehouse-refresh.service", "--output=cat", "--no-pager")


def changes(fleet: Fleet, app: str) -> list[str]:
    """Return the addresses that came and went behind the name, each with its sign."""
    lines = [line.partition(f"{NAME}: ")[2].split() for line in journal(fleet, app).splitlines()]
    return [word for words in lines if words and words[0][0] in "+-" for word in words]


def wrong(fleet: Fleet, expected: dict[Probe, bool]) -> list[str]:
    return list(map(str, disagreements(expected, fleet.namespaces, closed_passes=False)))


def only(fleet: Fleet, host: str) -> dict[Probe, bool]:
    """Return what passes where one of the two hosts is behind the name."""
    return {**fleet.talk("git1", host == "git1"), **fleet.talk("git2", host == "git2")}


def test_who_is_behind_the_name_passes_both_ways_and_nobody_else(fleet: Fleet) -> None:
    assert wrong(fleet, only(fleet, "git1")) == []


def test_without_our_rules_all_of_that_passes(fleet: Fleet) -> None:
    fleet.unload()
    try:
        assert wrong(fleet, dict.fromkeys(only(fleet, "git1"), True)) == []
    finally:
        fleet.everywhere("systemctl restart gatehouse-firewall.service")
    assert wrong(fleet, only(fleet, "git1")) == []


def test_another_answer_changes_who_passes_and_no_rule_and_loses_nobody_elses_packet(
    fleet: Fleet, names: NameServer
) -> None:
    before = fleet.rules()
    with ExitStack() as stack:
        streams = [stack.enter_context(fleet.stream(app)) for app in APPS]
        names.answer(fleet.record("git2"))
        begun = time.monotonic()
        await_answers(fleet, "git2")
        took = time.monotonic() - begun
    print(f"another answer was in force after {took:.1f} s")

    assert wrong(fleet, only(fleet, "git2")) == []
    assert fleet.rules() == before
    assert [(one.sent > 100, one.lost) for one in streams] == [(True, 0)] * len(APPS)
    for app in APPS:  # what an application holds counts for a while after it is answered no more
        told = changes(fleet, app)
        for family in (4, 6):
            old, new = (fleet.hosts[host].address("private", family) for host in ("git1", "git2"))
            assert told.index(f"+{new}") < told.index(f"-{old}"), told


def test_the_hosts_own_answer_counts_more_than_the_controllers(fleet: Fleet) -> None:
    done = fleet.harden("--diff", knows="git1")

    assert done.returncode == 0
    assert "changed=1" not in done.stdout, done.stdout
    assert wrong(fleet, only(fleet, "git2")) == []


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("--address=/#/", "no such name"),
        (f"--host-record={NAME},127.0.0.1,::1,1", "nobody's address: 127.0.0.1, ::1"),
        (f"--host-record={NAME},169.254.3.4,fe80::3,1", "nobody's address: 169.254.3.4, fe80::3"),
        (f"--host-record={NAME},224.0.0.5,ff02::5,1", "nobody's address: 224.0.0.5, ff02::5"),
        (f"--host-record={NAME},0.0.0.0,::,1", "nobody's address: 0.0.0.0, ::"),
    ],
)
def test_an_answer_that_is_nobody_changes_nothing(fleet: Fleet, names: NameServer, record: str, reason: str) -> None:
    before = fleet.states()
    names.answer(record)
    said = f"{NAME}: {reason}"
    wait_until(lambda: all(said in journal(fleet, app).replace("no answer: ", "") for app in APPS), PATIENCE)

    assert fleet.states() == before
    names.answer(fleet.record("git2"))


@pytest.mark.parametrize("other", ["--local=/example.org/", "--address=/none.example.org/"], ids=["none", "refused"])
def test_a_family_without_an_answer_keeps_what_it_had(fleet: Fleet, names: NameServer, other: str) -> None:
    await_answers(fleet, "git2")
    names.answer(f"--host-record={NAME},{fleet.hosts['git1'].address('private', 4)},1", other)
    kept = [fleet.hosts["git1"].address("private", 4), fleet.hosts["git2"].address("private", 6)]
    wait_until(lambda: all(behind_the_name(fleet, app) == kept for app in APPS), PATIENCE)

    names.answer(fleet.record("git2"))
    await_answers(fleet, "git2")


# Says where it can write, whether it sees our locks, and which capabilities it has; and leaves a file in its /tmp.
PLACES = ("/etc", "/usr", "/var", "/run", "/root", "/etc/gatehouse", "/var/lib/gatehouse", "/run/gatehouse")
TRY = f"""#!/bin/sh
for place in {" ".join(PLACES)} $RUNTIME_DIRECTORY; do
    if (: >"$place/tried") 2>/dev/null; then echo "$place"; rm "$place/tried"; fi
done
[ -e /run/gatehouse/lock ] && echo lock
: >/tmp/tried
sed -n 's/^CapBnd:.*[^0-9a-f]/capabilities=/p' /proc/self/status
"""
ASKING = "/run/gatehouse-refresh"
DROP_IN = "/run/systemd/system/gatehouse-refresh.service.d/try.conf"
SAID = 'journalctl --sync; journalctl --unit=gatehouse-refresh.service --output=cat --no-pager --since="$begun"'


def tried(fleet: Fleet, app: str, start: str) -> tuple[list[str], int, bool]:
    """Return what our service could reach on an app, with which capabilities, and whether it was the host's /tmp."""
    begun = "begun=$(date '+%Y-%m-%d %H:%M:%S')"
    found = fleet.run(app, "sh", "-c", f"rm -f /tmp/tried; sleep 1; {begun}; {start}").splitlines()
    reached = [one for one in (*PLACES, ASKING, "lock") if one in found]  # the timer may have had it run twice
    capabilities = next(line for line in found if line.startswith("capabilities="))
    seen = fleet.run(app, "sh", "-c", "test -e /tmp/tried && echo seen || true")
    return reached, int(capabilities.partition("=")[2], 16), bool(seen)


def test_the_service_has_the_rights_that_it_takes_and_no_others(fleet: Fleet) -> None:
    for app in APPS:
        write = f"printf %s {shlex.quote(TRY)} >/usr/local/bin/try && chmod 0755 /usr/local/bin/try"
        drop_in = f"mkdir -p $(dirname {DROP_IN}) && printf '[Service]\\nExecStartPre=/usr/local/bin/try\\n' >{DROP_IN}"
        fleet.run(app, "sh", "-c", f"{write} && {drop_in} && systemctl daemon-reload")
        # Not "start": one that runs already is from before.
        sandboxed = tried(fleet, app, f"systemctl restart gatehouse-refresh.service; {SAID}")
        bare = tried(fleet, app, "/usr/local/bin/try")
        fleet.run(app, "sh", "-c", f"rm {DROP_IN} /usr/local/bin/try && systemctl daemon-reload")

        assert sandboxed == ([ASKING], 0, False), app
        assert (bare[0], bare[2]) == ([*PLACES, "lock"], True), app
        assert "failed" not in fleet.run(app, "systemctl", "show", "--property=Result", "gatehouse-refresh.service")


def test_a_change_of_rules_keeps_what_the_host_has_found(fleet: Fleet, names: NameServer) -> None:
    names.answer(fleet.record("git2"))
    await_answers(fleet, "git2")
    done = fleet.harden("--extra-vars=gatehouse_echo_request=false", knows="git1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert wrong(fleet, only(fleet, "git2")) == []


class TestADeadNameServer:
    """Nobody answers any more."""

    @pytest.fixture(scope="class", autouse=True)
    def _dead(self, fleet: Fleet, names: NameServer) -> None:
        await_answers(fleet, "git2")
        names.die()
        wait_until(lambda: all("no answer" in known(fleet, app)["error"] for app in APPS), PATIENCE)

    def test_the_last_good_answer_stays(self, fleet: Fleet) -> None:
        assert wrong(fleet, only(fleet, "git2")) == []

    def test_the_audit_says_how_old_it_is(self, fleet: Fleet) -> None:
        done = fleet.playbook(
            "audit",
            "--extra-vars=gatehouse_audit_fail=true gatehouse_audit_textfile=/run/gatehouse.prom",
            "--limit=apps",
            f"--extra-vars={fleet.by_name()}",
        )

        assert done.returncode != 0
        rows = re.findall(rf"(?m)^(app\w+) +name_unanswered +{NAME} was last answered ", done.stdout)
        assert sorted(rows) == [*APPS], done.stdout
        assert "no answer: 198.51.100.53: " in done.stdout
        assert "gatehouse_name_age_seconds{name=" in fleet.run("app1", "cat", "/run/gatehouse.prom")

    def test_it_outlives_a_boot(self, fleet: Fleet) -> None:
        for app in APPS:
            fleet.restart(app)
        assert {app: behind_the_name(fleet, app) for app in APPS} == dict.fromkeys(APPS, fleet.hosts["git2"].addresses)
        live = fleet.everywhere("{ nft list table inet gatehouse; ipset save; } 2>/dev/null || true")
        assert [app for app in APPS if "198.51.100.62" not in live[app] or "198.51.100.61" in live[app]] == []

    def test_it_begins_anew_as_soon_as_somebody_answers(self, fleet: Fleet, names: NameServer) -> None:
        fleet.run_prepare()
        names.answer(fleet.record("git1"))
        await_answers(fleet, "git1")


def test_a_model_without_names_has_no_unit(fleet: Fleet) -> None:
    units = "ls /etc/systemd/system /etc/gatehouse /var/lib/gatehouse | grep -e refresh -e names || true"
    assert "gatehouse-refresh.timer" in fleet.run("app1", "sh", "-c", units)
    done = fleet.playbook("harden")

    assert done.returncode == 0, done.stdout + done.stderr
    assert set(fleet.everywhere(units).values()) == {""}
