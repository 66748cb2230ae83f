from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_loader import LOADER
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined, parted
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_iptables import (
    PATH,
    Host,
    each_variant,
    needs_iptables,
)

IPSET = """\
create gatehouse-k8s_node.v4-0a1b hash:net family inet -exist
create gatehouse-new hash:net family inet
add gatehouse-new 198.51.100.12
add gatehouse-new 198.51.100.11
add gatehouse-new 203.0.113.0/24
swap gatehouse-new gatehouse-k8s_node.v4-0a1b
destroy gatehouse-new
create gatehouse-k8s_node.v6-2c3d hash:net family inet6 -exist
create gatehouse-new hash:net family inet6
add gatehouse-new 2001:db8::/48
swap gatehouse-new gatehouse-k8s_node.v6-2c3d
destroy gatehouse-new
"""
RULES = """\
#: ingress 22/tcp from k8s_node
*filter
:GATEHOUSE-INPUT - [0:0]
:GATEHOUSE-IN-FLOWS - [0:0]
:GATEHOUSE-IN-TCP-22 - [0:0]
:GATEHOUSE-OUTPUT - [0:0]
-A GATEHOUSE-INPUT -i lo -j ACCEPT
-A GATEHOUSE-INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A GATEHOUSE-INPUT -j GATEHOUSE-IN-FLOWS
-A GATEHOUSE-INPUT -m comment --comment "denied: no flow allows it" -j DROP
-A GATEHOUSE-IN-TCP-22 -m set --match-set gatehouse-k8s_node.{family} src -m comment --comment "flow:ssh" -j ACCEPT
-A GATEHOUSE-IN-TCP-22 -m set ! --match-set gatehouse-k8s_node.{family} src -j LOG --log-prefix "gatehouse ssh: "
-A GATEHOUSE-IN-FLOWS -p tcp -m tcp --dport 22 -g GATEHOUSE-IN-TCP-22
-A GATEHOUSE-IN-FLOWS -p udp -m multiport --dports 53,64535:65535 -j ACCEPT
-A GATEHOUSE-OUTPUT -j ACCEPT
-I OUTPUT 1 -j GATEHOUSE-OUTPUT
-I INPUT 1 -j GATEHOUSE-INPUT
COMMIT
*mangle
:GATEHOUSE-PRE-DNAT - [0:0]
-A GATEHOUSE-PRE-DNAT -m addrtype ! --dst-type LOCAL -j RETURN
-A GATEHOUSE-PRE-DNAT -p tcp -m tcp --dport 30000:32767 -j DROP
-I PREROUTING 1 -j GATEHOUSE-PRE-DNAT
COMMIT
"""
RULESET = joined(
    {
        "ipset": IPSET,
        "rules.v4": RULES.format(family="v4-0a1b"),
        "rules.v6": RULES.format(family="v6-2c3d"),
    }
)
SMALL_RULES = """\
*filter
:GATEHOUSE-INPUT - [0:0]
-A GATEHOUSE-INPUT -p tcp -m tcp --dport 80 -j DROP
-I INPUT 1 -j GATEHOUSE-INPUT
COMMIT
*mangle
COMMIT
"""
SMALL = joined({"rules.v4": SMALL_RULES, "rules.v6": SMALL_RULES})


@pytest.fixture
def host(request):
    with private_nft.lasting_namespace() as run:
        yield Host(run, request.param)


@pytest.fixture
def loader(tmp_path):
    file = tmp_path / "load.sh"
    (tmp_path / "run").mkdir()
    file.write_text(LOADER.replace("/run/gatehouse", str(tmp_path / "run")), encoding="utf-8")
    return str(file)


def with_line(ruleset, line, after):
    return ruleset.replace(after, f"{after}\n{line}")


# Texts


def test_three_files_make_one_text_and_come_out_of_it_again():
    files = {"ipset": "create a\n", "rules.v4": "*filter\nCOMMIT\n", "rules.v6": ""}

    assert parted(joined(files)) == files
    assert joined(files).startswith("#file: ipset\ncreate a\n#file: rules.v4\n*filter\n")


