"""What is said below a refusal, and that a refusal of another kind stays as it is."""

from __future__ import annotations

import os

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends import hints
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.hints import NO_RIGHT, NOT_ROOT, hinted

DENIED = "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed"
WITH, WITHOUT = "Name:\tpython3\nCapEff:\t000001ffffffffff\n", "Name:\tpython3\nCapEff:\t00000000800405fb\n"


@pytest.mark.parametrize(
    ("user", "status", "hint"),
    [(0, WITHOUT, NO_RIGHT), (0, WITH, ""), (1000, WITHOUT, NOT_ROOT), (0, "Name:\tpython3\n", "")],
)
def test_what_was_denied_says_who_lacks_which_right(monkeypatch, tmp_path, user, status, hint):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    file = tmp_path / "status"
    file.write_text(status, encoding="ascii")

    assert hinted(DENIED, file) == "\n".join(filter(None, (DENIED, hint)))


@pytest.mark.parametrize(
    "said",
    [
        "Error: Could not process rule: No such file or directory",
        "Error: Could not process rule: Operation not supported",
        "ipset v7.17: Kernel error received: set type not supported",
        "iptables-restore v1.8.9 (legacy): Extension addrtype revision 0 not supported, missing kernel module?",
        "iptables v1.8.7 (legacy): can't initialize iptables table `filter': Table does not exist",
    ],
)
def test_what_a_kernel_lacks_is_named_with_the_kernel(monkeypatch, said):
    monkeypatch.setattr(hints.platform, "release", lambda: "4.18.0-1.el8")

    assert hinted(f"{said}\n").startswith(f"{said}\nThis kernel (4.18.0-1.el8) may lack a feature")


NOT_INSTALLED = "iptables-restore v1.8.9 (nf_tables): Couldn't load match `addrtype':No such file or directory"


@pytest.mark.parametrize(
    "said", [NOT_INSTALLED, "Error: syntax error, unexpected newline", "Error: interval overlaps", ""]
)
def test_any_other_refusal_stays_as_it_is(said):
    assert hinted(said) == said
