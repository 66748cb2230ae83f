# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Every backend there is. A host takes the best that it has, or the one it is told."""

from __future__ import annotations

from typing import Callable

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend, Run
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft


def all_backends(run: Run, find: Callable[[str], str | None]) -> list[Backend]:
    """Return every backend, the best first; ``find`` returns a command's full path, or None."""
    return [Nft(run, find("nft")), Iptables(run, find("iptables"), find("ip6tables"), find("ipset"))]
