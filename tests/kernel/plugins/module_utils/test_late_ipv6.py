"""A host where IPv6 is a module that is loaded later than our rules: they have to be there before it."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_loader import LOADER
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_iptables import (
    PATH,
    Host,
    each_variant,
    needs_iptables,
)

PRESENCE = "/proc/net/if_inet6"  # what a kernel has as soon as it has IPv6
RULES = """\
*filter
:GATEHOUSE-INPUT - [0:0]
-A GATEHOUSE-INPUT -p tcp -m tcp --dport {port} -j DROP
-I INPUT 1 -j GATEHOUSE-INPUT
COMMIT
"""
GOOD = joined({"rules.v4": RULES.format(port=80), "rules.v6": RULES.format(port=80)})
BAD = joined({"rules.v4": RULES.format(port=80), "rules.v6": RULES.format(port="nonsense")})


@pytest.fixture
def host(request):
    with private_nft.lasting_namespace() as run:
        yield Host(run, request.param)


def load(host, ruleset, folder):
    """Load a ruleset as at a boot before IPv6 is there; return the exit code and the words."""
    (folder / "load.sh").write_text(LOADER.replace(PRESENCE, "/proc/net/none"), encoding="utf-8")
    (folder / "ruleset").write_text(ruleset, encoding="utf-8")
    words = ["env", f"PATH={folder}:{PATH}", "sh", str(folder / "load.sh"), str(folder / "ruleset")]
    code, _output, error = host.run([*words, *host.paths.values()], None)
    return code, error


@needs_iptables
@each_variant
def test_rules_for_ipv6_are_loaded_before_ipv6_is(host, tmp_path):
    assert load(host, GOOD, tmp_path) == (0, "")

    assert {line.split()[0] for line in host.iptables.listing().splitlines()} == {"iptables", "ip6tables"}


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
def test_what_is_in_the_kernel_is_listed_whether_ipv6_is_there_or_not(host, tmp_path):
    load(host, GOOD, tmp_path)
    paths = {name: str(path) for name, path in host.paths.items()}
    early = Iptables(lambda words, text: (1, "", "") if PRESENCE in words else host.run(words, text), **paths)

    assert early.listing() == host.iptables.listing()
    assert early.previous() == host.iptables.previous()


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
def test_rules_for_ipv6_that_are_refused_before_ipv6_is_there_are_a_failure_where_the_kernel_has_its_module(
    host, tmp_path
):
    modprobe = tmp_path / "modprobe"
    modprobe.symlink_to("/bin/true")
    assert load(host, BAD, tmp_path)[0] == 1

    modprobe.unlink()
    modprobe.symlink_to("/bin/false")
    assert load(host, BAD, tmp_path)[0] == 0
