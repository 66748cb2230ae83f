"""Models for tests: plain documents with the variables of a model, the inventory's groups and each host's variables."""

from __future__ import annotations

import copy
import datetime
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils import _pipeline as pipeline
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import Source, declare
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Model
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.sources import load_profile
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Fleet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError, Problem, Problems

DATA = Path(__file__).parent / "data"
TODAY = datetime.date(2026, 11, 21)
NAMES = {"git.example.org": ("198.51.100.7", "2001:db8::7")}

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def read_data(name: str) -> Any:
    """Return the content of a file of the folder data."""
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


def good(put: Mapping[str, object] | None = None, drop: Iterable[str] = (), profiled: bool = False) -> dict[str, Any]:
    """Return a model without a problem, with values put at paths such as ``gatehouse_flows[1].ports[0]``."""
    document: dict[str, Any] = copy.deepcopy(_PROFILED if profiled else _GOOD)
    for path, value in copy.deepcopy(dict(put or {})).items():
        parent, key = _find(document, path)
        if isinstance(parent, list) and key == len(parent):
            parent.append(value)
        else:
            parent[key] = value
    for path in drop:
        parent, key = _find(document, path)
        del parent[key]
    return document


def build(document: Mapping[str, Any], today: datetime.date = TODAY) -> Fleet:
    """Compile a document; host names resolve as its ``names``, or NAMES, have them."""
    problems = Problems()
    variables = {key: value for key, value in document.items() if key not in ("groups", "hosts", "names")}
    names = document.get("names", NAMES)
    declaration = declare([Source("", variables)], load_profile, problems)
    inventory = Inventory(document.get("groups", {}), document.get("hosts", {}))
    return pipeline.build(declaration, inventory, lambda name: names.get(name, ()), today, problems)


def problems_of(document: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return the problems of a document; none where it compiles."""
    try:
        build(document)
    except ModelError as error:
        return error.problems
    return ()


def read(**variables: object) -> Model:
    """Read variables, without their prefix, into a model; raise ModelError where there is a problem."""
    problems = Problems()
    written = {f"gatehouse_{key}": value for key, value in variables.items()}
    model = pipeline.read(declare([Source("", written)], load_profile, problems), problems)
    problems.raise_if_any()
    return model


def _find(document: Any, path: str) -> tuple[Any, Any]:
    steps = [int(index) if index else key for index, key in _STEP.findall(path)]
    for step in steps[:-1]:
        document = document[step]
    return document, steps[-1]


_GOOD = read_data("good_model.yml")
_PROFILED = read_data("profiled_model.yml")
