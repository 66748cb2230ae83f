from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.antispoof import (
    antispoof_at,
    contradicted,
    effective,
    routed_wrongly,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.play import for_iptables, warnings_about
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError, Problems, Where
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good, problems_of

BOTH = {"private": ("eth0",), "public": ("eth1", "wg0")}


@pytest.mark.parametrize(
    ("value", "mode"),
    [(None, "off"), (False, "off"), ("False", "off"), ("off", "off"), ("sides", "sides"), ("strict", "strict")],
)
def test_a_bare_off_is_false_in_yaml_and_means_off(value, mode):
    problems = Problems()

    assert (antispoof_at(Where("gatehouse_antispoof"), value, problems), problems.found) == (mode, [])


@pytest.mark.parametrize("value", [True, "loose", "", 0, ["sides"]])
def test_any_other_value_is_an_error_with_the_words_there_are(value):
    (problem,) = problems_of(good(put={"hosts.web1.gatehouse_antispoof": value}))

    assert str(problem).startswith("gatehouse_antispoof (host web1): got ")
    assert "expected one of off, sides, strict" in str(problem)


def test_an_interface_of_both_sides_contradicts_no_source():
    assert routed_wrongly({"private": ("eth0",), "public": ("eth0",)}) == {}
    assert routed_wrongly({"private": ("eth0", "eth1"), "public": ("eth1", "eth2")}) == {
        "eth0": ["eth2"],
        "eth2": ["eth0"],
    }


@pytest.mark.parametrize(
    ("mode", "interfaces", "found"),
    [
        ("sides", BOTH, "sides"),
        ("sides", {"public": ("eth1",)}, "off"),
        ("sides", {"private": ("eth0",), "public": ("eth0",)}, "off"),
        ("sides", {}, "off"),
        ("strict", {"public": ("eth1",)}, "strict"),
        ("strict", {}, "off"),
        ("off", BOTH, "off"),
    ],
)
def test_a_host_does_no_more_than_its_interfaces_let_it(mode, interfaces, found):
    assert effective(mode, interfaces) == found


def test_sources_on_other_interfaces_than_those_of_sides_are_left_alone():
    for mode in ("sides", "strict"):
        assert not contradicted(mode, BOTH, "docker0", "eth0")
        assert not contradicted(mode, BOTH, "", "eth0")


def sided(**values):
    put = {"hosts.web1.gatehouse_interfaces": {"private": "eth0", "public": "eth1"}}
    return build(good(put={**put, **{f"hosts.web1.gatehouse_{key}": value for key, value in values.items()}}))


def test_the_mode_is_a_hosts_own_and_brings_its_interfaces_with_it():
    fleet = sided(antispoof="sides")

    assert (fleet.policy_of("web1").antispoof, fleet.policy_of("web2").antispoof) == ("sides", "off")
    assert fleet.policy_of("web1").interfaces == {"private": ("eth0",), "public": ("eth1",)}
    assert sided().policy_of("web1").interfaces == {}


def test_a_run_says_on_which_hosts_it_does_nothing():
    put = {f"hosts.{host}.gatehouse_antispoof": "sides" for host in ("web1", "web2")}
    put["hosts.web2.gatehouse_interfaces"] = {"private": "eth0", "public": "eth1"}

    (warning,) = [one for one in warnings_about(build(good(put=put)), ["web1", "web2"]) if "antispoof" in one]
    assert warning.endswith(": web1")


def test_a_host_that_must_take_iptables_is_told_that_it_can_not_do_sides():
    (problem,) = problems_of(
        good(put={"hosts.web1.gatehouse_antispoof": "sides", "hosts.web1.gatehouse_backend": "iptables"})
    )
    assert str(problem) == (
        "gatehouse_antispoof (host web1): got 'sides', expected strict or off: iptables, unlike nftables, can't tell "
        "by which other interface a route leaves"
    )


def test_a_backend_that_a_play_asks_for_is_held_to_it_as_well():
    problems = Problems()
    fleet = sided(antispoof="sides")

    assert for_iptables(fleet, lambda _host: "iptables", problems) == ["db", "web"]
    with pytest.raises(ModelError, match=r"gatehouse_antispoof \(host web1\): got 'sides'"):
        problems.raise_if_any()


@pytest.mark.parametrize(("antispoof", "keys"), [("sides", 2), ("strict", 3), ("off", 2)])
def test_a_host_that_chooses_its_backend_itself_gets_no_rules_of_iptables_for_sides(antispoof, keys):
    problems = Problems()

    assert len(for_iptables(sided(antispoof=antispoof), lambda _host: "auto", problems)) == keys
    assert problems.found == []
    assert for_iptables(sided(antispoof=antispoof), lambda _host: "nftables", problems) == []
