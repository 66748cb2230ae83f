"""Whatever is written in place of a model: it compiles to a ruleset that nft takes, or it is a ModelError."""

from __future__ import annotations

import datetime
from contextlib import suppress

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import FORMAT
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.nftables import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._host_rules.grammar import strange_lines
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good, problems_of
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

NFT, IPTABLES = Nft(None, "nft"), Iptables(None, "iptables", "ip6tables", "ipset")
WORDS = (
    *("web", "db", "office", "vcs", "webs", "dbs", "http", "web1", "git.example.org", "circleci_server_4"),
    *("name", "groups", "networks", "hostnames", "zones", "ports", "services", "from", "to", "why", "side", "end"),
    *("log", "expires", "private", "public", "both", "ingress", "egress", "true", "no", "2027-01-31", "lo", "eth0"),
    *("pre_dnat", "addresses"),
    *("all", "443/tcp", "1-65535/udp", "53/tcp+udp", "65535/sctp", "0/tcp", "9-1/tcp", "30000-32767/tcp+udp"),
    *("0.0.0.0/0", "::/0", "192.0.2.0/24", "2001:db8::/32", "192.0.2.1", "::1", "255.255.255.255", "10.0.0.1/8"),
)
scalars = (
    some.none()
    | some.booleans()
    | some.integers(-(10**30), 10**30)
    | some.floats()
    | some.dates()
    | some.text(max_size=20)
    | some.sampled_from(WORDS)
)
# Texts that are nearly right, or would mean something to nft where they got out of their place.
PIECES = (
    *("web", "db", "office", "eth0", "192.0.2.1", "2001:db8::1", "0", "443", "65535", "tcp", "udp", "all", "http"),
    *("/", "-", "+", ".", ":", ",", ";", "#", " ", "\n", "\t", '"', "'", "{", "}", "\\", "@", "é", " accept", "\n}\n"),
)
texts = some.lists(some.sampled_from(PIECES), max_size=5).map("".join)
data = some.recursive(
    scalars,
    lambda inner: (
        some.lists(inner, max_size=4) | some.dictionaries(some.sampled_from(WORDS) | scalars, inner, max_size=4)
    ),
    max_leaves=12,
)


