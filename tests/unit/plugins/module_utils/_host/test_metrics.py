"""The numbers of what a host has denied, and of the state of its rules."""

from __future__ import annotations

import re

from ansible_collections.gatehouse.firewall.plugins.module_utils._host.metrics import metrics

TIMES = {"first": "2026-11-30T08:00:00Z", "last": "2026-11-30T17:30:00Z"}
ROW = {"direction": "ingress", "address": "192.0.2.1", "protocol": "tcp", "port": 22, "packets": 3, "known": True}
FOUND = {
    "denied": [
        {**ROW, **TIMES},
        {**ROW, **TIMES, "port": 23, "packets": 4, "last": "2026-11-30T17:00:00Z"},
        {**ROW, **TIMES, "direction": "pre_dnat", "known": False},
    ],
    "denied_full": [],
    "denied_keys": {"ingress IPv4 known": 2, "pre_dnat IPv4 stranger": 1},
    "invalid": 5,
    "in_force_since": "2026-11-30T07:00:00Z",
}
NETFILTER = "/proc/sys/net/netfilter/nf_conntrack_"
FILES = {
    f"{NETFILTER}count": "126\n",
    f"{NETFILTER}max": "65536\n",
    "/proc/net/stat/nf_conntrack": "entries  drop early_drop icmp_error\n0000007e 00000010 00000001 00000009\n"
    "0000007e 00000000 0000000a 00000000\n",
}


MODES = {"ingress": "enforce", "egress": "observe"}


def lines(found, modes=None, files=None):
    kept = FILES if files is None else files
    return metrics(found, MODES if modes is None else modes, lambda path: kept.get(path, "")).splitlines()


def test_denials_are_summed_by_direction_and_whether_the_peer_is_known():
    found = lines(FOUND)

    assert 'gatehouse_denied_packets{direction="ingress",peer="known"} 7' in found
    assert 'gatehouse_denied_packets{direction="pre_dnat",peer="stranger"} 3' in found
    assert 'gatehouse_denied_packets{direction="egress",peer="known"} 0' in found
    assert 'gatehouse_denied_last_time_seconds{direction="ingress",peer="known"} 1796059800' in found
    assert [line for line in found if "last_time" in line and "egress" in line] == []


def test_the_fullness_of_sets_and_the_state_of_the_rules_are_told():
    found = lines(FOUND)

    assert 'gatehouse_denied_keys{direction="ingress",family="IPv4",peer="known"} 2' in found
    assert "gatehouse_denied_keys_limit 4096" in found
    assert {"gatehouse_invalid_total 5", "gatehouse_loaded_time_seconds 1796022000"} <= set(found)
    assert [line for line in found if line.startswith("gatehouse_mode")] == [
        'gatehouse_mode{direction="ingress",mode="enforce"} 1',
        'gatehouse_mode{direction="ingress",mode="observe"} 0',
        'gatehouse_mode{direction="egress",mode="enforce"} 0',
        'gatehouse_mode{direction="egress",mode="observe"} 1',
    ]


def test_connections_are_told_where_the_kernel_tracks_any():
    assert [line for line in lines(FOUND) if line.startswith("gatehouse_conntrack")] == [
        "gatehouse_conntrack_entries 126",
        "gatehouse_conntrack_limit 65536",
        "gatehouse_conntrack_drops_total 27",
    ]
    assert [line for line in lines(FOUND, files={}) if "conntrack" in line] == []


def test_a_host_without_rules_of_ours_has_neither_mode_nor_denials():
    found = [line for line in lines({}, modes={}, files={}) if not line.startswith("#")]

    assert {line[: len("gatehouse_mode")] for line in found} == {"gatehouse_mode"}
    assert [line[-2:] for line in found] == [" 0"] * 4


def test_each_number_stands_under_its_help_and_its_type_once():
    found = lines(FOUND)
    names = [re.match(r"[a-z_]+", line)[0] for line in found if not line.startswith("#")]

    for name in set(names):
        place = names.index(name)
        assert names[place : place + names.count(name)] == [name] * names.count(name)
        assert [line.split()[1] for line in found if line.startswith("#") and line.split()[2] == name] == [
            "HELP",
            "TYPE",
        ]
