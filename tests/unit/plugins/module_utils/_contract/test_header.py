from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import VERSION
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import (
    MARK,
    Header,
    HostName,
    NamedSet,
    Refresh,
    elements_behind,
    folded,
    unfolded,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read

BOUNDS = Refresh(
    5, 50, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::", "::1", "fe80::/10", "ff00::/8")
)
HEADER = Header(
    mode="observe",
    describes=("mode: observe", "ingress 22/tcp from b\u00fcro, flow admin"),
    refresh=BOUNDS,
    names=(HostName("a.example.org", ("192.0.2.1", "2001:db8::1"), {"4": ("x.v4", "y.v4"), "6": ()}),),
    sets=(NamedSet("x.v4", "x", ("192.0.2.1",)), NamedSet("y.v4", "y", ("192.0.2.1",)), NamedSet("z.v6", "z", ())),
)


def test_the_version_is_that_of_the_collection():
    galaxy = Path(__file__).parents[5] / "galaxy.yml"

    assert f"version: {VERSION}" in galaxy.read_text(encoding="utf-8").splitlines()


def test_a_header_is_one_line_of_ascii_with_sorted_keys_and_is_read_as_it_was():
    line = HEADER.line()

    assert line.isascii()
    assert (line.count("\n"), line[-1]) == (1, "\n")
    assert line.startswith(MARK)
    content = json.loads(line[len(MARK) :])
    assert list(content) == sorted(content)
    assert (content["format"], content["version"]) == (1, VERSION)
    assert read(line) == HEADER


def test_a_header_has_no_blanks_of_its_own():
    assert " " not in Header(describes=("one",), sets=HEADER.sets, refresh=BOUNDS).line()[len(MARK) :]


@pytest.mark.parametrize("length", [0, 1, 898, 899, 900, 901, 5000])
def test_lines_that_ipset_takes_are_folded_and_unfolded(length):
    line = f"{MARK}{'x ' * length}x\n"
    parts = folded(line).splitlines()

    assert max(map(len, parts)) < 1000
    assert not [part for part in parts if part != part.rstrip() or not part.startswith("# ")]
    assert unfolded(f"{folded(line)}create a\n# more\n") == (line, "create a\n# more\n")


@pytest.mark.parametrize("text", ["", "create a\n", "# other\n", f"# other\n{MARK}x\n"])
def test_a_text_without_such_a_line_has_nothing_to_unfold(text):
    assert unfolded(text) == ("", text)


def test_a_name_in_several_sets_fills_all_of_them():
    assert elements_behind(HEADER.names) == {"x.v4": ("192.0.2.1",), "y.v4": ("192.0.2.1",)}


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("198.51.100.1", False),
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        ("0.0.0.1", True),
        ("127.9.9.9", True),
        ("169.254.1.1", True),
        ("224.0.0.1", True),
        ("239.255.255.255", True),
        ("::", True),
        ("::1", True),
        ("fe80::1", True),
        ("ff02::1", True),
        ("::ffff:198.51.100.1", True),
    ],
)
def test_by_default_an_answer_is_no_address_of_this_host_or_link_nor_of_many(address, refused):
    assert BOUNDS.refuses(address) is refused


def test_what_is_refused_can_be_chosen():
    assert not Refresh(1, 2, ()).refuses("127.0.0.1")
    assert Refresh(1, 2, ("198.51.100.0/24",)).refuses("198.51.100.9")


def test_what_a_host_knows_of_the_fleet_is_not_among_what_it_lets_through():
    known = [NamedSet(f"{name}.v4", name, ("192.0.2.9",)) for name in ("denied.known", "denied.known.networks")]
    sets = (NamedSet("x.v4", "x", ("192.0.2.1",)), *known)

    assert Header(describes=("a",), sets=sets).description() == ["a", "x is 192.0.2.1"]
