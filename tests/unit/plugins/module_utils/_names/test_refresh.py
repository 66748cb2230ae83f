"""What a host does about its host names, on a kernel that notes what it is asked."""

from __future__ import annotations

import json
import threading

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import FORMAT
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._names import questions
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import FILE, Answered
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer, DnsError
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import FILE as ANSWERS
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import as_text, ask_all, read_answers
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh import Refresher, write_file
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils._names.test_host_names import BACKENDS
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

RULESET = BACKENDS["nftables"][1]
GIT, PKG = "git.example.org", "pkg.example.org"
SAME = {GIT: ("198.51.100.7", "2001:db8::7"), PKG: ("198.51.100.8",)}


class Kernel(Nft):
    """One that takes whatever it gets, or refuses it all."""

    def __init__(self, run):
        super().__init__(run, "nft")
        self.loaded = []
        self.refilled = []
        self.refuses = False

    def check(self, ruleset):
        """Take it."""

    def load(self, ruleset, _change=""):
        """Take it."""
        self.loaded.append(ruleset)
        self._run.table = "rules and sets"

    def refill(self, before, after, _change=""):
        """Note it."""
        if self.refuses:
            raise FirewallError("nft can't change our sets")
        self.refilled.append({name: (before[name], after[name]) for name in after if before[name] != after[name]})


class Host(FakeHost):
    """A host with that kernel, hardened with the ruleset, at a time of its own."""

    def __init__(self, root, ruleset=RULESET):
        super().__init__(root)
        self.kernel = self.backend = Kernel(self.nft)
        self.harden(ruleset)
        self.now = 1000.0
        self.asked = []

    def refresh(self, answers):
        """Refresh with these answers, each an Answer, a list of addresses, or an error; return what is logged."""
        answered = Answered.read(self.write, self.root)
        refresher = Refresher(self.backend, self.boot(), self.rollback(), answered, self.now)

        def ask(name):
            self.asked.append(name)
            found = answers[name]
            if isinstance(found, Exception):
                raise found
            return found if isinstance(found, Answer) else Answer(tuple(found), 10)

        self.write(self.root / ANSWERS, as_text(ask_all(refresher.due(), ask)))
        self.written.clear()
        refresher.keep(read_answers(self.root))
        return refresher.log

    def addresses(self):
        """Return the addresses behind each name, as the next boot has them."""
        return {one.name: one.addresses for one in read(self.boot().ruleset(self.backend)).names}


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_the_same_answers_change_nothing(host):
    before = host.boot().ruleset(host.backend)

    assert host.refresh(SAME) == []
    assert (host.kernel.refilled, host.boot().ruleset(host.backend)) == ([], before)


def test_another_answer_changes_the_sets_the_boot_file_and_the_record(host):
    assert host.refresh({**SAME, GIT: ["198.51.100.9", "2001:db8::7"]}) == [f"{GIT}: +198.51.100.9 -198.51.100.7"]

    assert host.kernel.refilled == [
        {"office.names.v4": (("198.51.100.7", "198.51.100.8"), ("198.51.100.8", "198.51.100.9"))}
    ]
    assert host.addresses() == {**SAME, GIT: ("198.51.100.9", "2001:db8::7")}
    assert not host.boot().is_edited(host.backend)


def test_a_name_is_not_asked_for_while_its_answer_counts(host):
    host.refresh({GIT: Answer(("198.51.100.7",), 20), PKG: Answer(("198.51.100.8",), 1)})
    host.asked.clear()

    host.now += 5  # the least that an answer counts
    host.refresh(SAME)
    assert host.asked == [PKG]
    host.now += 15
    host.refresh(SAME)
    assert host.asked == [PKG, GIT, PKG]


def test_no_answer_counts_longer_than_the_most(host):
    host.refresh({GIT: Answer(("198.51.100.7",), 86400), PKG: Answer(("198.51.100.8",), 86400)})
    host.asked.clear()

    host.now += 51
    host.refresh(SAME)
    assert sorted(host.asked) == [GIT, PKG]


def test_a_name_that_is_not_answered_keeps_its_addresses_and_is_told_once(host):
    dead = {GIT: DnsError("192.0.2.1: timed out"), PKG: ["198.51.100.8"]}

    assert host.refresh(dead) == [f"{GIT}: no answer: 192.0.2.1: timed out; still 198.51.100.7, 2001:db8::7"]
    assert host.refresh(dead) == []
    assert host.addresses() == SAME
    assert host.asked.count(GIT) == 2


def test_addresses_that_are_nobodys_are_not_taken(host):
    log = host.refresh({GIT: ["127.0.0.1", "::1"], PKG: ["198.51.100.8", "169.254.1.1"]})

    assert log == [
        f"{GIT}: nobody's address: 127.0.0.1, ::1; still 198.51.100.7, 2001:db8::7",
        f"{PKG}: nobody's address: 169.254.1.1",
    ]
    assert host.addresses() == SAME


