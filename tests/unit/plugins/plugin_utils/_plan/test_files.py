"""A plan is written whole or not at all."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.files import note_names, write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where

FILES = {"web1.nft": "one\n", "web2.nft": "two: é\n"}


def contents(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_files_are_written_once_and_again_where_they_differ(tmp_path):
    folder = tmp_path / "new" / "plan"

    assert write_files(folder, FILES)
    assert contents(folder) == FILES
    assert not write_files(folder, FILES)

    (folder / "web1.nft").write_text("spoilt")
    before = (folder / "web2.nft").stat().st_mtime_ns
    assert write_files(folder, FILES)
    assert contents(folder) == FILES
    assert (folder / "web2.nft").stat().st_mtime_ns == before


def test_other_files_stay(tmp_path):
    (tmp_path / "mine").write_text("x")
    write_files(tmp_path, FILES)

    assert contents(tmp_path) == {**FILES, "mine": "x"}


def test_where_one_file_cannot_be_written_none_is(tmp_path):
    with pytest.raises(OSError, match="b"):
        write_files(tmp_path, {"a.nft": "x", "b/c.nft": "y"})

    assert contents(tmp_path) == {}


def test_inventory_names_that_are_no_file_names_are_named():
    problems = Problems()
    bad = ["", ".", "..", "a/b", "/etc/passwd", "../x", "-rf", "a\nb", "a\0b"]
    note_names([*bad, "web1", "web-1.example.org", "2001:db8::1", "a b", "_x", "..x"], problems)

    assert [problem.where for problem in problems.found] == [Where("inventory_hostname")] * len(bad)
    assert "got '../x', expected a name that a file can have" in str(problems.found[bad.index("../x")])
