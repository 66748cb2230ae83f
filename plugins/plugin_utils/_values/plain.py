# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Values without Ansible's own types in them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Return a value without Ansible's own types in it: mappings, lists, and Python's plain scalars.

    What else there is (a vaulted value, say) is its text.
    """
    if isinstance(value, Mapping):
        return {_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, datetime.date)):
        return value
    # Since ansible-core 2.19, a number in an inventory is of a type of Ansible's, which YAML can't write.
    number = next((kind for kind in (int, float) if isinstance(value, kind)), None)
    return number(value) if number else _text(value)


def _text(value: object) -> str:
    # Before ansible-core 2.19, str() of one of Ansible's texts is the same again.
    return str.__str__(value) if isinstance(value, str) else str(value)
