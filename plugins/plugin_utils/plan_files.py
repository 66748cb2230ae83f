"""The files of a plan: each host's ruleset, and what there is once for the fleet, written together or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from .compile import Fleet
from .render import network_policy

NETWORK_POLICIES = "network_policy.yml"


def host_files(host: str, backend: str, ruleset: str, iptables_ruleset: Mapping[str, str]) -> dict[str, str]:
    """Return the files of one host's ruleset, by name, for the backend that is asked for, or else the best."""
    texts = iptables_ruleset if backend == "iptables" else {"nft": ruleset}
    return {f"{host}.{ending}": text for ending, text in texts.items()}


def fleet_files(fleet: Fleet) -> dict[str, str]:
    """Return the files that stand once for the fleet, by name; where the model has no pods with policies, none."""
    if not network_policy.namespaces(fleet.resolved.model):
        return {}
    policies = network_policy.render(fleet)
    # Without any, the file says so: one of an older plan would be taken for this one's.
    return {NETWORK_POLICIES: _documents(policies) if policies else "# gatehouse.firewall: no NetworkPolicy\n"}


def _documents(objects: Sequence[Mapping[str, object]]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False, explicit_start=True)


def write_files(directory: Path, files: Mapping[str, str]) -> bool:
    """Write the files that differ from what is there: all of them, or none; return whether there were any.

    Raises OSError where that can't be done.
    """
    temporary: dict[Path, str] = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = directory / name
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            handle, temporary[path] = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        for path, written in temporary.items():
            Path(written).replace(path)
    except OSError:
        for written in temporary.values():
            Path(written).unlink(missing_ok=True)
        raise
    return bool(temporary)
