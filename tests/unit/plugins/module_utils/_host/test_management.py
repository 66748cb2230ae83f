from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.management import management_connection, peer


def processes(proc, *rows):
    """Write /proc for processes given as (id, parent, environment)."""
    for process, parent, environment in rows:
        (proc / str(process)).mkdir()
        (proc / str(process) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")
        (proc / str(process) / "environ").write_bytes(b"\0".join(environment))
    return proc


SSH = b"SSH_CONNECTION=198.51.100.1 50022 198.51.100.21 22"
FOUND = {"source": "198.51.100.1", "destination": "198.51.100.21", "port": 22}


def test_the_connection_is_the_one_that_sshd_told_the_session(tmp_path):
    assert management_connection(processes(tmp_path, (9, 1, [b"PATH=/bin", SSH])), 9) == FOUND


def test_ancestors_are_asked_where_sudo_has_dropped_it(tmp_path):
    proc = processes(tmp_path, (9, 8, [b"PATH=/bin"]), (8, 7, []), (7, 1, [SSH]))

    assert management_connection(proc, 9) == FOUND


def test_an_address_has_no_scope(tmp_path):
    proc = processes(tmp_path, (9, 1, [b"SSH_CONNECTION=fe80::1%eth0 50022 fe80::2%eth0 2222"]))

    assert management_connection(proc, 9) == {"source": "fe80::1", "destination": "fe80::2", "port": 2222}


@pytest.mark.parametrize(
    "rows",
    [
        [(9, 1, [b"PATH=/bin"])],
        [(9, 1, [b"SSH_CONNECTION="])],
        [(9, 1, [b"SSH_CONNECTION=198.51.100.1 50022 198.51.100.21"])],
        [(9, 1, [b"SSH_CONNECTION=198.51.100.1 50022 198.51.100.21 ssh"])],
        [(9, 8, [])],
        [],
    ],
)
def test_a_process_that_is_in_none_has_none(tmp_path, rows):
    assert management_connection(processes(tmp_path, *rows), 9) is None


def test_the_other_end_of_a_connection_tells_it_from_a_later_one(tmp_path):
    again = SSH.replace(b"50022", b"50023")
    proc = processes(tmp_path, (9, 8, []), (8, 1, [SSH]), (7, 1, [again]), (6, 1, []))

    assert [peer(proc, process) for process in (9, 7, 6)] == ["198.51.100.1 50022", "198.51.100.1 50023", ""]
