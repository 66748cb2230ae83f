"""The loader with the real nft, in namespaces: where it ends, how it gets there, and where it is if it is killed."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import NO_TABLE, PRIMER
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft_loader import LOADER
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft

pytestmark = private_nft.needs_nft


def tabbed(text):
    return text.replace("    ", "\t")


BASE = tabbed("""\
    chain input {
        type filter hook input priority filter - 10; policy drop;
        ct state established,related accept
        jump input_flows
        counter drop
    }
""")
BEFORE_DNAT = tabbed("""\
    chain pre_dnat {
        type filter hook prerouting priority dstnat - 20; policy accept;
        jump input_flows
    }
""")


def ruleset(*blocks):
    return f"# a comment\n{NO_TABLE}\ntable inet gatehouse {{\n{''.join(blocks)}}}\n"


def flows(*statements):
    body = "".join(f"\t\t{statement}\n" for statement in statements)
    return f"\tchain input_flows {{\n{body}\t}}\n"


# As rulesets have it, and as nft lists it: what a rollback leads to.
OFFICE = tabbed("""\
    set office.v4 {
        type ipv4_addr
        flags interval
        elements = {
            192.0.2.0/24,
            198.51.100.0/25,
        }
    }
    set web.v4 {
        type ipv4_addr
        elements = { 192.0.2.1, 192.0.2.2,
                     192.0.2.3 }
    }
