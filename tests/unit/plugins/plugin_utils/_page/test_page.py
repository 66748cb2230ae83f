"""The page: whole by itself, every link leads somewhere, and nothing of a model gets out of its place."""

from __future__ import annotations

import datetime
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import HostState
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import page_of, read

EVIL = "<script>alert(1)</script> & <b>'more'"
NOWHERE = "closed"
GOLDEN = sorted((Path(__file__).parents[4] / "golden").glob("*/model.yml"))


def test_every_link_leads_to_a_place_and_every_element_is_closed():
    reader = read(page_of(good(), live={"web1": HostState("web1", findings=("added: a rule",))}, plan={}))

    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} - set(reader.ids) == {NOWHERE}
    assert [name for name in reader.ids if name.startswith("pair-")] == ["pair-0", "pair-1"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parent.name)
def test_the_page_of_any_model_holds_together_and_has_all_its_hosts_and_flows(path):
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    reader, fleet = read(page_of(document)), build(document)

    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} - set(reader.ids) <= {NOWHERE}
    words = "".join(reader.words.values())
    assert [name for name in (*fleet.hosts, *fleet.policies) if name not in words] == []
    flows = [flow for flow in fleet.resolved.model.flows if flow not in fleet.expired]
    assert [flow for flow in flows if flow not in words] == []


def test_a_section_stands_there_and_in_the_index_only_if_it_says_something():
    plain = read(page_of(good()))
    asked = read(page_of(good(), live={"web1": HostState("web1", backend="nftables")}, plan={}))

    assert not {"now", "changes"} & set(plain.ids)
    assert not {"#now", "#changes"} & set(plain.links)
    assert {"#now", "#changes"} < set(asked.links)
    assert asked.ids[:3] == ["changes", "now", "picture"]


def test_the_page_needs_nothing_else_and_lets_the_browser_know():
    text = page_of(good())
    script = re.search("<script>(.*)</script>", text, re.DOTALL)[1]
    digest = b64encode(sha256(script.encode()).digest()).decode()

    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    assert "://" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_a_text_of_the_model_stays_a_text():
    live = {"web1": HostState("web1", findings=(EVIL,)), "web2": HostState("web2", silence=EVIL)}
    text = page_of(good({"gatehouse_flows[0].why": EVIL}), live=live)
    reader = read(text)

    assert EVIL in reader.words["pair-0"]
    assert reader.words["now"].count(EVIL) == 2
    assert text.count("<script") == 1
    assert reader.open == []


def test_a_host_may_be_called_anything():
    name = "<i>\"'#é"
    document = good({"groups.dbs[0]": name, f"hosts.{name}": {"ansible_host": "192.0.2.12"}})
    reader = read(page_of(document, live={name: HostState(name, silence="not reached")}))

    assert name in reader.words["host-2"]
    assert "#host-2" in reader.links
    assert reader.open == []


@pytest.mark.parametrize("drop", [["gatehouse_flows[1]", "gatehouse_flows[0]"]])
def test_a_model_without_flows_has_a_page(drop):
    document = good(drop=drop)

    assert "0 flows" in page_of(document)
    assert read(page_of(document)).open == []


def test_a_flow_that_is_closed_since_its_last_day_is_over_is_said_to_be_so():
    text = page_of(good({"gatehouse_flows[1].expires": datetime.date(2026, 11, 20)}))

    assert "Closed, since their last day is over: sql." in text
    assert 'id="pair-1"' not in text


def test_the_same_model_is_the_same_page():
    assert page_of(good()) == page_of(good())
