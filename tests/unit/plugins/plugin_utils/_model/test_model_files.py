"""Files of a model: which are read, what they may be, and where a mistake in one is said to be."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model_files import read_model_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where

SSH = "flows:\n- {name: ssh, from: [office], to: [web], ports: [22/tcp]}\n"
SQL = "flows:\n- {name: sql, from: [web], to: [db], ports: [5432/tcp]}\n"
BOUNDS = {"from": ["office"], "to": []}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with files in it."""
    for path, text in {
        "ssh.yml": SSH,
        "firewall.d/10-sql.yaml": SQL,
        "firewall.d/deep/20-zones.json": '{"zones": [{"name": "office"}]}',
        "firewall.d/README.md": "- nothing",
        "firewall.d/.ssh.yml.swp.yml": SSH,
        "firewall.d/.git/ssh.yml": SSH,
        "empty.d/README.md": "nothing",
        "comments.yml": "# nothing yet\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(folder, *entries):
    problems = Problems()
    rows = [(Where("files").at(index), entry, folder) for index, entry in enumerate(entries)]
    return read_model_files(rows, problems), [str(problem) for problem in problems.found]


def flows(found):
    return [(str(row.where), row.value["name"]) for row in found.rows["flows"]]


def test_a_file_has_rows_each_with_its_own_place(folder):
    found, problems = read(folder, "ssh.yml")

    assert problems == []
    assert flows(found) == [("flows[0] (file ssh.yml)", "ssh")]
    assert found.bounded == []


def test_a_folder_is_all_files_of_yaml_under_it_but_hidden_ones(folder):
    found, problems = read(folder, "firewall.d/")

    assert problems == []
    assert flows(found) == [("flows[0] (file firewall.d/10-sql.yaml)", "sql")]
    assert [str(row.where) for row in found.rows["zones"]] == ["zones[0] (file firewall.d/deep/20-zones.json)"]


def test_a_link_in_a_folder_leads_nowhere_else(folder):
    (folder / "firewall.d" / "inside.yml").symlink_to("10-sql.yaml")
    (folder / "firewall.d" / "outside.yml").symlink_to("../ssh.yml")

    found, problems = read(folder, "firewall.d")

    assert [name for _where, name in flows(found)] == ["sql"]
    assert problems == [
        f"files[0]: got '{folder}/firewall.d', expected files under it, and no link that leads to {folder}/ssh.yml"
    ]


def test_a_file_with_bounds_is_no_link(folder):
    (folder / "link.yml").symlink_to("ssh.yml")

    assert [name for _where, name in flows(read(folder, "link.yml")[0])] == ["ssh"]
    found, (problem,) = read(folder, {"path": "link.yml", "may": BOUNDS})
    assert flows(found) == []
    assert problem.endswith("(.yml, .yaml, .json); what has bounds is no link")


def test_a_path_is_relative_to_the_file_that_says_it_and_told_from_the_working_directory(folder, monkeypatch):
    monkeypatch.chdir(folder / "empty.d")

    found, problems = read(folder / "firewall.d", "../ssh.yml")

    assert problems == []
    assert flows(found) == [(f"flows[0] (file {folder}/ssh.yml)", "ssh")]


def test_a_path_that_could_be_relative_to_anything_has_to_be_absolute(folder):
    found, problems = read(None, "ssh.yml", str(folder / "ssh.yml"))

    (problem,) = problems
    assert problem.startswith("files[0]: got 'ssh.yml', expected an absolute path: the file that says this isn't known")
    assert [name for _where, name in flows(found)] == ["ssh"]


def test_a_file_without_anything_in_it_says_nothing(folder):
    found, problems = read(folder, "comments.yml")

    assert problems == []
    assert not any(found.rows.values())


def test_a_file_that_two_entries_name_is_read_once(folder):
    found, problems = read(
        folder, "firewall.d", "firewall.d/10-sql.yaml", {"path": "ssh.yml", "may": BOUNDS}, "comments.yml"
    )

    assert problems == []
    assert [name for _where, name in flows(found)] == ["sql", "ssh"]
    assert [bounded.origins for bounded in found.bounded] == [("file ssh.yml",)]


def test_a_file_has_the_same_bounds_wherever_it_is_named(folder):
    _found, problems = read(folder, "firewall.d", {"path": "firewall.d/10-sql.yaml", "may": BOUNDS})

    (problem,) = problems
    assert problem.startswith(f"files[1].path: got '{folder}/firewall.d/10-sql.yaml', expected the same bounds")
    assert problem.endswith("files[0] names firewall.d/10-sql.yaml, too")


NO_FILE = "expected a file in YAML, or a folder with at least one (.yml, .yaml, .json)"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("nothing.yml", f"files[0]: got '{{folder}}/nothing.yml', {NO_FILE}"),
        ("empty.d", f"files[0]: got '{{folder}}/empty.d', {NO_FILE}"),
        ("x" * 300, "expected a file in YAML"),
        ("nu\0ll", "expected a file in YAML"),
        ("~nobody-of-this-name/x.yml", "expected a file in YAML"),
        (5, "files[0]: got 5, expected a mapping with the keys max_age, may, path"),
        (
            {"path": "ssh.yml", "max_age": 7},
            "files[0].path: got 7, expected no max_age where no file is another fleet's",
        ),
        ({"path": None}, "files[0].path: got nothing, expected the path of a file or of a folder"),
        (
            {"path": "ssh.yml", "may": None},
            "files[0].may: got nothing, expected bounds: a mapping with the keys from, to",
        ),
        (
            {"path": "ssh.yml", "mai": BOUNDS},
            "files[0].mai: got {{'from': ['office'], 'to': []}}, expected no such key",
        ),
    ],
    ids=str,
)
def test_an_entry_that_names_no_file_is_an_error(folder, entry, expected):
    _found, problems = read(folder, entry)

    assert len(problems) == 1
    assert expected.format(folder=folder) in problems[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flows: [", "files[0]: got 'bad.yml', expected a file in YAML; while parsing"),
        ("flows: !vault x", "could not determine a constructor for the tag '!vault'"),
        ("\xff\xfe", "files[0]: got 'bad.yml', expected a file in YAML"),
        ("- flows", "file bad.yml: got ['flows'], expected a mapping with the keys assertions, classes"),
        ("flow: []", "flow (file bad.yml): got [], expected no such key, but one of"),
        ("flows: {}", "flows (file bad.yml): got {}, expected a list"),
        (f"{SSH}{SQL}", "files[0]: got 'bad.yml', expected a file in YAML; flows is there twice"),
        ("[" * 20000, "files[0]: got 'bad.yml', expected a file in YAML"),
    ],
    ids=lambda text: text[:30],
)
def test_a_file_that_is_no_model_is_an_error_at_its_place(folder, text, expected):
    (folder / "bad.yml").write_bytes(text.encode("latin-1"))

    _found, problems = read(folder, "bad.yml")

    assert len(problems) == 1
    assert expected in problems[0]
