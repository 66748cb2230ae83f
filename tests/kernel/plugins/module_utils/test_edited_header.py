"""Somebody edits the first line of a host's ruleset: that opens nothing, and harden writes it anew."""

from __future__ import annotations

import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.look import look
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import ask_all
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh import Refresher
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    KINDS,
    OLD,
    needs_all,
    other_addresses,
    remembered_host,
)

pytestmark = needs_all

STRANGER = "198.18.0.66"
EDITS = {
    "an address behind a name": lambda line: line.replace('"198.51.100.8"]', f'"198.51.100.8","{STRANGER}"]'),
    "an address in a set": lambda line: line.replace('"203.0.113.99"', f'"203.0.113.99","{STRANGER}"'),
    "no address in a set": lambda line: line.replace('"203.0.113.0/24"', ""),
    "another set for a name": lambda line: line.replace('"office.names.v4"]', '"office.v4"]').replace(
        "gatehouse-office-a2dabc5f", "gatehouse-office-ae5ff564"
    ),
    "another mode": lambda line: line.replace('"enforce"', '"observe"'),
    "no JSON": lambda line: line.replace("{", "", 1),
    "nothing but the mark": lambda _line: "# gatehouse: ",
    "a format of no version": lambda line: line.replace('"format":1', '"format":0'),
    "no line": lambda _line: "#",
}
each_kind = pytest.mark.parametrize("shared", KINDS, indirect=True, scope="module")
each_edit = pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    """A host, and what its kernel lists of each ruleset that is tried."""
    with remembered_host(tmp_path_factory.mktemp("host") / "root", request.param) as host:
        listings = {OLD[host.kind]: host.backend.listing()}
        other = other_addresses(OLD[host.kind])
        host.harden(other)
        yield host, {**listings, other: host.backend.listing()}


@pytest.fixture
def host(shared):
    shared[0].restore()
    return shared[0]


@pytest.fixture
def listings(shared):
    return shared[1]


def edited(host, edit):
    (path,) = (host.root / "etc/gatehouse").glob("ruleset.*")
    line, _newline, rest = path.read_text(encoding="utf-8").partition("\n")
    assert edit(line) != line
    path.write_text(f"{edit(line)}\n{rest}", encoding="utf-8")


def refresh(host):
    refresher = Refresher(host.backend, host.boot(), host.rollback(), host.answered(), time.time() + 1e6)
    refresher.keep(ask_all(refresher.due(), lambda _name: Answer(("198.51.100.7",), 60)))


@each_edit
@each_kind
def test_a_host_differs_and_whatever_it_is_hardened_with_it_has_that_and_no_more(host, listings, edit):
    for wanted, listing in listings.items():
        edited(host, edit)

        found = look(host.firewall(), [], wanted, diff=True)
        assert found["differs"]
        assert not found["differs_in_addresses_alone"]
        assert "boot_file_edited" in [one["kind"] for one in found["findings"]]

        host.harden(wanted)
        assert host.backend.listing() == listing
        assert STRANGER not in "".join(host.seen())
        assert host.firewall().is_at(wanted)


@each_edit
@each_kind
def test_a_refresh_opens_nothing(host, edit):
    edited(host, edit)
    before = host.seen()
    try:
        refresh(host)
    except FirewallError as error:
        assert "the text was edited" in str(error)  # noqa: PT017 - some edits are none to a refresh
        assert host.seen() == before
    assert STRANGER not in "".join(host.seen()[:2])


@each_edit
@each_kind
def test_what_it_says_is_no_answer_of_the_hosts_own(host, edit):
    edited(host, edit)

    assert host.boot().is_edited(host.backend)
