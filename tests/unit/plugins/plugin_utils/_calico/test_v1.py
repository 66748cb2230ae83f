"""Objects of 2017 become today's: IBM's own example, and what has no form any more is said."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.v1 import to_v3
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems

IBMS_EXAMPLE = """
apiVersion: v1
kind: policy
metadata:
  name: deny-kube-node-port-services
spec:
  preDNAT: true
  selector: ibm.role in { 'worker_public', 'master_public' }
  ingress:
  - action: deny
    protocol: tcp
    destination: {ports: ["30000:32767"]}
  - action: deny
    protocol: udp
    destination: {ports: ["30000:32767"]}
"""
TODAY = """
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: deny-kube-node-port-services
spec:
  selector: ibm.role in { 'worker_public', 'master_public' }
  types: [Ingress]
  preDNAT: true
  applyOnForward: true
  ingress:
  - action: Deny
    protocol: TCP
    destination: {ports: ["30000:32767"]}
  - action: Deny
    protocol: UDP
    destination: {ports: ["30000:32767"]}
"""
OTHERS = """
- apiVersion: v1
  kind: hostEndpoint
  metadata: {name: Worker_1-eth1, node: Worker1.example.org, labels: {ibm.role: worker_public}}
  spec:
    interfaceName: eth1
    expectedIPs: [203.0.113.11]
    profiles: []
    ports: [{name: web, protocol: tcp, port: 80}]
- apiVersion: v1
  kind: policy
  metadata: {name: allow.all_outbound, annotations: {owner: somebody}}
  spec:
    order: 1900
    selector: all()
    types: [ingress, egress]
    ingress:
    - {action: next-tier, source: {net: 203.0.113.0/24, nets: [198.51.100.0/24], notSelector: has(x)}}
    - {action: log, notProtocol: udplite, ipVersion: 6, destination: {notNet: "2001:db8::/32"}}
    egress:
    - {action: allow, protocol: icmp, icmp: {type: 8}}
"""
OTHERS_TODAY = """
- apiVersion: projectcalico.org/v3
  kind: HostEndpoint
  metadata: {name: worker-1-eth1, labels: {ibm.role: worker_public}}
  spec:
    node: worker1.example.org
    interfaceName: eth1
    expectedIPs: [203.0.113.11]
    profiles: []
    ports: [{name: web, protocol: TCP, port: 80}]
- apiVersion: projectcalico.org/v3
  kind: GlobalNetworkPolicy
  metadata: {name: allow-all-outbound, annotations: {owner: somebody}}
  spec:
    order: 1900
    selector: all()
    types: [Ingress, Egress]
    ingress:
    - {action: Pass, source: {nets: [203.0.113.0/24, 198.51.100.0/24], notSelector: has(x)}}
    - {action: Log, notProtocol: UDPLite, ipVersion: 6, destination: {notNets: ["2001:db8::/32"]}}
    egress:
    - {action: Allow, protocol: ICMP, icmp: {type: 8}}
"""


def converted(text):
    problems = Problems()
    found = to_v3(yaml.safe_load(text), problems)
    assert problems.found == []
    return found


@pytest.mark.parametrize(("old", "today"), [(IBMS_EXAMPLE, [TODAY]), (OTHERS, None)])
def test_an_object_of_2017_becomes_todays(old, today):
    expected = [yaml.safe_load(text) for text in today] if today else yaml.safe_load(OTHERS_TODAY)

    assert converted(old) == expected
    assert lint(converted(old)).errors == ()


def test_the_linter_says_what_ibms_example_leaves_to_chance():
    (warning,) = lint(converted(IBMS_EXAMPLE)).warnings

    assert "spec.order (GlobalNetworkPolicy deny-kube-node-port-services): got nothing" in str(warning)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "objects[0]: got 1, expected a mapping"),
        (
            "{apiVersion: projectcalico.org/v3, kind: policy}",
            "objects[0].apiVersion: got 'projectcalico.org/v3', expected v1",
        ),
        ("{apiVersion: v1, kind: profile}", "objects[0].kind: got 'profile', expected one of hostEndpoint, policy"),
        ("{apiVersion: v1, kind: policy, metadata: {}, spec: {}}", "objects[0].metadata.name: got {}"),
        (
            "{apiVersion: v1, kind: hostEndpoint, metadata: {name: a}, spec: {interfaceName: eth0}}",
            "objects[0].metadata.node: got nothing, expected the name of the node",
        ),
        (
            "{apiVersion: v1, kind: policy, metadata: {name: a}, spec: {ingress: [{action: Allow}]}}",
            "objects[0].spec.ingress[0].action: got 'Allow', expected one of allow,",
        ),
        (
            "{apiVersion: v1, kind: policy, metadata: {name: a}, spec: {ingress: [{action: allow, source: {tag: x}}]}}",
            "objects[0].spec.ingress[0].source.tag: got 'x', expected a selector: tags are gone since Calico 3",
        ),
        (
            "{apiVersion: v1, kind: policy, metadata: {name: a}, spec: {applyOnForward: true}}",
            "objects[0].spec.applyOnForward: got True, expected no such key",
        ),
    ],
)
def test_what_has_no_form_today_is_said_with_its_place(text, says):
    problems = Problems()
    to_v3(yaml.safe_load(text), problems)

    assert says in "\n".join(map(str, problems.found))
