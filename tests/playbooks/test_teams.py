"""A repository of three teams under one platform: each writes files of its own, and none gets beyond its bounds."""

from __future__ import annotations

import re

import pytest

PLATFORM = """
gatehouse_classes:
  - {name: shop, groups: [shops]}
  - {name: db, groups: [dbs]}
  - {name: bastion, groups: [bastions]}
gatehouse_zones:
  - {name: office, networks: [203.0.113.0/24, "2001:db8:1::/48"]}
  - {name: partners, networks: [198.51.100.0/24], except: [198.51.100.128/25]}
  - {name: internet, networks: [0.0.0.0/0, "::/0"], except: [192.0.2.0/24]}
gatehouse_services:
  - {name: web, ports: [443/tcp]}
gatehouse_flows__admin:
  - {name: admin, from: [bastion], to: [shop, db], ports: [22/tcp], why: operators}
gatehouse_assertions:
  - {deny: internet, to: [db], port: 22/tcp, why: data stays inside}
gatehouse_model_files:
  - {path: ../../teams/shop/, may: {from: [internet, shop], to: [shop, db]}}
  - {path: ../../teams/data/firewall.yml, may: {from: [partners, office], to: [db]}}
  - {path: ../../teams/ops/, may: {from: [bastion], to: [shop, db, office]}}
"""
SHOP = """
services:
  - {name: shop_api, ports: [8443/tcp]}
zones:
  - {name: couriers, networks: [198.51.100.64/28]}
flows:
  - {name: storefront, from: [internet], to: [shop], services: [web]}
  - {name: tracking, from: [couriers], to: [shop], services: [shop_api], why: "couriers, and their customers"}
  - {name: orders, from: [shop], to: [db], ports: [5432/tcp]}
"""
DATA = """
zones:
  - {name: analysts, networks: [203.0.113.32/28]}
flows:
  - {name: reports, from: [analysts], to: [db], ports: [5432/tcp]}
"""
OPS = """
flows:
  - {name: mail, from: [bastion], to: [office], ports: [25/tcp]}
assertions:
  - {deny: office, to: [bastion], port: all}
"""
INVENTORY = """
all:
  children:
    shops: {hosts: {shop1: {ansible_host: 192.0.2.1}, shop2: {ansible_host: 192.0.2.2}}}
    dbs: {hosts: {db1: {ansible_host: 192.0.2.11}}}
    bastions: {hosts: {bastion1: {ansible_host: 192.0.2.21}}}
"""


@pytest.fixture
def repository(tmp_path):
    """Write the repository, with more in some of the files."""

    def written(**more):
        for path, text in {
            "inventory/hosts.yml": INVENTORY,
            "inventory/group_vars/all.yml": PLATFORM,
            "teams/shop/firewall.yml": SHOP,
            "teams/shop/README.md": "Ours.",
            "teams/data/firewall.yml": DATA,
            "teams/ops/mail.yaml": OPS,
            **{path.replace("__", "/") + ".yml": text for path, text in more.items()},
        }.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        return tmp_path / "inventory" / "hosts.yml"

    return written


def flows(text):
    return set(re.findall(r"^#: (?:in|e)gress .* flow (\S+)", text, re.MULTILINE))


def test_the_flows_of_all_teams_stand_beside_the_platforms(planned, repository, tmp_path):
    inventory = repository()
    files = planned(inventory, tmp_path / "plan")

    assert flows(files["shop1"]) == {"admin", "storefront", "tracking", "orders"}
    assert flows(files["db1"]) == {"admin", "orders", "reports"}
    assert flows(files["bastion1"]) == {"admin", "mail"}
    assert planned(inventory, tmp_path / "limited", "--limit", "db1") == {"db1": files["db1"]}


BEYOND = {
    "by name": (
        "flows: [{name: peek, from: [partners], to: [bastion], ports: [22/tcp]}]",
        "flows[0].to ({file}): got 'bastion: 192.0.2.21', expected only addresses in {bound}.to (shop, db)",
    ),
    "by a zone of its own": (
        """
        zones: [{name: anywhere, networks: [192.0.2.0/25]}]
        flows: [{name: peek, from: [anywhere], to: [db], ports: [5432/tcp]}]
        """,
        "flows[0].from ({file}): got 'anywhere: 192.0.2.0', expected only addresses in {bound}.from (internet, shop)",
    ),
    "by replacing a service": (
        "services: [{name: web, ports: [1-65535/tcp]}]",
        "services[0].name ({file}): got 'web', expected a name of its own; gatehouse_services[0] has it already",
    ),
    "by a class": (
        "classes: [{name: everything, groups: [all]}]",
        "classes[0].name ({file}): got 'everything', expected no classes: this file has bounds, at {bound}",
    ),
}


def told(outcome):
    assert outcome.code != 0
    (message,) = outcome.failures
    return message.split("\n  ")[1:]


@pytest.mark.parametrize("case", BEYOND)
def test_a_team_that_oversteps_its_bounds_is_refused_and_told(plan, repository, tmp_path, case):
    text, expected = BEYOND[case]
    outcome = plan(repository(teams__shop__more=text), tmp_path / "plan")

    place = {"file": f"file {tmp_path}/teams/shop/more.yml", "bound": "gatehouse_model_files[0].may"}
    assert expected.format(**place) in told(outcome)
    assert not (tmp_path / "plan").exists()


def test_a_team_that_forgets_a_zone_is_told_beside_the_others(plan, repository, tmp_path):
    forgotten = "flows: [{name: reports, from: [analyst], to: [db], ports: [5432/tcp]}]"
    over = "flows: [{name: peek, from: [bastion], to: [internet], ports: [443/tcp]}]"
    outcome = plan(repository(teams__data__firewall=forgotten, teams__ops__over=over), tmp_path / "plan")

    of_data, of_ops = told(outcome)
    names = "bastion, couriers, db, internet, office, partners, shop"
    data, ops = f"file {tmp_path}/teams/data/firewall.yml", f"file {tmp_path}/teams/ops/over.yml"
    bound = "gatehouse_model_files[2].may.to (shop, db, office)"
    hint = "declare it as a zone, or as a class with its inventory groups"
    assert of_data == f"flows[0].from[0] ({data}): got 'analyst', expected one of {names}; {hint}"
    assert of_ops == f"flows[0].to ({ops}): got 'internet: 0.0.0.0/1', expected only addresses in {bound}"
