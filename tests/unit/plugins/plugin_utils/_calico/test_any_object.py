"""Whatever stands at a place of an object, the linter and the converter say what is wrong, and never break."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.v1 import to_v3
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._calico.test_v1 import IBMS_EXAMPLE, OTHERS

GOOD = yaml.safe_load((Path(__file__).parent / "lint.yml").read_text(encoding="utf-8"))["good"]
OLD = [yaml.safe_load(IBMS_EXAMPLE), *yaml.safe_load(OTHERS)]
STRANGE = ([], {}, [[]], [{}], {"a": []}, 5, -1, 1.5, True, None, "", "x", "a b", [5], ["x"], "0.0.0.0/0")


def paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


def put(document, path, value):
    document = copy.deepcopy(document)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = copy.deepcopy(value)
    return document


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_the_linter_never_breaks(strange):
    for path in list(paths(GOOD))[1:]:
        lint(put(GOOD, path, strange))


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_the_converter_never_breaks(strange):
    for path in list(paths(OLD))[1:]:
        to_v3(put(OLD, path, strange), Problems())
