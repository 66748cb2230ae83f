"""Packets between real hosts: they agree with the model where nobody has meddled, and say where somebody has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from containers import ROOT, Completed
from fleet import CLOSE, FLUSH, OPEN, TAKE_OUT, Fleet

HOSTS = ("app1", "app2", "store1")
PAGE = ROOT / "docs" / "verify.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def _hardened(fleet: Fleet) -> None:
    done = fleet.playbook("harden")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def meddle(fleet: Fleet) -> Iterator[Callable[[str, str], None]]:
    """Change a host's rules by hand; they are mended afterwards as a boot would."""

    def change(host: str, script: str) -> None:
        fleet.shell(host, script)

    yield change
    fleet.shell("store1", TAKE_OUT)
    fleet.everywhere("systemctl restart gatehouse-firewall.service")


def verified(fleet: Fleet, *arguments: str, **variables: object) -> Completed:
    return fleet.playbook("verify", *arguments, **variables)


def table(done: Completed) -> dict[tuple[str, str], list[int]]:
    """Return the numbers of the table by pair of classes."""
    rows = re.findall(r"^(\w+) +(\w+)((?: +\d+){7})$", done.stdout, re.MULTILINE)
    return {(sender, receiver): [int(number) for number in numbers.split()] for sender, receiver, numbers in rows}


def test_a_hardened_fleet_does_what_the_model_says_and_nothing_changes(fleet: Fleet) -> None:
    before = fleet.states()
    done = verified(fleet)

    assert done.returncode == 0, done.stdout + done.stderr
    numbers = table(done)
    assert set(numbers) == {
        ("app", "app"), ("app", "store"), ("store", "app"), ("controller", "app"), ("controller", "store"),
    }  # fmt: skip
    for asked, should, passed, should_not, denied, disagree, inconclusive in numbers.values():
        assert (asked, should, should_not) == (should + should_not, passed, denied)
        assert (disagree, inconclusive) == (0, 0)
    assert numbers["app", "store"][1] > 0
    assert numbers["store", "app"][1] == 0
    assert [host for host in HOSTS if f"{host}: " not in done.stdout] == []
    assert fleet.states() == before


def test_a_check_asks_nothing_and_says_how_much_it_would(fleet: Fleet) -> None:
    done = verified(fleet, "--check")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Would ask \d\d+ probes from 3 hosts to each other", done.stdout)
    assert "probes sent" not in done.stdout
    assert table(done) == {}


def test_the_number_of_probes_is_bounded(fleet: Fleet) -> None:
    done = verified(fleet, gatehouse_verify_max=20)

    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(numbers[0] for numbers in table(done).values()) == 20


def test_a_port_that_somebody_opens_by_hand_is_found(fleet: Fleet, meddle: Callable[[str, str], None]) -> None:
    for host in HOSTS:
        meddle(host, OPEN[host].format(protocol="tcp", port=21))
    done = verified(fleet)

    assert done.returncode == 2, done.stdout
    found = re.findall(r"(?m)^controller \(\S+\) -> (\w+) \(\S+\), 21/tcp: it passed \(refused\)", done.stdout)
    assert sorted(found) == list(HOSTS)
    for host in HOSTS:
        assert re.search(rf"(?m)^  input of {host} \(\w+\) denies it: no flow allows it", done.stdout)
    assert "3 of " in done.stdout


def test_a_flow_that_somebody_closes_by_hand_is_found_from_each_sender(
    fleet: Fleet, meddle: Callable[[str, str], None]
) -> None:
    for protocol, port in (("tcp", 5432), ("udp", 7009)):
        meddle("store1", CLOSE["store1"].format(protocol=protocol, port=port))
    done = verified(fleet)

    assert done.returncode == 2, done.stdout
    pattern = r"(?m)^(app\d) \(\S+\) -> store1 \(\S+\), (5432/tcp|7009/udp): it didn't pass \(silent\)"
    found = re.findall(pattern, done.stdout)
    assert sorted(found) == sorted((app, port) for app in ("app1", "app2") for port in ("5432/tcp", "7009/udp") * 2)
    assert table(done)["app", "store"][5] == 8
    shown = BLOCK.findall(PAGE.read_text(encoding="utf-8"))[0].splitlines()[2:]
    assert len(shown) > 5
    assert [line for line in shown if line not in ("...", *done.stdout.splitlines())] == []


def test_rules_that_somebody_flushes_are_found(fleet: Fleet, meddle: Callable[[str, str], None]) -> None:
    for host in ("app1", "app2"):
        meddle(host, FLUSH[host])
    done = verified(fleet)

    assert done.returncode == 2, done.stdout
    numbers = table(done)
    assert numbers["app", "app"][5] > 0
    assert numbers["controller", "app"][5] > 0
    assert numbers["controller", "store"][5] == 0
    assert re.search(r"(?m)^and \d+ more$", done.stdout)


def test_what_an_unreachable_host_would_have_shown_is_no_denial(
    fleet: Fleet, meddle: Callable[[str, str], None], tmp_path: Path
) -> None:
    file = tmp_path / "away.yml"
    file.write_text("stores: {hosts: {store1: {ansible_port: 9}}}\n")
    meddle("store1", CLOSE["store1"].format(protocol="tcp", port=5432))
    done = verified(fleet, f"--inventory={file}")

    assert "store1 didn't answer Ansible either: it is unreachable" in done.stdout
    assert "the sender's host was not reached or could not ask" in done.stdout
    numbers = table(done)
    assert numbers["app", "store"][5] == 0
    assert numbers["app", "store"][6] > 0
    assert numbers["app", "app"][5:] == [0, 0]


def test_silence_where_somebody_listens_is_counted_and_no_failure(fleet: Fleet) -> None:
    script = "import socket, time; s = socket.socket(socket.AF_INET6, 2); s.bind(('::', 7000)); time.sleep(60)"
    fleet.shell("store1", f'python3 -c "{script}" >/dev/null 2>&1 & echo $! > /run/listener')
    try:
        done = verified(fleet)
    finally:
        fleet.shell("store1", "kill $(cat /run/listener)")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Can't tell, \d times: a program listens at that UDP port, and need not answer", done.stdout)
    assert table(done)["app", "store"][6] == 4


def test_nobody_but_managed_hosts_gets_a_packet(fleet: Fleet) -> None:
    """Flows name the zone office and the admin, and nothing goes there."""
    ours = {address for host in HOSTS for address in fleet.hosts[host].addresses}
    watch = "nft -f - <<'END'\ntable inet watch {\n set seen4 { type ipv4_addr; flags dynamic; }\n"
    watch += " set seen6 { type ipv6_addr; flags dynamic; }\n chain out { type filter hook output priority 300;\n"
    watch += "  meta l4proto { tcp, udp } ip daddr != 127.0.0.0/8 ct state new add @seen4 { ip daddr }\n"
    watch += "  meta l4proto { tcp, udp } ip6 daddr != ::1 ct state new add @seen6 { ip6 daddr }\n }\n}\nEND"
    fleet.shell("app1", watch)
    try:
        assert verified(fleet).returncode == 0
        seen = fleet.shell("app1", "nft list table inet watch")
    finally:
        fleet.shell("app1", "nft delete table inet watch")

    found = set(re.findall(r"203\.0\.113\.\d+|2001:db8:62[0-9a-f:]*|192\.0\.2\.\d+", seen.replace("127.0.0.0/8", "")))
    assert len(found) >= 3
    assert found - ours == set()
