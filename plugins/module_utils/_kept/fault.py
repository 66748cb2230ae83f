# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Where tests have a change die or stall, to see that the host comes through it."""

from __future__ import annotations

import os
import signal
import time

VARIABLE = "GATEHOUSE_FAULT"


def fault_point(step: str) -> None:
    """Die here, as a process does that is killed, if a test has asked for it; nothing else sets the variable.

    ``armed`` has a change die when it is armed, ``armed/8`` has it stall there for 8 seconds.
    """
    asked, _slash, seconds = os.environ.get(VARIABLE, "").partition("/")
    if asked == step and seconds:
        time.sleep(float(seconds))
    elif asked == step:
        os.kill(os.getpid(), signal.SIGKILL)
