"""The pages that list everything do: variables, playbooks, and what stands on a host."""

import importlib.util
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def _load():
    specification = importlib.util.spec_from_file_location("variables", ROOT / ".ci" / "variables.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_page_of_variables_is_what_the_argument_specs_say():
    assert _page("variables.md") == _load().page(ROOT), "run make variables"


def test_the_page_of_variables_has_each_one_once():
    specs = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in ROOT.glob("roles/*/meta/argument_specs.yml")]
    options = {name for spec in specs for entry in spec["argument_specs"].values() for name in entry.get("options", {})}

    assert sorted(ROW.findall(_page("variables.md"))) == sorted(name for name in options if not name.startswith("_"))


def test_the_page_of_playbooks_has_each_one():
    shipped = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}

    assert set(re.findall(r"^\| `gatehouse\.firewall\.(\w+)` \|", _page("reference.md"), re.MULTILINE)) == shipped


def test_the_readme_is_short_and_leads_to_a_first_host_before_it_lists_anything():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert len(text.splitlines()) <= 150
    assert parts[:6] == [
        "What it never touches",
        "Install",
        "Ten minutes to a first host",
        "Enforce",
        "What there is",
        "Supported",
    ]
