# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A model in many files: what ``gatehouse_model_files`` names, and the rows that stand there.

A file is a mapping of lists, ``zones``, ``flows`` and so on, whose rows are those of the variables. An entry may be a
folder, which stands for all files in YAML under it, but those whose names begin with a dot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .._values.problems import Problems, Where
from .._values.readers import Item, rows
from . import exports
from .model import Declared

KEY = "gatehouse_model_files"
LISTS = ("classes", "zones", "services", "flows", "security_groups", "assertions")

_ENTRY_KEYS = ("path", "may", "max_age")
_DAYS = (1, 3650)
_ENDINGS = (".yml", ".yaml", ".json")
_EXPECTED_FOLDER = "an absolute path: the file that says this isn't known, so that a path can't be relative to it"


@dataclass(frozen=True)
class Bounded:
    """Files with bounds: where an entry says ``may``, what it says, and the places of the files' rows."""

    may: Declared
    origins: tuple[str, ...]


@dataclass
class ModelFiles:
    """What all files say: the rows of each list, which of the files have bounds, and which are exports."""

    rows: dict[str, list[Declared]] = field(default_factory=lambda: {key: [] for key in LISTS})
    bounded: list[Bounded] = field(default_factory=list)
    exported: list[exports.Export] = field(default_factory=list)


@dataclass(frozen=True)
class _Entry:
    where: Where
    path: Path
    may: Declared
    max_age: int | None

    @property
    def is_bounded(self) -> bool:
        return self.may.value is not None


def read_model_files(entries: Iterable[tuple[Where, object, Path | None]], problems: Problems) -> ModelFiles:
    """Return what files say; an entry is its place, its value and the folder that it is relative to, where it is known.

    A file that several entries name is read once; they have to agree on its bounds.
    """
    found = ModelFiles()
    first: dict[Path, _Entry] = {}
    for entry in (_read_entry(*one, problems) for one in entries):
        if entry is None:
            continue
        origins = []
        for file in _files(entry, problems):
            before = first.setdefault(file, entry)
            if before.may.value != entry.may.value:
                expected = f"the same bounds wherever a file is named: {before.where} names {_text(file)}, too"
                problems.add(entry.where, str(entry.path), expected)
            elif before is entry:
                origins.append(_read_file(file, entry, found, problems))
        if entry.max_age and not {export.origin for export in found.exported} & {*origins}:
            problems.add(entry.where, entry.max_age, "no max_age where no file is another fleet's export")
        if entry.is_bounded and origins:
            found.bounded.append(Bounded(entry.may, tuple(origins)))
    return found


def _read_entry(where: Where, value: object, folder: Path | None, problems: Problems) -> _Entry | None:
    item = Item(where, {"path": value} if isinstance(value, str) else value, _ENTRY_KEYS, problems)
    if not item.is_mapping:
        return None
    path, place = item.raw("path"), where if isinstance(value, str) else item.place("path")
    if not isinstance(path, str) or not path:
        problems.add(place, path, "the path of a file or of a folder")
        return None
    if "may" in item.keys() and not item.has("may"):
        problems.add(item.place("may"), None, "bounds: a mapping with the keys from, to")
        return None
    asked = _at_home(Path(path))
    if not asked.is_absolute() and folder is None:
        problems.add(place, path, _EXPECTED_FOLDER)
        return None
    max_age = item.number("max_age", *_DAYS, exports.MAX_AGE) if item.has("max_age") else None
    return _Entry(place, (folder or Path()) / asked, Declared(item.place("may"), item.raw("may")), max_age)


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such home, and no file either
        return path


def _files(entry: _Entry, problems: Problems) -> list[Path]:
    found, why = [], ""
    try:
        is_own = not (entry.is_bounded and entry.path.is_symlink())
        if entry.path.is_file() and is_own:
            return [entry.path.resolve()]
        why = "" if is_own else "what has bounds is no link"
        found = sorted({path.resolve() for path in entry.path.rglob("*") if _is_of_model(path, entry.path)})
    except OSError as error:
        why = str(error.strerror)
    outside = [path for path in found if not path.is_relative_to(entry.path.resolve())]
    for path in outside:
        problems.add(entry.where, str(entry.path), f"files under it, and no link that leads to {path}")
    if not found:
        expected = f"a file in YAML, or a folder with at least one ({', '.join(_ENDINGS)})"
        problems.add(entry.where, str(entry.path), expected, why)
    return [path for path in found if path not in outside]


def _is_of_model(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix in _ENDINGS and not hidden and path.is_file()


def _read_file(path: Path, entry: _Entry, found: ModelFiles, problems: Problems) -> str:
    """Add a file's rows to those that were found; return what its places are called by."""
    origin = f"file {_text(path)}"
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError, RecursionError) as error:
        problems.add(entry.where, _text(path), "a file in YAML", " ".join(str(error).split()))
        return origin
    item = Item(Where("", origin), {} if content is None else content, (*LISTS, exports.KEY), problems)
    said = {key: [Declared(*row) for row in rows(item.place(key), item.raw(key), problems)] for key in LISTS}
    if exports.KEY in item.keys():
        found.exported.append(exports.read_export(item, entry.where, entry.max_age or exports.MAX_AGE))
        exports.note_managed(said["classes"], problems)
    for key, its_rows in said.items():
        found.rows[key] += its_rows
    return origin


def _text(path: Path) -> str:
    """Return a path as people call it: from the working directory, where it is below that."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


class _Loader(yaml.SafeLoader):
    """Reads YAML, and takes no key twice: the first one's flows would be gone without a word.

    It is not libyaml's, which crashes on what is nested deeply, and so would let a file's author end any run.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Return a mapping; raise ConstructorError where a key comes twice."""
        keys = [key.value for key, _value in node.value]
        for index, (key, _value) in enumerate(node.value):
            if key.value in keys[:index] and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
        found: dict[object, object] = super().construct_mapping(node, deep)
        return found