def test_no_rules_at_all_are_no_text():
    assert joined(dict.fromkeys(("ipset", "rules.v4", "rules.v6"), "")) == ""
    assert set(parted("").values()) == {""}


@pytest.mark.parametrize("text", ["table inet gatehouse\n", "#file: else\n"])
def test_another_backends_ruleset_is_refused(text):
    with pytest.raises(FirewallError, match="this is no ruleset for iptables"):
        parted(text)


def test_a_file_without_a_last_line_end_gets_one():
    assert parted(joined({"rules.v4": "COMMIT", "rules.v6": "x"})) == {
        "ipset": "",
        "rules.v4": "COMMIT\n",
        "rules.v6": "x\n",
    }


# What is missing


@pytest.mark.parametrize("missing", ["iptables", "ip6tables", "ipset"])
def test_a_missing_command_is_told_with_its_packages_and_nothing_is_run(missing):
    paths = {name: f"/usr/sbin/{name}" for name in ("iptables", "ip6tables", "ipset") if name != missing}
    backend = Iptables(lambda *_: pytest.fail("ran a command"), **{**paths, missing: None})

    assert (backend.missing, backend.listing(), backend.previous()) == (missing, "", "")
    backend.delete()
    message = f"there is no {missing} command on this host: install the packages iptables and ipset"
    for ask in (
        lambda: backend.check(RULESET),
        lambda: backend.load(RULESET),
        backend.start_tracking,
        backend.check_variant,
    ):
        with pytest.raises(FirewallError, match=message):
            ask()


# Variants


def answering(versions, **answers):
    """Return an Iptables whose commands answer by what they begin with."""

    def run(words, _text):
        if words[-1] == "-V":
            return 0, versions[words[0]], ""
        return answers.get(words[-1], (1, "", "not there"))

    return Iptables(run, "iptables", "ip6tables", "ipset")


@pytest.mark.parametrize(
    ("version", "variant"),
    [
        ("iptables v1.8.9 (nf_tables)\n", "nf_tables"),
        ("iptables v1.8.9 (legacy)\n", "legacy"),
        ("iptables v1.6.1\n", "legacy"),
    ],
)
def test_the_version_tells_the_variant(version, variant):
    backend = answering({"iptables": version})

    assert backend.variant == variant
    assert backend.version() == version.strip().replace(" v", " ")


def test_families_of_different_variants_are_refused():
    backend = answering({"iptables": "iptables v1.8.9 (nf_tables)", "ip6tables": "ip6tables v1.8.9 (legacy)"})

    with pytest.raises(FirewallError) as raised:
        backend.check_variant()

    assert str(raised.value) == (
        "iptables of this host is the nf_tables variant and ip6tables the legacy one: choose one for both with "
        "update-alternatives --config iptables and --config ip6tables"
    )


