# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What Ansible keeps to itself and we can't do without, each in one place.

A later ansible-core may have any of it elsewhere. Then a task fails with that, and not with a traceback.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import release
from ansible.errors import AnsibleActionFail
from ansible.inventory.manager import IGNORED
from ansible.utils.path import unfrackpath

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None  # ansible-core before 2.19

_DEFAULT_SOURCE = "/etc/ansible/hosts"  # it needn't be there
UNKNOWN = (
    "gatehouse.firewall doesn't know this ansible-core ({0}): its {1} has no {2}. Use a release that it is tested with"
)


def variable_manager(hostvars: object) -> Any:
    """Return what reads variables for a host, a play and a task."""
    return _of(hostvars, "_variable_manager")


def inventory(hostvars: object) -> Any:
    """Return the inventory: its groups and hosts, of the play or not."""
    return _of(hostvars, "_inventory")


def inventory_sources(found: object) -> Sequence[str]:
    """Return the paths of an inventory (-i); one with a comma is a list of hosts."""
    sources: Sequence[str] = _of(found, "_sources")
    return sources


def unparsed_sources(found: object) -> list[str]:
    """Return the sources of an inventory that Ansible could not parse, of a folder each file; it only warns of them.

    What a source has left out that could be parsed, Ansible doesn't know.
    """
    parsed = set(_of(_of(found, "_inventory"), "processed_sources"))
    unparsed = []
    for source in filter(None, inventory_sources(found)):
        path = source if "," in source else unfrackpath(source, follow=False)
        if path != _DEFAULT_SOURCE or Path(path).exists():
            unparsed += [leaf for leaf in list(_leaves(path)) or [path] if leaf not in parsed]
    return unparsed


def _leaves(path: str) -> Iterator[str]:
    """Yield what Ansible parses of a source: itself, or what is in a folder and isn't ignored there."""
    if "," in path or not Path(path).is_dir():
        yield path
        return
    for entry in sorted(Path(path).iterdir()):
        if not IGNORED.search(os.fsencode(entry.name)):
            yield from _leaves(str(entry))


def included_by_host(manager: object) -> Mapping[str, Mapping[str, Any]]:
    """Return what include_vars has set for each host."""
    found: Mapping[str, Mapping[str, Any]] = _of(manager, "_vars_cache")
    return found


def set_by_host(manager: object) -> Mapping[str, Mapping[str, Any]]:
    """Return what set_fact and register have set for each host in this run."""
    found: Mapping[str, Mapping[str, Any]] = _of(manager, "_nonpersistent_fact_cache")
    return found


def role(task: object) -> Any:
    """Return the role that a task is of; None where it is a play's."""
    return _of(task, "_role")


def role_vars(found: object) -> Mapping[str, Any]:
    """Return the variables in a role's own vars, without those of roles that depend on it and the other way round."""
    variables: Mapping[str, Any] = _of(found, "_role_vars")
    return variables


def role_defaults(found: object) -> Mapping[str, Any]:
    """Return the variables in a role's own defaults."""
    variables: Mapping[str, Any] = _of(found, "_default_vars")
    return variables


def folder_of(value: object) -> Path | None:
    """Return the folder of the file in which a value of a variable was written; None where Ansible doesn't know it.

    It doesn't for what stands on the command line. Before ansible-core 2.19 it knows only of what stands in YAML, and
    of no value that has been through a template.
    """
    if Origin:
        found = Origin.get_tag(value)
        path = found.path if found else None
    else:
        path = getattr(value, "ansible_pos", (None,))[0]
    return Path(path).parent if path and Path(path).is_absolute() else None


def _of(owner: object, name: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError as error:
        raise AnsibleActionFail(UNKNOWN.format(release.__version__, type(owner).__name__, name)) from error
