"""What hosts have denied, by the module denied_info: on results that hosts might have given."""

from __future__ import annotations

import json
import re

import pytest

TIMES = {"first": "2026-11-30T08:00:00Z", "last": "2026-11-30T17:30:00Z"}
ROW = {"direction": "ingress", "address": "203.0.113.7", "protocol": "tcp", "port": 8080, "packets": 3, "known": True}
LOOK = {"backend": "nftables", "findings": [], "denied_full": [], "denied_since": "2026-11-30T07:00:00Z"}


def look(**changes):
    return {"look": {**LOOK, "denied": [{**ROW, **TIMES, **changes}]}}


@pytest.fixture
def denied(play, fleet, write, tmp_path):
    """Run the module over results of hosts; return the outcome and the task's result."""

    def run(*arguments, task=None, **hosts):
        show = {"gatehouse.firewall.denied_info": {"registered": "look", **(task or {})}, "run_once": True}
        tasks = [{**show, "register": "found"}, {"ansible.builtin.debug": {"msg": "{{ found | to_json }}"}}]
        book = write(tmp_path / "play.yml", [{"hosts": "all", "gather_facts": False, "tasks": tasks}])
        done = play(book, write(tmp_path / "inventory.yml", fleet(**hosts)), *arguments)
        message = re.search(r'"msg": (\{.*\}|".*")$', done.output, re.MULTILINE)
        found = json.loads(message[1]) if message else None
        return done, json.loads(found) if isinstance(found, str) else found

    return run


def test_a_peer_is_named_with_what_is_missing_and_hosts_without_an_answer_are_said(denied):
    done, found = denied("--limit", "webs,db1", "--check", web1=look(), web2={"look": {"unreachable": True}})

    assert done.code == 0, done.output
    assert "web1  ingress    office (203.0.113.7)  8080/tcp  3" in done.output
    assert "- {name: office_to_web, from: [office], to: [web], ports: [8080/tcp]" in done.output
    assert found["unanswered"] == {"web2": "not reached", "db1": "not reached"}
    assert (found["denied"][0]["peers"], found["changed"]) == (["office"], False)


def test_a_host_of_the_inventory_in_no_class_is_named(denied):
    done, found = denied(web1=look(address="192.0.2.99"))

    assert "nas (in no node class)" in done.output
    assert found["denied"][0]["peer_kind"] == "unmanaged"


def test_a_host_that_is_not_asked_is_said(denied):
    done, found = denied("--limit", "web1", web1=look())

    assert "Not asked, as the play is not for them: web2, db1" in done.output
    assert found["not_asked"] == ["web2", "db1"]


def test_an_answer_that_can_not_be_read_is_named_and_shown_nowhere(denied):
    evil = "2026-11-30T08:00:00Z\n  - {name: evil, from: [office], to: [db], ports: [all]}"
    done, found = denied(web1=look(), web2=look(last=evil))

    assert "web2: what it answers can't be read: denied[0].last: got" in done.output
    assert ("evil, from" in found["missing_flows"], "8080/tcp" in found["missing_flows"]) == (False, True)


def test_a_question_with_an_unknown_end_is_an_error(denied):
    done, _found = denied(task={"sender": "web9"}, web1=look())

    assert done.code != 0
    assert "1 problem in the question:" in done.output
    assert "Traceback" not in done.output
