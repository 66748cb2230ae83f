"""Models with pods: the offline plan of them, alone and beside hosts."""

from __future__ import annotations

import yaml

KEPTN = {
    "gatehouse_profile": "keptn_jes",
    "gatehouse_options": {"namespace": "keptn-jes", "ingress": True, "egress": True},
}
UNKNOWN = "closed until the role network_policy has found it: gatehouse_options.api_server_cidr"


def policies(folder):
    return list(yaml.safe_load_all((folder / "network_policy.yml").read_text(encoding="utf-8")))


def test_a_plan_of_pods_alone_is_their_policies_and_names_what_only_a_cluster_knows(plan, tmp_path):
    outcome = plan("localhost,", tmp_path, **KEPTN)

    assert outcome.code == 0, outcome.output
    assert [path.name for path in tmp_path.iterdir()] == ["network_policy.yml"]
    assert [one["metadata"]["name"] for one in policies(tmp_path)] == [
        "jes-ingress-network-policy",
        "jes-egress-network-policy",
    ]
    assert UNKNOWN in outcome.output.replace("\n", " ")


def test_an_api_server_that_is_not_known_is_closed_in_a_plan(plan, tmp_path):
    plan("localhost,", tmp_path, **KEPTN)
    rules = policies(tmp_path)[1]["spec"]["egress"]

    assert [list(rule["to"][0]) for rule in rules] == [["namespaceSelector", "podSelector"]] * 2


def test_hosts_and_pods_of_one_model_are_planned_together(plan, fleet, write, tmp_path):
    inventory = write(tmp_path / "hosts.yml", fleet())
    outcome = plan(inventory, tmp_path / "plan", "--limit", "webs", **KEPTN)

    assert outcome.code == 0, outcome.output
    assert sorted(path.name for path in (tmp_path / "plan").iterdir()) == ["network_policy.yml", "web1.nft", "web2.nft"]


def test_a_wrong_model_of_pods_writes_nothing(plan, tmp_path):
    outcome = plan("localhost,", tmp_path / "plan", **{**KEPTN, "gatehouse_options": {"egress": True}})

    assert outcome.code != 0
    assert "gatehouse_options.namespace: got nothing, expected a value" in outcome.output
    assert not (tmp_path / "plan").exists()