def test_a_set_that_was_filled_is_never_emptied(host):
    host.refresh({GIT: ["198.51.100.7"], PKG: ["198.51.100.8"]})
    assert host.addresses() == SAME

    host.now += 100
    host.refresh({GIT: ["198.51.100.7"], PKG: ["198.51.100.8", "2001:db8::8"]})
    assert host.addresses() == {GIT: ("198.51.100.7",), PKG: ("198.51.100.8", "2001:db8::8")}


def test_a_family_of_which_nothing_is_known_keeps_its_addresses(host):
    half = Answer(("198.51.100.9",), 10, {6: "192.0.2.1: timed out"})

    assert host.refresh({**SAME, GIT: half}) == [f"{GIT}: 192.0.2.1: timed out", f"{GIT}: +198.51.100.9 -198.51.100.7"]
    assert host.addresses()[GIT] == ("198.51.100.9", "2001:db8::7")


def test_while_a_change_waits_to_be_confirmed_nothing_happens(host):
    host.rollback().arm(30)

    assert host.refresh({**SAME, GIT: ["198.51.100.9"]}) == []
    assert (host.kernel.refilled, host.addresses()) == ([], SAME)
    assert host.answered().age(GIT, host.now) is None


def test_what_the_kernel_refuses_is_not_kept_and_tried_again(host):
    host.kernel.refuses = True
    with pytest.raises(FirewallError):
        host.refresh({**SAME, GIT: ["198.51.100.9", "2001:db8::7"]})
    assert host.addresses() == SAME

    host.kernel.refuses = False
    host.refresh({**SAME, GIT: ["198.51.100.9", "2001:db8::7"]})
    assert host.addresses()[GIT] == ("198.51.100.9", "2001:db8::7")


def test_a_ruleset_without_names_asks_for_nothing(host):
    host.harden("# nothing of names\n")

    assert host.refresh({}) == []
    assert host.asked == []


OTHER_ADDRESSES = RULESET.replace("203.0.113.0/24", "203.0.112.0/23")


def test_a_ruleset_with_other_addresses_alone_is_changed_in_place(host):
    assert host.firewall().differs_in_addresses_alone(OTHER_ADDRESSES)
    host.kernel.loaded.clear()
    host.harden(OTHER_ADDRESSES)

    assert host.kernel.loaded == []
    assert [name for changed in host.kernel.refilled for name in changed] == ["office.v4"]
    assert host.firewall().is_at(OTHER_ADDRESSES)


def test_where_that_is_refused_it_is_loaded_as_a_whole(host):
    host.kernel.refuses = True
    host.kernel.loaded.clear()
    host.harden(OTHER_ADDRESSES)

    assert host.kernel.loaded == [OTHER_ADDRESSES]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda host: setattr(host.nft, "table", "somebody's"),
        lambda host: (host.root / "etc/gatehouse/ruleset.nft").write_text("edited"),
        lambda host: host.refresh_unit().forget(),
    ],
    ids=["rules that somebody changed", "an edited boot file", "no timer"],
)
def test_a_host_that_is_not_where_it_was_brought_is_loaded_as_a_whole(host, spoil):
    spoil(host)

    assert not host.firewall().differs_in_addresses_alone(OTHER_ADDRESSES)


def test_another_rule_is_more_than_addresses(host):
    assert not host.firewall().differs_in_addresses_alone(RULESET.replace("443", "8443"))


