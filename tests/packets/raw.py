"""Ask with packets that are neither TCP nor UDP: echo requests, and any other protocol number, GRE for one."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from lab import Lab
from prober import in_namespace

ECHO = 0
GRE = 47
ESP = 50

_ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_MARK = b"gatehouse"


@dataclass(frozen=True, order=True)
class Question:
    """May this host send this protocol to that one? For ECHO the answer must come back, else the packet must arrive."""

    source: str
    target: str
    leg: str
    family: int
    protocol: int

    def __str__(self) -> str:
        """Return the question on one line."""
        name = "echo" if self.protocol == ECHO else f"protocol {self.protocol}"
        return f"{self.source} -> {self.target} ({self.leg}, IPv{self.family}) {name}"


def disagreements(lab: Lab, expected: Mapping[Question, bool]) -> list[str]:
    """Return the questions that do not end as expected, also when asked again alone."""
    unexpected = list(expected)
    for _attempt in range(3):
        unexpected = [question for question, passed in heard(lab, unexpected).items() if passed != expected[question]]
        if not unexpected:
            break
    return [f"{question} {'was denied' if expected[question] else 'passed'}" for question in sorted(unexpected)]


def heard(lab: Lab, questions: Iterable[Question], timeout: float = 0.7) -> dict[Question, bool]:
    """Send every question's packet at once and return which were heard."""
    asked = list(questions)
    senders = [_socket(lab, question, question.source) for question in asked]
    listeners = [
        sender if question.protocol == ECHO else _socket(lab, question, question.target)
        for question, sender in zip(asked, senders, strict=True)
    ]
    answers = dict.fromkeys(asked, False)
    try:
        with selectors.DefaultSelector() as selector:
            for number, (question, sender) in enumerate(zip(asked, senders, strict=True)):
                selector.register(listeners[number], selectors.EVENT_READ, (question, number))
                _send(lab, question, sender, number)
            end = time.monotonic() + timeout
            while not all(answers.values()) and (left := end - time.monotonic()) > 0:
                for key, _events in selector.select(left):
                    question, number = key.data
                    answers[question] |= _is_answer(question, number, listeners[number].recv(512))
    finally:
        for sock in (*senders, *listeners):
            sock.close()
    return answers


def _socket(lab: Lab, question: Question, host: str) -> socket.socket:
    protocol = question.protocol or _ICMP[question.family]
    return in_namespace(
        lab.namespaces[host], partial(socket.socket, _FAMILY[question.family], socket.SOCK_RAW, protocol)
    )


def _send(lab: Lab, question: Question, sender: socket.socket, number: int) -> None:
    address = lab.hosts[question.target].address(question.leg, question.family)
    sender.bind((lab.hosts[question.source].address(question.leg, question.family), 0))
    try:
        sender.sendto(_packet(question, number), (address, 0))
    except PermissionError:  # the sender's own firewall
        return


def _packet(question: Question, number: int) -> bytes:
    body = _MARK + struct.pack("!H", number)
    if question.protocol != ECHO:
        return bytes(8) + body
    head = struct.pack("!BBHHH", _REQUEST[question.family], 0, 0, number, 1)
    if question.family == 6:  # the kernel fills in the checksum
        return head + body
    checksum = _checksum(head + body)
    return head[:2] + struct.pack("!H", checksum) + head[4:] + body


def _checksum(data: bytes) -> int:
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _is_answer(question: Question, number: int, packet: bytes) -> bool:
    body = packet[20:] if question.family == 4 else packet
    if not body.endswith(_MARK + struct.pack("!H", number)):
        return False
    return question.protocol != ECHO or body[0] == _REPLY[question.family]
