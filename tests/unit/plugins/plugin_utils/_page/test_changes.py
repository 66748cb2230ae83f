"""What a plan would change: each difference once, with the hosts that would have it."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.changes import changes
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.reviewed import Planned
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import read, report_of

WEB = Planned("web", True, ("ingress 80/tcp from office", "office is 192.0.2.9"), ("ingress 80/tcp from office", "new"))
SAME = Planned("db", False, ("as it is",), ("as it is",))


def lines(**plan):
    return "".join(changes(report_of(good(), plan=plan)))


def test_there_is_nothing_without_a_plan_but_something_with_an_empty_one():
    assert list(changes(report_of(good()))) == []
    assert "0 hosts would change, 0 would not." in "".join(read(lines()).words.values())


def test_a_change_has_what_goes_and_what_comes_and_nothing_that_stays():
    text = lines(web1=WEB, db1=SAME)

    assert "<li><del><b>&minus;</b> office is 192.0.2.9</del></li>\n<li><ins><b>+</b> new</ins></li>" in text
    assert "ingress 80/tcp from office" not in text
    assert "as it is" not in text
    assert "1 host would change</strong>, 1 would not." in text


def test_hosts_with_the_same_change_stand_together_and_others_apart():
    other = Planned("web", True, (), ("something else",))

    assert lines(web1=WEB, web2=WEB).count("<article") == 1
    assert lines(web1=WEB, web2=other).count("<article") == 2


def test_hosts_that_gave_no_answer_are_named():
    assert "gave no answer" not in lines(web1=WEB, web2=WEB, db1=SAME)
    assert 'gave no answer: <a href="#host-2">db1</a></p>' in lines(web1=WEB, web2=WEB)


def test_a_change_of_neither_flow_nor_address_says_what_else_it_is():
    assert "no flow and no address" in lines(web1=Planned("web", True, ("same",), ("same",)))
    assert "no flow and no address" not in lines(web1=WEB)


@pytest.mark.parametrize(("number", "rest"), [(200, ""), (1400, "and 1,200 more lines, in plan.json")])
def test_of_a_long_change_the_beginning_is_shown(number, rest):
    text = lines(
        web1=Planned("web", True, (), tuple(f"peers is 198.18.{one // 250}.{one % 250}" for one in range(number)))
    )

    assert text.count("<ins>") == 200
    assert ("plan.json" in text) is bool(rest)
    assert rest in text


@pytest.mark.parametrize(("number", "rest"), [(25, ""), (26, "and 1 more line<"), (60, "and 35 more lines<")])
def test_a_change_of_more_than_a_few_lines_is_folded(number, rest):
    text = lines(web1=Planned("web", True, (), tuple(f"line {one}" for one in range(number))))

    assert ("<details>" in text) is bool(rest)
    assert rest in text
    assert text.count("<ins>") == number
