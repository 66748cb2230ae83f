# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Run a module of ours on a host without Ansible's part of it, where that is safe.

To pack and to import that part takes longer than all that our modules do where nothing changes. Our own modules need
the standard library alone, so they go through the connection by themselves, as a zip file in memory, beside the
arguments. A host that has kept them compiled takes those of the same digest. Whatever speaks against it, the module
runs as any other does.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ...module_utils._contract.constants import ANSWER
from ...module_utils._host import ruleset_arguments
from .._values.plain import plain

OURS = "gatehouse.firewall."
ARGUMENTS = {"ruleset_info": ruleset_arguments.INFO, "ruleset_step": ruleset_arguments.STEP}
KEPT = "/run/gatehouse/modules-{}"
LOOKS = ("look", None)
"""The steps that may be taken twice; ``ruleset_info`` has none."""
_BY_SIGNAL = 128
"""Beyond it, a shell tells by which signal a program has ended. It was there, and did not decline."""
NO_ANSWER = "{} has ended without an answer on the host; its output is beside this"
_PACKAGE = "ansible_collections.gatehouse.firewall.plugins.module_utils"
_FOLDER = Path(ruleset_arguments.__file__).parent.parent
_IMPORT = re.compile(rf"^from {re.escape(_PACKAGE)}\.(\w+)(?:\.(\w+))? import (.*)$", re.MULTILINE)
_PATH = re.compile(r"/[\w./+-]+")
_ANSWER = re.compile(rf"^{ANSWER}(.*)$", re.MULTILINE)

# Either what root has kept where it alone can change that, or a file that is in memory alone, and gone with the
# process: Python imports from it by the path that /proc has of it.
_BEGIN = f"""\
import json, os, sys
asked = json.loads(sys.stdin.buffer.readline())
file = os.memfd_create("gatehouse")
with open(file, "wb", closefd=False) as packed: packed.write(sys.stdin.buffer.read())
path = asked["kept"]
try: found = [os.lstat(one) for one in (os.path.dirname(path), path)]
except OSError: found = []
if [(one.st_uid, one.st_mode) for one in found] != [(0, 0o040700), (0, 0o100600)]: path = "/proc/self/fd/%d" % file
sys.path.insert(0, path)
from {_PACKAGE}._host.alone import main
main(asked, path)
"""

Result = dict[str, Any]


class Runner:
    """Runs modules on the host of one task."""

    def __init__(self, action: ActionBase, task_vars: Mapping[str, Any]) -> None:
        """Take the action plugin that has the connection."""
        self._action = action
        self._task_vars = task_vars
        self._has_worked = False

    def result(self, module: str, arguments: Mapping[str, Any]) -> Result | None:
        """Return what a module answers; None where Ansible has to run it.

        Only what may be done twice is tried first: what Ansible would do again must not have been begun.
        """
        name = module[len(OURS) :]
        may_try = self._has_worked or arguments.get("step") in LOOKS
        python = self._python()
        if name not in ARGUMENTS or not may_try or not python or not self._is_possible(name):
            return None
        done = self._run(python, name, arguments)
        answer = _answer(done["stdout"])
        if answer is None and not self._has_worked and done["rc"] <= _BY_SIGNAL:
            return None
        self._has_worked = True
        if answer is None:
            said = {f"module_{stream}": done[stream] for stream in ("stdout", "stderr")}
            return {"failed": True, "msg": NO_ANSWER.format(module), "rc": done["rc"], **said}
        return answer

    def _is_possible(self, name: str) -> bool:
        """Return whether this is a host's shell that takes a module from its standard input, as Ansible's would be."""
        task, connection = self._action._task, self._action._connection
        is_plain = not (task.delegate_to or task.async_val or (task.check_mode and name == "ruleset_step"))
        is_posix = getattr(connection._shell, "SHELL_FAMILY", "") == "sh"
        return is_plain and is_posix and self._action._is_pipelining_enabled("new")

    def _python(self) -> str:
        """Return the Python of the host's modules; an empty text where Ansible has yet to find it."""
        given = self._task_vars.get("ansible_python_interpreter")
        if given is None:
            given = constants.config.get_config_value("INTERPRETER_PYTHON", variables=dict(self._task_vars))
        python = str(self._action._templar.template(given))
        if python.startswith("auto"):
            python = str(self._task_vars.get("ansible_facts", {}).get("discovered_interpreter_python", ""))
        return python if _PATH.fullmatch(python) else ""

    def _run(self, python: str, name: str, arguments: Mapping[str, Any]) -> Result:
        defaults = {key: one.get("default") for key, one in ARGUMENTS[name].items()}
        modules = packed_once()
        params = {**defaults, **plain(arguments)}
        kept = KEPT.format(hashlib.sha256(modules).hexdigest())
        asked = {"module": name, "params": params, "diff": self._action._task.diff, "kept": kept}
        environment = self._action._compute_environment_string()
        # Isolated from the host's site packages and variables: it needs none, and reads them for long.
        command = f"{environment} {shlex.quote(python)} -I -S -c {shlex.quote(_BEGIN)}".strip()
        found: Result = self._action._low_level_execute_command(
            command, in_data=json.dumps(asked).encode() + b"\n" + modules
        )
        return found


def packed_once() -> bytes:
    """Return what a task of this run has packed, for whatever host, or pack it now."""
    path = Path(constants.DEFAULT_LOCAL_TMP, "gatehouse-modules.zip")
    if not path.exists():
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(packed())
        unfinished.replace(path)
    return path.read_bytes()


def packed() -> bytes:
    """Return our modules that ``alone`` needs, as a zip file that Python imports from: the same bytes in each run."""
    content = io.BytesIO()
    files = {f"{_PACKAGE.replace('.', '/')}/{name}": text for name, text in sorted(_needed().items())}
    folders = sorted({str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."})
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for path, text in {**{f"{folder}/__init__.py": "" for folder in folders}, **files}.items():
            file.writestr(zipfile.ZipInfo(path), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _needed() -> dict[str, str]:
    """Return the texts of ``alone`` and of all that it imports of ours, by their paths."""
    waiting, found = {"_host/alone.py"}, {}
    while waiting:
        name = waiting.pop()
        found[name] = (_FOLDER / name).read_text(encoding="utf-8")
        waiting |= {one for one in _imported(found[name]) if one not in found}
    return found


def _imported(text: str) -> Iterator[str]:
    for room, module, names in _IMPORT.findall(text):
        if module:
            yield f"{room}/{module}.py"
        else:
            yield from (f"{room}/{name.split(' as ')[0].strip()}.py" for name in names.split(","))


def _answer(output: str) -> Result | None:
    """Return the answer in what a host has printed, which may be more; None where there is none."""
    lines = _ANSWER.findall(output)
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    # What begins so is for Ansible's own modules to say.
    return {key: one for key, one in found.items() if not key.startswith("_ansible_")}
