"""What a host tells of denials: what its kernel has and what was saved, each as long as it counts."""

from __future__ import annotations

import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import Element
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.denials import FILE, SCRIPT
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import UnitChange
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

NOW = 1_800_000_000
HOUR, DAY = 3600, 86400
WHOLE = 2147483
KEEPING = f"{Header(keeps=True).line()}table inet gatehouse\n"
NOT_KEEPING = f"{Header().line()}table inet gatehouse\n"
UNITS = "etc/systemd/system"
OWN = [
    SCRIPT,
    *(f"{UNITS}/gatehouse-denied{end}" for end in (".service", ".timer", "-at-shutdown.service")),
    f"{UNITS}/timers.target.wants/gatehouse-denied.timer",
    f"{UNITS}/multi-user.target.wants/gatehouse-denied-at-shutdown.service",
]
ON = ["gatehouse-denied.timer", "gatehouse-denied-at-shutdown.service"]


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOW)
    return FakeHost(tmp_path)


def nft_block(load, loaded, at, *elements):
    """Return what was saved of a load: elements as (peers, address, port, packets, seconds left)."""
    text = f"load {load} {loaded} {at}\n"
    for peers, address, port, packets, left in elements:
        key = f"{address} . tcp . {port}" if peers != "any" else f"tcp . {port}"
        text += f"\tset denied.in.{peers}.first.v4 {{\n\t\telements = {{ {key} counter packets {packets} bytes 9"
        text += f" expires {left}s }}\n\t}}\n"
    return text


def ipset_block(load, loaded, at, *elements):
    text = f"load {load} {loaded} {at}\n"
    for peers, address, port, packets, left in elements:
        one = f"0.0.0.0/1,tcp:{port}" if peers == "any" else f"{address},tcp:{port}"
        text += f"add gatehouse-in4.{peers[0]}f-0123abcd.b {one} timeout {left} packets {packets} bytes 9\n"
    return text


each_form = pytest.mark.parametrize("block", [nft_block, ipset_block])


def save(host, *blocks):
    path = host.root / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(blocks))


def live(address, port, packets, peers="known", left=WHOLE):
    return Element("ingress", "first", address, "tcp", port, packets, left, peers)


def told(result):
    return [(row["address"], row["port"], row["known"], row["packets"]) for row in result["denied"]]


@each_form
def test_what_was_saved_under_other_loads_is_added_to_what_the_kernel_has(host, block):
    save(
        host,
        block("a", NOW - 3 * DAY, NOW - 2 * DAY, ("known", "192.0.2.1", 22, 5, WHOLE - HOUR)),
        block("b", NOW - 2 * DAY, NOW - 600, ("known", "192.0.2.1", 22, 2, WHOLE), ("any", "", 7, 9, HOUR)),
    )

    found = host.denials().result([live("192.0.2.1", 22, 1), live("192.0.2.2", 23, 4)], "c", NOW - 500)

    assert told(found) == [("0.0.0.0", 7, False, 9), ("192.0.2.1", 22, True, 8), ("192.0.2.2", 23, True, 4)]
    assert (found["denied"][1]["first"], found["denied"][1]["last"]) == ("2027-01-13T07:00:00Z", "2027-01-15T08:00:00Z")
    assert found["denied_since"] == "2027-01-12T08:00:00Z"


@each_form
def test_what_was_saved_under_the_rules_in_force_counts_only_where_the_kernel_has_lost_it(host, block):
    save(host, block("a", NOW - DAY, NOW - 60, ("known", "192.0.2.1", 22, 5, WHOLE)))

    assert told(host.denials().result([live("192.0.2.1", 22, 6)], "a", NOW - DAY)) == [("192.0.2.1", 22, True, 6)]
    assert told(host.denials().result(None, "a", NOW - DAY)) == [("192.0.2.1", 22, True, 5)]


@each_form
def test_a_stranger_is_forgotten_after_an_hour_and_a_peer_of_the_fleet_after_24_days(host, block):
    for seconds, kept in ((HOUR - 9, 2), (HOUR + 9, 1), (24 * DAY, 1), (25 * DAY, 0)):
        both = (("known", "192.0.2.1", 22, 5, WHOLE), ("stranger", "203.0.113.9", 22, 5, HOUR))
        save(host, block("a", NOW - 30 * DAY, NOW - seconds, *both))
        assert len(host.denials().result([], "b", NOW)["denied"]) == kept


