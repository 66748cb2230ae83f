"""The page: whole by itself, every link leads somewhere, and nothing of a model gets out of its place."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.query import flow_matrix
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render.page import Report, page
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, build, good

VOID = {"meta", "circle", "path", "br"}


class Reader(HTMLParser):
    """Reads a page: its text by section, its links, its ids, and whether its elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.words, self.attributes = [], [], [], {}, []
        self.section = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        values = dict(attrs)
        self.links += [values["href"]] if "href" in values else []
        if "id" in values:
            self.ids.append(values["id"])
            self.section = values["id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, _tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words[self.section] = self.words.get(self.section, "") + data


def page_of(document):
    fleet = build(document)
    return page(Report(fleet, flow_matrix(fleet.resolved.model, TODAY)))


def read(document):
    return Reader(page_of(document))


def test_every_link_leads_to_a_pair_and_every_element_is_closed():
    reader = read(good())

    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert [name for name in reader.ids if name.startswith("pair-")] == ["pair-0", "pair-1"]


def test_a_pair_has_its_ports_flows_and_reasons_and_a_class_its_rules_and_hosts():
    reader = read(good({"gatehouse_flows[1].ticket": "NET-7", "gatehouse_flows[1].end": "egress"}))

    assert "office to web" in reader.words["pair-0"]
    assert "customers" in reader.words["pair-0"]
    assert "ticket" not in reader.words["pair-0"]
    assert "web to db, egress only" in reader.words["pair-1"]
    assert all(word in reader.words["pair-1"] for word in ("5432/tcp", "sql", "what the web servers show", "NET-7"))
    assert all(word in reader.words["classes"] for word in ("2 hosts", "web1, web2", "egress 5432/tcp to db, flow sql"))


def test_the_page_needs_nothing_else():
    text = page_of(good())

    assert "<script" not in text
    assert "://" not in text
    assert "@import" not in text
    assert "url(#head)" in text


def test_a_text_of_the_model_stays_a_text():
    reader = read(good({"gatehouse_flows[0].why": "<script>alert(1)</script> & <b>'more'"}))

    assert "<script>alert(1)</script> & <b>'more'" in reader.words["pair-0"]
    assert reader.open == []


@pytest.mark.parametrize("drop", [["gatehouse_flows[1]", "gatehouse_flows[0]"]])
def test_a_model_without_flows_has_a_page(drop):
    document = good(drop=drop)

    assert "0 flows" in page_of(document)
    assert read(document).open == []


def test_the_same_model_is_the_same_page():
    assert page_of(good()) == page_of(good())
