"""The bounds that the design sets on this collection's own code."""

import ast
import graphlib
import io
import pathlib
import sys
import tokenize

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))
TASKS = sorted(path for folder in ("playbooks", "roles") for path in (ROOT / folder).rglob("*.yml"))

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

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


def _lines_of_code(text):
    """Return the numbers of the lines that hold code: no blank ones, no comments, no docstrings."""
    lines = text.splitlines()
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT and token.string.strip():
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.difference_update(range(node.lineno, node.end_lineno + 1))
    return {number for number in found if lines[number - 1].strip()}


@each(PLUGINS)
def test_a_file_has_at_most_400_lines_of_code(path):
    assert len(_lines_of_code(path.read_text(encoding="utf-8"))) <= 400


@each(PLUGINS)
def test_a_function_has_at_most_40_lines_of_code(path):
    text = path.read_text(encoding="utf-8")
    code = _lines_of_code(text)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS)]
    lengths = [(node.name, len(code & {*range(node.lineno, node.end_lineno + 1)})) for node in functions]

    assert [(name, length) for name, length in lengths if length > 40] == []


def test_only_code_counts_as_lines_of_code():
    text = '"""A module."""\n\n# Why.\nONE = (  # one\n    1,\n)\n"""What ONE is."""\n\nTEXT = """\na\n\nb\n"""\n'

    assert _lines_of_code(text) == {4, 5, 6, 9, 10, 12, 13}


def _folds(tree):
    """Yield the line of each statement that is folded into an expression where plain ones would say the same."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)) and isinstance(node.iter, ast.IfExp):
            yield node.iter.lineno, "an if within the for: put the if around it"
        elif isinstance(node, ast.comprehension) and _is_let(node):
            yield node.iter.lineno, "a for over one item: give it a name before"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and any(map(_is_bool, _sides_of(node))):
            yield node.lineno, "a multiplication by bool(): say if"
        elif isinstance(node, ast.Starred) and isinstance(node.value, (ast.List, ast.Set, ast.Tuple)):
            yield node.lineno, "a star before a display: list its items"


def _is_let(node):
    is_display = isinstance(node.iter, (ast.List, ast.Set, ast.Tuple)) and len(node.iter.elts) == 1
    return is_display and not isinstance(node.iter.elts[0], ast.Starred)


def _sides_of(node):
    return node.left, node.right


def _is_bool(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bool"


@each(PLUGINS)
def test_no_statement_is_folded_into_an_expression(path):
    assert list(_folds(_parse(path))) == []


@pytest.mark.parametrize(
    "folded",
    [
        "for x in a if c else (): pass",
        "b = [x for x in (a if c else ())]",
        "b = [y for x in a for y in [f(x)] if y]",
        "b = text * bool(x)",
        "b = bool(x) * text",
        'b = (*("a", "b"), *("c",))',
    ],
)
def test_a_fold_is_found(folded):
    assert len(list(_folds(ast.parse(folded)))) == (2 if "*(" in folded else 1)


@pytest.mark.parametrize(
    "plain",
    ["for x in [a]: pass", "b = [x for x in [*a]]", "b = a * 2", "b = (*a, *(c if d else ()), *(x for x in e))"],
)
def test_what_is_no_fold_is_let_alone(plain):
    assert list(_folds(ast.parse(plain))) == []


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
