from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import marked, stamp
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.host_firewall import TooLateError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

OLD = "#: ingress 22/tcp from office, flow admin\ntable inet gatehouse\n"
NEW = "#: ingress 443/tcp from office, flow front\ntable inet gatehouse\n"
STAMP = marked(stamp())
LEFT = {"run/gatehouse/lock", "run/gatehouse/replace.sh"}
"""What a change leaves of its rollback."""


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


def test_a_host_without_anything_of_ours_is_where_nothing_is_wanted(host):
    assert host.firewall().is_at("")
    assert not host.firewall().is_at(NEW)


def test_a_host_is_where_it_was_brought_and_nowhere_else(host):
    host.harden(OLD)

    assert host.firewall().is_at(OLD)
    assert not host.firewall().is_at(NEW)
    assert not host.firewall().is_at("")
    assert host.firewall().drift() == []


UNIT = "etc/systemd/system/gatehouse-firewall.service"


def add_a_rule(host):
    host.nft.table += "tcp dport 23 accept\n"


def delete_the_table(host):
    host.nft.table = ""


def empty_the_file(host):
    (host.root / "etc/gatehouse/ruleset.nft").write_text("")


def remove_the_file(host):
    (host.root / "etc/gatehouse/ruleset.nft").unlink()


def remove_the_unit(host):
    (host.root / UNIT).unlink()


def disable_the_unit(host):
    (host.root / "etc/systemd/system/sysinit.target.wants/gatehouse-firewall.service").unlink()


@pytest.mark.parametrize(
    ("spoil", "drift"),
    [
        (add_a_rule, ["added: tcp dport 23 accept"]),
        (delete_the_table, ["none of our rules is in the kernel"]),
        (empty_the_file, []),
        (remove_the_file, []),
        (remove_the_unit, []),
        (disable_the_unit, []),
    ],
)
def test_a_host_that_somebody_changed_is_no_more_where_it_was_brought(host, spoil, drift):
    host.harden(OLD)
    spoil(host)

    assert not host.firewall().is_at(OLD)
    assert host.firewall().drift() == drift

    host.harden(OLD)
    assert host.firewall().is_at(OLD)


def test_the_difference_is_in_flows_and_shows_what_somebody_else_changed(host):
    assert host.firewall().difference(NEW)["before"] == ""
    host.harden(OLD)
    add_a_rule(host)
    difference = host.firewall().difference(NEW)

    assert difference["before"] == "ingress 22/tcp from office, flow admin\nadded: tcp dport 23 accept\n"
    assert difference["after"] == "ingress 443/tcp from office, flow front\n"


def test_a_table_that_is_gone_lets_through_nothing_of_ours(host):
    host.harden(OLD)
    delete_the_table(host)

    assert host.firewall().difference(OLD)["before"] == "none of our rules is in the kernel\n"


@pytest.mark.parametrize(
    ("ruleset", "message"),
    [
        ("# bad", "nft refuses the ruleset, nothing was changed"),
        ("# late", "nft can't load the ruleset, nothing was changed"),
    ],
)
def test_a_ruleset_that_nft_refuses_changes_nothing(host, ruleset, message):
    host.harden(OLD)
    files, table = host.files() | LEFT, host.nft.table

    with pytest.raises(FirewallError, match=message):
        host.firewall().load(ruleset, 30)

    assert (host.files(), host.nft.table) == (files, table)
    assert host.firewall().is_at(OLD)


def test_nothing_is_kept_for_the_next_boot_before_somebody_confirms(host):
    change = host.firewall().load(NEW, 30)

    assert host.written == []
    assert host.files() == {f"run/gatehouse/rollback-{change}", *LEFT}
    assert not host.firewall().is_at(NEW)

    host.firewall().confirm(NEW, "fallback", change)
    assert host.firewall().is_at(NEW)
    assert f"run/gatehouse/rollback-{change}" not in host.files()


def test_the_rollback_leads_to_what_the_kernel_had(host):
    host.harden(OLD)
    listing = host.nft.table
    change = host.firewall().load(NEW, 30)

    assert (
        host.root / f"run/gatehouse/rollback-{change}"
    ).read_text() == f"{STAMP}table inet gatehouse\ndelete table inet gatehouse\n{listing}"


def test_the_rollback_from_a_first_ruleset_leads_to_no_table(host):
    host.firewall().start_tracking()
    change = host.firewall().load(NEW, 30)

    assert (
        host.root / f"run/gatehouse/rollback-{change}"
    ).read_text() == f"{STAMP}table inet gatehouse\ndelete table inet gatehouse\n"


def test_a_confirmation_that_comes_too_late_keeps_nothing(host):
    change = host.firewall().load(NEW, 30)
    (host.root / f"run/gatehouse/rollback-{change}").unlink()  # the timer was first

    with pytest.raises(TooLateError, match="the host has gone back, and rules of ours are in force that are not the"):
        host.firewall().confirm(NEW, "fallback", change)
    assert host.files() == LEFT


def test_a_confirmation_that_is_repeated_is_still_one(host):
    change = host.firewall().load(NEW, 30)

    host.firewall().confirm(NEW, "fallback", change)
    host.firewall().confirm(NEW, "fallback", change)


def test_a_confirmation_of_another_change_is_none(host):
    host.firewall().load(NEW, 30)

    with pytest.raises(TooLateError):
        host.firewall().confirm(OLD, "fallback", "17")


def test_what_cannot_be_kept_is_not_confirmed_and_leaves_the_rollback(host, monkeypatch):
    change = host.firewall().load(NEW, 30)

    def refuse(path, _text):
        raise FirewallError(f"can't write {path}: No space left on device")

    monkeypatch.setattr(host, "write", refuse)
    with pytest.raises(FirewallError, match="No space left on device"):
        host.firewall().confirm(NEW, "fallback", change)

    assert f"run/gatehouse/rollback-{change}" in host.files()


