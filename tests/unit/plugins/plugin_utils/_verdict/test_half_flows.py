from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Host
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.half_flows import half_flow_remarks
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

# web1 and web2 are 192.0.2.1 and 192.0.2.2, db1 is 192.0.2.11. The flow front lets office into web, sql web into db.
SERVERS = {"name": "servers", "networks": ["192.0.2.0/28"]}
DATABASES = {"name": "databases", "networks": ["192.0.2.8/29"]}
HALF = "gatehouse_flows[2]: the flow mine is half a flow: zone servers has hosts of"
IN, OUT = "which don't let it in; to names no class of theirs", "which don't let it out; from names no class of theirs"


def model(*flows, zones=(SERVERS,), **put):
    found = {f"gatehouse_zones[{number}]": zone for number, zone in enumerate(zones, 2)}
    found.update({f"gatehouse_flows[{number}]": one for number, one in enumerate(flows, 2)})
    return good({**found, **put})


def said(*flows, **more):
    return list(half_flow_remarks(build(model(*flows, **more))))


def flow(sender, receiver, ports=("22/tcp",), **more):
    return {"name": "mine", "from": [sender], "to": [receiver], "ports": [*ports], **more}


def test_managed_hosts_in_a_zone_are_named_by_class():
    assert said(flow("db", "servers")) == [f"{HALF} web (web1), {IN}"]
    assert said(flow("servers", "db")) == [f"{HALF} web (web1), {OUT}"]


def test_members_of_the_same_class_are_named_and_a_host_alone_in_it_is_not():
    assert said(flow("web", "servers")) == [f"{HALF} web (web1), db (db1), {IN}"]
    assert said(flow("db", "databases"), zones=[DATABASES]) == []


def test_of_many_classes_the_first_are_named():
    groups = {f"g{number}": [f"host{number}"] for number in range(2, 5)}
    put = {f"gatehouse_classes[{number}]": {"name": f"c{number}", "groups": [f"g{number}"]} for number in range(2, 5)}
    hosts = {f"hosts.host{number}": {"ansible_host": f"192.0.2.{10 + number}"} for number in range(2, 5)}

    (line,) = said(flow("db", "servers"), **put, **hosts, **{f"groups.{name}": found for name, found in groups.items()})

    assert line == f"{HALF} web (web1), c2 (host2), c3 (host3) and 1 more, {IN}"


def test_hosts_are_not_walked_for_each_flow_and_class(monkeypatch):
    known, asked = Host.addresses, Counter()

    def addresses(host, side):
        asked[host.name] += 1
        return known(host, side)

    hosts = {f"web{number}": {"ansible_host": f"192.0.2.{number}"} for number in range(1, 6)}
    put = {"groups.webs": [*hosts], **{f"hosts.{name}": variables for name, variables in hosts.items()}}
    flows = [flow("db", "last", [f"{port}/tcp"], name=f"flow{port}") for port in range(1, 31)]
    fleet = build(model(*flows, zones=[{"name": "last", "networks": ["192.0.2.5"]}], **put))
    monkeypatch.setattr(Host, "addresses", addresses)

    assert len(list(half_flow_remarks(fleet))) == len(flows)
    # Once for the index, and once for the addresses of its class.
    assert asked["web1"] <= 2
    assert asked["web5"] >= len(flows)


@pytest.mark.parametrize(
    "one",
    [
        flow("web", "databases", ["5432/tcp"]),
        flow("db", "servers", end="egress"),
        flow("servers", "db", end="ingress"),
        flow("servers", "db", expires="2026-01-31"),
        flow("office", "web"),
    ],
    ids=str,
)
def test_a_flow_whose_other_half_another_flow_opens_or_somebody_else_answers_for_is_none(one):
    assert said(one, zones=[SERVERS, DATABASES]) == []


def test_a_port_that_the_other_half_lacks_is_enough():
    (line,) = said(flow("web", "databases", ["5432-5433/tcp"]), zones=[DATABASES])

    assert line.endswith(f"zone databases has hosts of db (db1), {IN}")


def test_isolated_hosts_that_a_zone_holds_are_no_half_flow():
    servers = {**SERVERS, "except": ["192.0.2.11"]}
    isolated = {"name": "web", "groups": ["webs"], "isolated": True}

    assert said(flow("web", "servers"), zones=[servers], **{"gatehouse_classes[0]": isolated}) == []


@pytest.mark.parametrize(
    "zone",
    [
        {"name": "servers", "networks": ["0.0.0.0/0", "::/0"]},
        {"name": "servers", "networks": ["0.0.0.0/0"], "except": ["10.0.0.0/8"]},
        {"name": "servers", "networks": ["192.0.2.0/28"], "except": ["192.0.2.1", "192.0.2.2", "192.0.2.11"]},
    ],
    ids=str,
)
def test_a_zone_of_everybody_means_those_from_outside(zone):
    assert said(flow("db", "servers"), zones=[zone]) == []


def family(name, *networks):
    return {"name": name, "networks": [*networks]}


def test_an_end_without_a_family_of_the_other_end_is_named():
    zones = [family("new", "2001:db8:7::/48"), family("both", "198.51.100.0/24", "2001:db8:8::/48")]

    assert said(flow("new", "web"), zones=zones) == [
        "gatehouse_flows[2]: the flow mine opens nothing for new: IPv6 alone, and web IPv4 alone",
    ]
    assert said({**flow("new", "web"), "from": ["new", "both"]}, zones=zones) == [
        "gatehouse_flows[2]: the flow mine opens nothing for new: IPv6 alone, and web IPv4 alone",
    ]


def test_host_names_nobody_and_both_families_have_one_in_common():
    zones = [family("both", "198.51.100.0/24", "2001:db8:8::/48"), family("empty")]

    flows = [flow("web", "vcs"), flow("both", "web", name="one"), flow("empty", "web", name="two")]
    assert said(*flows, zones=zones) == []


def test_the_addresses_that_a_flow_is_for_are_the_receivers():
    zones = [family("new", "2001:db8:7::/48")]

    assert said(flow("new", "web", at=["2001:db8::1"]), zones=zones) == []


LINK = {"name": "link", "networks": ["fe80::/10"]}


@pytest.mark.parametrize(
    ("sender", "at", "end", "expected"),
    [
        (["db"], ["224.0.0.18", "ff02::12"], "both", ["ff02::12"]),
        (["db"], ["ff02::/16"], "ingress", ["ff02::/16"]),
        (["db", "link"], ["224.0.0.18", "ff02::12"], "both", []),
        (["db"], ["ff02::12"], "egress", []),
        (["db"], ["224.0.0.18", "ff05::12"], "both", []),
    ],
)
def test_what_comes_from_addresses_of_the_link_is_told(sender, at, end, expected):
    own = {**flow("db", "web", ["all"]), "from": sender, "at": at, "end": end}
    found = [line for line in said(own, zones=[LINK]) if "addresses of the link" in line]

    words = (
        "gatehouse_flows[2]: the flow mine doesn't let in what is sent to {}, which comes from addresses of the link"
    )
    assert found == [f"{words.format(text)}: add a zone of fe80::/10 to from" for text in expected]
