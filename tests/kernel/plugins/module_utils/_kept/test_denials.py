"""What a host has denied outlives what its kernel keeps: over a change, over a rollback, and over a boot."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.denials import FILE
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import (
    KINDS,
    KernelHost,
    each_kind,
    needs_all,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets

pytestmark = needs_all

KEEPING = {kind: rulesets.iptables("32-kept-denials", "runner2") for kind in KINDS[1:]}
KEEPING["nftables"] = rulesets.nftables("32-kept-denials", "runner1")
# As they were when single addresses and networks of known peers were in one set.
EARLIER = Path(__file__).parent / "known_peers_in_one_set"
ONE_SET = {kind: rulesets.iptables_in(EARLIER, "runner2") for kind in KINDS[1:]}
ONE_SET["nftables"] = (EARLIER / "runner1.nft").read_text(encoding="utf-8")
NEW = {kind: text.replace("6379", "6380") for kind, text in KEEPING.items()}
PEER = ("192.0.2.11", "tcp", 22, True)
ALLOWS = {"rules": "as the controller says it"}


@pytest.fixture
def host(request, tmp_path):
    with private_nft.lasting_namespace() as run:
        found = KernelHost(tmp_path, run, request.param)
        found.fires_by_hand = True
        found.harden(KEEPING[request.param])
        yield found


def deny(host, packets, address="192.0.2.11", peers="known"):
    """Have the kernel keep a denial, as its own rules do."""
    if host.kind == "nftables":
        key = f"{{ {address} . tcp . 22 counter packets {packets} bytes 60 }}"
        words = ["nft", "add", "element", "inet", "gatehouse", f"denied.in.{peers}.first.v4", key]
    else:
        (name,) = (one for one in host.sets() if one.startswith(f"gatehouse-in4.{peers[0]}f-"))
        words = ["ipset", "add", name, f"{address},tcp:22", "packets", str(packets), "bytes", "60"]
    assert host.ask(words, None) == (0, "", "")


def told(host):
    rows = host.firewall().denied()["denied"]
    return [(row["address"], row["protocol"], row["port"], row["known"], row["packets"]) for row in rows]


@each_kind
def test_a_change_a_rollback_and_a_second_change_keep_what_was_denied_and_count_it_once(host):
    deny(host, 3)
    host.harden(NEW[host.kind], ALLOWS)
    assert told(host) == [(*PEER, 3)]

    deny(host, 2)
    host.firewall().load(KEEPING[host.kind], 30)
    assert told(host) == [(*PEER, 5)]
    host.denials().save(host.backend)  # as the timer may, while the change waits to be confirmed
    assert told(host) == [(*PEER, 5)]
    assert host.fire()[0] == 0
    deny(host, 1)
    assert told(host) == [(*PEER, 6)]

    assert "ruleset_before" not in host.firewall().denied()  # nobody has said what these allowed
    host.harden(KEEPING[host.kind])
    assert told(host) == [(*PEER, 6)]
    before = host.firewall().denied()["ruleset_before"]
    assert (before["allows"], {one for held in before["sets"].values() for one in held}) == (ALLOWS, {PEER[0]})


@each_kind
def test_a_host_that_has_known_peers_in_one_set_gets_two_and_goes_back_to_the_one(host):
    before = ONE_SET[host.kind]
    host.harden(before)
    listing = host.backend.listing()
    deny(host, 3)
    assert not host.firewall().is_at(KEEPING[host.kind])
    assert not host.firewall().differs_in_addresses_alone(KEEPING[host.kind])

    host.firewall().load(KEEPING[host.kind], 30)
    assert host.backend.listing() != listing
    assert host.fire()[0] == 0
    assert host.backend.listing() == listing
    assert host.firewall().is_at(before)

    host.harden(KEEPING[host.kind])
    assert host.firewall().is_at(KEEPING[host.kind])
    assert host.firewall().drift() == []
    assert told(host) == [(*PEER, 3)]


@each_kind
def test_a_change_that_the_kernel_refuses_counts_nothing_twice(host):
    deny(host, 3)
    with pytest.raises(Exception, match=r"refuses|can't load"):
        host.firewall().load(NEW[host.kind].replace("6380", "638000"), 30)

    assert told(host) == [(*PEER, 3)]


@each_kind
def test_a_boot_forgets_no_more_than_what_was_denied_since_the_last_save(host):
    deny(host, 3)
    host.denials().save(host.backend)
    deny(host, 1, "203.0.113.9", "stranger")
    host.backend.delete()
    for path in (host.root / "run/gatehouse").glob("*"):
        path.unlink()
    assert told(host) == [(*PEER, 3)]

    host.run(["/bin/sh", "-c", host.backend.load_command(str(next((host.root / "etc/gatehouse").glob("ruleset.*"))))])
    assert told(host) == [(*PEER, 3)]
    deny(host, 2)
    assert told(host) == [(*PEER, 5)]
    host.denials().save(host.backend)
    assert told(host) == [(*PEER, 5)]


@each_kind
def test_a_host_where_nothing_was_denied_writes_nothing(host):
    host.denials().save(host.backend)
    host.harden(NEW[host.kind])

    assert not (host.root / FILE).exists()


@each_kind
def test_what_is_saved_is_bounded_by_age_and_number_and_strangers_by_an_hour(host):
    deny(host, 3)
    deny(host, 4, "203.0.113.9", "stranger")
    host.denials().save(host.backend)
    (block,) = (host.root / FILE).read_text().split("load ")[1:]
    now = int(time.time())
    ages = [(f"old{number}", 2 * 3600) for number in range(30)] + [("older", 25 * 86400), ("new", 60)]
    blocks = []
    for name, age in ages:
        _load, _loaded, rest = block.split(" ", 2)
        blocks.append(f"load {name} {now - age} {now - age}\n{rest.partition(chr(10))[2]}")
    (host.root / FILE).write_text("".join(blocks))

    host.denials().save(host.backend)

    text = (host.root / FILE).read_text()
    heads = [line.split()[1] for line in text.splitlines() if line.startswith("load ")]
    assert (len(heads), heads[-2], "older" in heads) == (20, "new", False)
    assert text.count("203.0.113.9") == 2
    assert text.count("192.0.2.11") == 20
