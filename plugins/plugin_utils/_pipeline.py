"""The way through the core, in one direction: declared rows -> model -> resolved -> fleet of policies."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ._kubernetes.pod_flows import check_pods
from ._model.calico_settings import read_calico
from ._model.declaration import Declaration
from ._model.model import Model, read_model
from ._model.profile import read_profiles
from ._policy.compile import Fleet, compile_fleet
from ._policy.resolve import Inventory, Lookup, resolve
from ._values.problems import Problems
from ._values.readers import flag_at
from ._verdict.assertions import check_assertions
from ._verdict.endpoints import Ends


def read(declaration: Declaration, problems: Problems) -> Model:
    """Read a declaration into a model, noting problems."""
    profiles = read_profiles(declaration.profiles, declaration.options, problems)
    model = read_model(profiles, declaration.user, declaration.echo_request, declaration.refresh, problems)
    check_pods(model, problems)
    calico, dhcp = declaration.calico, declaration.dhcp
    known = (model.classes, model.same_as, model.flows)
    return replace(
        model,
        dhcp=flag_at(dhcp.where, dhcp.value, True, problems),
        calico=read_calico(calico.where, calico.value, *known, problems),
    )


def build(
    declaration: Declaration, inventory: Inventory, lookup: Lookup, today: datetime.date, problems: Problems
) -> Fleet:
    """Compile a declaration for an inventory; raise ModelError with every problem there is."""
    with _without_collecting_garbage():
        model = read(declaration, problems)
        fleet = compile_fleet(resolve(model, inventory, lookup, problems), today, problems)
        if not problems.found:
            check_assertions(declaration.assertions, Ends(fleet, inventory, lookup), problems)
    problems.raise_if_any()
    return fleet


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