@needs_iptables
@each_variant
def test_rules_in_the_other_variant_are_counted_and_refused(host):
    variant = "nft" if host.iptables.variant == "legacy" else "legacy"
    other = Host(host.run, variant)
    host.iptables.check_variant()
    host.plant()
    host.iptables.check_variant()

    other.do(other.paths["iptables"], "-A", "INPUT", "-p", "tcp", "--dport", "1", "-j", "DROP")
    other.do(other.paths["iptables"], "-A", "INPUT", "-p", "tcp", "--dport", "2", "-j", "DROP")
    other.do(other.paths["ip6tables"], "-t", "nat", "-A", "OUTPUT", "-j", "ACCEPT")

    assert host.iptables.other_variant_rules() == ["IPv4 filter/INPUT", "IPv6 nat/OUTPUT"]
    with pytest.raises(FirewallError) as raised:
        host.iptables.check_variant()
    assert str(raised.value) == (
        f"iptables of this host is the {host.iptables.variant} variant, but 3 of its rules live in the "
        f"{other.iptables.variant} one, in IPv4 filter/INPUT, IPv6 nat/OUTPUT. Both would be in force, and neither "
        "shows the other. Either choose the variant in use (update-alternatives --set iptables "
        f"/usr/sbin/iptables-{variant}, and ip6tables likewise), or move those rules over and delete them there "
        f"(iptables-{variant}-save shows them)."
    )


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
def test_looking_for_the_other_variant_makes_no_tables_of_it(host):
    assert host.iptables.other_variant_rules() == []

    assert host.do("cat", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names") == ""
    assert Host(host.run, "legacy").iptables.other_variant_rules() == []
    assert host.do("nft", "list", "tables") == ""


# Checks


@needs_iptables
@each_variant
def test_a_check_loads_nothing_and_creates_no_set(host):
    host.iptables.check(RULESET)

    assert host.iptables.listing() == ""
    assert host.sets() == []
    assert [line for line in host.saved() if "GATEHOUSE" in line] == []


@needs_iptables
@each_variant
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-A GATEHOUSE-INPUT -p tcp -m tcp --dport 99999 -j DROP", "invalid port/service `99999' specified"),
        ("-A GATEHOUSE-INPUT -m nosuch -j DROP", "Couldn't load match `nosuch'"),
        ("-A GATEHOUSE-INPUT -d 10.0.0.0/99 -j DROP", "10.0.0.0/99 -j DROP"),
    ],
)
def test_the_tools_words_and_the_line_are_passed_on(host, line, words):
    with pytest.raises(FirewallError) as raised:
        host.iptables.check(with_line(RULESET, line, after="-A GATEHOUSE-OUTPUT -j ACCEPT"))

    assert str(raised.value).startswith("iptables refuses rules.v4, nothing was changed:\n")
    assert words in str(raised.value)
    assert str(raised.value).endswith(f"\nline 16 is: {line}")
    assert host.iptables.listing() == ""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "-A GATEHOUSE-INPUT -m set --match-set gatehouse-other src -j DROP",
            "no set gatehouse-other: -A GATEHOUSE-INPUT -m set --match-set gatehouse-other src -j DROP",
        ),
        ("-A GATEHOUSE-INPUT -j GATEHOUSE-NONE", "no chain GATEHOUSE-NONE: -A GATEHOUSE-INPUT -j GATEHOUSE-NONE"),
        ("-A GATEHOUSE-PRE-DNAT -j DROP", "no chain GATEHOUSE-PRE-DNAT: -A GATEHOUSE-PRE-DNAT -j DROP"),
    ],
)
def test_a_ruleset_has_the_sets_and_chains_that_it_refers_to(line, problem):
    backend = Iptables(lambda *_: pytest.fail("ran a command"), "iptables", "ip6tables", "ipset")

    with pytest.raises(FirewallError) as raised:
        backend.check(with_line(RULESET, line, after="-A GATEHOUSE-OUTPUT -j ACCEPT"))

    problems = [f"rules.{family}, line 16: {problem}" for family in ("v4", "v6")]
    assert str(raised.value).splitlines() == ["the ruleset lacks what it refers to, nothing was changed:", *problems]


# Loads


@needs_iptables
@each_variant
def test_the_listing_has_chains_jumps_with_their_places_and_sets(host):
    host.iptables.load(RULESET)
    lines = host.iptables.listing().splitlines()

    for line in (
        "iptables -t filter -N GATEHOUSE-INPUT",
        'iptables -t filter -A GATEHOUSE-INPUT -m comment --comment "denied: no flow allows it" -j DROP',
        "iptables -t filter -I INPUT 1 -j GATEHOUSE-INPUT",
        "ip6tables -t filter -I OUTPUT 1 -j GATEHOUSE-OUTPUT",
        "ip6tables -t mangle -I PREROUTING 1 -j GATEHOUSE-PRE-DNAT",
        "ipset add gatehouse-k8s_node.v6-2c3d 2001:db8::/48",
    ):
        assert line in lines
    elements = [line for line in lines if line.startswith("ipset add gatehouse-k8s_node.v4-0a1b ")]
    assert [line.split()[-1] for line in elements] == ["198.51.100.11", "198.51.100.12", "203.0.113.0/24"]
    assert "ipset create gatehouse-k8s_node.v4-0a1b hash:net family inet maxelem 65536" in lines
    assert host.sets() == ["gatehouse-k8s_node.v4-0a1b", "gatehouse-k8s_node.v6-2c3d"]