def test_a_file_that_cannot_be_written_leaves_nothing_beside_it(tmp_path):
    file = tmp_path / "answers.json"
    file.mkdir()

    with pytest.raises(OSError, match="irectory"):
        write_file(file, "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["answers.json"]


def test_while_every_answer_counts_nothing_is_written(host):
    host.refresh(SAME)
    host.written.clear()
    host.refresh({})

    assert host.written == []


# Names that answer with others each time. An answer counts for 5 to 50 seconds here.


def addresses(*numbers):
    return tuple(f"198.51.100.{number}" for number in numbers)


def test_an_address_that_is_answered_no_more_counts_until_max_ttl_after_it_was_seen_last(host):
    host.refresh({**SAME, GIT: addresses(20, 21)})
    host.now += 10
    assert host.refresh({**SAME, GIT: addresses(22, 23)}) == [f"{GIT}: +198.51.100.22 +198.51.100.23"]
    assert host.addresses()[GIT] == (*addresses(20, 21, 22, 23), "2001:db8::7")

    host.now += 39
    host.refresh({**SAME, GIT: addresses(23)})
    assert host.addresses()[GIT] == (*addresses(20, 21, 22, 23), "2001:db8::7")
    host.now += 1
    assert host.refresh({**SAME, GIT: addresses(23)}) == [f"{GIT}: -198.51.100.20 -198.51.100.21"]
    assert host.addresses()[GIT] == (*addresses(22, 23), "2001:db8::7")


def test_a_pool_that_answers_with_another_pair_each_time_grows_up_to_the_limit_and_that_is_said_once(tmp_path):
    host = Host(tmp_path, RULESET.replace('"max_addresses":256', '"max_addresses":4'))
    logs = []
    for number in range(20, 28, 2):
        logs += host.refresh({**SAME, GIT: Answer(addresses(number, number + 1), 5)})
        host.now += 5

    assert host.addresses()[GIT] == (*addresses(24, 25, 26, 27), "2001:db8::7")
    assert [line for line in logs if "more than" in line] == [
        f"{GIT}: more than 4 IPv4 addresses within 50 s, of which those seen last count (max_addresses)"
    ]


def test_an_answer_with_more_addresses_than_count_changes_nothing_in_its_family(tmp_path):
    host = Host(tmp_path, RULESET.replace('"max_addresses":256', '"max_addresses":4'))

    assert host.refresh({**SAME, GIT: addresses(*range(20, 25))}) == [
        f"{GIT}: got 5 IPv4 addresses, expected at most 4 (max_addresses); still 198.51.100.7, 2001:db8::7"
    ]
    assert host.addresses() == SAME
    host.refresh({**SAME, GIT: [*addresses(*range(20, 25)), "2001:db8::9"]})
    assert host.addresses()[GIT] == ("198.51.100.7", "2001:db8::9")


def test_a_failure_forgets_nothing_of_what_was_seen(host):
    host.refresh({**SAME, GIT: addresses(20)})
    host.now += 10
    host.refresh({**SAME, GIT: DnsError("timed out")})
    host.now += 10
    host.refresh({**SAME, GIT: addresses(21)})

    assert host.addresses()[GIT] == (*addresses(20, 21), "2001:db8::7")


def test_what_an_earlier_version_has_found_counts_as_seen_when_it_was_answered(host):
    known = {GIT: {"answered": host.now - 49, "due": 0, "error": ""}}
    host.write(host.root / FILE, json.dumps(known))
    host.refresh({**SAME, GIT: addresses(20)})

    assert host.addresses()[GIT] == (*addresses(7, 20), "2001:db8::7")


# Names that take their time.


def test_what_a_round_has_no_time_for_is_not_asked_and_keeps_its_addresses(host, monkeypatch):
    monkeypatch.setattr(questions, "ROUND", 0)

    assert host.refresh({}) == [
        f"{GIT}: not asked for: other names took too long; still 198.51.100.7, 2001:db8::7",
        f"{PKG}: not asked for: other names took too long; still 198.51.100.8",
    ]
    assert (host.asked, host.addresses()) == ([], SAME)


def test_names_that_were_not_answered_are_asked_for_last_and_in_turn(host, monkeypatch):
    monkeypatch.setattr(questions, "AT_ONCE", 1)
    host.refresh({**SAME, GIT: DnsError("timed out")})
    host.now += 11
    host.asked.clear()
    host.refresh({GIT: DnsError("timed out"), PKG: DnsError("timed out")})
    assert host.asked == [PKG, GIT]

    answered = host.answered()
    answered.note_failure(PKG, "timed out", host.now + 1)
    answered.save()
    host.asked.clear()
    host.refresh(SAME)
    assert host.asked == [GIT, PKG]


def test_a_name_that_takes_its_time_does_not_hold_up_another():
    is_asked = threading.Event()
    answers = {GIT: is_asked.wait, PKG: is_asked.set}

    def ask(name):
        answers[name](5) if name == GIT else answers[name]()
        return Answer(SAME[name], 10)

    ask_all([GIT, PKG], ask)
    assert is_asked.is_set()


def test_a_ruleset_of_version_0_1_0_is_refreshed_and_is_of_our_format_then(tmp_path):
    host = Host(tmp_path, rulesets.of_version_0_1_0(RULESET))
    assert host.refresh({**SAME, GIT: ["198.51.100.9", "2001:db8::7"]}) == [f"{GIT}: +198.51.100.9 -198.51.100.7"]

    assert host.kernel.refilled == [
        {"office.names.v4": (("198.51.100.7", "198.51.100.8"), ("198.51.100.8", "198.51.100.9"))}
    ]
    assert host.boot().header(host.backend).format == FORMAT
    assert host.addresses() == {**SAME, GIT: ("198.51.100.9", "2001:db8::7")}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"format":1', '"format":2', "got format 2, which version 0.0.0 of gatehouse.firewall wrote"),
        ('"format":1', '"format":', "the text was edited"),
        ("\t\t\t198.51.100.7,\n", "", "the text was edited"),
    ],
)
def test_a_ruleset_that_cannot_be_relied_upon_is_not_refreshed(host, old, new, words):
    path = host.root / "etc/gatehouse/ruleset.nft"
    path.write_text(path.read_text().replace(old, new))
    before = path.read_text()

    with pytest.raises(FirewallError, match=words):
        host.refresh({**SAME, GIT: ["198.51.100.9"]})
    assert (host.asked, host.kernel.refilled, path.read_text()) == ([], [], before)
