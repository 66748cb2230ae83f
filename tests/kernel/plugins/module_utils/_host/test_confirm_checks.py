"""A change whose check fails is taken back by the host's own rollback, at once."""

from __future__ import annotations

import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.steps import take
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    OLD,
    each_kind,
    kernel_host,
    needs_all,
    other_rules,
)

pytestmark = needs_all
TIMEOUT = 300
SAYS_NO = {"name": "web", "command": "echo no answer; exit 1", "timeout": 10}
SAYS_YES = {"name": "web", "command": "echo fine", "timeout": 10}


@pytest.fixture
def host(request, tmp_path):
    with kernel_host(tmp_path, request.param) as host:
        yield host


def changed(host, check):
    """Load other rules, and confirm them with a check; return the answer."""
    wanted = other_rules(OLD[host.kind])
    params = {"rollback_timeout": TIMEOUT, "connection": "", "fallback": "fallback", "checks": [check]}
    params["allows"] = None
    loaded = take("load", host.firewall(), host.managers(), wanted, params)
    assert host.backend.listing() != host.firewall().recorded
    return take("confirm", host.firewall(), host.managers(), wanted, {**params, "change": loaded["change"]})


@each_kind
def test_a_check_that_fails_takes_the_host_back_long_before_the_timeout(host):
    before, begun = host.seen(), time.monotonic()
    answer = changed(host, SAYS_NO)

    assert answer == {
        "changed": False,
        "failed_check": {"name": "web", "why": "has ended with exit code 1", "output": "no answer"},
        "after": "the host has gone back, and the ruleset confirmed last is in force",
        "gone_back": True,
    }
    assert host.seen() == before
    assert host.firewall().is_at(OLD[host.kind])
    assert time.monotonic() - begun < TIMEOUT / 5


@each_kind
def test_one_that_succeeds_confirms(host):
    assert changed(host, SAYS_YES)["confirmed"]
    assert host.firewall().is_at(other_rules(OLD[host.kind]))
