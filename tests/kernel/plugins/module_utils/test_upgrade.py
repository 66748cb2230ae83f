"""A host that version 0.1.0 has hardened is changed over by this one without loss.

``hardened_by_0_1_0`` has the files as that version left them, on hosts with systemd; its own loader loads them here.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import VERSION
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import FORMAT
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import first_line, read
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.difference import as_diff
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import WANTED_BY
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import UNITS
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import ask_all
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh import Refresher
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh_unit import NAME
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.kernel_host import KINDS, OLD, KernelHost, needs_all

pytestmark = needs_all

FIXTURES = Path(__file__).parent / "hardened_by_0_1_0"
REFRESH_UNITS = sorted((Path(__file__).parent / "earlier_refresh_units").iterdir())
MADE_WITH = "1.0.6"  # the record of what the kernel has is in the words of the tool that listed it
LOADERS = {"nftables": ("replace.sh", "ruleset.nft"), "iptables": ("load.sh", "ruleset.iptables")}
LIVE = {"nftables": "var/lib/gatehouse/live.nft", "iptables": "var/lib/gatehouse/live.iptables"}
PENDING = "run/gatehouse/rollback-*"


class Upgraded(KernelHost):
    """A host as version 0.1.0 has left it."""

    def __init__(self, root, run, kind, mode):
        super().__init__(root, run, kind, systemd=True)
        self.name = kind.partition("-")[0]
        shutil.copytree(FIXTURES / mode / self.name, root, dirs_exist_ok=True)
        wants = root / f"etc/systemd/system/{WANTED_BY}.wants"
        wants.mkdir(exist_ok=True)
        (wants / "gatehouse-firewall.service").symlink_to("/etc/systemd/system/gatehouse-firewall.service")
        self.boot_up()
        self.ruleset = self.boot().ruleset(self.backend)

    def boot_up(self):
        """Load the rules as that version does."""
        loader, file = (str(self.root / "etc/gatehouse" / name) for name in LOADERS[self.name])
        assert self.ask(["sh", loader, file, *self.backend._commands], None)[0] == 0

    def count(self):
        """Have the kernel count a connection that would be denied, as version 0.1.0 had it count."""
        if self.kind == "nftables":
            key = "203.0.113.7 . tcp . 8080 counter packets 3 bytes 180"
            words = ["nft", "add", "element", "inet", "gatehouse", "observed.in.first.v4", f"{{ {key} }}"]
        else:
            (name,) = (one for one in self.sets() if one.startswith("gatehouse-in4.first-"))
            words = ["ipset", "add", name, "203.0.113.7,tcp:8080", "packets", "3", "bytes", "180"]
        assert self.ask(words, None) == (0, "", "")


@pytest.fixture
def host(request, tmp_path):
    with private_nft.lasting_namespace() as run:
        yield Upgraded(tmp_path, run, *request.param)


def each_mode(*modes):
    kinds = [(kind, mode) for kind in ("nftables", "iptables-nft", "iptables-legacy") for mode in modes]
    return pytest.mark.parametrize("host", kinds, indirect=True, ids=" ".join)


def without_pending(host):
    for path in host.root.glob(PENDING):
        path.unlink()


@each_mode("observing", "enforcing")
def test_it_is_as_it_should_be_but_for_the_loader_and_gets_the_new_one_with_the_same_rules(host):
    without_pending(host)
    firewall, before = host.firewall(), host.backend.listing()
    assert firewall.drift() == [] or MADE_WITH not in host.backend.version()
    assert not firewall.is_at(host.ruleset)
    assert [finding.kind for finding in firewall.findings(host.ruleset)] == ["unit_disabled", "watch_disabled"]

    host.harden(host.ruleset)
    assert host.backend.listing() == before
    assert host.firewall().is_at(host.ruleset)
    assert host.firewall().drift() == []
    for path, text in host.boot()._helpers(host.backend).items():
        assert path.read_text() == text


@each_mode("observing", "enforcing")
def test_a_ruleset_of_this_version_is_compared_with_what_it_had_and_takes_its_place(host):
    without_pending(host)
    before = read(host.ruleset)
    header = replace(before, format=FORMAT, version=VERSION, describes=(*before.describes, "flow new: x"))
    wanted = header.line() + host.ruleset
    firewall = host.firewall()
    assert firewall.difference(wanted) == as_diff(before.description() + firewall.drift(), header.description())
    assert not firewall.is_at(wanted)
    assert not firewall.differs_in_addresses_alone(wanted)

    host.harden(wanted)
    assert host.firewall().is_at(wanted)
    assert host.boot().header(host.backend) == header
    assert first_line((host.root / LIVE[host.name]).read_text())["format"] == FORMAT


@each_mode("observing")
def test_what_it_has_counted_is_kept(host):
    host.count()
    assert [one["port"] for one in host.firewall().observed()["observed"]] == [8080]
    host.harden(host.ruleset)

    (kept,) = host.firewall().observed()["observed"]
    assert (kept["address"], kept["port"], kept["packets"]) == ("203.0.113.7", 8080, 3)


@each_mode("enforcing")
def test_its_rollback_from_the_new_version_leads_to_what_it_had_and_the_old_loader_boots(host):
    without_pending(host)
    before = host.backend.listing()
    host.firewall().load(host.ruleset.replace("443", "8443"), 30)
    assert host.backend.listing() != before
    assert host.fire()[0] == 0
    assert host.backend.listing() == before

    host.boot_up()
    assert host.backend.listing() == before


@each_mode("enforcing")
def test_a_change_of_the_old_version_that_waits_keeps_others_waiting_until_it_is_overdue(host):
    (waiting,) = host.root.glob(PENDING)
    os.utime(waiting, (time.time() + 30, time.time() + 30))
    with pytest.raises(FirewallError, match="another change of this host's ruleset waits to be confirmed"):
        host.firewall().load(host.ruleset, 30)
    assert waiting.exists()

    os.utime(waiting, (time.time() - 60, time.time() - 60))
    host.harden(host.ruleset)
    assert not waiting.exists()


# Units that could write to what root runs, and hosts that have found other addresses than the controller.


@pytest.fixture(
    params=[(kind, unit) for kind in KINDS for unit in REFRESH_UNITS], ids=lambda one: f"{one[0]} {one[1].stem}"
)
def refreshing(request, tmp_path):
    kind, unit = request.param
    with private_nft.lasting_namespace() as run:
        host = KernelHost(tmp_path, run, kind, systemd=True)
        host.harden(OLD[kind])
        refresher = Refresher(host.backend, host.boot(), host.rollback(), host.answered(), time.time())
        refresher.keep(ask_all(refresher.due(), lambda _name: Answer(("198.51.100.99",), 60)))
        shutil.copy(unit, tmp_path / UNITS / f"{NAME}.service")
        (tmp_path / "etc/gatehouse/refresh.pyz").write_bytes(b"an earlier program")
        yield host


def test_an_earlier_unit_for_host_names_is_replaced_and_what_it_has_found_stays(refreshing):
    host, before = refreshing, refreshing.backend.listing()
    found = host.boot().ruleset(host.backend)
    assert "198.51.100.99" in before
    assert not host.firewall().is_at(found)

    host.harden(found)
    assert host.firewall().is_at(found)
    assert host.backend.listing() == before
    assert host.answered().age("git.example.org", time.time()) is not None
    assert "ReadWritePaths" not in (host.root / UNITS / f"{NAME}.service").read_text()

    host.firewall().remove()
    assert [path for path in host.files() if "gatehouse" in path] == []
