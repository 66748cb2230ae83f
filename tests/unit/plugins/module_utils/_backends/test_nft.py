from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft

RULESET = """\
table inet gatehouse
delete table inet gatehouse
table inet gatehouse {
    chain input { type filter hook input priority filter - 10; policy drop; tcp dport 22 counter accept; }
}
"""


def answering(code, output="", error=""):
    """Return an Nft whose every command ends like this, and the list of commands it gets."""
    commands = []

    def run(words, text):
        commands.append((words, text))
        return code, output, error

    return Nft(run, "/usr/sbin/nft"), commands


def test_the_listing_is_of_our_table_alone_and_without_counters():
    nft, commands = answering(0, "table inet gatehouse {\n}\n")

    assert nft.listing() == "table inet gatehouse {\n}\n"
    assert commands == [(["/usr/sbin/nft", "-s", "list", "table", "inet", "gatehouse"], None)]


def test_no_table_is_an_empty_listing():
    assert answering(1, error="Error: No such file or directory\nlist table inet gatehouse\n")[0].listing() == ""


def test_another_failure_to_list_is_an_error():
    with pytest.raises(FirewallError, match="nft can't list the table inet gatehouse: Operation not permitted"):
        answering(1, error="Operation not permitted\n")[0].listing()


def test_a_check_loads_nothing():
    nft, commands = answering(0)
    nft.check(RULESET)

    assert commands == [(["/usr/sbin/nft", "-c", "-f", "-"], RULESET)]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda nft: nft.check("# x"), "nft refuses the ruleset, nothing was changed:\nError: syntax error"),
        (lambda nft: nft.load("x"), "nft can't load the ruleset, nothing was changed:\nError: syntax error"),
        (lambda nft: nft.delete(), "nft can't delete the table inet gatehouse:\nError: syntax error"),
    ],
)
@pytest.mark.parametrize("stream", ["output", "error"])
def test_what_nft_says_is_passed_on(ask, message, stream):
    nft, _commands = answering(1, **{stream: "Error: syntax error\n"})

    with pytest.raises(FirewallError) as raised:
        ask(nft)

    assert str(raised.value) == message