def test_a_peer_whose_count_the_kernel_has_forgotten_was_denied_at_least_once(host):
    one = Element("ingress", "last", "203.0.113.9", "tcp", 22, 0, 1800, "stranger")

    (row,) = host.denials().result([one], "a", None)["denied"]

    assert (row["packets"], row["first"], row["last"]) == (1, "2027-01-15T07:30:00Z", "2027-01-15T07:30:00Z")


def test_a_peer_that_became_known_is(host):
    elements = [live("192.0.2.1", 22, 1, "stranger", HOUR), live("192.0.2.1", 22, 2)]

    for order in (elements, elements[::-1]):
        assert told(host.denials().result(order, "a", NOW)) == [("192.0.2.1", 22, True, 3)]


def test_which_sets_are_full_is_said(host):
    elements = [live(f"10.0.{n // 256}.{n % 256}", 22, 1, "stranger", HOUR) for n in range(4096)]
    elements += [live("0.0.0.0", port, 1, "any", HOUR) for port in range(4095)]

    found = host.denials().result(elements, "a", NOW)["denied_full"]
    assert found == ["ingress IPv4 any", "ingress IPv4 stranger"]
    assert host.denials().result(elements[1:4096], "a", NOW)["denied_full"] == []


@pytest.mark.parametrize("text", ["", "load\n", "load a b c\n", "load a 1 2 3\nadd x\n", "junk\nload a 1 2\njunk\n"])
def test_a_file_that_was_spoilt_says_nothing(host, text):
    save(host, text)

    assert host.denials().result([], "b", None)["denied"] == []


def test_a_host_that_keeps_denials_has_the_script_and_the_units_from_its_confirmation_on(host):
    host.harden(NOT_KEEPING)
    assert not {*OWN} & host.files()
    assert host.firewall().denied() == {}

    host.harden(KEEPING)
    assert {*OWN} <= host.files()
    assert host.commands[-1] == ["systemctl", "restart", "--no-block", *ON]  # the watch was there before
    assert host.firewall().denied()["denied"] == []
    assert host.firewall().is_at(KEEPING)
    host.written = []
    assert (host.denials().sync(host.backend), host.written) == (UnitChange(), [])

    save(host, nft_block("a", 1, NOW))
    host.harden(NOT_KEEPING)
    assert not {*OWN, FILE} & host.files()
    assert ["systemctl", "stop", *ON, "gatehouse-denied.service"] in host.commands


@pytest.mark.parametrize("file", OWN)
def test_a_unit_that_was_edited_or_is_off_is_found_and_mended(host, file):
    host.harden(KEEPING)
    (host.root / file).unlink()
    assert not host.firewall().is_at(KEEPING)
    assert [one.kind for one in host.firewall().findings(KEEPING)] == ["denied_unit_disabled"]

    host.harden(KEEPING)
    assert host.firewall().findings(KEEPING) == []


def test_remove_takes_all_of_it_away(host):
    host.harden(KEEPING)
    save(host, nft_block("a", 1, NOW))

    host.firewall().remove()
    assert host.files() == set()
    assert host.firewall().is_at("")


def test_without_systemd_there_is_no_unit_and_nothing_is_missing(tmp_path):
    host = FakeHost(tmp_path, systemd=False)
    host.harden(KEEPING)

    assert not {*OWN} & host.files()
    assert host.firewall().is_at(KEEPING)
    assert host.firewall().findings(KEEPING) == []


def test_what_the_kernel_is_about_to_forget_is_saved_before_a_change_and_not_before_a_change_of_addresses(host):
    host.harden(KEEPING)
    host.commands = []
    host.harden(f"{KEEPING}# more\n")

    (saved,) = (words for words in host.commands if words[:2] == ["/bin/sh", "-c"])
    assert saved[3:] == ["denied.sh", "nft", "/usr/sbin/nft"]
