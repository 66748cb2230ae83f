# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The connection to a host, made anew after a change: only a new one shows that the host can still be reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

from .._change.confirmation import OVER_NETWORK

PAUSE = 0.5  # seconds between two tries


def plugin_of(connection: Any) -> str:
    """Return the name of a connection's plugin."""
    return str(getattr(connection, "transport", "") or type(connection).__name__)


def begins_anew(connection: Any) -> bool:
    """Return whether a connection is one over the network that can be made anew."""
    resets = getattr(type(connection), "reset", None) is not ConnectionBase.reset
    return resets and plugin_of(connection).rpartition(".")[2] in OVER_NETWORK


def over_new_connection(
    connection: Any, seconds: float, ask: Callable[[], dict[str, Any]], is_enough: Callable[[dict[str, Any]], bool]
) -> dict[str, Any] | None:
    """Ask over connections made from now on, until an answer is enough.

    Return the last answer; None where no connection could be made in time.
    """
    result, deadline = None, time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if hasattr(connection, "reset"):
                connection.reset()
            result = ask()
            if is_enough(result):
                return result
        except AnsibleConnectionFailure:
            pass
        time.sleep(PAUSE)
    return result