@needs_iptables
@each_variant
def test_to_load_again_changes_nothing(host):
    host.iptables.load(RULESET)
    before = host.iptables.listing()
    host.iptables.load(RULESET)

    assert host.iptables.listing() == before
    assert not host.iptables.only_tracks(before)


@needs_iptables
@each_variant
@pytest.mark.parametrize(
    "drift",
    [
        ["{iptables}", "-I", "INPUT", "1", "-p", "tcp", "-j", "ACCEPT"],
        ["{iptables}", "-A", "INPUT", "-j", "GATEHOUSE-INPUT"],
        ["{ip6tables}", "-D", "OUTPUT", "-j", "GATEHOUSE-OUTPUT"],
        ["{iptables}", "-I", "GATEHOUSE-INPUT", "-j", "ACCEPT"],
        ["{ip6tables}", "-t", "mangle", "-F", "GATEHOUSE-PRE-DNAT"],
        ["{iptables}", "-t", "mangle", "-N", "GATEHOUSE-MORE"],
        ["ipset", "add", "gatehouse-k8s_node.v4-0a1b", "192.0.2.1"],
        ["ipset", "flush", "gatehouse-k8s_node.v6-2c3d"],
    ],
    ids=" ".join,
)
def test_what_somebody_changed_shows_and_a_load_mends_it(host, drift):
    host.iptables.load(RULESET)
    before = host.iptables.listing()

    host.do(*(word.format(**host.paths) for word in drift))
    assert host.iptables.listing() != before

    host.iptables.load(RULESET)
    assert host.iptables.listing() == before


@needs_iptables
@each_variant
def test_a_ruleset_with_fewer_chains_and_sets_removes_the_others(host):
    host.iptables.load(RULESET)
    host.iptables.load(SMALL)

    assert host.iptables.listing().splitlines() == [
        f"{command} -t filter {line}"
        for command in ("iptables", "ip6tables")
        for line in (
            "-N GATEHOUSE-INPUT",
            "-A GATEHOUSE-INPUT -p tcp -m tcp --dport 80 -j DROP",
            "-I INPUT 1 -j GATEHOUSE-INPUT",
        )
    ]
    assert host.sets() == []


@needs_iptables
@each_variant
def test_others_rules_stay_as_they_are_and_our_jump_is_first_and_once(host):
    host.plant()
    host.do("ipset", "create", "f2b-sshd", "hash:ip")
    before = host.foreign()
    host.iptables.load(RULESET)
    assert host.foreign() == before

    host.each("", "-I", "INPUT", "1", "-p", "udp", "-j", "f2b-sshd")
    host.each("", "-A", "INPUT", "-j", "GATEHOUSE-INPUT")
    host.each("", "-A", "INPUT", "-p", "udp", "-m", "comment", "--comment", 'our "own"', "-j", "GATEHOUSE-INPUT")
    between = host.foreign()
    for ruleset in (RULESET, SMALL, RULESET):
        host.iptables.load(ruleset)
        assert host.foreign() == between
        jumps = [line for line in host.iptables.listing().splitlines() if " -I INPUT " in line]
        assert jumps == [f"{name} -t filter -I INPUT 1 -j GATEHOUSE-INPUT" for name in ("iptables", "ip6tables")]

    host.iptables.delete()
    assert host.foreign() == between
    assert host.iptables.listing() == ""
    assert host.sets() == ["f2b-sshd"]


