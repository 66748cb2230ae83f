"""The role security_group against an emulator of AWS: moto's server over HTTP, by amazon.aws and botocore.

It needs these beside Ansible, which the Python of `make setup` has.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCKED = ROOT / ".cache" / "collections"

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

CASES = yaml.safe_load((ROOT / "tests/unit/plugins/profiles/eks_security_groups.yml").read_text(encoding="utf-8"))
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-central-1"}
EKS = {
    "gatehouse_profile": "eks",
    "gatehouse_options": {"variant": "separate_recommended"},
    "gatehouse_classes": [
        {"name": "eks_node", "groups": ["nodes"]},
        {"name": "eks_control_plane", "networks": ["192.0.2.128/28"]},
    ],
    "gatehouse_zones": [
        {"name": "api_clients", "networks": ["203.0.113.0/28"]},
        {"name": "eks_api", "networks": ["198.51.100.0/24", "2001:db8:5::/48"]},
        {"name": "registries", "networks": ["198.51.100.7"]},
    ],
}
MATRIX = {json.dumps(case["options"]): case["groups"] for case in CASES}
RECOMMENDED = MATRIX['{"variant": "separate_recommended"}']


@pytest.fixture(scope="module")
def server():
    """An emulated AWS on a port of loopback that is free."""
    started = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def ec2(server, monkeypatch):
    """A client of the emulated AWS."""
    for key, value in CREDENTIALS.items():
        monkeypatch.setenv(key, value)
    return boto3.client("ec2", region_name="eu-central-1", endpoint_url=server)


@pytest.fixture
def vpc(ec2):
    """A VPC of the test's own."""
    return ec2.create_vpc(CidrBlock="192.0.2.0/24")["Vpc"]["VpcId"]


@pytest.fixture
def run(play, environment, write, server, vpc, tmp_path):
    """Run the role, or another file of its tasks, with variables in group_vars/all."""

    def with_variables(*arguments, tasks="main", collections=(LOCKED,), **variables):
        hosts = {"all": {"children": {"nodes": {"hosts": {"node1": {"ansible_host": "192.0.2.11"}}}}}}
        hosts["all"]["vars"] = {**EKS, **variables}
        role = {"import_role": {"name": "gatehouse.firewall.security_group", "tasks_from": tasks}}
        content = [{"hosts": "nodes", "gather_facts": False, "tasks": [role]}]
        reach = {"gatehouse_vpc_id": vpc, "gatehouse_endpoint_url": server}
        paths = [environment.get("ANSIBLE_COLLECTIONS_PATH", ""), *map(str, collections)]
        return play(
            write(tmp_path / "play.yml", content),
            write(tmp_path / "hosts.yml", hosts),
            *("-e", json.dumps(reach)),
            *arguments,
            env={**CREDENTIALS, "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(filter(None, paths))},
        )

    return with_variables


def groups_of(ec2, vpc):
    found = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    return {group["GroupName"]: group for group in found if group["GroupName"] != "default"}


def matrix_of(ec2, vpc):
    """Return what AWS has as the file of cases has it: ports by group, direction and peer."""
    groups = groups_of(ec2, vpc)
    names = {group["GroupId"]: name for name, group in groups.items()}
    found = {}
    for name, group in groups.items():
        rules = found[name] = {"ingress": {}, "egress": {}}
        for direction, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            for permission in group[key]:
                for peer in peers_of(permission, names):
                    rules[direction].setdefault(peer, set()).add(ports_of(permission))
    return found


def peers_of(permission, names):
    yield from (names[pair["GroupId"]] for pair in permission["UserIdGroupPairs"])
    yield from (one["CidrIp"] for one in permission["IpRanges"])
    yield from (one["CidrIpv6"] for one in permission["Ipv6Ranges"])


def ports_of(permission):
    if permission["IpProtocol"] == "-1":
        return "all"
    first, last = permission["FromPort"], permission["ToPort"]
    return f"{first if first == last else f'{first}-{last}'}/{permission['IpProtocol']}"


def as_sets(groups):
    return {
        name: {way: {peer: set(ports) for peer, ports in rules.items()} for way, rules in directions.items()}
        for name, directions in groups.items()
    }


def changed(outcome):
    assert outcome.code == 0, outcome.output
    return re.search(r"changed=(\d+)", outcome.output)[1] != "0"


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["options"]))
def test_aws_has_what_the_source_says_and_a_second_run_changes_nothing(run, ec2, vpc, case):
    first = run(gatehouse_options=case["options"])
    found = matrix_of(ec2, vpc)
    second = run(gatehouse_options=case["options"])

    assert changed(first)
    assert found == as_sets(case["groups"])
    assert not changed(second)
    assert matrix_of(ec2, vpc) == found