OBSERVES = f"# ours\n#: mode: observe, nothing is blocked\n{OLD}"
OBSERVED = "var/lib/gatehouse/observed.json"


def test_what_was_observed_is_kept_before_the_kernel_forgets_it_or_nothing_is_changed(host, monkeypatch):
    host.harden(OBSERVES)
    table, write = host.nft.table, host.write

    def refuse(path, text):
        if "observed.json" in path.name:
            raise FirewallError(f"can't write {path}: No space left on device")
        write(path, text)

    monkeypatch.setattr(host, "write", refuse)
    with pytest.raises(FirewallError, match="No space left on device"):
        host.firewall().load(NEW, 30)

    assert host.nft.table == table
    assert host.firewall().is_at(OBSERVES)


def test_what_was_observed_is_not_counted_twice_where_the_kernel_refuses_the_change(host):
    host.harden(OBSERVES)
    with pytest.raises(FirewallError, match="nothing was changed"):
        host.firewall().load(f"{NEW}late\n", 30)

    assert not [name for name in host.files() if "observed.json" in name]


def test_a_host_whose_observing_rules_somebody_has_flushed_has_observed(host):
    host.harden(OBSERVES)
    change = host.firewall().load(f"{OBSERVES}# more\n", 30)
    host.firewall().confirm(f"{OBSERVES}# more\n", "fallback", change)
    kept = host.root / OBSERVED
    row = '{"direction": "ingress", "address": "203.0.113.7", "protocol": "tcp", "port": 80, "packets": 1,'
    row += ' "first": "2027-01-15T07:59:00Z", "last": "2027-01-15T07:59:00Z"}'
    kept.write_text(kept.read_text().replace("[]}", f"[{row}]}}"))
    host.nft.table = ""

    found = host.firewall().observed()
    assert [one["port"] for one in found["observed"]] == [80]
    assert found["observed_since"] == ""


def test_a_host_that_enforces_has_observed_nothing(host):
    host.harden(OLD)

    assert host.firewall().observed() == {}


def test_another_ruleset_of_the_same_flows_is_found_by_an_audit(host):
    host.harden(OLD)

    (found,) = host.firewall().findings(f"{OLD}# another rule\n")
    assert (found.kind, found.text) == (
        "model_changed",
        "other rules for the same flows: the model or this collection has changed",
    )


def test_connection_tracking_starts_before_a_first_ruleset_and_only_then(host):
    host.firewall().start_tracking()
    assert "chain start_tracking {" in host.nft.table

    host.firewall().load(NEW, 30)
    changes = host.nft.changes
    host.firewall().start_tracking()
    assert host.nft.changes == changes


def test_removal_leaves_nothing_and_can_be_repeated(host):
    host.harden(OLD)
    host.firewall().load(NEW, 30)
    host.firewall().remove()
    host.firewall().remove()

    assert host.firewall().is_at("")
    assert host.files() == set()
    assert host.nft.table == ""


def test_without_nft_a_host_can_be_looked_at_and_cleaned_and_not_hardened(tmp_path):
    host = FakeHost(tmp_path, has_nft=False)
    firewall = host.firewall()

    found = (firewall.missing_packages, firewall.tracks_connections, firewall.live, firewall.is_at(""))
    assert found == (["nftables"], False, "", True)
    firewall.check(NEW)
    firewall.remove()
    for change in (firewall.start_tracking, lambda: firewall.load(NEW, 30)):
        with pytest.raises(FirewallError, match="there is no nft command on this host: install the package nftables"):
            change()


def test_nothing_wanted_needs_no_check(host):
    host.firewall().check("")

    assert [words for words in host.nft.commands if "-c" in words] == []


@pytest.mark.parametrize("systemd", [True, False])
def test_a_host_with_systemd_starts_at_boot(tmp_path, systemd):
    assert FakeHost(tmp_path, systemd=systemd).firewall().starts_at_boot is systemd


def test_a_host_that_changes_over_keeps_what_it_has_until_the_new_is_confirmed(host):
    host.other.rules = "rules"
    host.keep(host.other, "old", "rules")

    assert host.firewall().tracks_connections
    change = host.firewall().load(NEW, 30)
    assert host.other.rules == "rules"
    assert host.boot().ruleset(host.other) == "old"

    host.firewall().confirm(NEW, "fallback", change)
    assert host.other.rules == ""
    assert not host.boot().has(host.other)
    assert host.firewall().is_at(NEW)


def test_a_host_with_rules_in_another_backend_too_is_not_where_it_should_be(host):
    host.harden(NEW)
    host.keep(host.other, "old", "rules")

    assert not host.firewall().is_at(NEW)


def test_the_difference_from_another_backend_is_in_flows(host):
    host.keep(host.other, OLD, "rules")

    assert host.firewall().difference(NEW)["before"] == "ingress 22/tcp from office, flow admin\n"


def test_a_first_ruleset_that_cannot_be_loaded_leaves_no_primer(host):
    host.firewall().start_tracking()

    with pytest.raises(FirewallError):
        host.firewall().load("# late", 30)

    assert (host.nft.table, host.files()) == ("", LEFT)


def test_a_host_that_is_bare_again_has_no_note_of_a_load(host):
    host.firewall().start_tracking()
    note = host.root / "run/gatehouse/loaded.nft"
    note.touch()  # the loader does that whatever it loads, and to delete is to load nothing
    host.firewall().stop_tracking()

    assert not note.exists()
