"""What files with bounds may open: by addresses, whatever the names, and whoever's flow it is."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good, problems_of

# web1 and web2 are 192.0.2.1 and 192.0.2.2, db1 is 192.0.2.11, office is 203.0.113.0/24 and 2001:db8:1::/48.
MAY = {"from": ["office"], "to": ["web"]}
BOUND_TO = "only addresses in gatehouse_model_files[0].may.to (web)"
BOUND_FROM = "only addresses in gatehouse_model_files[0].may.from (office)"


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Return what is wrong with a model of which shop.yml has these lists, and with what its variables say beside."""
    monkeypatch.chdir(tmp_path)

    def problems(lists, may=None, put=()):
        (tmp_path / "shop.yml").write_text(yaml.safe_dump(lists), encoding="utf-8")
        files = [{"path": str(tmp_path / "shop.yml"), "may": MAY if may is None else may}]
        model = good({"gatehouse_model_files": files, **dict(put)})
        return [(str(one.where), one.got, one.expected, one.hint) for one in problems_of(model)]

    return problems


def flow(sender="office", receiver="web", **more):
    return {"name": "mine", "from": [sender], "to": [receiver], "ports": ["8080/tcp"], **more}


WITHIN = {
    "the names of the bounds": {"flows": [flow()]},
    "a zone of its own inside": {"zones": [{"name": "desk", "networks": ["203.0.113.7"]}], "flows": [flow("desk")]},
    "a zone of its own with the rest taken out": {
        "zones": [{"name": "desk", "networks": ["203.0.112.0/23"], "except": ["203.0.112.0/24"]}],
        "flows": [flow("desk")],
    },
    "a zone of its own of a host's address": {
        "zones": [{"name": "first", "hostnames": ["web1"]}],
        "flows": [flow(receiver="first", **{"from": ["office", "web"]})],
    },
    "a zone of its own that is nobody": {"zones": [{"name": "soon"}], "flows": [flow("soon")]},
    "an address of the receivers": {"flows": [flow(at=["192.0.2.2"])]},
    "a service of its own": {
        "services": [{"name": "shop", "ports": ["8080/tcp"]}],
        "flows": [{"name": "mine", "from": "office", "to": "web", "services": "shop"}],
    },
    "an assertion": {"assertions": [{"deny": "office", "to": "db", "port": "all"}]},
}


@pytest.mark.parametrize("case", WITHIN)
def test_what_is_within_the_bounds_is_taken(told, case):
    may = {**MAY, "from": ["office", "web"]} if "host's" in case else MAY
    assert told(WITHIN[case], may) == []


