# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the controller and its hosts have to agree on.

The controller's side imports this room of module_utils, and no other.
"""

from __future__ import annotations

VERSION = "1.0.0-beta.1"
"""This collection's version, as galaxy.yml has it: an installed collection has no galaxy.yml."""

TABLE = "inet gatehouse"
"""The one table of nftables that is ours."""

DESCRIPTION_MARK = "#: "
"""Starts each comment line that tells people what the rules let through."""

DIRECTIONS = ("ingress", "egress")

FORWARD = "forward"
"""What a host forwards for those behind it, which has a mode of its own."""

MODE_DIRECTIONS = (*DIRECTIONS, FORWARD)

OBSERVE, ENFORCE = "observe", "enforce"
"""The modes of a ruleset. One that observes denies nothing."""

OBSERVES = f"mode: {OBSERVE}, nothing is blocked, and what no flow allows is counted"
OBSERVES_ONE = f"mode: {OBSERVE} of {{}}, where nothing is blocked, and what no flow allows is counted"
ENFORCES = f"mode: {ENFORCE}"

OBSERVED_MOST = 4096
"""Keys in one set of what was observed. When it is full, the kernel takes no more."""

OBSERVED_SECONDS = 2147483
"""How long such a key stays that is not renewed: as long as ipset can tell, almost 25 days."""

KNOWN, STRANGER, ANY = "known", "stranger", "any"
"""The peers of denials: those that the model knows, others, and any at all where the sets of these take no more."""

KNOWN_PEERS = ("denied.known", "denied.known.networks")
"""What names the sets of all that a class or zone of the model has, but for what anybody may have.

The kernel finds a single address faster, and takes it in faster, in a set without networks: these have their own. Both
let nothing through: they tell the peers of denials apart.
"""

DENIED_SECONDS = {KNOWN: OBSERVED_SECONDS, STRANGER: 3600, ANY: 3600}
"""How long a key in a set of what was denied stays that is not renewed."""

NO_PEER = {4: "0.0.0.0", 6: "::"}  # noqa: S104  # nothing is bound to it
"""What stands for the peer, by family, where the port alone is kept."""

ANY_PEER = {4: "0.0.0.0/1,udplite:0 timeout 0", 6: "::/1,udplite:0 timeout 0"}
"""What an ipset, by family, has from the start in which ports are kept without their peers: see ipsets.py."""

ANSWER = "gatehouse-answer: "
"""Begins the line of a module's answer where that runs without Ansible's part of it."""

MAX_ADDRESSES = 256
"""How many addresses of a family count behind one host name, unless said otherwise."""
