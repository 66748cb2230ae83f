"""The matrix for wikis, spreadsheets and diagrams."""

from __future__ import annotations

import csv
import io

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.flow_tables import FORMS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import flow_matrix
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, read

MODEL = read(
    classes=[{"name": "web", "groups": ["webs"]}, {"name": "end", "groups": ["dbs"]}],
    zones=[{"name": "office"}],
    flows=[
        {"name": "low", "from": ["office"], "to": ["web"], "ports": ["80/tcp"], "why": "pages | and more, too"},
        {"name": "many", "from": ["office"], "to": ["web"], "ports": ["1/udp", "3/udp", "5/udp", "7/udp", "9/udp"]},
        {"name": "sql", "from": ["web"], "to": ["end"], "ports": ["5432/tcp"], "end": "egress", "why": "data"},
    ],
)
EXPECTED = {
    "markdown": """\
| from | to | end | ports | flows | why |
| --- | --- | --- | --- | --- | --- |
| office | web | both | 80/tcp 1/udp 3/udp 5/udp 7/udp 9/udp | low many | pages \\| and more, too |
| web | end | egress | 5432/tcp | sql | data |
""",
    "csv": """\
from,to,end,ports,flows,why
office,web,both,80/tcp 1/udp 3/udp 5/udp 7/udp 9/udp,low many,"pages | and more, too"
web,end,egress,5432/tcp,sql,data
""",
    "mermaid": """\
flowchart LR
  n0(["office"])
  n1["web"]
  n2["end"]
  n0 -->|"80/tcp 1/udp 3/udp 5/udp and 2 more"| n1
  n1 -->|"5432/tcp (egress only)"| n2
""",
}


def written(form, model=MODEL):
    return FORMS[form](flow_matrix(model, TODAY), model)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_matrix_is_written(form):
    assert written(form) == EXPECTED[form]


def test_a_spreadsheet_reads_what_is_written():
    rows = list(csv.DictReader(io.StringIO(written("csv"))))

    assert rows[0]["why"] == "pages | and more, too"
    assert [len(row) for row in rows] == [6, 6]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_model_without_flows_has_an_empty_one(form):
    empty = written(form, read(classes=[{"name": "web", "groups": ["webs"]}]))

    assert empty
    assert EXPECTED[form].startswith(empty)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
def test_no_cell_is_a_formula_to_a_spreadsheet(begin):
    why = f"{begin}HYPERLINK('https://example.org')"
    model = read(
        classes=[{"name": "web", "groups": ["webs"]}],
        zones=[{"name": "office"}],
        flows=[{"name": "low", "from": ["office"], "to": ["web"], "ports": ["80/tcp"], "why": why}],
    )

    (row,) = csv.DictReader(io.StringIO(written("csv", model)))
    assert row["why"] == f"'{why}"
