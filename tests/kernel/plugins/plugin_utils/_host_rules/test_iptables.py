"""Both variants of iptables have each rule as it was written."""

from __future__ import annotations

import re

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.iptables import render
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_iptables, private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._host_rules.test_iptables import (
    POLICIES,
    sets,
)


def as_saved(text):
    """Return what iptables-save prints of ours for a file, by chain."""
    numbers = {"tcp": "6", "udp": "17", "sctp": "132"}
    text = re.sub(r"--ctproto (tcp|udp|sctp)", lambda found: f"--ctproto {numbers[found[1]]}", text)
    text = text.replace(" -p igmp ", " -p 2 ")  # as /etc/protocols has it, where there is one
    ours = [line for line in text.splitlines() if line.startswith((":GATEHOUSE", "-A GATEHOUSE"))]
    return sorted(ours, key=lambda line: re.findall(r"GATEHOUSE-\S+", line)[0])


@private_iptables.needs_iptables
@pytest.mark.parametrize("variant", private_iptables.VARIANTS)
@pytest.mark.parametrize("name", POLICIES)
def test_the_kernel_has_each_rule_as_it_was_written_and_after_another_load_too(name, variant):
    files = render(POLICIES[name])
    with private_nft.lasting_namespace() as run:

        def ok(*words, text=None):
            code, output, error = run(list(words), text)
            assert (code, error) == (0, ""), words
            return output

        for load in (1, 2):
            ok("ipset", "restore", text=files["ipset"])
            for family, command in ((4, "iptables"), (6, "ip6tables")):
                ok(f"{command}-{variant}-restore", "--noflush", text=files[f"rules.v{family}"])
                saved = ok(f"{command}-{variant}-save")
                assert as_saved(saved) == as_saved(files[f"rules.v{family}"])
                assert saved.count("-A INPUT -j GATEHOUSE-INPUT\n") == load
        elements = {line for line in ok("ipset", "save").splitlines() if line.startswith("add ")}

    wanted = {name: elements for name, (_kind, elements) in sets(POLICIES[name]).items()}
    elements = {line for line in elements if ",udplite:0 timeout 0 " not in line}  # see ipsets.py
    assert elements == {f"add {name} {element}" for name, elements in wanted.items() for element in elements}