""")
SSH = '\tchain input_tcp_22 {\n\t\tip saddr @office.v4 log prefix "goto a, @b: " accept comment "jump c"\n\t}\n'
OLD = ruleset(BASE, flows("tcp dport 23 accept"))
NEW = ruleset(OFFICE, BASE, SSH, flows("tcp dport vmap { 22 : goto input_tcp_22, 80-90 : accept }"))
STAGED = ruleset(OFFICE, BASE, BEFORE_DNAT, SSH, flows("tcp dport vmap { 22 : goto input_tcp_22 }"))
ELSEWHERE = OLD.replace("filter - 10", "filter - 5")
OPEN = ruleset(BASE.replace("policy drop", "policy accept"), flows("accept"))
BY_HAND = """\
add map inet gatehouse places { type inet_service : verdict; }
add chain inet gatehouse mine { type filter hook forward priority 0; policy accept; }
add chain inet gatehouse yours
add rule inet gatehouse mine goto yours
add rule inet gatehouse yours tcp dport vmap @places
add rule inet gatehouse yours jump input_flows
"""
AT_ONCE = "-f /dev/stdin"  # how the loader has nft load all of a ruleset
MADE_OF_ANOTHER_STUFF = "add counter inet gatehouse seen\n"


class Host:
    """A namespace, and an nft that notes how it is called and may kill its caller."""

    def __init__(self, run, folder):
        self.run = run
        self.nft = folder / "nft"
        self.calls = folder / "calls"
        self.file = folder / "ruleset"
        self.kill_at(0)

    def kill_at(self, number):
        self.calls.write_text("", encoding="utf-8")
        self.nft.write_text(
            f'#!/bin/sh\necho "$*" >>{self.calls}\n'
            f'[ "$(grep -c . {self.calls})" != {number} ] || kill -KILL "$PPID" && exec {shutil.which("nft")} "$@"\n',
            encoding="utf-8",
        )
        self.nft.chmod(0o755)

    def do(self, *words, text=None):
        code, output, error = self.run(list(words), text)
        assert code == 0, error
        return output

    def load(self, text, path=""):
        self.file.write_text(text, encoding="utf-8")
        script = f"PATH={path}:$PATH\n{LOADER}" if path else LOADER
        return self.run(["sh", "-c", script, "replace.sh", str(self.file), str(self.nft)])

    def listing(self):
        return self.do("nft", "-s", "list", "ruleset")

    def replaced_at_once(self):
        """Return whether the loader had the table deleted and defined in one transaction."""
        return AT_ONCE in self.calls.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def host(tmp_path):
    with private_nft.lasting_namespace() as run:
        yield Host(run, tmp_path)


def fresh(text):
    return private_nft.listing(text)


@pytest.mark.parametrize("text", [OLD, NEW, STAGED, NO_TABLE])
def test_where_there_is_no_table_it_is_one_transaction(host, text):
    assert host.load(text) == (0, "", "")
    assert host.replaced_at_once()
    assert host.listing() == fresh(text)


CHANGES = [(OLD, NEW), (NEW, OLD), (NEW, NEW), (NEW, STAGED), (STAGED, NEW), (STAGED, STAGED), (OPEN, OPEN)]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_table_changes_in_place_to_what_a_boot_would_load(host, before, after):
    host.load(before)
    host.kill_at(0)

    assert host.load(after) == (0, "", "")
    assert not host.replaced_at_once()
    assert host.listing() == fresh(after)


@pytest.mark.parametrize("by_hand", ["", BY_HAND, MADE_OF_ANOTHER_STUFF])
@pytest.mark.parametrize(
    ("before", "after"), [(PRIMER, NEW), (ELSEWHERE, OLD), (OLD, ELSEWHERE), (OLD, OPEN), (OPEN, OLD), (NEW, NO_TABLE)]
)
def test_a_table_that_cannot_change_in_place_is_replaced(host, before, after, by_hand):
    host.load(before)
    if "input_flows" in before or "input_flows" not in by_hand:
        host.do("nft", "-f", "-", text=by_hand)

    assert host.load(after) == (0, "", "")
    assert host.replaced_at_once()
    assert host.listing() == fresh(after)


def test_a_table_that_goes_lets_everything_through_before_it_does(host):
    host.load(NEW)
    host.kill_at(0)
    host.load(NO_TABLE)

    assert host.calls.read_text(encoding="utf-8").splitlines() == [
        *("-s -t list table inet gatehouse", "-f -", AT_ONCE)
    ]


@pytest.mark.parametrize("by_hand", [BY_HAND, MADE_OF_ANOTHER_STUFF])
def test_nothing_that_somebody_added_to_our_table_is_left(host, by_hand):
    host.load(OLD)
    host.do("nft", "-f", "-", text=by_hand)

    assert host.load(NEW) == (0, "", "")
    assert host.listing() == fresh(NEW)


def test_other_tables_are_left_alone(host):
    foreign = "table inet gatehouse_of_another {\n\tchain input_flows.next {\n\t}\n}\n"
    host.do("nft", "-f", "-", text=foreign)
    for text in (OLD, NEW, STAGED, NO_TABLE):
        host.load(text)

    assert host.listing() == foreign


def test_a_ruleset_that_nft_refuses_leaves_the_old_one(host):
    host.load(OLD)
    code, _output, error = host.load(NEW.replace("80-90", "90-80"))

    assert code != 0
    assert "Range" in error
    assert host.listing() == fresh(OLD)


@pytest.mark.parametrize("number", range(1, 9))
def test_wherever_it_was_killed_the_old_rules_or_the_new_ones_judge_and_the_next_change_comes_through(host, number):
    host.load(OLD)
    host.kill_at(number)
    assert host.load(NEW)[0] == -9, "there are fewer steps than this test thinks"
    judging = host.listing()
    host.kill_at(0)

    assert ("dport 23 accept" in judging) or ("80-90 : accept" in judging)
    assert "policy drop" in judging
    assert host.load(STAGED) == (0, "", "")
    assert not host.replaced_at_once()
    assert host.listing() == fresh(STAGED)


@pytest.mark.parametrize("awk", ["mawk", "gawk", "original-awk", "busybox"])
def test_any_awk_will_do(host, tmp_path, awk):
    if not shutil.which(awk):
        pytest.skip(f"{awk} is not installed")
    command = f"{shutil.which(awk)} awk" if awk == "busybox" else shutil.which(awk)
    (tmp_path / "awk").write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    (tmp_path / "awk").chmod(0o755)
    for text in (OLD, NEW, STAGED, NEW):
        host.load(text, tmp_path)

    assert host.listing() == fresh(NEW)
    assert host.calls.read_text(encoding="utf-8").count(AT_ONCE) == 1


@pytest.mark.parametrize("text", [OLD, NEW])
def test_the_line_of_data_that_a_ruleset_begins_with_is_nothing_to_the_loader(host, text):
    line = '# gatehouse: {"describes":["a hook \\n} ' + "of many words " * 40000 + '"],"format":1}\n'
    for _time in range(2):  # where there is no table, and where there is one
        assert host.load(line + text) == (0, "", "")
        assert host.listing() == fresh(text)
    assert host.load(f"{line}{NO_TABLE}") == (0, "", "")
    assert host.listing() == ""


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say(tmp_path):
    (tmp_path / "replace.sh").write_text(LOADER, encoding="utf-8")
    command = ["shellcheck", "-s", "sh", str(tmp_path / "replace.sh")]

    assert subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout == ""
