"""The host on which a module runs: what keeps it from doing anything there."""

from __future__ import annotations

import os
import types

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import marked
from ansible_collections.gatehouse.firewall.plugins.module_utils._host import this_host
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.this_host import ThisHost
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import Boot
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import FILE, Answered
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

RULESET = rulesets.nftables("28-host-names", "web1")
LATER = marked({"format": 2, "version": "99.0.0"})
GIVEN = {"ruleset": None, "iptables_ruleset": None, "backend": "nftables", "state": "present"}


@pytest.fixture
def host(tmp_path, monkeypatch):
    host = FakeHost(tmp_path)
    host.keep(host.backend, RULESET, "listing")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(this_host, "Boot", lambda run, write: Boot(run, write, tmp_path))
    monkeypatch.setattr(Answered, "read", lambda write, read=Answered.read: read(write, tmp_path))
    return host


def module(**params):
    return types.SimpleNamespace(params={**GIVEN, **params}, get_bin_path=lambda name, **_more: f"/usr/sbin/{name}")


def by_a_later_version(host):
    (host.root / "etc/gatehouse/ruleset.nft").write_text(f"{LATER}{RULESET.partition(chr(10))[2]}")


def test_a_host_that_a_later_version_has_changed_is_refused_whatever_is_wanted(host):
    ThisHost(module(ruleset=RULESET))
    by_a_later_version(host)

    for params in ({"ruleset": RULESET}, {}, {"ruleset": RULESET, "answers": {}}):
        with pytest.raises(FirewallError, match=r"ruleset\.nft: got format 2, which version 99\.0\.0"):
            ThisHost(module(**params))


def test_it_is_looked_at_where_ours_is_to_go(host):
    by_a_later_version(host)

    assert ThisHost(module(state="absent")).wanted == ""
    assert ThisHost(module(ruleset="")).answers == {}


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("ruleset", "words"),
    [
        (f"{LATER}table inet gatehouse\n", "^the ruleset: got format 2, which version 99.0.0"),
        ("# gatehouse: {\ntable inet gatehouse\n", "^the ruleset: got a first line that can't be read"),
        (RULESET.replace("\t\t\t198.51.100.7,\n", ""), "^the ruleset: got a first line that can't be read"),
    ],
)
def test_a_ruleset_with_another_first_line_than_it_was_rendered_with_is_refused(ruleset, words):
    with pytest.raises(FirewallError, match=words):
        ThisHost(module(ruleset=ruleset))


def answered(host):
    found = '{"answered": 4102444800, "due": 0}'
    (host.root / FILE).write_text(f'{{"git.example.org": {found}, "pkg.example.org": {found}}}')


def test_addresses_that_the_host_has_found_are_kept(host):
    answered(host)

    assert ThisHost(module(ruleset=RULESET)).answers == {
        "git.example.org": ("198.51.100.7", "2001:db8::7"),
        "pkg.example.org": ("198.51.100.8",),
    }


def test_addresses_that_somebody_has_written_into_its_files_are_not(host):
    answered(host)
    path = host.root / "etc/gatehouse/ruleset.nft"
    path.write_text(path.read_text().replace("198.51.100.8", "198.18.0.66"))

    found = ThisHost(module(ruleset=RULESET))
    assert (found.answers, found.wanted) == ({}, RULESET)


def test_what_version_0_1_0_has_found_for_its_names_is_kept(host):
    ruleset = rulesets.of_version_0_1_0(RULESET).replace("198.51.100.8", "198.51.100.88")
    host.keep(host.backend, ruleset, "listing")
    answered(host)

    wanted = ThisHost(module(ruleset=RULESET)).wanted
    assert wanted.count("198.51.100.88") == RULESET.count('198.51.100.8"') + RULESET.count("198.51.100.8,")
