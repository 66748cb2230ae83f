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
ActionResult = pytest.importorskip("moto.core.responses").ActionResult
SecurityGroups = pytest.importorskip("moto.ec2.responses.security_groups").SecurityGroups

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
EVERYWHERE = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
MATRIX = {json.dumps(case["options"]): case["groups"] for case in CASES}
RECOMMENDED = MATRIX['{"variant": "separate_recommended"}']


def answer_with_return(name):
    """Have the emulator answer a call as the API reference has it: moto 5.2 leaves ``Return`` out, which is read."""
    emulated = getattr(SecurityGroups, name)

    def answer(self):
        emulated(self)
        return ActionResult({"Return": True})

    setattr(SecurityGroups, name, answer)


@pytest.fixture(scope="module")
def server():
    """An emulated AWS on a port of loopback that is free."""
    for direction in ("ingress", "egress"):
        answer_with_return(f"update_security_group_rule_descriptions_{direction}")
    started = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture(scope="module")
def ec2(server):
    """A client of the emulated AWS."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("ec2", region_name=CREDENTIALS["AWS_REGION"], endpoint_url=server, **keys)


def new_vpc(ec2):
    """Return a VPC with IPv6, or else the emulator keeps what is revoked of it."""
    return ec2.create_vpc(CidrBlock="192.0.2.0/24", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]


@pytest.fixture
def vpc(ec2):
    """A VPC of the test's own."""
    return new_vpc(ec2)


