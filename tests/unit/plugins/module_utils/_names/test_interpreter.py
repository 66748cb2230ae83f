"""Which Python a host's unit runs: in folders of the test's own, whose owners and modes are real."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.interpreter import (
    Interpreter,
    interpreter,
    weakness,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what only root can change")
SOMEBODY = 65534


@pytest.fixture
def python(tmp_path):
    """Return a Python in a folder of its own."""
    folder = tmp_path / "python"
    (folder / "bin").mkdir(parents=True, mode=0o755)
    (folder / "lib").mkdir(mode=0o755)
    file = folder / "bin/python3"
    file.write_text("a Python")
    file.chmod(0o755)
    return file


def answers(library, code=0):
    return lambda _words, _text: (code, f"{library}\n", "")


@needs_root
def test_what_only_root_can_change_has_no_weakness(python):
    assert weakness(str(python)) == ""


@needs_root
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_file_or_folder_on_the_way_that_others_may_write_is_named_with_its_mode(python, depth, mode):
    place = [python, *python.parents][depth]
    place.chmod(mode)

    assert weakness(str(python)) == f"{place} has the mode {mode:04o}"


@needs_root
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_file_or_folder_on_the_way_that_belongs_to_another_user_is_named_with_him(python, depth):
    place = [python, *python.parents][depth]
    os.chown(place, SOMEBODY, SOMEBODY)

    assert weakness(str(python)) == f"{place} belongs to the user {SOMEBODY}"


@needs_root
def test_links_are_followed(python, tmp_path):
    (tmp_path / "venv").mkdir()
    link = tmp_path / "venv/python"
    link.symlink_to("../python/bin/python3")
    assert weakness(str(link)) == ""

    python.chmod(0o777)
    assert weakness(str(link)) == f"{python} has the mode 0777"


@needs_root
def test_a_link_that_belongs_to_another_user_is_as_weak(python, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(python)
    os.lchown(link, SOMEBODY, SOMEBODY)

    assert weakness(str(link)) == f"{link} belongs to the user {SOMEBODY}"


def test_links_in_a_circle_are_no_way(tmp_path):
    if os.geteuid() != 0:
        tmp_path = tmp_path.resolve()
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    assert weakness(str(tmp_path / "one")) != ""


@needs_root
def test_the_systems_python_is_taken_where_it_will_do(python):
    found = interpreter(answers(python.parents[1] / "lib"), sys.executable, [str(python)])

    assert found == Interpreter(str(python))


@needs_root
@pytest.mark.parametrize("spoilt", ["bin/python3", "lib"])
def test_a_systems_python_that_others_can_change_is_not_even_run(python, spoilt):
    (python.parents[1] / spoilt).chmod(0o777)
    run = []

    def ask(words, _text):
        run.append(words[0])
        return 0, f"{python.parents[1]}/lib\n", ""

    assert interpreter(ask, sys.executable, [str(python)]).path == sys.executable
    assert run == ([] if spoilt == "bin/python3" else [str(python)])


@needs_root
def test_a_systems_python_that_is_too_old_is_not_taken(python):
    assert interpreter(answers("", code=1), sys.executable, [str(python)]).path == sys.executable


@needs_root
def test_a_python_of_ones_own_that_others_can_change_is_taken_and_its_weakness_told(python):
    python.chmod(0o757)

    assert interpreter(answers(""), str(python), ["/none"]) == Interpreter(str(python), f"{python} has the mode 0757")


@pytest.mark.parametrize(
    ("path", "is_in_a_home"),
    [("/root/venv/bin/python", True), ("/home/me/bin/python", True), ("/usr/bin/python3", False)],
)
def test_a_python_may_lie_in_a_home(path, is_in_a_home):
    assert Interpreter(path).is_in_a_home is is_in_a_home
