from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.audit import left_behind, lines

WAYS = ["ingress", "egress", "forward"]
ADDED = {"kind": "address_added", "text": "added to office: 203.0.113.172, for the flow ssh", "flow": "ssh"}


def test_only_hosts_with_findings_have_a_row():
    results = {"web1": {"findings": []}, "db1": {"findings": [ADDED]}, "db2": {"failed": True, "msg": "no"}}

    assert list(lines(results)) == [
        "host  kind           finding",
        "db1   address_added  added to office: 203.0.113.172, for the flow ssh",
        "1 of 2 hosts differ from the model",
    ]


def test_hosts_that_are_as_the_model_has_them_take_one_line():
    assert list(lines({"web1": {"findings": []}, "web2": {"findings": []}})) == ["Nothing found on 2 hosts"]
    assert list(lines({})) == ["No host was asked"]


def test_what_only_observes_is_named():
    result = {"findings": [], "observed": [1, 2], "observed_since": "2026-11-30T10:00:00Z"}

    assert list(lines({"web1": result})) == [
        "web1 only observes since 2026-11-30T10:00:00Z, and has let through what no flow allows: 2",
        "Nothing found on 1 host",
    ]


def test_a_direction_that_is_observed_alone_is_named():
    result = {"findings": [], "observed": [1], "observed_directions": ["egress"], "observed_since": ""}

    assert next(lines({"web1": result})) == (
        "web1 only observes egress since an unknown time, and has let through what no flow allows: 1"
    )


def test_what_a_host_only_observes_of_what_it_carries_is_named():
    result = {"findings": [], "observed": [1], "observed_since": "2026-11-30T10:00:00Z"}
    some, every = ({"web1": {**result, "observed_directions": ways}} for ways in (["egress", "forward"], WAYS))

    assert next(lines(some)).startswith("web1 only observes egress and what it carries since 2026-11-30T10:00:00Z, and")
    assert next(lines(every)).startswith("web1 only observes since ")


def test_many_findings_end_in_their_number():
    found = list(lines({"web1": {"findings": [ADDED] * 250}}))

    assert (len(found), found[-2]) == (203, "and 50 more")


def test_a_host_that_was_left_behind_is_told_the_command():
    (found,) = left_behind("web1")
    assert "gatehouse.firewall.remove --limit web1" in found["text"]