@needs_iptables
@each_variant
def test_a_chain_of_ours_that_a_foreign_chain_leads_to_is_emptied_and_stays(host):
    host.iptables.load(RULESET)
    host.plant()
    host.each("", "-A", "DOCKER-USER", "-j", "GATEHOUSE-IN-FLOWS")
    before = host.saved()
    assert "iptables -t filter -I DOCKER-USER 2 -j GATEHOUSE-IN-FLOWS" in host.iptables.listing().splitlines()
    previous = host.iptables.previous()

    host.iptables.load(SMALL)
    left = [line for line in host.saved() if "IN-FLOWS" in line]
    assert left == [":GATEHOUSE-IN-FLOWS -", "-A DOCKER-USER -j GATEHOUSE-IN-FLOWS"] * 2

    host.iptables.load(previous)
    assert sorted(host.saved()) == sorted(before)


@needs_iptables
@each_variant
@pytest.mark.parametrize(("number", "family"), [(0, "iptables"), (1, "ip6tables")])
def test_a_set_of_ours_that_a_foreign_rule_uses_stays_and_the_others_go(host, number, family):
    host.iptables.load(RULESET)
    used = host.sets()[number]
    host.do(host.paths[family], "-A", "INPUT", "-m", "set", "--match-set", used, "src", "-j", "RETURN")

    host.iptables.load(SMALL)
    assert host.sets() == [used]


@needs_iptables
@each_variant
def test_delete_leaves_no_trace_and_need_not_find_any(host):
    host.iptables.load(RULESET)
    for _attempt in range(2):
        host.iptables.delete()
        assert [line for line in host.saved() if "GATEHOUSE" in line] == []
        assert host.sets() == []


@needs_iptables
@each_variant
def test_the_previous_ruleset_restores_our_present_state(host):
    host.plant()
    host.iptables.load(RULESET)
    host.do("ipset", "add", "gatehouse-k8s_node.v4-0a1b", "192.0.2.1")
    host.do(
        host.paths["iptables"], "-I", "GATEHOUSE-INPUT", "2", "-m", "comment", "--comment", 'it\'s "so"', "-j", "RETURN"
    )
    before, previous = host.iptables.listing(), host.iptables.previous()

    host.iptables.load(SMALL)
    host.iptables.load(previous)
    assert host.iptables.listing() == before

    host.iptables.delete()
    host.iptables.load(previous)
    assert host.iptables.listing() == before


@needs_iptables
@each_variant
def test_before_the_first_ruleset_the_previous_one_is_none(host):
    host.plant()
    assert host.iptables.previous() == ""
    host.iptables.start_tracking()
    assert host.iptables.previous() == ""


@needs_iptables
@each_variant
@pytest.mark.parametrize("family", ["v4", "v6"])
def test_a_ruleset_that_the_kernel_refuses_changes_nothing_in_either_family(host, family):
    host.plant()
    refused = "-A GATEHOUSE-INPUT -p udp -j REJECT --reject-with tcp-reset"  # which --test lets pass
    files = parted(RULESET)
    files[f"rules.{family}"] = with_line(files[f"rules.{family}"], refused, after="-A GATEHOUSE-OUTPUT -j ACCEPT")
    ruleset = joined(files)
    host.iptables.check(ruleset)
    drifted = RULESET.replace("198.51.100.11", "198.51.100.99")  # its sets aren't what their names promise
    for first in (SMALL, drifted):
        host.iptables.load(first)
        before = (host.iptables.listing(), host.foreign(), host.sets())

        with pytest.raises(FirewallError) as raised:
            host.iptables.load(ruleset)

        assert (host.iptables.listing(), host.foreign(), host.sets()) == before
        assert f"rules.{family} was not loaded" in str(raised.value)
        assert str(raised.value).startswith("iptables can't load the ruleset, and went back to the previous one:\n")


@needs_iptables
@each_variant
def test_a_set_that_ipset_refuses_changes_nothing(host):
    host.iptables.load(SMALL)
    before = host.iptables.listing()

    with pytest.raises(FirewallError) as raised:
        host.iptables.load(RULESET.replace("add gatehouse-new 2001:db8::/48", "add gatehouse-new nonsense/300"))

    assert str(raised.value).startswith(
        "iptables can't load the ruleset, nothing was changed:\ngatehouse: ipset was not loaded: ipset v"
    )
    assert "line 10" in str(raised.value)
    assert host.iptables.listing() == before
    assert host.sets() == []


