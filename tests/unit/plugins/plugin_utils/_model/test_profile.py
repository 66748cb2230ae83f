from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Declared
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.profile import Profile, read_profiles
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where

CONTENT = {
    "schema": 1,
    "title": "A product",
    "source": "https://example.org",
    "options": [
        {"name": "public", "type": "bool", "default": False, "why": "who knows"},
        {"name": "fast", "type": "bool", "default": True},
    ],
    "classes": [{"name": "web"}],
    "zones": [{"name": "office"}, {"name": "gates", "required_when": {"public": True}}],
    "services": [{"name": "ssh", "ports": ["22/tcp"]}],
    "flows": [
        {"name": "always"},
        {"name": "private", "when": {"public": False}},
        {"name": "public", "when": {"public": True}},
        {"name": "both", "when": {"public": True, "fast": False}},
    ],
}


def read(options=None, *contents):
    problems = Problems()
    profiles = [Profile(f"p{number}", content) for number, content in enumerate(contents or [CONTENT])]
    layer = read_profiles(profiles, Declared(Where("gatehouse_options"), options), problems)
    return layer, [str(problem) for problem in problems.found]


def names(rows):
    return [row.value["name"] for row in rows]


@pytest.mark.parametrize(
    ("options", "flows"),
    [
        (None, ["always", "private"]),
        ({}, ["always", "private"]),
        ({"public": True}, ["always", "public"]),
        ({"public": "yes", "fast": "no"}, ["always", "public", "both"]),
        ({"fast": False}, ["always", "private"]),
        ({"public": None}, ["always", "private"]),
    ],
)
def test_a_row_counts_under_the_options_it_names(options, flows):
    layer, problems = read(options)

    assert problems == []
    assert names(layer.flows) == flows


def test_a_row_is_a_models_row_without_its_conditions_and_knows_its_file():
    layer, _problems = read({"public": True})

    assert [row.value for row in layer.flows] == [{"name": "always"}, {"name": "public"}]
    assert [str(row.where) for row in layer.flows] == ["flows[0] (profile p0)", "flows[2] (profile p0)"]
    assert [row.value for row in layer.zones] == [{"name": "office"}, {"name": "gates"}]
    assert names(layer.classes) + names(layer.services) == ["web", "ssh"]


@pytest.mark.parametrize(
    ("options", "required"),
    [({}, {}), ({"public": True}, {"gates": "profile p0 needs it with public: true"})],
)
def test_a_zone_is_required_under_the_options_it_names(options, required):
    assert read(options)[0].required_zones == required


def test_several_profiles_are_read_together_and_share_the_options():
    other = {"schema": 1, "options": [{"name": "small"}], "flows": [{"name": "more", "when": {"small": True}}]}

    layer, problems = read({"small": True, "public": True}, CONTENT, other)

    assert problems == []
    assert names(layer.flows) == ["always", "public", "more"]
    assert str(layer.flows[-1].where) == "flows[0] (profile p1)"


@pytest.mark.parametrize(
    ("options", "at", "got", "expected"),
    [
        ({"publik": True}, ".publik", "True", "an option: one of fast, public; did you mean public?"),
        ({5: True}, ".5", "True", "an option: one of fast, public"),
        ({"public": "perhaps"}, ".public", "'perhaps'", "true or false"),
        ({"public": 1}, ".public", "1", "true or false"),
        (["public"], "", "['public']", "a mapping of the profile's options"),
        ("public", "", "'public'", "a mapping of the profile's options"),
    ],
)
def test_what_is_no_option_is_refused(options, at, got, expected):
    assert read(options)[1] == [f"gatehouse_options{at}: got {got}, expected {expected}"]


def test_no_profile_has_no_rows_and_no_options():
    problems = Problems()
    layer = read_profiles([], Declared(Where("gatehouse_options"), {}), problems)

    assert (list(layer.flows), list(layer.classes), problems.found) == ([], [], [])


UNKNOWN = "True, expected no such key, but one of fast, public; did you mean public?"


@pytest.mark.parametrize(
    ("change", "at", "got"),
    [
        ({"schema": 2}, "schema", "2, expected 1, the one this version reads"),
        ({"schema": None}, "schema", "nothing, expected 1, the one this version reads"),
        ({"flows": {}}, "flows", "{}, expected a list"),
        (
            {"options": [{"name": "public"}, {"name": "fast", "type": "int"}]},
            "options[1].type",
            "'int', expected one of bool, choice, choices, dns_label, frontends, host, networks, port, ports",
        ),
        ({"zones": [{"name": "gates", "when": {"publik": True}}]}, "zones[0].when.publik", UNKNOWN),
        ({"zones": [{"name": "gates", "required_when": {"publik": True}}]}, "zones[0].required_when.publik", UNKNOWN),
    ],
)
def test_a_profile_that_is_wrong_is_named_with_the_row(change, at, got):
    assert read(None, {**CONTENT, **change})[1] == [f"{at} (profile p0): got {got}"]


