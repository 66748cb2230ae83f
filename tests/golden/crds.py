"""Calico's published schemas, from a folder that GATEHOUSE_CALICO_CRDS names: the OpenAPI part and the CEL rules.

The schemas are Calico's, and no part of this project.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celpy
import jsonschema
import yaml

FOLDER = os.environ.get("GATEHOUSE_CALICO_CRDS", "")


@functools.cache
def schemas() -> dict[str, Any]:
    """Return the schema of each kind."""
    found = {}
    for path in sorted(Path(FOLDER).glob("*.yaml")):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        found[crd["names"]["kind"]] = _strict(copy.deepcopy(crd["versions"][0]["schema"]["openAPIV3Schema"]))
    return found


def complaints(one: dict[str, Any]) -> list[str]:
    """Return what Calico's schema says against an object; a key that it doesn't know is one, since it would be lost."""
    schema = schemas()[one["kind"]]
    errors = jsonschema.Draft202012Validator(schema).iter_errors(one)
    return [f"{error.json_path}: {error.message}" for error in errors] + list(_broken_rules(schema, one, "$"))


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and "type" in found and found["properties"]:
        found.setdefault("additionalProperties", False)
    return found


def _broken_rules(schema: Any, value: Any, place: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations") or []:
        if not _holds(rule["rule"], value):
            yield f"{place}: {rule.get('message') or rule['rule']}"
    for key, inner in (schema.get("properties") or {}).items():
        if isinstance(value, dict) and key in value:
            yield from _broken_rules(inner, value[key], f"{place}.{key}")
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from _broken_rules(schema.get("items") or {}, item, f"{place}[{index}]")


@functools.cache
def _program(rule: str) -> Any:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule))


def _holds(rule: str, value: Any) -> bool:
    return bool(_program(rule).evaluate({"self": celpy.json_to_cel(value)}))
