"""A host that a later version has changed: this one reads none of it, changes none of it, and can take it away.

Later releases keep these tests. Whatever their files look like, the first line says their format and version.
"""

from __future__ import annotations

import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import FORMAT, MARK, marked
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import first_line
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.look import look
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import ask_all
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh import Refresher
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    KINDS,
    OLD,
    needs_all,
    other_rules,
    remembered_host,
)

pytestmark = needs_all

KEPT = ("etc/gatehouse/ruleset.*", "etc/gatehouse/fallback.*", "var/lib/gatehouse/live.*")
WAYS_BACK = ("run/gatehouse/rollback-x", "run/gatehouse/taken-x", "run/gatehouse/stuck-x")
WROTE = rf"got format {FORMAT + 1}, which version 99\.0\.0 of gatehouse\.firewall wrote"
REFUSED = rf"{WROTE}, .* Nothing was changed\. Run "

each_kind = pytest.mark.parametrize("shared", KINDS, indirect=True, scope="module")
each_file = pytest.mark.parametrize("file", [*KEPT, *WAYS_BACK])


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    with remembered_host(tmp_path_factory.mktemp("host") / "root", request.param) as host:
        yield host


@pytest.fixture
def host(shared):
    shared.restore()
    return shared


def by_a_later_version(host, file):
    """Have one file of a host be a later version's; all else is as this one has left it."""
    path = next(iter(host.root.glob(file)), host.root / file)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    content = {**first_line(text), "format": FORMAT + 1, "version": "99.0.0"}
    rest = text.partition("\n")[2] if text.startswith(MARK) else text
    path.write_text(marked(content) + rest, encoding="utf-8")
    return path


def everything(host):
    """Return the kernel's rules and each file of a host, byte for byte; a lock is no file that says anything."""
    host.boot()
    files = {path: path.read_bytes() for path in sorted(host.root.rglob("*")) if path.is_file()}
    return host.rules(), {path: content for path, content in files.items() if not path.name.endswith("lock")}


def refresh(host):
    """Do as gatehouse-refresh.service does."""
    refresher = Refresher(host.backend, host.boot(), host.rollback(), host.answered(), time.time() + 1e6)
    refresher.keep(ask_all(refresher.due(), lambda _name: Answer(("198.51.100.99",), 60)))


@each_file
@each_kind
def test_it_is_neither_looked_at_nor_changed(host, file):
    path, wanted = by_a_later_version(host, file), other_rules(OLD[host.kind])
    before = everything(host)

    for step in (
        lambda: look(host.firewall(), [], OLD[host.kind], diff=True),
        lambda: look(host.firewall(), [], wanted, diff=True),
        lambda: look(host.firewall(), [], None, diff=False),
        lambda: host.firewall().start_tracking(),
        lambda: host.firewall().load(wanted, 30),
        lambda: host.firewall().load(OLD[host.kind], 30),
        lambda: host.firewall().confirm(wanted, "fallback", "x"),
        lambda: host.firewall().reapply(wanted),
        lambda: refresh(host),
    ):
        with pytest.raises(FirewallError, match=REFUSED) as refused:
            step()
        assert str(refused.value).startswith(f"{path}: ")
        assert everything(host) == before


@each_kind
def test_a_change_that_began_before_the_later_version_came_is_not_confirmed_over_it(host):
    wanted = other_rules(OLD[host.kind])
    change = host.firewall().load(wanted, 30)
    by_a_later_version(host, KEPT[0])
    before = everything(host)

    with pytest.raises(FirewallError, match=REFUSED):
        host.firewall().confirm(wanted, "fallback", change)
    assert everything(host) == before


@each_file
@each_kind
def test_remove_takes_it_away(host, file):
    by_a_later_version(host, file)
    found = look(host.firewall(), [], "", diff=True)
    assert found["differs"]
    if file == KEPT[0]:
        assert found["diff"]["before"].startswith(f"rules of version 99.0.0, which wrote format {FORMAT + 1}: ")
    assert found["diff"]["after"] == ""

    host.firewall().remove()
    assert host.firewall().is_at("")
    assert host.backend.listing() == ""
    assert [path for path in host.root.rglob("*gatehouse*") if path.is_file()] == []


@each_kind
def test_a_ruleset_of_a_later_version_is_not_loaded(host):
    before = everything(host)
    later = OLD[host.kind].replace(f'"format":{FORMAT}', f'"format":{FORMAT + 1}').replace("0.0.0", "99.0.0")

    with pytest.raises(FirewallError, match=f"^the ruleset: {REFUSED}"):
        host.firewall().load(later, 30)
    assert everything(host) == before


@each_kind
def test_this_versions_own_files_are_no_later_ones(host):
    look(host.firewall(), [], OLD[host.kind], diff=True)
    change = host.firewall().load(other_rules(OLD[host.kind]), 30)
    for pattern in (KEPT[0], KEPT[2], f"run/gatehouse/rollback-{change}"):
        (path,) = host.root.glob(pattern)
        assert first_line(path.read_text(encoding="utf-8"))["format"] == FORMAT
    look(host.firewall(), [], OLD[host.kind], diff=True)
