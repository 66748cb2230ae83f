from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.managers import RECORD, RESTORES, Manager
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

ON, ACTIVE, ENABLED = (
    "ActiveState=active\nUnitFileState=enabled",
    "ActiveState=active\nUnitFileState=disabled",
    "ActiveState=inactive\nUnitFileState=enabled",
)


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


def put(host, path, text):
    (host.root / path).parent.mkdir(parents=True, exist_ok=True)
    (host.root / path).write_text(text)


def test_a_host_on_its_own_has_no_other_manager(host):
    assert host.managers().found() == []


@pytest.mark.parametrize(
    ("unit", "file", "text", "name"),
    [
        ("firewalld.service", None, "", "firewalld"),
        ("netfilter-persistent.service", None, "", "netfilter-persistent"),
        ("iptables.service", None, "", "iptables-services"),
        ("ip6tables.service", None, "", "iptables-services"),
        ("ferm.service", "etc/default/ferm", 'FAST=yes\nENABLED="yes"\n', "ferm"),
        ("csf.service", None, "", "csf"),
        ("firehol.service", None, "", "firehol"),
        ("foomuuri.service", None, "", "foomuuri"),
        ("shorewall.service", None, "", "shorewall"),
        ("shorewall6.service", None, "", "shorewall"),
        ("shorewall-lite.service", None, "", "shorewall"),
        ("ufw.service", "etc/ufw/ufw.conf", "# ufw\nENABLED=yes\n", "ufw"),
        (
            "nftables.service",
            "etc/nftables.conf",
            "#!/usr/sbin/nft -f\n\nflush ruleset\n",
            "the distribution's nftables.service",
        ),
        ("nftables.service", "etc/sysconfig/nftables.conf", "flush  ruleset\n", "the distribution's nftables.service"),
    ],
)
@pytest.mark.parametrize("state", [ON, ENABLED], ids=["on", "enabled"])
def test_another_manager_is_found_by_its_unit_and_what_its_file_says(host, unit, file, text, name, state):
    host.units[unit] = state
    if file:
        put(host, file, text)

    assert host.managers().found() == [Manager(name, unit, "=active" in state, "=enabled" in state)]


@pytest.mark.parametrize(
    ("unit", "file", "text"),
    [
        ("ufw.service", "etc/ufw/ufw.conf", "ENABLED=no\n"),
        ("ufw.service", None, ""),
        ("ferm.service", "etc/default/ferm", 'ENABLED="no"\n'),
        ("nftables.service", "etc/nftables.conf", '# flush ruleset\ninclude "/etc/nftables.d/*"\n'),
    ],
)
def test_a_unit_that_does_nothing_to_the_rules_is_no_manager(host, unit, file, text):
    host.units[unit] = ON
    if file:
        put(host, file, text)

    assert host.managers().found() == []


@pytest.mark.parametrize(
    ("unit", "harmful"), [("firewalld.service", True), ("nftables.service", False), ("ferm.service", False)]
)
def test_a_unit_that_is_no_more_enabled_does_harm_only_while_it_manages(host, unit, harmful):
    host.units[unit] = ACTIVE
    put(host, "etc/nftables.conf", "flush ruleset\n")
    put(host, "etc/default/ferm", "ENABLED=yes\n")

    assert bool(host.managers().found()) is harmful


def test_where_systemd_does_not_run_there_is_none(tmp_path):
    host = FakeHost(tmp_path, systemd=False)
    host.units["firewalld.service"] = ON

    assert host.managers().found() == []


def test_what_is_taken_over_is_stopped_and_put_back_as_it_was(host):
    host.units = {"firewalld.service": ON, "netfilter-persistent.service": ENABLED}
    host.managers().take_over()

    assert host.commands == [
        ["systemctl", "disable", "firewalld.service"],
        ["systemctl", "stop", "firewalld.service"],
        ["systemctl", "disable", "netfilter-persistent.service"],
        ["systemctl", "stop", "netfilter-persistent.service"],
    ]
    host.commands.clear()
    host.units = {}
    host.managers().put_back()

    assert host.commands == [
        ["systemctl", "enable", "firewalld.service"],
        ["systemctl", "start", "firewalld.service"],
        ["systemctl", "enable", "netfilter-persistent.service"],
    ]
    assert not (host.root / RECORD).exists()


def test_a_unit_that_flushes_everybodys_rules_when_it_stops_is_only_disabled(host):
    host.units["nftables.service"] = ON
    put(host, "etc/nftables.conf", "flush ruleset\n")
    host.managers().take_over()

    assert host.commands == [["systemctl", "disable", "nftables.service"]]


@pytest.mark.parametrize(
    "unit", ["ferm.service", "shorewall.service", "firehol.service", "foomuuri.service", "csf.service"]
)
def test_one_whose_stop_opens_the_host_is_only_disabled(host, unit):
    host.units[unit] = ON
    put(host, "etc/default/ferm", "ENABLED=yes\n")
    host.managers().take_over()

    assert host.commands == [["systemctl", "disable", unit]]


def test_a_unit_of_the_owners_that_puts_whole_tables_back_is_a_manager_that_is_only_disabled(host):
    put(host, "etc/systemd/system/mine.service", "[Service]\nExecStart=/sbin/iptables-restore /etc/rules\n")
    put(host, "etc/systemd/system/multi-user.target.wants/mine.service", "")
    host.units["mine.service"] = ON

    assert host.managers().found() == [Manager(RESTORES, "mine.service", True, True)]
    host.managers().take_over()
    assert host.commands == [["systemctl", "disable", "mine.service"]]


def test_a_second_takeover_remembers_how_things_were_before_the_first(host):
    host.units["firewalld.service"] = ON
    host.managers().take_over()
    host.units["firewalld.service"] = ACTIVE
    host.managers().take_over()
    host.commands.clear()
    host.managers().put_back()

    assert ["systemctl", "enable", "firewalld.service"] in host.commands


def test_where_nothing_was_taken_over_nothing_is_put_back(host):
    host.managers().take_over()
    host.managers().put_back()

    assert (host.commands, host.files()) == ([], set())


def test_what_is_gone_is_not_put_back_and_keeps_nobody_from_removing_ours(host):
    host.units["firewalld.service"] = ON
    host.managers().take_over()

    def refuse(_words):
        raise FirewallError("unit not found")

    host.run = refuse
    assert host.managers().put_back() == ["firewalld was taken over and can't be put back: unit not found"] * 2
    assert not (host.root / RECORD).exists()


def test_a_record_that_cannot_be_read_is_none(host):
    put(host, RECORD, "[{")

    assert host.managers().put_back() == []
    assert not (host.root / RECORD).exists()