NATIVE = """\
add chain ip {table} native
add rule ip {table} native meta l4proto {{ tcp, udp }} th dport 5 drop
"""


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
def test_native_rules_in_a_table_that_we_are_not_in_are_no_hindrance(host):
    host.plant()
    host.do("nft", "-f", "-", text=NATIVE.format(table="nat"))
    before = host.do("nft", "-s", "list", "table", "ip", "nat")

    host.iptables.load(RULESET)
    assert host.iptables.listing()
    host.iptables.delete()

    assert host.iptables.listing() == ""
    assert host.do("nft", "-s", "list", "table", "ip", "nat") == before


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
def test_what_iptables_can_not_show_is_an_error_to_the_module_and_a_warning_to_the_loader(host, loader, tmp_path):
    host.plant()
    host.do("nft", "-f", "-", text=NATIVE.format(table="filter"))
    if host.run([f"{host.paths['iptables']}-save", "-t", "filter"], None)[0] == 0:
        pytest.skip("this iptables shows the rule, as another one")
    before = host.do("nft", "-s", "list", "chain", "ip", "filter", "native")
    with pytest.raises(FirewallError, match="iptables-nft-save -t filter failed: "):
        host.iptables.load(SMALL)
    (tmp_path / "ruleset").write_text(SMALL, encoding="utf-8")

    code, _output, error = host.run(["sh", loader, str(tmp_path / "ruleset"), *host.paths.values()], None)

    assert code == 1
    assert "iptables-nft-save can't show all that is live: some of what was ours before may stay\n" in error
    assert "jump GATEHOUSE-INPUT" in host.do("nft", "-s", "list", "chain", "ip", "filter", "INPUT")
    assert host.do("nft", "-s", "list", "chain", "ip", "filter", "native") == before


# Connection tracking


@needs_iptables
@each_variant
def test_the_primer_starts_tracking_and_lets_everything_through(host):
    datagram = (
        "import socket\n"
        "for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):\n"
        "    socket.socket(family, socket.SOCK_DGRAM).sendto(b'', (address, 9))\n"
    )
    host.do("ip", "link", "set", "lo", "up")
    host.do(sys.executable, "-c", datagram)
    assert host.do("cat", "/proc/sys/net/netfilter/nf_conntrack_count") == "0\n"

    host.iptables.start_tracking()
    assert host.iptables.only_tracks(host.iptables.listing())
    assert [line for line in host.saved() if line.startswith("-A ") and "GATEHOUSE" not in line.split()[1]] == []
    host.do(sys.executable, "-c", datagram)
    assert int(host.do("cat", "/proc/sys/net/netfilter/nf_conntrack_count")) >= 2

    host.iptables.load(RULESET)
    assert not host.iptables.only_tracks(host.iptables.listing())


# The loader by itself


@needs_iptables
@each_variant
def test_the_loader_takes_one_text_or_three_files(host, loader, tmp_path):
    commands = list(host.paths.values())
    (tmp_path / "ruleset").write_text(RULESET, encoding="utf-8")
    host.do("sh", loader, str(tmp_path / "ruleset"), *commands)
    listing = host.iptables.listing()
    assert listing
    for name, text in parted(RULESET).items():
        (tmp_path / f"plan.{name}").write_text(text, encoding="utf-8")

    host.iptables.delete()
    host.do("sh", loader, str(tmp_path / "plan"), *commands)

    assert host.iptables.listing() == listing


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
def test_the_loader_removes_nothing_for_a_ruleset_that_is_not_there(host, loader, tmp_path):
    host.iptables.load(SMALL)
    listing = host.iptables.listing()

    code, _output, error = host.run(["sh", loader, str(tmp_path / "none"), *host.paths.values()], None)

    assert (code, error) == (1, f"gatehouse: there is no ruleset {tmp_path / 'none'}\n")
    assert host.iptables.listing() == listing


