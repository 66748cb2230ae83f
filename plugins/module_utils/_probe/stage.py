# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A stage for a rehearsal: two network namespaces without a name, one for the host and one for its peers.

They belong to a process of their own and vanish with it, however it ends, and with its parent. Nothing leads out.
Python 3.8 has no os.unshare: the C library does it (unshare(2), setns(2), user_namespaces(7), veth(4)).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError, Run
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.own_resets import OwnResets
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.prober import ask

_NEW_NETWORK, _NEW_USER, _DIE_WITH_PARENT = 0x40000000, 0x10000000, 1
_NETWORK = "/proc/self/ns/net"
_HOST_END, _PEERS_END = "fe80::1", "fe80::2"
# What answers are kept back for, and what a new namespace has from the host's own that would keep peers from answering.
_SETTINGS = (
    "ipv4/icmp_ratelimit",
    "ipv6/icmp/ratelimit",
    *(f"ipv4/conf/all/{name}" for name in ("arp_announce", "arp_filter", "arp_ignore", "rp_filter")),
)
_GRACE = 20.0  # seconds for all but the probes themselves

NO_RIGHT = (
    "this host gives us no network namespace to rehearse in ({}): in a container, that takes CAP_SYS_ADMIN. "
    "Nothing was changed"
)

Legs = Mapping[str, Sequence[str]]
"""The host's interfaces by name, each with its addresses."""


def rehearse(
    run: Run, load: Callable[[], None], legs: Legs, probes: Sequence[Mapping[str, Any]], seconds: float
) -> list[str]:
    """Return an answer to each probe, asked of a host that has ``load`` put rules into force.

    A probe is one of the prober's, with the ``direction`` (ingress or egress) and the host's ``interface``. Raises
    FirewallError where there is no stage to be had, and where the rules can't be loaded.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _play(writing, lambda: _Stage(run).perform(load, legs, probes, seconds))
    os.close(writing)
    try:
        told = json.loads(_read_all(reading, seconds + _GRACE) or '{"error": "the rehearsal has died on the way"}')
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
    if "error" in told:
        raise FirewallError(told["error"])
    answers: list[str] = told["answers"]
    return answers


def _play(writing: int, perform: Callable[[], list[str]]) -> None:
    """Tell the parent what came of it, and end; nothing of the parent's is run on the way out."""
    try:
        _libc().prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.environ["GATEHOUSE_STAGE"] = "yes"
        told: dict[str, object] = {"answers": perform()}
    except (FirewallError, OSError) as error:
        told = {"error": str(error)}
    except BaseException as error:  # noqa: BLE001 - a forked module must not go on as if it were the first
        told = {"error": f"the rehearsal has failed: {error!r}"}
    with suppress(OSError), os.fdopen(writing, "w", encoding="utf-8") as pipe:
        json.dump(told, pipe)
    os._exit(0)


def _read_all(reading: int, seconds: float) -> str:
    end, parts = time.monotonic() + seconds, []
    while select.select([reading], [], [], max(end - time.monotonic(), 0))[0]:
        part = os.read(reading, 65536)
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode("utf-8")


class _Stage:
    """The two namespaces, and who is where."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._home = Path(_NETWORK).stat().st_ino
        self._host, self._peers = _new_network(), _new_network()

    def perform(
        self, load: Callable[[], None], legs: Legs, probes: Sequence[Mapping[str, Any]], seconds: float
    ) -> list[str]:
        """Build it, load the rules, and ask by each interface after the other."""
        self._build(legs, probes)
        self._enter(self._host)
        load()
        answers: dict[int, str] = {}
        end = time.monotonic() + seconds
        with OwnResets(probes) as resets:
            for number, leg in enumerate(legs):
                self._lead_by(number, leg)
                asked = [index for index, probe in enumerate(probes) if probe["interface"] == leg]
                found = ask([probes[index] for index in asked], end - time.monotonic(), self._socket, resets=resets)
                answers.update(zip(asked, found))
        return [answers[index] for index in range(len(probes))]

    def _build(self, legs: Legs, probes: Sequence[Mapping[str, Any]]) -> None:
        ends = {"ingress": "source", "egress": "target"}
        peers = sorted({probe[ends[probe["direction"]]] for probe in probes})
        for network in (self._host, self._peers):
            self._enter(network)
            self._ip(["link set lo up"])
            for setting in _SETTINGS:  # read-only in many a container: the prober's pace is for the limits
                with suppress(OSError):
                    Path("/proc/sys/net", setting).write_text("0", encoding="ascii")
        for is_v6 in (False, True):  # a host may have no IPv6
            # Without nodad, a busy kernel has an IPv6 address ready a moment later only, on lo as well.
            how = " nodad" if is_v6 else ""
            ours = [f"address add {peer} dev lo{how}" for peer in peers if (":" in peer) == is_v6]
            self._ip(ours, is_vital=not is_v6)
        for number, leg in enumerate(legs):
            self._ip([f"link add peers{number} type veth peer name {leg} netns /proc/{os.getpid()}/fd/{self._host}"])
            self._ip([f"link set peers{number} up"])
            self._ip([f"address add {_PEERS_END}/64 dev peers{number} nodad"], is_vital=False)
        self._enter(self._host)
        for leg, addresses in legs.items():
            self._ip([f"link set {leg} up"])
            for address in (*addresses, f"{_HOST_END}/64"):
                is_v6 = ":" in address
                self._ip([f"address add {address} dev {leg}{' nodad' if is_v6 else ''}"], is_vital=not is_v6)

    def _lead_by(self, number: int, leg: str) -> None:
        """Let all packets take one of the host's interfaces."""
        for network, device, other in (
            (self._peers, f"peers{number}", _HOST_END),
            (self._host, leg, _PEERS_END),
        ):
            self._enter(network)
            self._ip([f"route replace default dev {device}"])
            self._ip([f"route replace default via {other} dev {device}"], is_vital=False)

    def _ip(self, lines: Sequence[str], is_vital: bool = True) -> None:
        code, output, error = self._run(["ip", "-batch", "-"], "".join(f"{line}\n" for line in lines))
        if code != 0 and is_vital:
            raise FirewallError(f"can't build the stage of the rehearsal: {(error or output).strip()}")

    def _enter(self, network: int) -> None:
        _checked(_libc().setns(network, _NEW_NETWORK))
        if Path(_NETWORK).stat().st_ino == self._home:
            raise FirewallError("the rehearsal is not on its stage: nothing was changed")

    def _socket(self, probe: Mapping[str, Any], family: int, kind: int) -> socket.socket:
        self._enter(self._host if probe["direction"] == "egress" else self._peers)
        return socket.socket(family, kind)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(code: int) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _new_network() -> int:
    """Return a new network namespace, in which this process is now; it lives as long as a process has it open."""
    try:
        _checked(_libc().unshare(_NEW_NETWORK))
    except OSError as error:
        if error.errno != errno.EPERM:
            raise FirewallError(NO_RIGHT.format(error.strerror)) from error
        _as_root_of_a_user_namespace()
    return os.open(_NETWORK, os.O_RDONLY)


def _as_root_of_a_user_namespace() -> None:
    """Enter a new network by way of a user namespace, in which this process may do what root may."""
    user, group = os.geteuid(), os.getegid()
    try:
        _checked(_libc().unshare(_NEW_USER | _NEW_NETWORK))
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path("/proc/self", name).write_text(text, encoding="ascii")
    except OSError as error:
        raise FirewallError(NO_RIGHT.format(error.strerror)) from error
