# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The way through the core, in one direction: declared rows -> model -> resolved -> fleet of policies."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ._kubernetes.pod_flows import check_pods
from ._model.bounded_files import note_unsure_assertions, read_bounds
from ._model.calico_settings import read_calico
from ._model.declaration import Declaration
from ._model.exports import check_age
from ._model.model import Model, read_model
from ._model.profile import read_profiles
from ._policy.bounds import check_bounds
from ._policy.compile import Fleet, compile_fleet
from ._policy.resolve import Inventory, Lookup, resolve
from ._values.problems import Problems
from ._values.readers import flag_at
from ._verdict.assertions import check_assertions
from ._verdict.endpoints import Ends


def read(declaration: Declaration, problems: Problems) -> Model:
    """Read a declaration into a model, noting problems."""
    profiles = read_profiles(declaration.profiles, declaration.options, problems)
    user = declaration.user
    model = read_model(profiles, user, declaration.echo_request, declaration.refresh, problems)
    check_pods(model, problems)
    calico, dhcp = declaration.calico, declaration.dhcp
    known = (model.classes, model.same_as, model.flows)
    model = replace(
        model,
        dhcp=flag_at(dhcp.where, dhcp.value, True, problems),
        calico=read_calico(calico.where, calico.value, *known, problems),
        bounds=read_bounds(declaration.bounded, profiles, user, model, problems),
        imported=frozenset(export.origin for export in declaration.exported),
    )
    note_unsure_assertions(declaration.assertions, model, problems)
    return model


def hosts_to_read(
    declaration: Declaration, model: Model, groups: Mapping[str, Sequence[str]], also: Iterable[object] = ()
) -> list[str]:
    """Return the hosts whose declared variables the model needs: members of classes, and hosts that it names.

    ``also`` has what else may name hosts: the ends of a question.
    """
    named = [name for zone in model.zones.values() for name in zone.hostnames]
    named += [text for assertion in declaration.assertions for text in _texts(assertion.value)]
    known = {host for hosts in groups.values() for host in hosts}
    members = [host for node_class in model.classes.values() for host in node_class.members(groups)]
    return list(dict.fromkeys([*members, *(text for text in (*named, *also) if text in known)]))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def compile_model(
    declaration: Declaration,
    model: Model,
    inventory: Inventory,
    lookup: Lookup,
    today: datetime.date,
    problems: Problems,
) -> Fleet:
    """Compile a model for an inventory; raise ModelError with every problem there is, those of before among them."""
    with _without_collecting_garbage():
        check_age(declaration.exported, today, problems)
        resolved = resolve(model, inventory, lookup, problems)
        check_bounds(resolved, problems)
        fleet = compile_fleet(resolved, today, problems)
        if not problems.found:
            check_assertions(declaration.assertions, Ends(fleet, inventory, lookup), problems)
    problems.raise_if_any()
    return fleet


def build(
    declaration: Declaration, inventory: Inventory, lookup: Lookup, today: datetime.date, problems: Problems
) -> Fleet:
    """Go the whole way, for an inventory that has all hosts' variables."""
    return compile_model(declaration, read(declaration, problems), inventory, lookup, today, problems)


@contextmanager
def _without_collecting_garbage() -> Iterator[None]:
    # Nothing of what is made on the way is garbage, and Python would walk over all of it again and again.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
