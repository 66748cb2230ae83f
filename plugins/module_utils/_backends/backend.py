# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What each kernel backend can do. One host has our rules in one of them; in two only while it changes over."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import Element
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import body, newer, read

Run = Callable[[List[str], Optional[str]], Tuple[int, str, str]]
"""Takes a command and a text for its standard input; returns exit code, standard output and standard error."""

Elements = Mapping[str, Sequence[str]]
"""The addresses and networks in sets, by the sets' names in a ruleset."""


class FirewallError(Exception):
    """The host refused; the message says what was asked and what it answered."""


class OvertakenError(FirewallError):
    """The rollback of a change has begun, and so the kernel refuses all the rest of the change."""


OVERTAKEN = 3
"""The exit code by which a loader's script says so."""


EDITED = (
    "{}: got a first line that can't be read, or that says of sets what the rules don't, expected it as it was "
    "rendered: the text was edited. Nothing was changed. Render it anew; on a host, harden does"
)


class Backend:
    """One way to put rules into this host's kernel. A ruleset is a text, in the form that the backend loads.

    What is part of a ``change`` fails as a whole once its rollback has begun, with OvertakenError: see ``mark``.

    What it needs is ``missing`` unless it is installed; then there is nothing to list and to delete, and every other
    method raises FirewallError, as it does where the host refuses.
    """

    name = ""
    packages: tuple[str, ...] = ()
    file_type = ""
    """What the names of its files end in."""
    helpers: Mapping[str, str] = MappingProxyType({})
    """Files by name, which lie beside the ruleset's file wherever ``load_command`` is used."""
    lister = ""
    """The full path of the command that prints what is in its sets."""
    missing = ""
    """The first of its commands that this host doesn't have."""
    refills_at_once = True
    """Whether ``refill`` is one transaction, so that it can be part of a change."""

    def version(self) -> str:
        """Return what is installed, in words."""
        raise NotImplementedError

    def listing(self) -> str:
        """Return our part of the kernel's rules, normalised; an empty text where there is none."""
        raise NotImplementedError

    def counted(self) -> str:
        """Return our part of the kernel's rules with what they have counted, as the backend prints it."""
        raise NotImplementedError

    def filled(self) -> list[Element] | None:
        """Return what the kernel has put into our sets of what no flow allows; None where our rules have none."""
        raise NotImplementedError

    def only_tracks(self, listing: str) -> bool:
        """Return whether a listing is what ``start_tracking`` made, which stands for no ruleset at all."""
        raise NotImplementedError

    def check(self, ruleset: str) -> None:
        """Have the real tool check a ruleset, without loading it."""
        raise NotImplementedError

    def load(self, ruleset: str, change: str = "") -> None:
        """Put a ruleset in place of our part of the rules: all of it, or nothing."""
        raise NotImplementedError

    def mark(self, change: str, wanted: str) -> None:
        """Put a change's marker into our rules, beside which nothing changes, in place of any other's.

        The rollback takes it away before anything else. ``wanted`` is the ruleset that the change leads to.
        """
        raise NotImplementedError

    def is_marked(self, change: str) -> bool:
        """Return whether the marker is there: the kernel has what the change has put there, and nothing since."""
        raise NotImplementedError

    def settle(self, change: str) -> None:
        """Take away what a change that is over has left: its marker, and what no rule uses any more."""
        raise NotImplementedError

    def header(self, ruleset: str, place: str) -> Header:
        """Return what a ruleset's first line says, to act by it; raise FirewallError where that can't be relied upon.

        The ``place`` is where the ruleset is from. Where the line says other of sets than the rules, that is an edit.
        """
        header = read(ruleset)
        if header.is_newer:
            raise FirewallError(newer(header, place))
        rules = body(ruleset)
        if header.format is None or (header.format and self.with_elements(rules, header.elements) != rules):
            raise FirewallError(EDITED.format(place))
        return header

    def with_elements(self, ruleset: str, wanted: Elements) -> str:
        """Return a ruleset, without its first line, whose sets hold something else; others stay as they are."""
        raise NotImplementedError

    def with_listed_set(self, listing: str, name: str, live: str) -> str:
        """Return a listing with a set as another listing has it, and all else as it was."""
        raise NotImplementedError

    def refill(self, before: Elements, after: Elements, change: str = "") -> None:
        """Change what sets in force hold, from this to that, without changing a rule."""
        raise NotImplementedError

    def previous(self) -> str:
        """Return the ruleset that leads back to what is in the kernel now."""
        raise NotImplementedError

    def start_tracking(self) -> None:
        """Start connection tracking, with something of ours that lets everything through."""
        raise NotImplementedError

    def delete(self) -> None:
        """Delete our part of the rules; there need not be any."""
        raise NotImplementedError

    def loader_arguments(self) -> str:
        """Return what ``_kept/watch_script.py`` gets: the loader's name, ``file_type``, and the host's commands."""
        raise NotImplementedError

    def load_command(self, file: str, *role: str) -> str:
        """Return the shell command that loads a ruleset from a file, without Python.

        The ``role`` is none at boot, or ``back`` and the change that it leads back from.
        """
        raise NotImplementedError

    def require(self) -> None:
        """Raise FirewallError where something is missing."""
        if self.missing:
            packages = " and ".join(self.packages)
            plural = "s" if len(self.packages) > 1 else ""
            raise FirewallError(
                f"there is no {self.missing} command on this host: install the package{plural} {packages}"
            )


class ScriptedBackend(Backend):
    """A backend whose one helper is a shell script, which brings the kernel to the ruleset in a file.

    The script gets the file, the full paths of the host's commands, and its role. Two at a time wait for each other.
    """

    rules_lock = Path("/run/gatehouse/rules.lock")

    def __init__(self, run: Run, commands: list[str]) -> None:
        """Keep the way to run commands (in the C locale), and the commands that the script gets."""
        self._run = run
        self._commands = commands

    def load_command(self, file: str, *role: str) -> str:
        """Return the command that loads a ruleset from a file, beside which the script lies."""
        (script,) = self.helpers
        return " ".join(["/bin/sh", str(Path(file).parent / script), file, *self._commands, *role])

    def loader_arguments(self) -> str:
        """Return the script's name, ``file_type``, and the commands that the script gets."""
        return " ".join([*self.helpers, self.file_type, *self._commands])

    def _run_script(self, ruleset: str, change: str) -> tuple[int, str, str]:
        """Have the script load a ruleset, as part of a change or of none; raise OvertakenError where that has ended."""
        ((name, script),) = self.helpers.items()
        role = ["change", change] if change else ["run"]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "ruleset"
            file.write_text(ruleset, encoding="utf-8")
            done = self._run(["/bin/sh", "-c", script, name, str(file), *self._commands, *role], None)
        if done[0] == OVERTAKEN:
            raise OvertakenError("the host's own rollback has begun before the new ruleset was loaded")
        return done
