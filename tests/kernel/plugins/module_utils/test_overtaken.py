"""A change whose rollback overtakes it, wherever it is: the kernel refuses the rest, and nothing of it is in force."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError, OvertakenError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.host_firewall import TooLateError
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.fault import VARIABLE
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    OLD,
    each_change,
    each_kind,
    kernel_host,
    needs_all,
    other_rules,
)
from ansible_collections.gatehouse.firewall.tests.patience import whole_seconds

pytestmark = needs_all


OVERTAKEN = r"rollback has begun(.|\n)*the host has gone back, and the ruleset confirmed last is in force"


@pytest.fixture
def host(request, tmp_path):
    with kernel_host(tmp_path, request.param) as host:
        yield host


@each_change
@each_kind
def test_at_each_of_its_transactions_the_kernel_refuses_what_is_left_of_it(host, change):
    host.overtaken()
    before, wanted = host.seen(), change(OLD[host.kind])
    host.at(0)
    host.firewall().load(wanted, 30)
    transactions = host.transactions
    host.fire()
    assert host.seen() == before

    for number in range(1, transactions + 1):
        host.at(number)
        with pytest.raises(FirewallError, match=OVERTAKEN):
            host.firewall().load(wanted, 30)
        assert host.seen() == before, number
        assert host.firewall().rollback_state == ""

    host.at(0)
    made = host.firewall().load(wanted, 30)
    assert host.transactions == transactions > 0
    host.firewall().confirm(wanted, "fallback", made)
    assert host.firewall().is_at(wanted)
    assert "armed" not in "".join(host.seen()).lower()


@each_change
@each_kind
def test_one_that_stalls_for_longer_than_its_rollback_waits_is_refused_and_the_host_has_gone_back(
    host, change, monkeypatch
):
    before, seconds = host.seen(), whole_seconds()
    monkeypatch.setenv(VARIABLE, f"armed/{1.7 * seconds}")
    with pytest.raises(FirewallError, match=OVERTAKEN):
        host.firewall().load(change(OLD[host.kind]), seconds)

    assert host.seen() == before
    assert host.firewall().is_at(OLD[host.kind])


@each_kind
def test_one_that_stalls_once_it_is_loaded_is_confirmed_too_late_and_that_is_said(host, monkeypatch):
    before, wanted, seconds = host.seen(), other_rules(OLD[host.kind]), whole_seconds()
    monkeypatch.setenv(VARIABLE, f"loaded/{1.7 * seconds}")
    change = host.firewall().load(wanted, seconds)
    with pytest.raises(TooLateError, match="the host has gone back, and the ruleset confirmed last is in force"):
        host.firewall().confirm(wanted, "fallback", change)

    assert host.seen() == before


@each_kind
def test_a_marker_is_in_no_text_that_is_compared_or_loaded(host):
    ruleset = OLD[host.kind]
    before, previous = host.backend.listing(), host.backend.previous()
    host.backend.mark("0123456789abcdef", ruleset)
    assert "0123456789abcdef" in host.seen()[0]
    assert (host.backend.listing(), host.backend.previous()) == (before, previous)
    assert host.firewall().is_at(ruleset)
    assert host.firewall().drift() == []

    host.backend.mark("fedcba9876543210", ruleset)
    assert "0123456789abcdef" not in host.seen()[0]
    host.backend.settle("fedcba9876543210")
    assert "armed" not in host.seen()[0].lower()
    assert host.backend.listing() == before


@each_kind
def test_a_first_change_that_is_overtaken_leaves_a_bare_host(host):
    host.firewall().remove()
    host.fires_by_hand = True
    for is_primed in (True, False):
        if is_primed:
            host.firewall().start_tracking()
        host.firewall().load(OLD[host.kind], 30)
        assert host.backend.listing()
        assert host.fire()[0] == 0
        assert host.backend.listing() == ""
        assert "gatehouse" not in host.seen()[0].lower()
    assert host.firewall().rollback_state == ""


@each_kind
def test_a_change_that_the_kernel_refuses_leaves_no_marker(host):
    before = host.seen()
    wanted = OLD[host.kind].replace("203.0.113.99", "203.0.113.999")
    host.backend.check = lambda _ruleset: None
    with pytest.raises(FirewallError, match="nothing was changed"):
        host.firewall().load(wanted, 30)

    assert host.seen() == before
    assert host.firewall().rollback_state == ""


@each_kind
def test_a_rollback_that_fails_has_ended_its_change_all_the_same_and_that_is_said(host):
    host.fires_by_hand = True
    wanted = other_rules(OLD[host.kind])
    change = host.firewall().load(wanted, 30)
    loaded = host.backend.listing()
    (pending,) = host.root.glob("run/gatehouse/rollback-*")
    pending.write_text(pending.read_text().replace("203.0.113.99", "203.0.113.999"))
    host.fire()

    assert host.firewall().rollback_state == "has failed"
    with pytest.raises(OvertakenError):
        host.backend.load(wanted, change)
    assert host.backend.listing() == loaded
    with pytest.raises(TooLateError, match=r"its rollback has failed .* and rules of ours are in force that"):
        host.firewall().confirm(wanted, "fallback", change)


@each_kind
def test_a_change_whose_rules_something_else_has_replaced_meanwhile_is_not_confirmed(host):
    host.fires_by_hand = True
    wanted, before = other_rules(OLD[host.kind]), host.backend.listing()
    change = host.firewall().load(wanted, 30)
    reload = host.backend.load_command(str(host.root / f"etc/gatehouse/ruleset.{host.backend.file_type}"))
    assert host.ask(["sh", "-c", reload], None)[0] == 0
    with pytest.raises(FirewallError, match=r"something else has replaced our rules .* the host goes back"):
        host.firewall().confirm(wanted, "fallback", change)

    assert host.firewall().rollback_state == "waits"
    assert host.fire()[0] == 0
    assert host.backend.listing() == before
    assert host.firewall().is_at(OLD[host.kind])
