# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A fleet's classes, by their addresses, as the file that another fleet's model has them from."""

from __future__ import annotations

import datetime
from typing import Any

import yaml

from .._model.exports import KEY
from .._policy.compile import Fleet
from .._values.problems import Problems, Where
from .._values.readers import is_name

_HEAD = "# Written by the playbook gatehouse.firewall.export. The other fleet names it in gatehouse_model_files.\n---\n"


def exported(fleet: Fleet, prefix: str, today: datetime.date, commit: str, problems: Problems) -> str:
    """Return the file's text; what comes from exports of others is not in it, since it has an age of its own.

    Classes of pods have no addresses here. ``commit`` is that of the inventory, or empty where there is none.
    """
    resolved = fleet.resolved
    names = [
        name
        for name, one in resolved.model.classes.items()
        if not one.pods and one.where.origin not in resolved.model.imported
    ]
    for name in names:
        is_name(Where("gatehouse_export_prefix"), f"{prefix}{name}", problems)
    classes = [{"name": f"{prefix}{name}", "networks": resolved.peers(name, "").texts()} for name in names]
    of_what: dict[str, Any] = {"date": today, **({"commit": commit} if commit else {})}
    return _HEAD + yaml.safe_dump({KEY: of_what, "classes": classes}, sort_keys=False)
