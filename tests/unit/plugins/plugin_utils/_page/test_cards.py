"""A card says of a pair why it is open, and of a name who it is and what it lets through."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.cards import names, pairs
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import read, report_of


def words(lines, place):
    return read(lines).words[place]


def test_a_pair_has_its_ports_flows_and_reasons():
    report = report_of(good({"gatehouse_flows[1].ticket": "NET-7", "gatehouse_flows[1].end": "egress"}))

    assert "office to web\n" in words(pairs(report), "pair-0")
    assert "customers" in words(pairs(report), "pair-0")
    assert "ticket" not in words(pairs(report), "pair-0")
    assert "web to db, egress only" in words(pairs(report), "pair-1")
    assert all(
        word in words(pairs(report), "pair-1") for word in ("5432/tcp", "sql", "what the web servers show", "NET-7")
    )


def test_flows_of_one_pair_say_which_has_which_ports_and_a_single_one_need_not():
    more = {
        "gatehouse_flows[2]": {"name": "admin", "from": ["office"], "to": ["web"], "ports": ["22/tcp"], "why": "us"}
    }

    assert read(pairs(report_of(good(more)))).rows[:3] == [
        ["flow", "ports", "why"],
        ["front", "80/tcp 443/tcp", "customers"],
        ["admin", "22/tcp", "us"],
    ]
    assert read(pairs(report_of(good()))).rows[:2] == [["flow", "why"], ["front", "customers"]]


def test_a_class_has_its_rules_in_both_directions_and_leads_to_its_hosts():
    reader = read(names(report_of(good({"gatehouse_classes[0].isolated": True}))))

    assert "2 hosts" in reader.words["class-web"]
    assert "#hosts-web" in reader.links
    said = reader.words["class-web"]
    assert "Nothing between hosts of web: they are isolated." in said
    assert said.index("Lets in") < said.index("80/tcp 443/tcp from office, flow front") < said.index("Lets out")
    assert said.index("Lets out") < said.index("5432/tcp to db, flow sql")


def test_a_class_that_lets_nothing_out_says_so():
    assert "Lets out\nnothing but what is always allowed" in words(names(report_of(good())), "class-db").replace(
        "\n\n", "\n"
    )


def test_a_zone_has_its_networks_and_names_and_whom_it_reaches():
    used = {"gatehouse_flows[1].to[1]": "vcs"}
    reader = read(names(report_of(good(used))))

    assert "203.0.113.0/24 2001:db8:1::/48" in reader.words["zone-office"]
    assert "git.example.org" in reader.words["zone-vcs"]
    assert "web 80/tcp 443/tcp" in reader.words["zone-office"].partition("May be reached by")[0]
    assert "web 5432/tcp" in reader.words["zone-vcs"].partition("May be reached by")[2]


def test_a_zone_of_nobody_is_said_to_open_nothing():
    nobody = good({"gatehouse_zones[0]": {"name": "office"}})

    assert "Empty, so that its flows open nothing." in words(names(report_of(nobody)), "zone-office")
    assert "Empty, so" not in words(names(report_of(good())), "zone-office")


def test_hosts_of_several_classes_have_a_card_that_leads_to_each_and_each_leads_to_it():
    reader = read(names(report_of(good({"groups.dbs": ["db1", "web2"]}))))

    assert "db+web node classes" in reader.words["class-db+web"]
    assert "1 host of all these classes: db web" in reader.words["class-db+web"]
    assert "5432/tcp to db, flow sql" in reader.words["class-db+web"]
    assert "1 host as db+web" in reader.words["class-web"]
    assert {"#hosts-db+web", "#class-db+web", "#class-db", "#class-web"} <= {*reader.links}


def test_a_class_that_no_host_has_alone_has_its_hosts_and_pairs():
    reader = read(names(report_of(good({"groups.dbs": ["web1", "web2"], "gatehouse_flows[1].end": "ingress"}))))

    assert "2 hosts as db+web" in reader.words["class-db"]
    assert "Lets in" not in reader.words["class-db"]
    assert "web 5432/tcp" in reader.words["class-db"].partition("May be reached by")[2]
