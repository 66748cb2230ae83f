"""Options that are networks, ports, hosts and labels, and the rows that take them."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Declared
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.profile import Profile, read_profiles
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where

CONTENT = {
    "schema": 1,
    "options": [
        {"name": "nets", "type": "networks", "detected": True, "when": {"on": True}},
        {"name": "port", "type": "port", "beside": "nets", "detected": True, "when": {"on": True}},
        {"name": "host", "type": "host"},
        {"name": "ns", "type": "dns_label", "required": True, "why": "where it is"},
        {"name": "on", "type": "bool"},
        {"name": "lbs", "type": "frontends"},
    ],
    "classes": [{"name": "api", "pods": {"labels": {"app": "api"}, "namespace_option": "ns"}}],
    "zones": [
        {"name": "far", "networks_option": "nets"},
        {"name": "named", "host_option": "host", "required_when": {"on": True}},
    ],
    "flows": [
        {"name": "on_port", "ports_option": "port"},
        {"name": "on_all", "ports": ["all"], "when": {"port": False}},
        {"name": "lb", "frontends_option": "lbs", "from": ["far"]},
        {"name": "where_said", "ports": ["all"], "when": {"host": True}},
    ],
}


def read(content=None, **options):
    problems = Problems()
    written = Declared(Where("gatehouse_options"), {"ns": "shop", **options})
    layer = read_profiles([Profile("p", {**CONTENT, **(content or {})})], written, problems)
    return layer, [str(problem) for problem in problems.found]


def rows(kind, **options):
    layer, problems = read(**options)
    assert problems == []
    return {row.value["name"]: row.value for row in getattr(layer, kind)}


@pytest.mark.parametrize(
    ("nets", "row"),
    [
        ("192.0.2.0/24", {"name": "far", "networks": ["192.0.2.0/24"]}),
        (["192.0.2.1/32", "2001:db8::/32"], {"name": "far", "networks": ["192.0.2.1", "2001:db8::/32"]}),
        ([], {"name": "far"}),
        (None, {"name": "far"}),
    ],
)
def test_networks_are_a_zones_and_without_any_it_is_nobody(nets, row):
    assert rows("zones", nets=nets)["far"] == row


@pytest.mark.parametrize(
    ("host", "row"),
    [
        ("git.example.org", {"name": "named", "hostnames": "git.example.org"}),
        ("203.0.113.9", {"name": "named", "networks": "203.0.113.9"}),
        ("2001:db8::9", {"name": "named", "networks": "2001:db8::9"}),
        (None, {"name": "named"}),
    ],
)
def test_a_host_is_a_name_to_look_up_or_the_address_that_it_is(host, row):
    assert rows("zones", host=host)["named"] == row


@pytest.mark.parametrize(
    ("options", "flows"),
    [
        ({}, {"on_all"}),
        ({"nets": "192.0.2.1", "port": 6443}, {"on_port"}),
        ({"nets": "192.0.2.1", "host": "git.example.org"}, {"on_all", "where_said"}),
    ],
)
def test_a_row_counts_where_an_option_is_set_or_where_it_is_not(options, flows):
    assert set(rows("flows", **options)) == flows


def test_each_frontend_has_a_flow_of_its_own_at_its_address():
    lbs = [{"address": "192.0.2.1", "ports": ["443/tcp", "80/tcp"]}, {"address": "2001:DB8::1", "ports": "53/udp"}]
    found = rows("flows", lbs=lbs)

    assert [found[name] for name in found if name.startswith("lb")] == [
        {"name": "lb_192-0-2-1", "from": ["far"], "at": ["192.0.2.1"], "ports": ["80/tcp", "443/tcp"]},
        {"name": "lb_2001-db8--1", "from": ["far"], "at": ["2001:db8::1"], "ports": ["53/udp"]},
    ]


@pytest.mark.parametrize("port", [6443, "6443"])
def test_a_port_is_one_of_tcp(port):
    assert rows("flows", nets="192.0.2.1", port=port)["on_port"]["ports"] == ["6443/tcp"]


def test_a_label_stands_in_a_row_within_a_row():
    assert rows("classes")["api"]["pods"] == {"labels": {"app": "api"}, "namespace": "shop"}


def test_a_row_of_the_profile_itself_is_left_as_it_was():
    read()

    assert CONTENT["classes"][0]["pods"]["namespace_option"] == "ns"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"lbs": "192.0.2.1"}, "gatehouse_options.lbs: got '192.0.2.1', expected a list"),
        (
            {"lbs": [{"address": "192.0.2.0/24", "ports": ["80/tcp"]}]},
            "gatehouse_options.lbs[0].address: got '192.0.2.0/24', expected one address such as",
        ),
        (
            {"lbs": [{"address": ["192.0.2.1", "192.0.2.2"], "ports": ["80/tcp"]}]},
            "gatehouse_options.lbs[0].address: got ['192.0.2.1', '192.0.2.2'], expected one address such as",
        ),
        (
            {"lbs": [{"ports": ["80/tcp"]}]},
            "gatehouse_options.lbs[0].address: got nothing, expected one address such as",
        ),
        (
            {"lbs": [{"address": "192.0.2.1", "ports": []}]},
            "gatehouse_options.lbs[0].ports: got [], expected a list of ports",
        ),
        (
            {"lbs": [{"address": "192.0.2.1", "ports": "80/tcp"}, {"address": "192.0.2.1", "ports": "81/tcp"}]},
            "gatehouse_options.lbs[1].address: got '192.0.2.1', expected an address of its own: put all",
        ),
        ({"nets": "here"}, "gatehouse_options.nets: got 'here', expected an address or a network such as"),
        (
            {"nets": "192.0.2.1", "port": "6443/tcp"},
            "gatehouse_options.port: got '6443/tcp', expected the number of a tcp port, between 1 and 65535",
        ),
        (
            {"nets": "192.0.2.1", "port": 0},
            "gatehouse_options.port: got 0, expected the number of a tcp port, between 1 and 65535",
        ),
        (
            {"nets": "192.0.2.1", "port": True},
            "gatehouse_options.port: got True, expected the number of a tcp port, between 1 and 65535",
        ),
        ({"port": 6443}, "gatehouse_options.port: got 6443, expected nets, too: without it, this says nothing"),
        (
            {"host": "https://auth.example.org/.well-known"},
            "gatehouse_options.host: got 'https://auth.example.org/.well-known', expected a host name or an",
        ),
        ({"host": 7}, "gatehouse_options.host: got 7, expected a host name or an address, not a URL"),
        ({"host": "not a host"}, "gatehouse_options.host: got 'not a host', expected a host name such as"),
        ({"host": "192.0.2"}, "gatehouse_options.host: got '192.0.2', expected a host name, or an address of four"),
        ({"ns": "My_Shop"}, "gatehouse_options.ns: got 'My_Shop', expected a DNS label such as kube-system"),
        ({"ns": None}, "gatehouse_options.ns: got nothing, expected a value; there is no default: where it is"),
    ],
)
def test_an_option_that_is_set_to_what_it_cannot_be_is_named(options, problem):
    _layer, problems = read(**options)

    assert len(problems) == 1
    assert problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"zones": [{"name": "far", "networks_option": "host"}]},
            "zones[0].networks_option (profile p): got 'host', expected an option of type networks: one of nets",
        ),
        (
            {"classes": [{"name": "api", "pods": {"namespace_option": "nets"}}]},
            "classes[0].pods.namespace_option (profile p): got 'nets', expected an option of type dns_label: one of ns",
        ),
    ],
)
def test_a_row_takes_an_option_of_the_type_that_it_needs(change, problem):
    _layer, problems = read(change)

    assert problems == [problem]


@pytest.mark.parametrize(
    ("options", "undetected"),
    [
        ({}, {}),
        ({"on": True}, {"nets": "networks", "port": "port"}),
        ({"on": True, "nets": "192.0.2.1"}, {}),
        ({"on": True, "nets": "192.0.2.1", "port": 6443}, {}),
    ],
)
def test_what_nobody_has_said_is_left_to_be_detected_where_it_counts(options, undetected):
    layer, _problems = read(**options)

    assert layer.undetected == undetected


def test_a_zone_that_has_to_be_somebody_says_which_option_says_who():
    layer, _problems = read(on=True)

    assert layer.required_zones == {"named": "profile p needs it with on: true; gatehouse_options.host says who it is"}


def test_a_url_is_answered_with_its_host():
    _layer, problems = read(host="https://auth.example.org:8443/.well-known")

    assert problems[0].endswith("not a URL; did you mean auth.example.org?")