def places(value, path=""):
    """Yield the path of every value inside a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        place = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}".lstrip(".")
        yield place
        yield from places(inner, place)


def rulesets(document):
    fleet = build(document)
    return {render(fleet.policy_of(host)) for host in fleet.sets}


NODE_PORTS = {
    "gatehouse_classes[0].pre_dnat": {"ports": ["80/tcp"], "addresses": ["198.51.100.200"], "side": "public"},
    "hosts.web1.gatehouse_interfaces": {"public": ["eth1"]},
    "hosts.web2.gatehouse_interfaces": {"public": ["eth1"]},
}
# The inventory's own structure is Ansible's to check.
PLACES = [place for place in places(good(NODE_PORTS)) if place.startswith("gatehouse_") or "ansible_host" in place]
OPTIONAL = [
    *(
        "gatehouse_profile",
        "gatehouse_options",
        "gatehouse_echo_request",
        "gatehouse_dhcp",
        "hosts.web1.gatehouse_addresses",
        "hosts.web1.gatehouse_antispoof",
    ),
    *("hosts.web1.gatehouse_interfaces", "gatehouse_flows[0].side", "gatehouse_flows[0].log", "gatehouse_flows[0].end"),
    *(
        "gatehouse_flows[1].expires",
        "gatehouse_zones[0].zones",
        "gatehouse_zones[0].hostnames",
        "gatehouse_zones[0].why",
    ),
]


@private_nft.needs_nft
def test_any_data_at_any_place_is_a_model_error_or_a_ruleset_that_nft_takes():
    accepted = set()

    @examples(1500)
    @given(
        place=some.sampled_from([*PLACES, *OPTIONAL]), value=data | texts | some.lists(texts | some.sampled_from(WORDS))
    )
    def try_it(place, value):
        with suppress(ModelError):
            accepted.update(rulesets(good({**NODE_PORTS, place: value})))

    try_it()
    assert len(accepted) > 10
    assert {NFT.header(ruleset, "").format for ruleset in accepted} == {FORMAT}
    assert [line for ruleset in accepted for line in strange_lines(ruleset)] == []
    assert private_nft.refused(accepted) == []


@pytest.mark.parametrize("place", ["gatehouse_flows[1].ports[0]", "gatehouse_flows[0].log", "gatehouse_flows[0].why"])
def test_an_integer_too_long_to_print_is_a_model_error(place):
    assert len(problems_of(good({place: 1 << 20_000}))) == 1


@pytest.mark.parametrize("place", [*PLACES, *OPTIONAL])
def test_lists_a_hundred_deep_are_a_model_error(place):
    deep: list[object] = []
    for _level in range(100):
        deep = [deep]

    assert problems_of(good({**NODE_PORTS, place: deep}))


# What a model may say, and renderers meet: everything below compiles.
ports = some.one_of(
    some.just("all"),
    some.builds("{}/{}".format, some.integers(1, 65535), some.sampled_from(["tcp", "udp", "sctp", "tcp+udp"])),
    some.builds(
        lambda ends, protocol: f"{min(ends)}-{max(ends)}/{protocol}",
        some.tuples(some.integers(1, 65535), some.integers(1, 65535)),
        some.sampled_from(["tcp", "udp", "sctp", "udp+sctp"]),
    ),
)
networks = some.one_of(
    some.ip_addresses().filter(lambda address: not getattr(address, "ipv4_mapped", None)).map(str),
    some.sampled_from(
        ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "255.255.255.255", "ffff::/16", "192.0.2.0/31"]
    ),
)
names = some.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True).filter(lambda name: name not in ("web", "db"))
prose = some.text(some.characters(exclude_characters='"`{}\\'), max_size=60).filter(str.isprintable)
good_pre_dnats = some.fixed_dictionaries(
    {"ports": some.lists(ports.filter(lambda text: text != "all"), max_size=3)},
    optional={
        "addresses": some.lists(networks, max_size=3),
        "side": some.sampled_from([None, "private", "public"]),
    },
)


@some.composite
def good_models(draw):
    zones = draw(some.dictionaries(names, some.lists(networks, max_size=5), min_size=1, max_size=3))
    flows = draw(some.lists(names, min_size=1, max_size=4, unique=True))
    peers = some.lists(some.sampled_from(["web", "db", *zones]), min_size=1, max_size=2)
    return good(
        {
            "gatehouse_zones": [{"name": name, "networks": found} for name, found in zones.items()],
            "gatehouse_flows": [draw(good_flows(name, peers)) for name in flows],
            "gatehouse_classes[0].pre_dnat": draw(some.none() | good_pre_dnats),
            "gatehouse_classes[1].isolated": draw(some.booleans()),
            "hosts.web1.gatehouse_interfaces": {"private": ["eth0", "bond0.100"], "public": "eth1"},
            "hosts.web2.gatehouse_interfaces": {"private": "eth0", "public": "wg@1"},
            "hosts.db1.gatehouse_interfaces": {"private": "br-lan", "public": "a:1"},
        }
    )


@some.composite
def good_flows(draw, name, peers):
    ends = [["web"], draw(peers)]
    return {
        "name": name,
        **dict(zip(("from", "to"), draw(some.permutations(ends)))),
        "ports": draw(some.lists(ports, min_size=1, max_size=4)),
        "side": draw(some.sampled_from([None, "private", "public"])),
        "end": draw(some.sampled_from(["both", "ingress", "egress"])),
        "log": draw(some.booleans()),
        "why": draw(prose),
        "expires": draw(some.none() | some.just(datetime.date(2030, 1, 1))),
    }


@private_nft.needs_nft
def test_nft_takes_the_ruleset_of_any_good_model():
    accepted = set()

    @examples(150)
    @given(document=good_models())
    def try_it(document):
        accepted.update(rulesets(document))
        fleet = build(document)
        for host in fleet.sets:
            policy = fleet.policy_of(host)
            headers = IPTABLES.header(joined(iptables.render(policy)), ""), NFT.header(render(policy), "")
            assert headers[0].describes == headers[1].describes

    try_it()
    assert [line for ruleset in accepted for line in strange_lines(ruleset)] == []
    assert private_nft.refused(accepted) == []
