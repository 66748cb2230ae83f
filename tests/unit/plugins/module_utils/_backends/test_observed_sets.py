from __future__ import annotations

import json

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends import observed_sets as observing
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import (
    Element,
    Observing,
    filled_by_ipset,
    filled_by_nft,
    full_sets,
    merged,
    together,
    without_filled,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import (
    OBSERVED_MOST,
    OBSERVED_SECONDS,
)

# As nft 0.9.8 writes it; 1.0.6 and 1.1.3 have a 0 in place of the constant.
LISTING = """\
table inet gatehouse {
    set office.v4 {
        type ipv4_addr
        elements = { 203.0.113.7 }
    }

    set observed.in.first.v4 {
        type ipv4_addr . inet_proto . inet_service
        size 4096
        flags dynamic,timeout
        timeout 24d20h31m23s
        elements = { 203.0.113.7 . tcp . 8080 counter packets 3 bytes 180 expires 24d20h30m23s900ms,
                203.0.113.8 . gre . 0 counter packets 1 bytes 21 expires 24d20h31m23s }
    }

    set observed.in.last.v4 {
        type ipv4_addr . inet_proto . inet_service
        size 4096
        flags dynamic,timeout
        timeout 24d20h31m23s
        elements = { 203.0.113.7 . tcp . 8080 expires 24d20h31m13s }
    }

    set observed.out.first.v6 {
        type ipv6_addr . inet_proto . inet_service
        size 4096
        flags dynamic,timeout
        timeout 24d20h31m23s
        elements = { 2001:db8::7 . ipv6-icmp . 0 counter packets 2 bytes 80 expires 24d20h31m23s }
    }

    chain observed_ingress {
        add @observed.in.first.v4 { ip saddr . meta l4proto . 0x0 [invalid type] counter }
        accept
    }
}
""".replace(" " * 4, "\t")
SAVED = """\
create gatehouse-in4.first-00000000.b hash:ip,port family inet hashsize 1024 maxelem 4096 timeout 2147483 counters
add gatehouse-in4.first-00000000.b 203.0.113.7,tcp:8080 timeout 2147423 packets 3 bytes 180
add gatehouse-in4.first-00000000.b 203.0.113.8,gre:0 timeout 2147483 packets 1 bytes 21
create gatehouse-in4.last-00000000.b hash:ip,port family inet hashsize 1024 maxelem 4096 timeout 2147483 counters
add gatehouse-in4.last-00000000.b 203.0.113.7,tcp:8080 timeout 2147473 packets 1 bytes 60
create gatehouse-out6.first-00000000.b hash:ip,port family inet6 hashsize 1024 maxelem 4096 timeout 2147483 counters
add gatehouse-out6.first-00000000.b 2001:db8::7,icmpv6:echo-request timeout 2147483 packets 2 bytes 80
add gatehouse-in4.first-99999999 203.0.113.9,tcp:1 timeout 2147483 packets 9 bytes 9
"""
NAMES = [f"gatehouse-{name}-00000000.b" for name in ("in4.first", "in4.last", "out6.first")]
NOW = 1_800_000_000.0
ROW = {"direction": "ingress", "address": "203.0.113.7", "protocol": "tcp", "port": 8080, "packets": 3}
TIMES = {"first": "2027-01-15T07:59:00Z", "last": "2027-01-15T07:59:50Z"}


@pytest.mark.parametrize(
    "elements", [filled_by_nft(LISTING), filled_by_ipset(SAVED, NAMES)], ids=["nftables", "iptables"]
)
def test_both_backends_tell_the_same_of_who_was_seen_and_when(elements):
    found = merged(elements, NOW)

    assert [(row["address"], row["protocol"], row["port"], row["packets"]) for row in found] == [
        ("2001:db8::7", "icmpv6", 0, 2),
        ("203.0.113.7", "tcp", 8080, 3),
        ("203.0.113.8", "gre", 0, 1),
    ]
    assert found[1] == {**ROW, **TIMES}
    assert found[0]["direction"] == "egress"


def test_what_the_kernel_has_put_into_sets_is_no_part_of_a_listing_and_what_we_have_put_there_is():
    listing = without_filled(LISTING)

    assert "203.0.113.7 }" in listing
    assert not [word for word in ("8080", "expires", "203.0.113.8", "invalid") if word in listing]
    assert listing.count("elements") == 1
    assert "{ ip saddr . meta l4proto . 0 counter }" in listing


FILLED = """\
table inet gatehouse {
    set by_hand {
        type ipv4_addr
        flags timeout,dynamic
        elements = { 203.0.113.7 limit rate 5/second burst 3 packets expires 59m }
    }

    set counted {
        type ipv4_addr
        counter
        elements = { 203.0.113.7 counter packets 3 bytes 180 timeout 1h expires 59m59s996ms comment "a counter",
                203.0.113.8 counter, 203.0.113.9 limit rate over 1 mbytes/second burst 5 mbytes }
    }

    map verdicts {
        type ipv4_addr : verdict
        counter
        elements = { 203.0.113.7 counter packets 0 bytes 0 : accept }
    }
}
""".replace(" " * 4, "\t")


def test_what_the_kernel_has_put_beside_elements_is_no_part_of_a_listing_whoever_made_the_set():
    listing = without_filled(FILLED)

    assert "flags timeout,dynamic\n\t}\n" in listing
    assert '{ 203.0.113.7 timeout 1h comment "a counter",' in listing
    assert "203.0.113.8, 203.0.113.9 }" in listing
    assert "{ 203.0.113.7 : accept }" in listing


def test_rules_that_do_not_observe_have_seen_nothing_and_say_so():
    assert filled_by_nft("table inet gatehouse {\n\tset office.v4 {\n\t\ttype ipv4_addr\n\t}\n}\n") is None
    assert filled_by_ipset(SAVED, ["gatehouse-office-00000000"]) is None


def test_a_set_is_full_that_has_as_many_keys_as_it_can_hold():
    elements = [Element("ingress", "first", f"203.0.113.{n % 200}", "udp", n, 1, 1.0) for n in range(4096)]

    assert full_sets(elements) == ["ingress IPv4"]
    assert full_sets(elements[1:]) == []


def test_counts_of_one_key_before_and_after_a_change_are_added_up():
    later = {**ROW, "first": "2027-01-16T00:00:00Z", "last": "2027-01-17T00:00:00Z", "packets": 4}

    assert together([{**ROW, **TIMES}], [later]) == [{**later, "packets": 7, "first": TIMES["first"]}]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_file_keeps_what_the_kernel_forgets(tmp_path, monkeypatch):
    monkeypatch.setattr(observing.time, "time", lambda: NOW + 7200)
    seen = [Element("ingress", "first", "203.0.113.7", "tcp", 8080, 3, float(OBSERVED_SECONDS))]
    host = Observing(write, tmp_path)
    first = host.result(seen, NOW)
    host.prepare({**first, "observed_full": ["egress IPv6"]})
    assert host.result(seen, NOW)["observed"][0]["packets"] == 3
    host.keep()
    after = Observing(write, tmp_path).result(seen, NOW + 7201)

    assert (after["observed"][0]["packets"], after["observed_full"]) == (6, ["egress IPv6"])
    assert after["observed_since"] == first["observed_since"] == "2027-01-15T08:00:00Z"
    host.prepare(after)
    host.forget()
    assert Observing(write, tmp_path).result([], NOW)["observed"] == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("hours", "since"), [(2, "2027-01-15T08:00:00Z"), (5, "2027-01-15T13:00:00Z"), (None, "")])
def test_what_was_lost_between_a_change_and_a_later_load_was_not_observed(tmp_path, monkeypatch, hours, since):
    monkeypatch.setattr(observing.time, "time", lambda: NOW + 7200)
    host = Observing(write, tmp_path)
    host.prepare(host.result([], NOW))
    host.keep()

    found = host.result([], None if hours is None else NOW + hours * 3600)
    assert found["observed_since"] == since


@pytest.mark.parametrize("text", ["", "[]", "{", '{"observed": [1]}', json.dumps({"observed": [{"direction": "x"}]})])
def test_a_file_that_was_spoilt_says_nothing(tmp_path, text):
    file = tmp_path / observing.FILE
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")

    assert Observing(lambda *_: None, tmp_path).result([], NOW)["observed"] == []


def test_a_file_does_not_grow_for_ever(tmp_path):
    texts = []
    rows = [{**ROW, "port": n, "first": "", "last": f"{n:05}"} for n in range(5000)]
    result = {"observed": rows, "observed_since": "", "observed_full": []}
    Observing(lambda _path, text: texts.append(text), tmp_path).prepare(result)

    kept = json.loads(texts[0])["observed"]
    assert len(kept) == OBSERVED_MOST
    assert kept[0]["port"] == 4999
