from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.locks import BusyError, held, held_if_ours

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.truncate(0)
file.write("process 42 (a test that hangs)\\n")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another(path):
    """Have another process hold a lock."""
    words = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.stdin.close()


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "gatehouse" / "lock"


def test_a_lock_lies_where_only_root_can_take_it(lock):
    lock.parent.mkdir(mode=0o755)
    with held(lock, "a test"):
        assert stat.S_IMODE(lock.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_lock_says_who_holds_it(lock):
    with held(lock, "a test"):
        assert lock.read_text() == f"process {os.getpid()} (a test)\n"
    with held(lock, "another test"):
        assert lock.read_text() == f"process {os.getpid()} (another test)\n"


def test_who_waits_in_vain_is_told_for_whom_and_for_how_long(lock):
    with held(lock, "a test"):
        pass
    begun = time.monotonic()
    with held_by_another(lock), pytest.raises(BusyError) as told, held(lock, "it begins a change", 0.3):
        pytest.fail("two hold one lock")

    assert 0.3 <= time.monotonic() - begun < 2
    assert "(it begins a change) has waited 0 s for process 42 (a test that hangs), which holds" in str(told.value)


def test_a_lock_that_is_let_go_is_taken(lock):
    with held(lock, "a test"):
        pass
    with held_by_another(lock):
        pass
    with held(lock, "a test", 0.3):
        pass


def test_a_lock_whose_file_is_removed_meanwhile_is_taken_anew(lock):
    with held(lock, "a test"):
        lock.unlink()
        with held(lock, "another", 0.3):
            assert "another" in lock.read_text()


@pytest.mark.parametrize("is_there", [True, False])
def test_where_nothing_of_ours_was_ever_changed_there_is_no_lock_to_hold(lock, is_there):
    if is_there:
        lock.parent.mkdir()
    with held_if_ours(lock, "a test"):
        assert lock.exists() is is_there
