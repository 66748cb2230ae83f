"""The files of a plan: each host's ruleset, and what there is once for the fleet, written together or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from .compile import Fleet
from .errors import ModelError
from .render import security_group
from .render.security_group_limits import declared, remarks


def host_files(host: str, backend: str, ruleset: str, iptables_ruleset: Mapping[str, str]) -> dict[str, str]:
    """Return the files of one host's ruleset, by name, for the backend that is asked for, or else the best."""
    texts = iptables_ruleset if backend == "iptables" else {"nft": ruleset}
    return {f"{host}.{ending}": text for ending, text in texts.items()}


def fleet_files(fleet: Fleet) -> dict[str, str]:
    """Return the files that stand once for the fleet, by name: only those of which the model has objects.

    Raises ModelError where security groups of the user's own can't be written; a profile's are left out then, and
    ``fleet_remarks`` says so.
    """
    try:
        groups = security_group.render(fleet)
    except ModelError:
        if any(not group.where.origin.startswith("profile ") for group in declared(fleet)):
            raise
        groups = ()
    documents = [security_group.to_data(group) for group in groups]
    text = yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True, width=1000)
    return {"security_groups.yml": text} if documents else {}


def fleet_remarks(fleet: Fleet) -> list[str]:
    """Return what a user should know of these files, although nothing is wrong."""
    try:
        return list(remarks(fleet, security_group.render(fleet)))
    except ModelError as error:
        reasons = "; ".join(str(problem) for problem in error.problems)
        return [f"security_groups.yml is not written, since the profile's groups can't express the model: {reasons}"]


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
