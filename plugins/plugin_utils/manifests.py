"""What stands once for the fleet, beside each host's ruleset: objects for whoever else enforces the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .compile import Fleet
from .errors import Problems
from .render import calico

Manifests = Mapping[str, Sequence[Mapping[str, Any]]]
"""Objects by the name of what enforces them, which is that of a plan's file, too."""


def manifests(fleet: Fleet, problems: Problems) -> Manifests:
    """Return all objects of a fleet; note what can't be expressed by them."""
    found = {"calico": calico.render(fleet, problems)}
    return {name: objects for name, objects in found.items() if objects}


def manifest_files(found: Manifests) -> dict[str, str]:
    """Return the text of each file, by name: a YAML document for each object."""
    return {f"{name}.yml": dump(objects) for name, objects in found.items()}


def dump(documents: Sequence[object]) -> str:
    """Return documents as YAML, their keys in the order that they have."""
    return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, explicit_start=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Writes lists as ansible-lint and yamllint want them: further in than their keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless  # it is true for a list under a key
        super().increase_indent(flow, indentless=False)
