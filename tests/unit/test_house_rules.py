"""The bounds that the design sets on this collection's own code."""

import ast
import graphlib
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
TASKS = sorted(path for folder in ("playbooks", "roles") for path in (ROOT / folder).rglob("*.yml"))

OWN = "ansible_collections.gatehouse.firewall.plugins."
CONTROLLER = "plugin_utils/_controller"
MAY_IMPORT = {  # besides the standard library
    "plugin_utils": (OWN + "plugin_utils", OWN + "module_utils._contract", "yaml"),
    CONTROLLER: (OWN + "plugin_utils", OWN + "module_utils", "ansible"),
    "module_utils": (OWN + "module_utils", "ansible.module_utils"),
    "modules": (OWN + "module_utils", "ansible.module_utils"),
}


TESTS = "ansible_collections.gatehouse.firewall.tests."
OF_HOSTS = [  # their tests run on the oldest Python that a host may have
    path
    for folder in ("tests/unit/plugins/modules", "tests/unit/plugins/module_utils", "tests/kernel/plugins/module_utils")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def _name(path):
    return str(path.relative_to(ROOT))


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=_name)


def _parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path):
    """Return the full names of the modules a file imports."""
    found = set()
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = _package(path)[: -(node.level - 1) or None] if node.level else []
            found.add(".".join([*package, *filter(None, [node.module])]))
    return found


def _package(path):
    return ["ansible_collections", "gatehouse", "firewall", *path.relative_to(ROOT).parent.parts]


def _may_import(folder, name):
    if name.split(".")[0] in sys.stdlib_module_names:
        return True
    return any(name == root or name.startswith(f"{root}.") for root in MAY_IMPORT[folder])


@each(PLUGINS)
def test_a_file_has_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@each(PLUGINS)
def test_a_function_has_at_most_40_lines(path):
    functions = [node for node in ast.walk(_parse(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]

    assert [node.name for node in functions if node.end_lineno - node.lineno + 1 > 40] == []


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_one_way(folder):
    others = [ROOT / "plugins" / other for other in MAY_IMPORT if other.startswith(f"{folder}/")]
    files = [path for path in (ROOT / "plugins" / folder).rglob("*.py") if path.parent not in others]
    imports = {(name, _name(path)) for path in files for name in _imports(path)}

    assert {pair for pair in imports if not _may_import(folder, pair[0])} == set()


@pytest.mark.parametrize("folder", ["plugin_utils", "module_utils"])
def test_rooms_form_no_circle(folder):
    prefix = f"{OWN}{folder}."
    arrows = {}
    for path in (ROOT / "plugins" / folder).rglob("*.py"):
        room = path.relative_to(ROOT / "plugins" / folder).parts[0]
        names = [name[len(prefix) :].split(".")[0] for name in _imports(path) if name.startswith(prefix)]
        arrows.setdefault(room.removesuffix(".py"), set()).update(set(names) - {room.removesuffix(".py")})
    order = graphlib.TopologicalSorter(arrows)

    order.prepare()  # raises CycleError, with the rooms of a circle


def test_what_both_sides_import_needs_neither_of_them():
    shared = OWN + "module_utils._contract"
    imports = {name for path in (ROOT / "plugins/module_utils/_contract").rglob("*.py") for name in _imports(path)}

    assert {one for one in imports if one.split(".")[0] not in sys.stdlib_module_names and shared not in one} == set()


def test_tests_of_what_runs_on_hosts_import_nothing_of_the_controllers():
    imports = {(name, _name(path)) for path in OF_HOSTS for name in _imports(path)}

    assert {pair for pair in imports if ".plugin_utils" in pair[0]} == set()


def test_unit_tests_need_no_kernel():
    imports = {(name, _name(path)) for path in (ROOT / "tests/unit").rglob("*.py") for name in _imports(path)}

    assert {pair for pair in imports if pair[0].startswith(f"{TESTS}kernel")} == set()


@each(PLAYBOOKS)
def test_a_playbook_has_at_most_20_lines(path):
    lines = path.read_text(encoding="utf-8").splitlines()

    assert len([line for line in lines if line.strip() and not line.lstrip().startswith("#")]) <= 20


@each(TASKS)
def test_nothing_is_set_fact(path):
    assert "set_fact" not in path.read_text(encoding="utf-8")
