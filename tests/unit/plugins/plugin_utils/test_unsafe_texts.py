"""No text of a model can break out of its place: not in the ruleset, nor in a message."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.nftables import render
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good, problems_of

UNSAFE_EVERYWHERE = {
    "newline": "\n",
    "carriage return": "\r",
    "tab": "\t",
    "null": "\0",
    "escape": "\x1b[2J",
    "bell": "\a",
    "delete": "\x7f",
    "next line": "\x85",
    "line separator": "\u2028",
    "right-to-left override": "\u202e",
    "zero width space": "\u200b",
    "half a surrogate pair": "\ud800",
    "double quote": '"',
    "backquote": "`",
    "opening brace": "{",
    "closing brace": "}",
    "backslash": "\\",
}
SAFE_IN_PROSE = {
    "semicolon": ";",
    "hash": "#",
    "apostrophe": "'",
    "dollar": "$",
    "ampersand": "&",
    "angle bracket": "<",
    "umlaut": "ü",
    "ideograph": "節",
    "emoji": "🔥",
    "blank": " ",
}
UNSAFE_IN_NAMES = {**UNSAFE_EVERYWHERE, **SAFE_IN_PROSE, "slash": "/", "dot": ".", "star": "*"}

NAMES = {
    "gatehouse_classes[2].name": lambda name: {"gatehouse_classes[2]": {"name": name, "networks": ["192.0.2.9"]}},
    "gatehouse_zones[2].name": lambda name: {"gatehouse_zones[2]": {"name": name}},
    "gatehouse_services[1].name": lambda name: {"gatehouse_services[1]": {"name": name, "ports": ["22/tcp"]}},
    "gatehouse_flows[2].name": lambda name: {
        "gatehouse_flows[2]": {"name": name, "from": ["web"], "to": ["db"], "ports": ["22/tcp"]}
    },
}
REFERENCES = {
    path: lambda text, path=path: {path: text}
    for path in (
        "gatehouse_profile",
        "gatehouse_classes[0].groups[1]",
        "gatehouse_flows[0].from[0]",
        "gatehouse_flows[0].services[0]",
        "gatehouse_flows[0].side",
        "gatehouse_flows[0].end",
        "gatehouse_flows[0].expires",
        "gatehouse_flows[1].ports[0]",
        "gatehouse_zones[0].networks[0]",
        "gatehouse_zones[0].zones",
    )
}
NODE_PORTS = {
    "gatehouse_classes[0].pre_dnat.ports[1]": lambda text: {
        "gatehouse_classes[0].pre_dnat": {"ports": ["80/tcp", text]}
    },
    "gatehouse_classes[0].pre_dnat.addresses[0]": lambda text: {
        "gatehouse_classes[0].pre_dnat": {"ports": "80/tcp", "addresses": [text]}
    },
    "gatehouse_classes[0].pre_dnat.side": lambda text: {
        "gatehouse_classes[0].pre_dnat": {"ports": "80/tcp", "side": text}
    },
}
HOST_VALUES = {
    "ansible_host (host web1)": lambda text: {"hosts.web1.ansible_host": text},
    "gatehouse_addresses.private[1] (host web1)": lambda text: {
        "hosts.web1.gatehouse_addresses": {"private": ["192.0.2.1", text]}
    },
    "gatehouse_interfaces.public (host web1)": lambda text: {"hosts.web1.gatehouse_interfaces": {"public": text}},
}
PROSE = {
    f"{row}.{key}": lambda text, row=row, key=key: {f"{row}.{key}": text}
    for row, keys in {
        "gatehouse_classes[0]": ["why"],
        "gatehouse_zones[0]": ["why"],
        "gatehouse_services[0]": ["why"],
        "gatehouse_flows[0]": ["why", "source", "owner", "ticket"],
    }.items()
    for key in keys
}
# A dot and a star say something here, and a host name may have a dot.
HOST_NAMES = {"gatehouse_zones[1].hostnames[0]": lambda text: {"gatehouse_zones[1].hostnames[0]": text}}


REFUSED = {**NAMES, **REFERENCES, **NODE_PORTS}

each_name = pytest.mark.parametrize(("place", "put"), NAMES.items(), ids=NAMES)


def not_one_printable_problem(texts, place, put):
    """Return the kinds of text that get no problem, or another one than expected."""
    problems = {kind: problems_of(good(put(text))) for kind, text in texts.items()}
    return {
        kind: [str(problem) for problem in found]
        for kind, found in problems.items()
        if [str(problem.where) for problem in found] != [place] or not str(found[0]).isprintable()
    }


def inside(texts, before, after):
    return {kind: f"{before}{text}{after}" for kind, text in texts.items()}


@pytest.mark.parametrize(("place", "put"), REFUSED.items(), ids=REFUSED)
def test_a_name_is_refused(place, put):
    assert not_one_printable_problem(inside(UNSAFE_IN_NAMES, "we", "b"), place, put) == {}


@pytest.mark.parametrize(("place", "put"), {**HOST_VALUES, **HOST_NAMES}.items(), ids={**HOST_VALUES, **HOST_NAMES})
def test_a_value_of_a_host_is_refused(place, put):
    texts = {kind: text for kind, text in UNSAFE_IN_NAMES.items() if kind != "dot"}

    assert not_one_printable_problem(inside(texts, "eth", "0"), place, put) == {}


@pytest.mark.parametrize(("place", "put"), PROSE.items(), ids=PROSE)
def test_prose_is_refused_where_a_ruleset_could_not_hold_it(place, put):
    assert not_one_printable_problem(inside(UNSAFE_EVERYWHERE, "a reason", "for it"), place, put) == {}


@each_name
def test_a_name_that_is_too_long_for_nft_is_refused_in_a_short_message(place, put):
    for length in (65, 128, 100_000):
        (problem,) = problems_of(good(put("n" * length)))

        assert str(problem.where) == place
        assert len(str(problem)) < 400


@each_name
def test_a_name_of_64_characters_is_taken(place, put):
    assert problems_of(good(put("n" * 64))) == (), place


def test_prose_that_is_too_long_is_refused():
    (problem,) = problems_of(good({"gatehouse_flows[0].why": "w" * 501}))

    assert str(problem.where) == "gatehouse_flows[0].why"
    assert problem.expected == "at most 500 characters"


@pytest.mark.parametrize("key", ["why", "source"])
def test_what_people_write_in_prose_stays_inside_a_comment(key):
    plain = render(build(good({f"gatehouse_flows[0].{key}": "a reason"})).policy_of("web1")).splitlines()
    for text in inside(SAFE_IN_PROSE, "a reason", "for it").values():
        document = good({f"gatehouse_flows[0].{key}": text})
        ruleset = render(build(document).policy_of("web1")).splitlines()

        for_hosts, for_people = [line for line, before in zip(ruleset, plain, strict=True) if line != before]
        assert for_hosts == ruleset[0]
        assert [one for one in read("\n".join(ruleset)).describes if text in one]
        assert for_people.startswith("#: flow front: ")


@pytest.mark.parametrize("place", ["gatehouse_options", "gatehouse_flows[0]", "hosts.web1.gatehouse_addresses"])
def test_a_key_is_quoted_in_its_message(place):
    texts = inside(UNSAFE_EVERYWHERE, "ke", "y").values()
    problems = [problem for text in texts for problem in problems_of(good({place: {text: 1}}))]

    assert [str(problem) for problem in problems if not str(problem).isprintable()] == []


def test_a_host_is_quoted_in_a_message_about_it():
    for name in inside(UNSAFE_EVERYWHERE, "we", "b3").values():
        document = good({"groups.webs[2]": name})
        document["hosts"][name] = {}

        assert [str(problem).isprintable() for problem in problems_of(document)] == [True]
