# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's questions with a yes or no for an answer, as tests."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.given_model import (
    explanation,
    with_plain_errors,
)


def reachable(model, sender, receiver, port, groups, hostvars):
    """Return whether all packets from one end to a port of the other pass."""
    return explanation(model, sender, receiver, port, groups, hostvars).allowed


class TestModule:
    """Make the tests known to Ansible."""

    def tests(self):
        """Return the tests by name."""
        return {"reachable": with_plain_errors(reachable)}
