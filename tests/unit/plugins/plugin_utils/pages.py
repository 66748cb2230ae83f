"""Pages for tests, and a reader of them: their text by place, their links, and whether their elements are in order."""

from __future__ import annotations

from html.parser import HTMLParser

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.page import page
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.report import Report
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import flow_matrix
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, build

VOID = {"meta", "link", "input", "circle", "path"}


class Reader(HTMLParser):
    """Reads a page. A text belongs to the last place before it; a row is the text of a table's row, cell by cell."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.words, self.kinds = [], [], [], {}, []
        self.rows = []
        self.place = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values["href"]] if tag == "a" else []
        self.kinds += values.get("class", "").split()
        if "id" in values:
            self.ids.append(values["id"])
            self.place = values["id"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words[self.place] = self.words.get(self.place, "") + data
        if "tr" in self.open and self.rows[-1]:
            self.rows[-1][-1] += data


def report_of(document, **more):
    """Return the report of a model, with more of what a report has."""
    fleet = build(document)
    return Report(fleet, flow_matrix(fleet.resolved.model, TODAY), **more)


def page_of(document, **more):
    """Return the page of a model."""
    return page(report_of(document, **more))


def read(lines):
    """Read a page, or the lines of a part of one."""
    return Reader("".join(lines))