@needs_iptables
@each_variant
def test_the_command_for_the_unit_and_the_timer_needs_neither_python_nor_an_environment(host, tmp_path):
    for name, text in host.iptables.helpers.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "ruleset.iptables").write_text(RULESET, encoding="utf-8")
    command = host.iptables.load_command(str(tmp_path / "ruleset.iptables"))

    host.do("env", "-i", "PATH=/usr/bin:/bin", *command.split())

    assert command.startswith(f"/bin/sh {tmp_path}/load.sh {tmp_path}/ruleset.iptables /")
    assert "iptables -t filter -I INPUT 1 -j GATEHOUSE-INPUT\n" in host.iptables.listing()


@needs_iptables
@each_variant
def test_two_loads_at_once_come_one_after_the_other(host, loader, tmp_path):
    commands = []
    for name, ruleset in (("a", RULESET), ("b", SMALL)):
        (tmp_path / name).write_text(ruleset, encoding="utf-8")
        host.do("sh", loader, str(tmp_path / name), *host.paths.values())
        commands.append((["sh", loader, str(tmp_path / name), *host.paths.values()], host.iptables.listing()))

    for _attempt in range(5):
        with in_background(host, commands[0][0]) as one, in_background(host, commands[1][0]) as other:
            assert (one.wait(), other.wait()) == (0, 0)
        assert host.iptables.listing() in [listing for _command, listing in commands]


