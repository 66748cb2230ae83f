"""What the collection says of itself in meta/ and galaxy.yml, and that its pages can be found."""

import fnmatch
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
WITH_ROLES = [*PAGES, *sorted(ROOT.glob("roles/*/README.md"))]
ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FOR_USERS = (
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSES",
    "REUSE.toml",
    "SECURITY.md",
    "docs",
    "meta/ee-bindep.txt",
    "meta/ee-requirements.txt",
    "meta/execution-environment.yml",
    "plugins/doc_fragments",
)
NOT_FOR_USERS = (".ci", ".editorconfig", ".github", ".pre-commit-config.yaml", "requirements", "tests")


def _read(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def _links(page):
    """Return the files that a page links to."""
    links = LINK.findall(page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in links if "://" not in link}


def test_the_action_group_has_each_public_module():
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}

    assert _read("meta/runtime.yml")["action_groups"] == {"all": sorted(m for m in modules if not m.endswith("_step"))}


def test_the_execution_environment_names_files_that_exist():
    files = _read("meta/execution-environment.yml")["dependencies"]

    assert sorted(files) == ["python", "system"]
    assert all((ROOT / file).is_file() for file in files.values())


def test_python_requirements_have_lower_bounds_alone():
    lines = (ROOT / "meta/ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if not line.startswith("#")]

    assert [row for row in rows if not re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", row)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=lambda page: page.name)
def test_a_page_is_linked_from_another(page):
    assert any(page in _links(other) for other in PAGES if other != page)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", WITH_ROLES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_links_to_headings_that_exist(page):
    links = ANCHOR.findall(page.read_text(encoding="utf-8"))
    inside = [((page.parent / file).resolve() if file else page, name) for file, name in links if "://" not in file]

    assert [f"{target.name}#{name}" for target, name in inside if name not in anchors(target)] == []


@pytest.mark.parametrize("page", WITH_ROLES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_links_to_files_that_exist(page):
    assert [str(link) for link in _links(page) if not link.exists()] == []


@pytest.mark.parametrize("name", FOR_USERS)
def test_a_release_has_what_users_need(name):
    assert (ROOT / name).exists()
    assert not any(fnmatch.fnmatch(name, pattern) for pattern in _read("galaxy.yml")["build_ignore"])


@pytest.mark.parametrize("name", NOT_FOR_USERS)
def test_a_release_has_nothing_that_users_do_not_need(name):
    assert any(fnmatch.fnmatch(name, pattern) for pattern in _read("galaxy.yml")["build_ignore"])
