# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold what packets have shown to what the model says, and ask from the controller as well."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.own_resets import OwnResets
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.prober import ask
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import FleetAction
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.choose import Probe, from_controller
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.judge import (
    ReceiverState,
    by_pair,
    complaint,
    inconclusive,
    judge,
    line,
    shown,
    table,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.explain import explain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.owners import Owners
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.reach import Port

NOT_ASKED = "the sender's host was not reached or could not ask"


class ActionModule(FleetAction):
    """Show the table, and fail where packets and model disagree."""

    def run(self, tmp=None, task_vars=None):
        """Return what disagrees; in check mode, nothing was asked."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "probes": {"type": "dict", "required": True},
                "registered": {"type": "str", "default": "_gatehouse_probed"},
                "controller": {"type": "bool", "default": True},
                "max": {"type": "int", "default": 1000},
                "seed": {"type": "str", "default": "1"},
                "seconds": {"type": "int", "default": 60},
            }
        )
        if self._task.check_mode:
            return {"changed": False, "asked": 0, "inconclusive": 0, "disagreements": []}
        hostvars = task_vars["hostvars"]
        registered = {
            host: plain(hostvars.raw_get(host).get(arguments["registered"]) or {}) for host in arguments["probes"]
        }
        fleet = self.fleet(task_vars)
        pairs = list(self._of_hosts(arguments["probes"], registered))
        if arguments["controller"]:
            pairs += self._of_controller(fleet, arguments, registered, len(pairs))
        there = {host: there_is(result) for host, result in registered.items()}
        return self._told(fleet, [judge(probe, answer, there[probe.receiver]) for probe, answer in pairs])

    @staticmethod
    def _of_hosts(probes, registered):
        for host, asked in probes.items():
            answers = registered[host].get("results") or [NOT_ASKED] * len(asked)
            yield from zip([Probe(**plain(one)) for one in asked], answers)

    @staticmethod
    def _of_controller(fleet, arguments, registered, so_far):
        """Ask from here, and return each probe with its answer."""
        seen = {host: result["management"] for host, result in registered.items() if result.get("management")}
        asked = from_controller(fleet, seen, max(arguments["max"] - so_far, 1), arguments["seed"])
        probes, of_hosts = [vars(one) for one in asked], Owners(fleet).hosts
        with OwnResets(probes) as resets:
            # Who isn't root can't tell, and needs to only where this machine is a host of the fleet as well.
            is_one = any(ip_address(probe["source"]) in of_hosts for probe in probes)
            heard = None if resets.is_deaf and not is_one else resets
            return zip(asked, ask(probes, arguments["seconds"], resets=heard))

    def _told(self, fleet, seen):
        """Show what came of it, and return the result."""
        disagreeing = [one for one in seen if one.disagrees]
        for text in (*table(by_pair(seen)), *inconclusive(seen)):
            self._display.display(text)
        for one in shown(disagreeing):
            self._display.display(line(one))
            for text in explained(fleet, one.probe):
                self._display.display(text)
        if len(disagreeing) > len(shown(disagreeing)):
            self._display.display(f"and {len(disagreeing) - len(shown(disagreeing))} more")
        result = {
            "changed": False,
            "asked": len(seen),
            "inconclusive": sum(one.passed is None for one in seen),
            "disagreements": [line(one) for one in disagreeing],
        }
        message = complaint(seen)
        return {**result, "failed": True, "msg": message} if message else result


def there_is(result):
    """Return what a host has said of itself, by the result that it was registered with."""
    if result.get("results") is None:
        return ReceiverState(
            "it is unreachable" if result.get("unreachable") else str(result.get("msg", "it has failed"))
        )
    return ReceiverState(udp_ports=frozenset(result["udp_ports"]))


def explained(fleet, probe):
    """Return what the model says of a probe, stage by stage."""
    owners = Owners(fleet)
    sender = owners.senders(probe.sender, AddressSet.of([ip_network(probe.source)]))
    receiver = owners.receivers(probe.receiver, AddressSet.of([ip_network(probe.target)]))
    return list(explain(fleet, sender, receiver, Port(probe.protocol, probe.port)).lines())[1:]
