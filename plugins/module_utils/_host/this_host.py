# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The host on which a module runs: its backends, which of them to take, and its files."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Mapping, Protocol, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.all import all_backends
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.commands import DIRECTORIES
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import Observing
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.host_firewall import HostFirewall
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.before import Before
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import Boot
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.denials import Denials, Remembered
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import Rollback
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import Answered
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import with_answers
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.interpreter import interpreter
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh_unit import RefreshUnit
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refreshing import Refreshing
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import Declared
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.ebpf import replaces_kube_proxy, suspects
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.managers import Managers
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.surroundings import Surroundings

AUTO = "auto"


class Module(Protocol):
    """What of AnsibleModule is asked for here; ``alone`` has it without Ansible."""

    params: Mapping[str, Any]
    _diff: bool

    def run_command(self, args: list[str], **how: Any) -> tuple[int, str, str]:
        """Run a command; return exit code, standard output and standard error."""

    def get_bin_path(self, arg: str, *, opt_dirs: Sequence[str]) -> str | None:
        """Return the full path of a command, if there is one."""

    def atomic_move(self, src: str, dest: str) -> None:
        """Put a file in another's place."""


class ThisHost:
    """This host's firewall, in the backend that was asked for or, with ``auto``, in the best that it has.

    ``rulesets`` has the ruleset for each backend that may be taken. Raises FirewallError where there is none for the
    backend that was asked for, and where this isn't root.
    """

    def __init__(self, module: Module) -> None:
        """Look for the backends' commands."""
        if os.geteuid() != 0:
            raise FirewallError("only root can read and change the firewall: use become")
        self._module = module
        rulesets = given_rulesets(module.params)
        self._backends = all_backends(self.run, self._find)
        self.backend, self.reason = choose(self._backends, module.params["backend"], list(rulesets))
        self._boot = Boot(self._run_or_raise, self._write)
        find_python = partial(interpreter, self.run)
        unit = RefreshUnit(self._run_or_raise, self._write, self._boot.has_systemd(), find_python)
        self._refreshing = Refreshing(unit, Answered.read(self._write))
        given = rulesets.get(self.backend.name)
        # What a later version has left can still be taken away: that needs to read nothing of it.
        if given != "":
            self._boot.refuse_newer()
            self.backend.header(given or "", "the ruleset")  # what it says goes into its sets, with answers
        answers = module.params.get("answers")
        # What was edited by hand is no answer that this host has found.
        unedited = (backend for backend in self._backends if not self._boot.is_edited(backend))
        rulesets_of_boot = (self._boot.ruleset(backend) for backend in unedited)
        self.answers = self._refreshing.answers(rulesets_of_boot) if answers is None else answers
        self.wanted = with_answers(self.backend, given, self.answers) if given else given

    def firewall(self) -> HostFirewall:
        """Return the firewall of this host."""
        rollback = Rollback(self._run_or_raise, self.backend, self._boot.has_systemd())
        others = [backend for backend in self._backends if backend is not self.backend]
        denials = Denials(self._run_or_raise, self._write, self._boot.has_systemd())
        remembered = Remembered(Observing(self._write), denials, Before(self._write))
        return HostFirewall(self.backend, others, self._boot, rollback, self._refreshing, remembered)

    @property
    def boot_command(self) -> str:
        """Return what would load our rules, without systemd."""
        return self._boot.load_command(self.backend)

    def managers(self) -> Managers:
        """Return the other managers of this host's firewall."""
        return Managers(self.run, self._run_or_raise, self._write)

    def surroundings(self) -> Surroundings | None:
        """Return what is around our rules; None where the controller says nothing to hold it to."""
        declared = Declared.read(self._module.params)
        return Surroundings(self.run, self._find, declared) if declared else None

    def ebpf(self) -> dict[str, object]:
        """Return what redirects packets before netfilter sees them, and the interfaces where something may."""
        found = {name: self._find(name) for name in ("ip", "tc")}
        paths = {name: path for name, path in found.items() if path}
        return {"kube_proxy": replaces_kube_proxy(Path("/")), "interfaces": suspects(self.run, paths)}

    def run(self, words: list[str], text: str | None) -> tuple[int, str, str]:
        """Run a command in the C locale; return exit code, standard output and standard error.

        Raises FirewallError where there is no such command: the module would end here and now, even on a stage.
        """
        command = words if "/" in words[0] else [self._find(words[0]) or words[0], *words[1:]]
        how = {"environ_update": {"LC_ALL": "C", "LANGUAGE": "C"}, "handle_exceptions": False}
        try:
            code, output, error = self._module.run_command(command, data=text, binary_data=True, **how)
        except OSError as problem:
            raise FirewallError(f"can't run {words[0]}: {problem.strerror}") from problem
        return code, output, error

    def _find(self, command: str) -> str | None:
        path: str | None = self._module.get_bin_path(command, opt_dirs=DIRECTORIES)
        return path

    def _run_or_raise(self, words: list[str]) -> None:
        code, output, error = self.run(words, None)
        if code != 0:
            raise FirewallError(f"{' '.join(words)} failed: {(error or output).strip()}")

    def _write(self, path: Path, content: str | bytes) -> None:
        temporary = None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # In the same folder, so that the file is replaced by a rename.
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            self._module.atomic_move(temporary, str(path))
            # systemd complains of units that only root can read.
            path.chmod(0o644 if {".service", ".timer"} & {*path.suffixes} else 0o600)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise FirewallError(f"can't write {path}: {error.strerror}") from error


def given_rulesets(params: Mapping[str, object]) -> dict[str, str]:
    """Return the rulesets among a module's parameters, by backend; empty texts where ours is to be taken away."""
    if params.get("state") == "absent":
        return {Nft.name: "", Iptables.name: ""}
    rulesets = {}
    if params["ruleset"] is not None:
        rulesets[Nft.name] = str(params["ruleset"])
    files = params["iptables_ruleset"]
    if isinstance(files, dict):
        rulesets[Iptables.name] = joined(files)
    return rulesets


def choose(backends: Sequence[Backend], requested: str, given: Sequence[str]) -> tuple[Backend, str]:
    """Return the backend to take, and why; ``given`` names those that there is a ruleset for.

    Where there is none for any, the caller only looks, and any will do.
    """
    possible = [backend for backend in backends if backend.name in given] or list(backends)
    if requested != AUTO:
        found = [backend for backend in possible if backend.name == requested]
        if not found:
            raise FirewallError(f"backend: got {requested}, expected a ruleset for it as well")
        return found[0], "it was asked for"
    installed = [backend for backend in possible if not backend.missing]
    if not installed:
        return possible[0], f"the host has no {' and no '.join(backend.missing for backend in possible)} yet"
    without = [f", and no {backend.missing}" for backend in possible[: possible.index(installed[0])]]
    return installed[0], f"the host has {installed[0].version()}{''.join(without)}"
