"""Whoever holds what keeps nothing waiting for longer than it says, and a rollback not at all."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import Answered
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import ask_all
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh import Refresher
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    OLD,
    each_kind,
    kernel_host,
    needs_all,
    other_addresses,
    other_rules,
)
from ansible_collections.gatehouse.firewall.tests.patience import Patience

pytestmark = needs_all

NOBODY = 65534
HOLDER = """
import fcntl, os, sys
os.setuid(int(sys.argv[2]))
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(host, path, user=0):
    """Have a process of a user's hold a lock in the host's namespace, until this is over."""
    words = [*host.enter, sys.executable, "-c", HOLDER, str(path), str(user)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.stdin.close()


def refreshed(host):
    """Have the host ask again for its names, and return what came of it."""
    answered = Answered.read(host.write, host.root)
    refresher = Refresher(host.backend, host.boot(), host.rollback(), answered, 1000.0)
    numbers = {"git.example.org": 9}
    refresher.keep(ask_all(refresher.due(), lambda name: Answer((f"198.51.100.{numbers.get(name, 8)}",), 10)))
    return refresher.log


@pytest.fixture
def host(request, tmp_path):
    with kernel_host(tmp_path, request.param) as host:
        host.fires_by_hand = True
        yield host


@each_kind
def test_what_everybody_can_open_is_no_lock_of_ours(host):
    wanted, patience = other_rules(OLD[host.kind]), Patience(20)
    with holding(host, "/proc/self/ns/net", NOBODY):
        host.harden(wanted)
        sets = read(wanted).elements
        host.backend.refill(sets, read(other_addresses(wanted)).elements)
        host.backend.refill(read(other_addresses(wanted)).elements, sets)
        before = host.backend.listing()
        host.firewall().load(OLD[host.kind], 30)
        assert host.fire()[0] == 0
        assert host.backend.listing() == before
        assert refreshed(host) == ["git.example.org: +198.51.100.9 -198.51.100.7"]
        host.firewall().remove()

    assert not patience.is_over, f"something has waited for the lock: {patience}"


@each_kind
def test_nobody_else_can_open_what_we_lock(host):
    for name in ("lock", "rules.lock"):
        path = host.root / "run/gatehouse" / name
        path.touch()
        words = [sys.executable, "-c", "import os, sys; os.setuid(65534); open(sys.argv[1])", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "PermissionError" in done.stderr


@each_kind
def test_a_change_waits_with_a_bound_for_whoever_holds_the_rules_and_names_it_and_a_rollback_goes_on(host):
    helpers = host.backend.helpers
    host.backend.helpers = {name: text.replace("hold 10", "hold 1") for name, text in helpers.items()}
    wanted, before = other_rules(OLD[host.kind]), host.seen()
    lock = host.root / "run/gatehouse/rules.lock"
    with holding(host, lock):
        lock.write_text("process 42 (a test that hangs)\n")
        with pytest.raises(FirewallError, match=r"waited 1 s for process 42 \(a test that hangs\), which holds"):
            host.firewall().load(wanted, 30)
    assert host.seen() == before
    assert host.firewall().rollback_state == ""

    host.backend.helpers = helpers
    host.firewall().load(wanted, 30)
    assert host.seen() != before
    with holding(host, lock):
        patience = Patience(5)
        assert host.fire()[0] == 0
        assert not patience.is_over, patience
    assert host.seen() == before


@pytest.mark.parametrize("host", ["iptables-legacy"], indirect=True)
def test_a_rollback_goes_on_where_a_process_that_hangs_holds_the_lock_of_iptables(host):
    before = host.seen()
    host.firewall().load(other_rules(OLD[host.kind]), 30)
    with holding(host, host.root / "xtables.lock"):
        patience = Patience(5)
        assert host.fire()[0] == 0
        assert not patience.is_over, patience
    assert host.seen() == before
