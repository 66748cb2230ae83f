from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.restorers import (
    restoring_scripts,
    restoring_units,
)

WANTS = "etc/systemd/system/multi-user.target.wants"


@pytest.fixture
def root(tmp_path):
    return tmp_path


def put(root, path, text, mode=0o644):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    (root / path).chmod(mode)


def enable(root, name, text, folder="etc/systemd/system"):
    put(root, f"{folder}/{name}", text)
    (root / WANTS).mkdir(parents=True, exist_ok=True)
    (root / WANTS / name).symlink_to(f"/{folder}/{name}")


@pytest.mark.parametrize(
    "command",
    [
        "ExecStart=/sbin/iptables-restore /etc/iptables.rules",
        "ExecStart=/bin/sh -c 'iptables-restore < /etc/iptables.rules'",
        "ExecStart=-/usr/sbin/ip6tables-legacy-restore --counters /etc/rules.v6",
        "ExecStartPre=/usr/sbin/iptables-nft-restore \\\n  -w /etc/rules",
        "ExecStart=/usr/sbin/nft flush ruleset",
        "ExecStart=/usr/sbin/nft -f /etc/mine.nft",
        "ExecStart=/usr/sbin/nft --echo --file=/etc/mine.nft",
        "ExecStart=/usr/local/sbin/firewall start",
    ],
)
@pytest.mark.parametrize("folder", ["etc/systemd/system", "usr/lib/systemd/system"])
def test_an_enabled_unit_that_puts_whole_tables_back_is_found(root, command, folder):
    put(root, "etc/mine.nft", "#!/usr/sbin/nft -f\n\nflush ruleset\ntable inet x {}\n")
    put(root, "usr/local/sbin/firewall", "#!/bin/sh\ncat /etc/rules | iptables-restore\n", 0o755)
    enable(root, "mine.service", f"[Service]\n{command}\n", folder)

    assert restoring_units(root) == ["mine.service"]


@pytest.mark.parametrize(
    "command",
    [
        "ExecStart=/sbin/iptables-restore --noflush /etc/iptables.rules",
        "ExecStart=/bin/sh -c 'iptables-restore -w -n < /etc/iptables.rules'",
        "ExecStart=/usr/sbin/nft -f /etc/other.nft",
        "ExecStart=/usr/sbin/nft list ruleset",
        "ExecStart=/usr/bin/program",
        "ExecStart=/usr/bin/missing",
        "ExecStop=/sbin/iptables-restore /etc/iptables.rules",
        "# ExecStart=/sbin/iptables-restore /etc/iptables.rules",
        "ExecStart=/usr/local/sbin/careful",
    ],
)
def test_one_that_leaves_the_rules_of_others_alone_is_not(root, command):
    put(root, "etc/other.nft", "table inet x\ndelete table inet x\n# flush ruleset\n")
    put(root, "usr/bin/program", b"\x7fELF\0 iptables-restore")
    put(
        root, "usr/local/sbin/careful", "#!/bin/sh\n# iptables-restore would flush\niptables-restore -n /etc/x\n", 0o755
    )
    enable(root, "mine.service", f"[Service]\n{command}\n")

    assert restoring_units(root) == []


def test_a_unit_that_is_not_enabled_is_not_found(root):
    put(root, "etc/systemd/system/mine.service", "[Service]\nExecStart=/sbin/iptables-restore /etc/rules\n")

    assert restoring_units(root) == []


def test_an_instance_of_a_template_and_what_is_dropped_in_count(root):
    enable(root, "mine@.service", "[Service]\nExecStart=/bin/true\n")
    (root / WANTS / "mine@a.service").symlink_to("/etc/systemd/system/mine@.service")
    put(root, "etc/systemd/system/mine@.service.d/more.conf", "[Service]\nExecStartPost=/sbin/iptables-restore /x\n")

    assert "mine@a.service" in restoring_units(root)


@pytest.mark.parametrize(
    ("path", "text", "mode"),
    [
        ("etc/rc.local", "#!/bin/sh\niptables-restore < /etc/iptables.rules\n", 0o755),
        ("etc/network/if-pre-up.d/iptables", "#!/bin/sh\n/sbin/iptables-restore < /etc/iptables.rules\n", 0o755),
        ("etc/network/interfaces", "iface eth0 inet dhcp\n  pre-up iptables-restore < /etc/iptables.rules\n", 0o644),
        ("etc/NetworkManager/dispatcher.d/10-rules", "#!/bin/sh\nnft flush ruleset\n", 0o755),
        ("etc/networkd-dispatcher/routable.d/rules", "#!/bin/sh\nip6tables-restore /etc/x\n", 0o755),
    ],
)
def test_a_script_that_does_so_when_an_interface_comes_up_is_found(root, path, text, mode):
    put(root, path, text, mode)

    assert restoring_scripts(root) == [f"/{path}"]


@pytest.mark.parametrize(
    ("path", "text", "mode"),
    [
        ("etc/rc.local", "#!/bin/sh\niptables-restore < /etc/iptables.rules\n", 0o644),
        ("etc/rc.local", "#!/bin/sh\nexit 0\n", 0o755),
        ("etc/network/interfaces", "#  pre-up iptables-restore < /etc/iptables.rules\n", 0o644),
        ("etc/network/if-pre-up.d/program", b"\x7fELF\0 iptables-restore", 0o755),
    ],
)
def test_one_that_does_not_run_or_does_nothing_of_the_kind_is_not(root, path, text, mode):
    put(root, path, text, mode)

    assert restoring_scripts(root) == []


def test_a_link_that_leads_nowhere_is_passed_over(root):
    (root / WANTS).mkdir(parents=True)
    (root / WANTS / "loop.service").symlink_to("loop.service")
    (root / "etc/rc.local").symlink_to("/missing")

    assert (restoring_units(root), restoring_scripts(root)) == ([], [])
