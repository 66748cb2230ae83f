"""As many addresses behind a name as count: no line that ipset and iptables-restore take has room for them."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import folded
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import with_answers
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    OLD,
    each_kind,
    kernel_host,
    needs_all,
)

pytestmark = needs_all

MANY = [f"198.18.0.{number}" for number in range(256)] + [f"2001:2::{number:x}" for number in range(1, 257)]


@pytest.fixture
def host(request, tmp_path):
    with kernel_host(tmp_path, request.param) as host:
        yield host


def many(host):
    return with_answers(host.backend, OLD[host.kind], {"git.example.org": MANY})


@each_kind
def test_a_host_is_hardened_with_them_and_boots_with_them(host):
    wanted = many(host)
    host.harden(wanted)
    assert host.firewall().is_at(wanted)
    before = host.backend.listing()
    assert not [address for address in MANY if address not in before]

    host.backend.delete()
    ((loader, _text),) = host.backend.helpers.items()
    folder = host.root / "etc/gatehouse"
    (ruleset,) = folder.glob("ruleset.*")
    assert host.ask(["sh", str(folder / loader), str(ruleset), *host.backend._commands], None) == (0, "", "")
    assert host.backend.listing() == before


@each_kind
def test_the_line_of_a_plan_for_ipset_is_one_that_ipset_takes(host):
    line = many(host).partition("\n")[0] + "\n"
    assert len(line) > 10240
    assert read(line).sets

    create = "create gatehouse-x hash:ip\n"
    assert host.ask(["ipset", "restore"], line + create)[0] != 0
    assert host.ask(["ipset", "restore"], folded(line) + create) == (0, "", "")
