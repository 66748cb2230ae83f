# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Where tests have a change die, to see that the host comes through it."""

from __future__ import annotations

import os
import signal

VARIABLE = "GATEHOUSE_FAULT"


def fault_point(step: str) -> None:
    """Die here, as a process does that is killed, if a test has asked for it; nobody else sets the variable."""
    if os.environ.get(VARIABLE) == step:
        os.kill(os.getpid(), signal.SIGKILL)