OUTSIDE = {
    "another class by its name": (
        {"flows": [flow(receiver="db")]},
        ("flows[0].to (file shop.yml)", "'db: 192.0.2.11'", BOUND_TO, ""),
    ),
    "another zone by its name": (
        {"flows": [flow("vcs")]},
        ("flows[0].from (file shop.yml)", "'vcs: git.example.org'", BOUND_FROM, ""),
    ),
    "a zone of its own around the bounds": (
        {"zones": [{"name": "desk", "networks": ["203.0.112.0/23"]}], "flows": [flow("desk")]},
        ("flows[0].from (file shop.yml)", "'desk: 203.0.112.0/24'", BOUND_FROM, ""),
    ),
    "a zone of its own with a zone of others": (
        {"zones": [{"name": "desk", "zones": ["office", "vcs"]}], "flows": [flow("desk")]},
        ("flows[0].from (file shop.yml)", "'desk: git.example.org'", BOUND_FROM, ""),
    ),
    "a zone of its own by a host's name": (
        {"zones": [{"name": "desk", "hostnames": ["db1"]}], "flows": [flow("desk")]},
        ("flows[0].from (file shop.yml)", "'desk: 192.0.2.11'", BOUND_FROM, ""),
    ),
    "the other family": (
        {"zones": [{"name": "desk", "networks": ["203.0.113.7", "2001:db8:2::7"]}], "flows": [flow("desk")]},
        ("flows[0].from (file shop.yml)", "'desk: 2001:db8:2::7'", BOUND_FROM, ""),
    ),
    "an address that no receiver has": (
        {"flows": [flow(at=["192.0.2.2", "192.0.2.200"])]},
        ("flows[0].at (file shop.yml)", "'192.0.2.200'", BOUND_TO, ""),
    ),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_who_opens_outside_is_told_with_the_bound(told, case):
    lists, expected = OUTSIDE[case]

    assert told(lists) == [expected]


def test_a_name_whose_address_lies_within_today_is_outside_since_it_may_lie_elsewhere_tomorrow(told):
    lists = {"zones": [{"name": "git", "hostnames": ["git.example.org"]}], "flows": [flow("git")]}
    around = {"gatehouse_zones[2]": {"name": "around", "networks": ["198.51.100.0/24", "2001:db8::/32"]}}
    everybody = {"gatehouse_zones[2]": {"name": "around", "networks": ["0.0.0.0/0", "::/0"]}}

    ((where, got, _expected, _hint),) = told(lists, {**MAY, "from": ["around"]}, around)

    assert (where, got) == ("flows[0].from (file shop.yml)", "'git: git.example.org'")
    assert told(lists, {**MAY, "from": ["vcs"]}) == []
    assert told(lists, {**MAY, "from": ["around"]}, everybody) == []


def test_pods_are_within_the_bounds_by_their_name_alone(told):
    pods = {"name": "basket", "pods": {"labels": {"app": "basket"}, "namespace": "shop"}}
    put = {"gatehouse_classes[2]": pods}

    assert told({"flows": [flow(receiver="basket")]}, {**MAY, "to": ["basket"]}, put) == []
    assert told({"flows": [flow(receiver="basket")]}, MAY, put) == [
        ("flows[0].to (file shop.yml)", "'basket'", BOUND_TO, "")
    ]


def test_a_flow_of_others_with_a_zone_or_a_service_of_the_file_is_the_files_doing(told):
    zones = [{"name": "desk", "networks": ["203.0.113.7"]}, {"name": "all", "networks": ["0.0.0.0/0"]}]
    lists = {"zones": zones, "services": [{"name": "shop", "ports": ["8080/tcp"]}]}

    def put(**more):
        return {"gatehouse_flows[2]": {**flow(), "name": "theirs", **more}}

    assert told(lists, put=put(**{"from": ["desk"]})) == []
    assert [problem[:3] for problem in told(lists, put=put(**{"from": ["all"]}))] == [
        ("gatehouse_flows[2].from", "'all: 0.0.0.0/1'", BOUND_FROM)
    ]
    held = {"gatehouse_zones[2]": {"name": "outer", "zones": ["all"]}, **put(**{"from": ["outer"]})}
    assert [problem[:2] for problem in told(lists, put=held)] == [("gatehouse_flows[2].from", "'outer: 0.0.0.0/1'")]
    emptied = {"gatehouse_zones[2]": {"name": "outer", "networks": ["192.0.2.0/24"], "except": ["desk"]}}
    assert [problem[:2] for problem in told(lists, put={**emptied, **put(**{"from": ["outer"]})})] == [
        ("gatehouse_flows[2].from", "'outer: 192.0.2.0/24'")
    ]
    (problem,) = told(lists, put=put(to=["db"], services=["shop"]))
    assert problem[:3] == ("gatehouse_flows[2].to", "'db: 192.0.2.11'", BOUND_TO)
    assert problem[3] == "files with these bounds declare a zone or a service of this flow, and so decide what it opens"


@pytest.mark.parametrize(
    ("key", "row"),
    [("classes", {"name": "mine", "groups": ["dbs"]}), ("security_groups", {"name": "mine", "classes": ["web"]})],
)
def test_a_bounded_file_defines_no_class_and_no_security_group(told, key, row):
    expected = f"no {key}: this file has bounds, at gatehouse_model_files[0].may"

    assert (f"{key}[0].name (file shop.yml)", "'mine'", expected, "") in told({key: [row]})


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("zones", {"name": "ssh_admin", "networks": ["203.0.113.0/24"]}),
        ("services", {"name": "web", "ports": ["1-65535/tcp"]}),
        ("flows", {"name": "frontend", "from": "ssh_admin", "to": "k8s_node", "ports": "443/tcp"}),
    ],
)
def test_what_a_profile_ships_is_not_a_bounded_files_to_replace(tmp_path, monkeypatch, key, row):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yml").write_text(yaml.safe_dump({key: [row]}), encoding="utf-8")
    may = {"from": ["ssh_admin"], "to": ["k8s_node"]}
    files = [{"path": str(tmp_path / "shop.yml"), "may": MAY if may is None else may}]

    found = [str(one) for one in problems_of(good({"gatehouse_model_files": files}, profiled=True))]

    assert (
        f"{key}[0].name (file shop.yml): got '{row['name']}', expected a name of its own, and not one of "
        "profile circleci_server_4: this file has bounds, at gatehouse_model_files[0].may"
    ) in found


