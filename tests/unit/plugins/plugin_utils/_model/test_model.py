"""What is declared becomes a model; what is wrong with it stands in test_bad_models.py."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Declared, Flow, Layer, read_model
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, read

CLASSES = [{"name": "web", "groups": ["webs"]}, {"name": "db", "networks": ["192.0.2.11"]}]
SQL = {"name": "sql", "from": ["web"], "to": ["db"], "ports": ["5432/tcp"]}


def layer(origin="", prefix="gatehouse_", **lists):
    rows = {
        name: [Declared(Where(f"{prefix}{name}", origin).at(index), value) for index, value in enumerate(values)]
        for name, values in lists.items()
    }
    return Layer(**rows)


def layered(profiles, user):
    problems = Problems()
    unsaid = [Declared(Where(key), None) for key in ("gatehouse_echo_request", "gatehouse_refresh")]
    model = read_model(profiles, user, *unsaid, problems)
    return model, [str(problem) for problem in problems.found]


def one_flow(**changes):
    model = read(classes=CLASSES, flows=[{**SQL, **changes}])
    return model.flows["sql"]


def test_a_flow_is_read_with_all_its_keys():
    flow = one_flow(
        side="public",
        end="egress",
        log=True,
        why="what the pages show",
        source="a document",
        owner="the data team",
        ticket="OPS-7",
        expires="2027-01-31",
    )

    assert flow == Flow(
        name="sql",
        senders=("web",),
        receivers=("db",),
        ports=PortSet.parse("5432/tcp"),
        where=Where(""),
        side="public",
        end="egress",
        log=True,
        why="what the pages show",
        source="a document",
        owner="the data team",
        ticket="OPS-7",
        expires=datetime.date(2027, 1, 31),
    )


def test_a_flow_of_few_keys_is_for_both_sides_and_both_ends_and_for_ever():
    flow = one_flow()

    assert (flow.side, flow.end, flow.log, flow.expires) == ("", "both", False, None)


@pytest.mark.parametrize(
    ("changes", "ports"),
    [
        ({"ports": "22/tcp"}, ["22/tcp"]),
        ({"ports": ["443/tcp", "80/tcp"]}, ["80/tcp", "443/tcp"]),
        ({"ports": ["all", "80/tcp"]}, ["all"]),
        ({"ports": None, "services": ["web", "dns"]}, ["80/tcp", "443/tcp", "53/tcp", "53/udp"]),
        ({"ports": ["81/tcp"], "services": "web"}, ["80-81/tcp", "443/tcp"]),
    ],
)
def test_a_flow_has_the_ports_of_its_services_and_its_own(changes, ports):
    services = [{"name": "web", "ports": ["80/tcp", "443/tcp"]}, {"name": "dns", "ports": ["53/tcp+udp"]}]
    model = read(classes=CLASSES, services=services, flows=[{**SQL, **changes}])

    assert sorted(model.flows["sql"].ports.texts()) == sorted(ports)


def test_peers_may_stand_without_a_list_and_count_once():
    flow = one_flow(**{"from": "web", "to": ["db", "web", "db"]})

    assert (flow.senders, flow.receivers) == (("web",), ("db", "web"))


@pytest.mark.parametrize(
    ("expires", "is_open"),
    [(None, True), ("2026-11-22", True), ("2026-11-21", True), ("2026-11-20", False)],
)
def test_a_flow_is_open_up_to_its_last_day(expires, is_open):
    assert one_flow(expires=expires).open_on(TODAY) is is_open


@pytest.mark.parametrize(
    ("written", "flag"),
    [(True, True), (False, False), ("yes", True), ("No", False), ("TRUE", True), ("false", False), (None, True)],
)
def test_echo_requests_are_on_unless_somebody_says_otherwise(written, flag):
    assert read(echo_request=written).echo_request is flag


def test_classes_zones_and_services_are_read():
    model = read(
        classes=[{"name": "web", "groups": ["webs"], "networks": ["192.0.2.0/24", "2001:db8::1"], "why": "pages"}],
        zones=[
            {"name": "annex"},
            {"name": "office", "networks": "198.51.100.0/24", "hostnames": ["a.example.org"], "zones": ["annex"]},
        ],
        services=[{"name": "ssh", "ports": "22/tcp", "why": "administration"}],
    )

    web, office = model.classes["web"], model.zones["office"]
    assert web.groups == ("webs",)
    assert web.networks == AddressSet.of(map(parse_network, ["192.0.2.0/24", "2001:db8::1"]))
    assert (office.hostnames, office.zones, str(office.networks.v4[0])) == (
        ("a.example.org",),
        ("annex",),
        "198.51.100.0/24",
    )
    assert not model.zones["annex"].networks
    assert model.services["ssh"].ports.texts() == ["22/tcp"]


def test_what_the_user_declares_takes_the_place_of_the_profiles_namesake():
    profile = layer(
        "profile p",
        prefix="",
        classes=[{"name": "web"}, {"name": "db", "networks": ["192.0.2.11"]}],
        zones=[{"name": "office", "networks": ["192.0.2.0/24"]}],
        services=[{"name": "ssh", "ports": ["22/tcp"]}],
        flows=[SQL, {"name": "admin", "from": "office", "to": "web", "services": "ssh"}],
    )
    user = layer(
        classes=[{"name": "web", "groups": ["webs"]}],
        zones=[{"name": "office"}],
        services=[{"name": "ssh", "ports": ["2222/tcp"]}],
        flows=[{**SQL, "ports": ["3306/tcp"], "why": "another product"}],
    )

    model, problems = layered(profile, user)

    assert problems == []
    assert model.classes["web"].groups == ("webs",)
    assert not model.zones["office"].networks
    assert model.flows["sql"].ports.texts() == ["3306/tcp"]
    assert model.flows["admin"].ports.texts() == ["2222/tcp"], "the profile's flow means the user's service"
    assert list(model.flows) == ["sql", "admin"], "a flow that is replaced keeps its place"


@pytest.mark.parametrize(
    ("shipped", "own", "isolated"),
    [
        (None, None, None),
        (True, None, True),
        (True, False, False),
        (False, True, True),
        (None, True, True),
        (None, "no", False),
    ],
)
def test_a_class_is_isolated_where_the_user_says_so_and_else_where_the_profile_does(shipped, own, isolated):
    profile = layer("profile p", prefix="", classes=[{"name": "web", "isolated": shipped}])
    user = layer(classes=[{"name": "web", "groups": ["webs"], "isolated": own}])

    model, problems = layered(profile, user)

    assert problems == []
    assert model.classes["web"].isolated is isolated


NODE_PORTS = PortSet.parse("30000-32767/tcp+udp")


@pytest.mark.parametrize(
    ("written", "pre_dnat"),
    [
        (None, None),
        ({"ports": []}, PreDnat()),
        ({"ports": "30000-32767/tcp+udp"}, PreDnat(NODE_PORTS)),
        ({"ports": ["30000-32767/tcp", "30000-32767/udp"], "addresses": [], "side": None}, PreDnat(NODE_PORTS)),
        ({"ports": ["30000-32767/tcp+udp"], "side": "public"}, PreDnat(NODE_PORTS, side="public")),
        (
            {"ports": ["30000-32767/udp+tcp"], "addresses": ["203.0.113.200", "2001:db8:9::/64"], "side": "private"},
            PreDnat(NODE_PORTS, AddressSet.of(map(parse_network, ["203.0.113.200", "2001:db8:9::/64"])), "private"),
        ),
    ],
)
def test_a_class_says_what_its_hosts_judge_before_dnat(written, pre_dnat):
    assert read(classes=[{**CLASSES[0], "pre_dnat": written}]).classes["web"].pre_dnat == pre_dnat


def test_nothing_is_judged_before_dnat_without_ports():
    assert not PreDnat()
    assert not PreDnat(addresses=AddressSet.of([parse_network("203.0.113.200")]), side="public")
    assert PreDnat(NODE_PORTS)


@pytest.mark.parametrize(
    ("shipped", "own", "pre_dnat"),
    [
        (None, None, None),
        ({"ports": "30000-32767/tcp+udp"}, None, PreDnat(NODE_PORTS)),
        ({"ports": "30000-32767/tcp+udp"}, {"ports": []}, PreDnat()),
        ({"ports": "30000-32767/tcp+udp", "side": "public"}, {"ports": "80/tcp"}, PreDnat(PortSet.parse("80/tcp"))),
        ({"ports": []}, {"ports": "30000-32767/tcp+udp"}, PreDnat(NODE_PORTS)),
        (None, {"ports": "30000-32767/tcp+udp"}, PreDnat(NODE_PORTS)),
    ],
)
def test_a_class_judges_before_dnat_what_the_user_says_and_else_what_the_profile_does(shipped, own, pre_dnat):
    profile = layer("profile p", prefix="", classes=[{"name": "web", "pre_dnat": shipped}])
    user = layer(classes=[{"name": "web", "groups": ["webs"], "pre_dnat": own}])

    model, problems = layered(profile, user)

    assert problems == []
    assert model.classes["web"].pre_dnat == pre_dnat


def test_two_groups_may_say_the_same_of_a_flow_and_must_not_say_two_things():
    one, same = layer("group a", classes=CLASSES, flows=[SQL]), layer("group b", flows=[SQL])
    other = layer("group c", flows=[{**SQL, "ports": ["1/tcp"]}])

    agreed = Layer(classes=one.classes, flows=[*one.flows, *same.flows])
    assert layered(Layer(), agreed)[1] == []

    torn = Layer(classes=one.classes, flows=[*one.flows, *other.flows])
    (problem,) = layered(Layer(), torn)[1]
    assert problem.startswith("gatehouse_flows[0].name (group c): got 'sql', expected a name of its own; ")
    assert problem.endswith("; gatehouse_flows[0] (group a) has it already")


def test_a_class_of_a_profile_is_only_missed_where_a_flow_names_it():
    names = ["web", "db", "cache"]
    profile = layer("profile p", prefix="", classes=[{"name": name} for name in names], flows=[SQL])

    _model, problems = layered(profile, Layer())

    said = (
        "gatehouse_classes: got nothing, expected an entry named {} with groups or networks; profile p has flows for it"
    )
    assert problems == [said.format("web"), said.format("db")]


def test_nothing_declared_is_a_model_too():
    model = read()

    assert (dict(model.classes), dict(model.flows), model.echo_request) == ({}, {}, True)
