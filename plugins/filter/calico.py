# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico's objects as filters: from a model, from Calico 2's form, and what the linter says of any."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico import objects as calico
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.v1 import to_v3
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.given_model import (
    compiled,
    with_plain_errors,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems


def to_calico(model, groups, hostvars):
    """Return the objects that have Calico enforce a model, in the order in which to create them."""
    problems = Problems()
    objects = calico.render(compiled(model, groups, hostvars), problems)
    problems.raise_if_any()
    return objects


def calico_v1_to_v3(objects):
    """Return objects of Calico 2 in today's form."""
    problems = Problems()
    converted = to_v3(plain(objects), problems)
    problems.raise_if_any()
    return converted


def calico_findings(objects):
    """Return what Calico would refuse of objects, and what it would take otherwise than it is meant."""
    found = lint([plain(objects)] if isinstance(objects, Mapping) else plain(objects))
    return {"errors": [str(one) for one in found.errors], "warnings": [str(one) for one in found.warnings]}


class FilterModule:
    """Make the filters known to Ansible."""

    def filters(self):
        """Return the filters by name."""
        functions = (calico_findings, calico_v1_to_v3, to_calico)
        return {function.__name__: with_plain_errors(function) for function in functions}