def test_an_assertion_of_others_is_about_none_of_the_files_zones(told):
    zones = {"zones": [{"name": "desk"}], "assertions": [{"deny": "vcs", "to": "db", "port": "all"}]}
    put = {"gatehouse_assertions": [{"deny": ["vcs", "desk"], "to": "db", "port": "all"}]}

    assert [problem[:3] for problem in told(zones, put=put)] == [
        ("gatehouse_assertions[0].deny", "'desk'", "an end that no file with bounds declares, as desk is")
    ]


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("zones", {"name": "office", "networks": ["203.0.113.7"]}),
        ("services", {"name": "http", "ports": ["1-65535/tcp"]}),
        ("flows", {**flow(), "name": "front"}),
    ],
)
def test_what_others_declare_is_not_a_bounded_files_to_replace(told, key, row):
    ((where, _got, expected, hint),) = told({key: [row]})

    assert (where, expected) == (f"{key}[0].name (file shop.yml)", "a name of its own")
    assert hint.startswith(f"gatehouse_{key}[0] has it already")


@pytest.mark.parametrize(
    ("may", "expected"),
    [
        ([], ("gatehouse_model_files[0].may", "[]", "a mapping with the keys from, to")),
        (
            {"from": ["office"]},
            ("gatehouse_model_files[0].may.to", "nothing", "a list of classes and zones; [] allows none"),
        ),
        (
            {**MAY, "on": ["80/tcp"]},
            ("gatehouse_model_files[0].may.on", "['80/tcp']", "no such key, but one of from, to"),
        ),
        ({**MAY, "to": ["wep"]}, ("gatehouse_model_files[0].may.to[0]", "'wep'", "one of db, desk, office, vcs, web")),
        (
            {**MAY, "from": ["desk"]},
            (
                "gatehouse_model_files[0].may.from",
                "'desk'",
                "bounds that no bounded file sets itself: it declares desk",
            ),
        ),
    ],
    ids=str,
)
def test_bounds_are_names_that_others_declare(told, may, expected):
    zones = {"zones": [{"name": "desk", "networks": ["203.0.113.7"]}]}

    assert expected in [problem[:3] for problem in told(zones, may)]


def test_bounds_hold_no_zone_of_the_file_inside_a_zone_of_others(told):
    zones = {"zones": [{"name": "desk", "networks": ["0.0.0.0/0"]}]}
    put = {"gatehouse_zones[2]": {"name": "clients", "zones": ["office", "desk"]}}

    assert [problem[:2] for problem in told(zones, {**MAY, "from": ["clients"]}, put)] == [
        ("gatehouse_model_files[0].may.from", "'clients'")
    ]


def test_bounds_of_nobody_take_no_flow(told):
    assert [problem[:2] for problem in told({"flows": [flow()]}, {"from": [], "to": []})] == [
        ("flows[0].from (file shop.yml)", "'office: 203.0.113.0/24'"),
        ("flows[0].to (file shop.yml)", "'web: 192.0.2.1'"),
    ]