@needs_iptables
@pytest.mark.parametrize("host", ["legacy"], indirect=True)
def test_to_look_and_to_delete_make_no_legacy_tables(host):
    assert (host.iptables.listing(), host.iptables.previous()) == ("", "")
    host.iptables.delete()

    assert host.do("cat", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names") == ""


@needs_iptables
@each_variant
def test_a_left_over_set_is_no_hindrance(host):
    host.do("ipset", "create", "gatehouse-new", "hash:ip")
    host.do("ipset", "create", "gatehouse-old", "hash:ip")
    host.iptables.load(RULESET)

    assert host.sets() == ["gatehouse-k8s_node.v4-0a1b", "gatehouse-k8s_node.v6-2c3d"]


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
def test_without_ipv6_in_the_kernel_only_ipv4_is_loaded(host, tmp_path):
    ip6tables = tmp_path / "ip6tables"
    for path in (ip6tables, tmp_path / "ip6tables-save", tmp_path / "ip6tables-restore"):
        path.write_text("#!/bin/sh\necho Address family not supported by protocol >&2\nexit 3\n", encoding="utf-8")
        path.chmod(0o755)
    (tmp_path / "load.sh").write_text(LOADER.replace("/proc/net/if_inet6", "/proc/net/none"), encoding="utf-8")
    (tmp_path / "ruleset").write_text(SMALL, encoding="utf-8")

    paths = {**host.paths, "ip6tables": str(ip6tables)}
    host.do("sh", str(tmp_path / "load.sh"), str(tmp_path / "ruleset"), *paths.values())

    assert {line.split()[0] for line in host.iptables.listing().splitlines()} == {"iptables"}


@needs_iptables
@each_variant
def test_where_one_family_fails_the_other_is_loaded_and_the_code_and_the_words_tell(host, loader, tmp_path):
    files = {"rules.v4": SMALL_RULES, "rules.v6": SMALL_RULES.replace("--dport 80", "--dport nonsense")}
    (tmp_path / "ruleset").write_text(joined(files), encoding="utf-8")

    code, _output, error = host.run(["sh", loader, str(tmp_path / "ruleset"), *host.paths.values()], None)

    assert code == 1
    assert error.startswith("gatehouse: rules.v6 was not loaded: ")
    assert error.endswith("line 3 is: -A GATEHOUSE-INPUT -p tcp -m tcp --dport nonsense -j DROP\n")
    assert {line.split()[0] for line in host.iptables.listing().splitlines()} == {"iptables"}


@needs_iptables
@pytest.mark.parametrize("host", ["nft"], indirect=True)
@pytest.mark.parametrize("awk", ["mawk", "gawk", "original-awk", "busybox"])
def test_every_awk_will_do(host, awk, tmp_path):
    found = shutil.which(awk, path=PATH)
    if not found:
        pytest.skip(f"{awk} is not installed")
    (tmp_path / "awk").symlink_to(found)
    (tmp_path / "ruleset").write_text(RULESET, encoding="utf-8")
    host.plant()
    host.iptables.load(RULESET)
    listing, foreign = host.iptables.listing(), host.foreign()
    host.each("", "-A", "INPUT", "-j", "GATEHOUSE-INPUT")
    host.each("", "-N", "GATEHOUSE-OLD")

    script = f"PATH={tmp_path}:$PATH\n{LOADER}"
    host.do("sh", "-c", script, "load.sh", str(tmp_path / "ruleset"), *host.paths.values())

    assert host.iptables.listing() == listing
    assert host.foreign() == foreign


def test_shellcheck_has_nothing_to_say(loader):
    shellcheck = shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("shellcheck is not installed")

    done = subprocess.run([shellcheck, "-s", "sh", loader], capture_output=True, encoding="utf-8", check=False)

    assert done.stdout == ""


# No moment between


READER = """
for _ in $(seq {count}); do
    {save} | grep -c -e '-A INPUT -j GATEHOUSE-INPUT' -e '^-A INPUT -p udp -j DROP'
done | sort | uniq -c
"""
STREAM = """
import socket, sys, time
open_port, closed_port = 7001, 7002
receivers = {}
for port in (open_port, closed_port):
    receivers[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receivers[port].bind(("127.0.0.1", port))
    receivers[port].setblocking(False)
print("ready", flush=True)
sent, got = 0, {open_port: 0, closed_port: 0}
deadline = time.monotonic() + float(sys.argv[1])
while time.monotonic() < deadline:
    for port in receivers:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            try:
                sender.sendto(b"x", ("127.0.0.1", port))
            except PermissionError:
                pass
    sent += 1
    for port, receiver in receivers.items():
        try:
            while receiver.recv(1):
                got[port] += 1
        except BlockingIOError:
            pass
print(sent, got[open_port], got[closed_port])
"""


@needs_iptables
@each_variant
def test_no_packet_finds_the_host_open_or_closed_while_rulesets_are_loaded(host):
    rules = """\
*filter
:GATEHOUSE-INPUT - [0:0]
:GATEHOUSE-{name} - [0:0]
-A GATEHOUSE-INPUT -j GATEHOUSE-{name}
-A GATEHOUSE-{name} -p udp -m udp --dport 7001 -j ACCEPT
-A GATEHOUSE-{name} -j DROP
-I INPUT 1 -j GATEHOUSE-INPUT
COMMIT
"""
    rulesets = [joined({"rules.v4": rules.format(name=name), "rules.v6": rules.format(name=name)}) for name in "AB"]
    host.do("ip", "link", "set", "lo", "up")
    host.iptables.load(rulesets[0])
    host.plant()

    reader = READER.format(save=f"{host.paths['iptables']}-save", count=60)
    sender = [sys.executable, "-c", STREAM, "2"]
    with in_background(host, sender) as stream, in_background(host, ["sh", "-c", reader]) as seen:
        while stream.poll() is None:
            for ruleset in reversed(rulesets):
                host.iptables.load(ruleset)
        sent, got_open, got_closed = stream.communicate()[0].split()[-3:]
        counts = seen.communicate()[0].split()

    assert int(sent) > 100
    assert (got_open, got_closed) == (sent, "0")
    assert counts == ["60", "1"]


def in_background(host, words):
    """Start a command in the host's namespace."""
    (enter,) = host.run.args
    return subprocess.Popen(
        [*enter, *words], stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ, "PATH": PATH}
    )
