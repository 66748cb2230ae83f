"""What version 0.1.0 has left on hosts, and what its renderer wrote for names."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import VERSION
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import HostName, Refresh
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import body, read
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import with_answers

FIXTURES = Path(__file__).parents[4] / "kernel/plugins/module_utils/hardened_by_0_1_0"
NAMES = """\
#refresh: {"min_ttl": 5, "max_ttl": 50, "refused": ["127.0.0.0/8"]}
#name: {"name": "a.example.org", "addresses": ["192.0.2.11", "2001:db8::7"], "sets": {"4": ["{v4}"], "6": ["{v6}"]}}
#name: {"name": "b.example.org", "addresses": ["192.0.2.12"], "sets": {"4": ["{v4}"], "6": ["{v6}"]}}
"""
NFT = """\
# gatehouse.firewall, node class web. Generated: edits are lost at the next run.
#: egress 22/tcp to git by name (a.example.org, b.example.org), flow git
{names}
table inet gatehouse
delete table inet gatehouse

table inet gatehouse {
\tset git.names.v4 {
\t\ttype ipv4_addr
\t\telements = {
\t\t\t192.0.2.11,
\t\t\t192.0.2.12,
\t\t}
\t}
\tset git.names.v6 {
\t\ttype ipv6_addr
\t\telements = {
\t\t\t2001:db8::7,
\t\t}
\t}
\tchain output_tcp_22 {
\t\tip daddr @git.names.v4 counter accept comment "flow:git"
\t}
}
""".replace("{names}\n", NAMES.replace("{v4}", "git.names.v4").replace("{v6}", "git.names.v6"))
IPSET = """\
#file: ipset
# gatehouse.firewall, node class web. Generated: edits are lost at the next run.
{names}#set: git.names
create gatehouse-new hash:ip family inet maxelem 65536
add gatehouse-new 192.0.2.11
add gatehouse-new 192.0.2.12
create gatehouse-git-00000004 hash:ip family inet maxelem 65536 -exist
swap gatehouse-new gatehouse-git-00000004
destroy gatehouse-new
#set: git.names
create gatehouse-new hash:ip family inet6 maxelem 65536
add gatehouse-new 2001:db8::7
create gatehouse-git-00000006 hash:ip family inet6 maxelem 65536 -exist
swap gatehouse-new gatehouse-git-00000006
destroy gatehouse-new
#file: rules.v4
#: egress 22/tcp to git by name (a.example.org, b.example.org), flow git
#file: rules.v6
#: egress 22/tcp to git by name (a.example.org, b.example.org), flow git
""".replace("{names}", NAMES.replace("{v4}", "gatehouse-git-00000004").replace("{v6}", "gatehouse-git-00000006"))
BACKENDS = {
    "nftables": (Nft(None, "nft"), NFT, ("git.names.v4", "git.names.v6")),
    "iptables": (
        Iptables(None, "iptables", "ip6tables", "ipset"),
        IPSET,
        ("gatehouse-git-00000004", "gatehouse-git-00000006"),
    ),
}
each_backend = pytest.mark.parametrize(("backend", "ruleset", "sets"), BACKENDS.values(), ids=BACKENDS)


def kept(mode, name):
    folder = FIXTURES / mode / name / "etc/gatehouse"
    return (folder / f"ruleset.{'nft' if name == 'nftables' else 'iptables'}").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_what_a_host_of_version_0_1_0_lets_through_is_known(name):
    header = read(kept("enforcing", name))

    assert (header.format, header.observes, header.names, header.refresh) == (0, False, (), None)
    assert header.description() == [
        "ingress 80/tcp 443/tcp from office, flow front",
        "egress 5432/tcp to db, flow sql",
        "flow front: customers",
        "flow sql: what the web servers show",
        "db is 192.0.2.11",
        "db is 192.0.2.12",
        "office is 198.51.100.7",
        "office is 203.0.113.0/25",
        "office is 2001:db8:1::/48",
    ]


@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_that_a_host_of_version_0_1_0_only_observes_is_known(name):
    header = read(kept("observing", name))

    assert header.observes
    assert header.description()[0] == "mode: observe, nothing is blocked, and what no flow allows is counted"
    assert "office is 203.0.113.0/28" in header.description()


@each_backend
def test_the_host_names_of_a_ruleset_of_version_0_1_0_are_known(backend, ruleset, sets):
    header = backend.header(ruleset, "")
    by_family = {"4": (sets[0],), "6": (sets[1],)}

    assert header.refresh == Refresh(5, 50, ("127.0.0.0/8",), 256)
    assert header.names == (
        HostName("a.example.org", ("192.0.2.11", "2001:db8::7"), by_family),
        HostName("b.example.org", ("192.0.2.12",), by_family),
    )
    assert header.elements == {sets[0]: ("192.0.2.11", "192.0.2.12"), sets[1]: ("2001:db8::7",)}


@each_backend
def test_with_other_answers_it_is_of_our_format_and_has_the_same_rules(backend, ruleset, sets):
    changed = with_answers(backend, ruleset, {"b.example.org": ["192.0.2.13"]})

    header = backend.header(changed, "")
    assert (header.format, header.version) == (1, VERSION)
    assert header.description()[0] == "egress 22/tcp to git by name (a.example.org, b.example.org), flow git"
    assert header.elements == {sets[0]: ("192.0.2.11", "192.0.2.13"), sets[1]: ("2001:db8::7",)}
    assert body(changed) == body(ruleset).replace("192.0.2.12", "192.0.2.13")
    assert "#name" not in changed


@pytest.mark.parametrize("ruleset", [NFT, IPSET], ids=BACKENDS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"addresses": ["192.0.2.12"]', '"addresses": ["192.0.2.99"]'),
        ('"addresses": ["192.0.2.12"]', '"addresses": ["everybody"]'),
        ("#refresh: {", "#refresh: "),
        ("#name: {", "#name: "),
        ("#name: {", "#name: 5 {"),
        ("swap gatehouse-new", "swap"),
        ("elements = {", "elements {"),
    ],
)
def test_names_that_somebody_has_edited_are_none(ruleset, old, new):
    if old in ruleset:
        edited = read(ruleset.replace(old, new))
        assert (edited.names, edited.refresh) == ((), None)
        assert edited.describes