@pytest.fixture(scope="module")
def run_plays(play, python_with, environment, write, server, tmp_path_factory):
    """Run plays, or a playbook, with variables in group_vars/all."""

    def with_variables(plays, variables, *arguments, collections=(LOCKED,)):
        hosts = {"all": {"children": {"nodes": {"hosts": {"node1": {"ansible_host": "192.0.2.11"}}}}}}
        hosts["all"]["vars"] = {"gatehouse_endpoint_url": server, **variables}
        known = environment.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep)
        paths = [*(path for path in known if path != str(LOCKED)), *map(str, collections)]
        folder = tmp_path_factory.mktemp("plays")
        return play(
            plays if isinstance(plays, str) else write(folder / "play.yml", plays),
            write(folder / "hosts.yml", hosts),
            "-e",
            f"ansible_python_interpreter={python_with('boto3')}",
            *arguments,
            env={**CREDENTIALS, "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(filter(None, paths))},
        )

    return with_variables


def play_of(tasks="main", name="all", **variables):
    role = {"import_role": {"name": "gatehouse.firewall.security_group", "tasks_from": tasks}}
    return {"name": name, "hosts": "nodes", "gather_facts": False, "vars": variables, "tasks": [role]}


@pytest.fixture
def run(run_plays, vpc):
    """Run the role, or another file of its tasks, in the test's VPC."""

    def with_variables(*arguments, tasks="main", playbook=None, collections=(LOCKED,), **variables):
        reach = ("-e", f"gatehouse_vpc_id={vpc}")
        plays = playbook or [play_of(tasks)]
        return run_plays(plays, {**EKS, **variables}, *reach, *arguments, collections=collections)

    return with_variables


@pytest.fixture(scope="module")
def template(run_plays, ec2):
    """A VPC to which the role was applied."""
    vpc = new_vpc(ec2)
    assert changed(run_plays([play_of()], EKS, "-e", f"gatehouse_vpc_id={vpc}"))
    return vpc


@pytest.fixture
def applied(ec2, template, vpc):
    """Have the test's VPC be as the role leaves one."""
    groups, ids = groups_of(ec2, template), {}
    for name, group in groups.items():
        tags = [{"ResourceType": "security-group", "Tags": group["Tags"]}]
        made = ec2.create_security_group(
            GroupName=name, Description=group["Description"], VpcId=vpc, TagSpecifications=tags
        )
        ids[group["GroupId"]] = made["GroupId"]
        by_default = groups_of(ec2, vpc)[name]["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=made["GroupId"], IpPermissions=by_default)
    for group in groups.values():
        for permission in (*group["IpPermissions"], *group["IpPermissionsEgress"]):
            for pair in permission["UserIdGroupPairs"]:
                pair["GroupId"] = ids[pair["GroupId"]]
        made = ids[group["GroupId"]]
        if group["IpPermissions"]:
            ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=group["IpPermissions"])
        if group["IpPermissionsEgress"]:
            ec2.authorize_security_group_egress(GroupId=made, IpPermissions=group["IpPermissionsEgress"])


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


@pytest.fixture(scope="module")
def twice(run_plays, ec2):
    """Apply every case twice, each in a VPC of its own; return of each run what changed, and what AWS had then."""
    vpcs = {name: new_vpc(ec2) for name in MATRIX}
    plays = [play_of(name=name, gatehouse_options=json.loads(name), gatehouse_vpc_id=vpc) for name, vpc in vpcs.items()]
    model = {key: value for key, value in EKS.items() if key != "gatehouse_options"}
    runs = []
    for _run in range(2):
        outcome = run_plays(plays, model)
        assert outcome.code == 0, outcome.output
        parts = outcome.output.split("PLAY [")[1:]
        changes = {part.partition("] ***")[0]: "\nchanged: [node1" in part for part in parts}
        runs.append((changes, {name: matrix_of(ec2, vpc) for name, vpc in vpcs.items()}))
    return runs


@pytest.mark.parametrize("case", MATRIX)
def test_aws_has_what_the_source_says_and_a_second_run_changes_nothing(twice, case):
    (first, found), (second, again) = twice

    assert first[case]
    assert found[case] == as_sets(MATRIX[case])
    assert not second[case]
    assert again[case] == found[case]


@pytest.mark.usefixtures("applied")
def test_what_a_test_begins_with_is_what_the_role_leaves(run):
    assert not changed(run())


def test_the_playbook_takes_the_model_of_an_inventory(run, ec2, vpc):
    outcome = run(playbook=[{"import_playbook": "gatehouse.firewall.security_group"}] * 2)
    first, second = ("\nchanged: [" in part for part in outcome.output.split("PLAY [")[1:])

    assert (outcome.code, first, second) == (0, True, False), outcome.output
    assert matrix_of(ec2, vpc) == as_sets(RECOMMENDED)


def test_check_mode_shows_the_rules_and_changes_nothing(run, ec2, vpc):
    outcome = run("--check", "--diff")

    assert changed(outcome)
    assert "+ingress 443/tcp from eks-node (node_to_api: nodes and pods use the API server)" in outcome.output
    assert groups_of(ec2, vpc) == {}


def test_check_mode_knows_of_groups_that_are_not_there_yet(run, ec2, vpc):
    run(gatehouse_security_groups=[{"name": "eks-node", "classes": []}])
    outcome = run("--check", "--diff")

    assert changed(outcome)
    assert "+egress 443/tcp to eks-node (api_to_nodes" in outcome.output
    assert set(groups_of(ec2, vpc)) == {"eks-control-plane"}


@pytest.mark.usefixtures("applied")
def test_a_change_of_the_model_is_checked_shown_and_made(run, ec2, vpc):
    before = matrix_of(ec2, vpc)
    narrower = {"gatehouse_zones": [zone for zone in EKS["gatehouse_zones"] if zone["name"] != "api_clients"]}
    checked = run("--check", "--diff", **narrower)

    assert changed(checked)
    assert "-ingress 443/tcp from 203.0.113.0/28 (api_clients_to_api" in checked.output
    assert matrix_of(ec2, vpc) == before
    assert changed(run(**narrower))
    assert matrix_of(ec2, vpc)["eks-control-plane"]["ingress"] == {"eks-node": {"443/tcp"}}


@pytest.mark.usefixtures("applied")
def test_what_somebody_opened_by_hand_is_closed_again(run, ec2, vpc):
    group = groups_of(ec2, vpc)["eks-control-plane"]
    ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=EVERYWHERE)
    ec2.create_tags(Resources=[group["GroupId"]], Tags=[{"Key": "Name", "Value": "theirs"}])

    assert changed(run())
    assert matrix_of(ec2, vpc) == as_sets(RECOMMENDED)
    tags = {tag["Key"]: tag["Value"] for tag in groups_of(ec2, vpc)["eks-control-plane"]["Tags"]}
    assert tags == {"Name": "theirs", "gatehouse": "firewall"}


def test_a_group_that_nothing_may_leave_has_no_egress_rule(run, ec2, vpc):
    closed = {"gatehouse_profile": None, "gatehouse_options": None, "gatehouse_zones": []}
    run(**closed, gatehouse_security_groups=[{"name": "nodes", "classes": ["eks_node"]}])

    assert matrix_of(ec2, vpc) == {"nodes": {"ingress": {}, "egress": {}}}


