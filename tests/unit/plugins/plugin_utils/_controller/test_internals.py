from __future__ import annotations

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.internals import unparsed_sources

GOOD, BAD = "[webs]\nweb1\n", "[webs:nonsense]\n"


@pytest.fixture
def unparsed(tmp_path):
    """Return a function that returns what Ansible can't parse of sources below a folder, by files and their content."""

    def of(files, *sources):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        given = [source if "," in source or source.startswith("/") else str(tmp_path / source) for source in sources]
        found = unparsed_sources(InventoryManager(loader=DataLoader(), sources=given))
        return [path.removeprefix(f"{tmp_path}/") for path in found]

    return of


def test_sources_that_are_parsed_are_none_of_it(unparsed):
    files = {"hosts": GOOD, "all/a.ini": GOOD, "all/deeper/b.ini": GOOD}

    assert unparsed(files, "hosts", "all", "all/", "web2,web3,") == []


def test_what_ansible_ignores_in_a_folder_is_none_either(unparsed):
    ignored = ("README.md", ".hidden", "group_vars/all.yml", "host_vars/web1.yml", "old.bak")

    assert unparsed({"all/a.ini": GOOD, **{f"all/{name}": BAD for name in ignored}}, "all") == []


def test_each_file_that_is_not_parsed_is_named_whatever_else_is(unparsed):
    files = {"hosts": GOOD, "bad.yml": BAD, "all/a.ini": GOOD, "all/bad.yml": BAD, "all/deeper/bad.yml": BAD}

    assert unparsed(files, "hosts", "bad.yml", "all") == ["bad.yml", "all/bad.yml", "all/deeper/bad.yml"]


def test_a_source_that_is_not_there_or_has_nothing_in_it_is_named(unparsed, tmp_path):
    (tmp_path / "empty").mkdir()

    assert unparsed({"hosts": GOOD}, "hosts", "missing", "empty") == ["missing", "empty"]


def test_the_default_source_need_not_be_there(unparsed, monkeypatch):
    monkeypatch.setattr(InventoryManager, "parse_sources", lambda _self, **_how: None)

    assert unparsed({}, "/etc/ansible/hosts") == []