def test_an_unknown_key_of_a_profile_is_named():
    (problem,) = read(None, {**CONTENT, "flow": []})[1]

    assert problem.startswith(
        "flow (profile p0): got [], expected no such key, but one of classes, drop, extends, flows, "
    )
    assert problem.endswith("; did you mean flows?")


def extended(content, options=None):
    problems = Problems()
    profile = Profile("own", content, Profile("p0", CONTENT))
    layer = read_profiles([profile], Declared(Where("gatehouse_options"), options), problems)
    return layer, [str(problem) for problem in problems.found]


def test_a_profile_that_extends_another_has_its_rows_but_those_it_replaces_or_drops():
    own = {"name": "private", "why": "mine"}
    layer, problems = extended(
        {"schema": 1, "drop": {"flows": ["always"], "zones": ["office"]}, "flows": [own, {"name": "new"}]}
    )

    assert problems == []
    assert [row.value for row in layer.flows] == [own, {"name": "new"}]
    assert names(layer.zones) == ["gates"]
    assert [row.where.origin for row in (*layer.classes, *layer.flows)] == ["profile p0", "profile own", "profile own"]


def test_an_inherited_option_switches_inherited_rows():
    layer, problems = extended({"schema": 1}, {"public": True})

    assert (problems, names(layer.flows)) == ([], ["always", "public"])


def test_what_is_dropped_has_to_be_there():
    _layer, problems = extended({"schema": 1, "drop": {"flows": ["alway"]}})

    (problem,) = problems
    assert problem.startswith(
        "drop.flows[0] (profile own): got 'alway', expected a name among the flows of profile p0: "
    )
    assert problem.endswith("one of always, both, private, public; did you mean always?")


@pytest.mark.parametrize(
    ("drop", "problem"),
    [
        ({"flow": ["always"]}, "drop.flow (profile own): got ['always'], expected no such key, but one of"),
        (["always"], "drop (profile own): got ['always'], expected a mapping with the keys"),
        ({"flows": "always"}, "drop.flows (profile own): got 'always', expected a list"),
    ],
)
def test_a_drop_that_is_written_wrong_is_named(drop, problem):
    _layer, problems = extended({"schema": 1, "drop": drop})

    assert len(problems) == 1
    assert problems[0].startswith(problem)


VARIANTS = {
    "schema": 1,
    "options": [
        {"name": "variant", "type": "choice", "choices": ["small", "large", "huge"], "default": "large"},
        {"name": "extra", "type": "ports", "default": []},
        {"name": "regions", "type": "choices", "choices": ["east", "west", "north"]},
    ],
    "flows": [
        {"name": "east", "when": {"regions": "east"}},
        {"name": "not_east", "when": {"regions": ["west", "north"]}},
        {"name": "small", "when": {"variant": "small"}},
        {"name": "not_small", "when": {"variant": ["large", "huge"]}},
        {"name": "extra", "ports_option": "extra"},
    ],
}


@pytest.mark.parametrize(
    ("options", "flows"),
    [
        (None, ["not_small"]),
        ({"variant": "small"}, ["small"]),
        ({"variant": "huge", "extra": ["8472/udp"]}, ["not_small", "extra"]),
        ({"extra": "8472/udp"}, ["not_small", "extra"]),
        ({"extra": []}, ["not_small"]),
        ({"regions": "east"}, ["east", "not_small"]),
        ({"regions": ["north", "east"]}, ["east", "not_east", "not_small"]),
        ({"regions": []}, ["not_small"]),
    ],
)
def test_a_row_counts_under_one_choice_or_one_of_several_and_with_ports_where_there_are_any(options, flows):
    layer, problems = read(options, VARIANTS)

    assert (problems, names(layer.flows)) == ([], flows)


def test_an_options_ports_become_the_rows():
    layer, _problems = read({"extra": ["8472/udp", "8473/udp"]}, VARIANTS)

    assert layer.flows[-1].value == {"name": "extra", "ports": ["8472-8473/udp"]}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"variant": "tiny"}, "gatehouse_options.variant: got 'tiny', expected one of huge, large, small"),
        ({"variant": True}, "gatehouse_options.variant: got True, expected one of huge, large, small"),
        (
            {"regions": ["east", "wst"]},
            "gatehouse_options.regions[1]: got 'wst', expected one of east, north, west; did",
        ),
        ({"extra": ["8472"]}, "gatehouse_options.extra[0]: got '8472', expected a port such as"),
    ],
)
def test_an_option_that_is_set_to_what_it_cannot_be_is_named(options, problem):
    _layer, problems = read(options, VARIANTS)

    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_row_takes_its_ports_from_an_option_that_has_some():
    _layer, problems = read(None, {**VARIANTS, "flows": [{"name": "x", "ports_option": "variant"}]})

    assert problems == [
        "flows[0].ports_option (profile p0): got 'variant', expected an option of type ports or port: one of extra"
    ]