def test_a_reason_that_changed_is_said_in_aws_and_opens_nothing(run, ec2, vpc):
    own = {"name": "ssh", "from": ["api_clients"], "to": ["eks_node"], "ports": ["22/tcp"], "why": "older"}
    run(gatehouse_flows=[own])
    before = matrix_of(ec2, vpc)

    assert changed(run(gatehouse_flows=[{**own, "why": "newer"}]))
    assert matrix_of(ec2, vpc) == before
    assert "ssh: newer" in str(groups_of(ec2, vpc))
    assert "ssh: older" not in str(groups_of(ec2, vpc))


def test_a_group_of_somebody_elses_is_refused_and_left_as_it_was_until_it_is_adopted(run, ec2, vpc):
    made = ec2.create_security_group(GroupName="eks-node", Description="theirs", VpcId=vpc)
    before = groups_of(ec2, vpc)
    outcome = run()

    assert outcome.code != 0
    (message,) = outcome.failures
    assert f"got 'eks-node', expected a name that no other group of the VPC has: {made['GroupId']} has it" in message
    assert "gatehouse_adopt_security_groups: [eks-node]" in message
    assert groups_of(ec2, vpc) == before
    assert changed(run(gatehouse_adopt_security_groups=["eks-node"]))
    assert matrix_of(ec2, vpc) == as_sets(RECOMMENDED)
    assert groups_of(ec2, vpc)["eks-node"]["GroupId"] == made["GroupId"]
    assert not changed(run())


@pytest.mark.usefixtures("applied")
def test_fleets_with_tags_of_their_own_leave_each_others_groups_alone(run, ec2, vpc):
    outcome = run(gatehouse_security_group_tag="other")

    assert "tagged gatehouse: firewall" in outcome.failures[0]
    assert not changed(run(tasks="remove", gatehouse_security_group_tag="other"))
    assert matrix_of(ec2, vpc) == as_sets(RECOMMENDED)


@pytest.mark.usefixtures("applied")
def test_groups_that_the_model_no_longer_has_are_named_and_stay(run, ec2, vpc):
    outcome = run(gatehouse_options={"variant": "cluster_recommended"})

    said = " ".join(outcome.output.split())
    assert "Security groups of ours that the model doesn't have: eks-control-plane, eks-node" in said
    assert set(groups_of(ec2, vpc)) == {"eks-cluster", "eks-control-plane", "eks-node"}


@pytest.mark.usefixtures("applied")
def test_removal_takes_our_groups_away_though_they_name_each_other_and_no_others(run, ec2, vpc):
    theirs = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]
    checked = run("--check", tasks="remove")
    before = matrix_of(ec2, vpc)
    removed = run(tasks="remove", gatehouse_options={"variant": "no such"})  # whatever the model says
    again = run(tasks="remove")

    assert [changed(outcome) for outcome in (checked, removed, again)] == [True, True, False]
    assert set(before) == {"eks-control-plane", "eks-node", "theirs"}
    assert {group["GroupId"] for group in groups_of(ec2, vpc).values()} == {theirs}


@pytest.mark.usefixtures("applied")
def test_a_group_that_an_interface_is_in_is_not_emptied(run, ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="192.0.2.0/25")["Subnet"]["SubnetId"]
    node = groups_of(ec2, vpc)["eks-node"]["GroupId"]
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[node])["NetworkInterface"]["NetworkInterfaceId"]
    outcome = run(tasks="remove")

    assert outcome.code != 0
    assert f"expected a group that no network interface is in, but 1 are in it: {interface}" in outcome.failures[0]
    assert matrix_of(ec2, vpc) == as_sets(RECOMMENDED)


def test_without_the_collection_that_talks_to_aws_the_message_says_what_to_install(run):
    (message,) = run(collections=()).failures

    assert "security groups need the collection amazon.aws (ansible-galaxy collection install amazon.aws)" in message


def test_the_plan_is_a_table_and_asks_nobody(run):
    outcome = run(tasks="plan", collections=(), gatehouse_endpoint_url="http://127.0.0.1:1")

    assert outcome.code == 0, outcome.output
    assert re.search(r"^group +direction +ports +peer +flow +why$", outcome.output, re.MULTILINE)
    row = r"^eks-control-plane +ingress +443/tcp +203.0.113.0/28 +api_clients_to_api +bastions and other API clients"
    assert re.search(row, outcome.output, re.MULTILINE)


def test_an_error_in_the_model_changes_nothing(run, ec2, vpc):
    flow = {"name": "calls", "from": ["eks_node"], "to": ["eks_control_plane"], "ports": ["5060/sctp"]}
    (message,) = run(gatehouse_flows=[flow]).failures

    assert "1 problem in the model; nothing was changed" in message
    assert groups_of(ec2, vpc) == {}
