from __future__ import annotations

from datetime import datetime, timedelta, timezone

import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.usage import FlowUse
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Flow
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.usage import usage_lines, usage_page
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Where

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=timezone.utc)
FORTY, TWO = timedelta(days=40), timedelta(days=2)


def use(name, *, used=None, idle=FORTY, hosts=2, blind=(), owner="", ticket=""):
    flow = Flow(name, ("web",), ("db",), PortSet(), Where("x"), owner=owner, ticket=ticket)
    return FlowUse(flow, used, NOW - FORTY if hosts else None, idle, 7 if used else 0, hosts, blind)


FOUND = [
    use("sql", used=NOW - TWO, idle=TWO),
    use("scrape", owner="the: watch | \\o/", ticket="NET-12", blind=("web1", "web2")),
    use("backup", used=NOW - FORTY),
    use("ghost", idle=timedelta(), hosts=0),
]


def test_the_table_says_of_each_flow_when_it_was_used_at_the_latest():
    rows = [line for line in usage_page(FOUND, 30, NOW).splitlines() if line.startswith("|")]

    assert rows[2:] == [
        "| sql | by 2026-11-19T09:30:00Z | 2 | 7 | 2 |  |  |",
        "| scrape | never since 2026-10-12T09:30:00Z | 40 | 0 | 2, and 2 not heard | the: watch \\| \\o/ | NET-12 |",
        "| backup | by 2026-10-12T09:30:00Z | 40 | 7 | 2 |  |  |",
        "| ghost | not known |  |  | 0 |  |  |",
    ]


def test_unused_flows_are_yaml_with_those_who_answer_for_them():
    page = usage_page(FOUND, 30, NOW)

    assert yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0]) == [
        {
            "name": "scrape",
            "last_used": "never since 2026-10-12T09:30:00Z",
            "owner": "the: watch | \\o/",
            "ticket": "NET-12",
        },
        {"name": "backup", "last_used": "by 2026-10-12T09:30:00Z"},
    ]
    assert "Not heard this time, though some of these flows are theirs: web1, web2.\n" in page


def test_of_many_hosts_that_were_not_heard_some_are_named():
    page = usage_page([use("a", blind=tuple("ab")), use("b", blind=tuple("bcdefg"))], 30, NOW)

    assert page.endswith("theirs: a, b, c, d, e and 2 more.\n")


def test_where_no_flow_is_unused_the_page_says_so():
    page = usage_page([use("sql", used=NOW), use("new", idle=TWO)], 30, NOW)

    assert page.endswith("## Flows unused for 30 days\n\nNone.\n")


def test_a_screen_has_the_names():
    assert usage_lines(FOUND, 30, NOW) == [
        "flows unused for 30 days: scrape, backup",
        "not known, as no host counts them: ghost",
    ]
    assert usage_lines(FOUND[:1], 30, NOW) == ["flows unused for 30 days: none"]
