# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Several files with the variables of one group, of which Ansible takes one value and forgets the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from .._model.declaration import is_declared
from .._values.plain import plain
from .._values.problems import Problems, Where


def note_hidden_files(loader: Any, sources: Iterable[str], groups: Collection[str], problems: Problems) -> None:
    """Note what one file of a group hides of another, which the merged variables don't show.

    The files are beside the inventory's sources and the playbook.
    """
    paths = [Path(source) for source in sources if "," not in source]
    beside = [path if path.is_dir() else path.parent for path in paths]
    for folder in dict.fromkeys([*beside, Path(loader.get_basedir())]):
        for group in groups:
            files = _files(loader, folder, group)
            if len(files) > 1:
                # Unsafe means not copied: Ansible has read them before, and nothing here changes them.
                read = {file: loader.load_from_file(str(folder / file), unsafe=True) for file in files}
                note_hidden({file: found for file, found in read.items() if found}, problems)


def _files(loader: Any, folder: Path, group: str) -> list[str]:
    """Return the files of a group's variables, with those that Ansible passes over for a folder of the name."""
    found = loader.find_vars_files(str(folder / "group_vars"), group)
    named = [folder / "group_vars" / f"{group}{ending}" for ending in (".yml", ".yaml", ".json")]
    files = dict.fromkeys([*found, *(str(file) for file in named if file.is_file())]) if found else ()
    return [str(Path(file).relative_to(folder)) for file in files]


def note_hidden(files: Mapping[str, Mapping[str, object]], problems: Problems) -> None:
    """Note what several files of one group say in different ways: of these, Ansible takes one and forgets the others.

    ``files`` has what each file says, by its name.
    """
    first: dict[str, tuple[str, object]] = {}
    for name, variables in files.items():
        for key in (key for key in variables if is_declared(key) and variables[key] is not None):
            other, value = first.setdefault(key, (name, variables[key]))
            if variables[key] != value:
                expected = f"it in one file of the group: {other} has it, too, and Ansible takes only one of them"
                problems.add(Where(key, name), plain(variables[key]), expected)
