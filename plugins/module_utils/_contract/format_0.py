# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the texts of version 0.1.0 say of their rulesets: comments for people and for hosts, and the rules themselves.

That is format 0. A host that this version has changed once has none of it any more.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, TypeVar

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import (
    DESCRIPTION_MARK,
    ENFORCE,
    OBSERVE,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import (
    Header,
    HostName,
    NamedSet,
    Refresh,
)

_NAME, _REFRESH, _SET = "#name: ", "#refresh: ", "#set: "
_FOR_HOSTS = re.compile(rf"^(?:{_NAME}|{_REFRESH}).*\n", re.MULTILINE)
_FAMILY = re.compile(r"\.v[46]$")
_BEGIN, _END = "\t\telements = {\n", "\t\t}\n"

_One = TypeVar("_One")


def read(text: str) -> Header:
    """Return what a text of version 0.1.0 says; what it doesn't say, or what was edited, is not there."""
    lines = text.splitlines()
    # Both families' files of iptables say the same.
    marked = dict.fromkeys(line for line in lines if line.startswith(DESCRIPTION_MARK))
    described = tuple(line[len(DESCRIPTION_MARK) :] for line in marked)
    names = tuple(_said(lines, _NAME, HostName.of))
    header = Header(
        format=0,
        version="",
        mode=OBSERVE if described[:1] and described[0].startswith(f"mode: {OBSERVE}") else ENFORCE,
        describes=described,
        refresh=next(_said(lines, _REFRESH, Refresh.of), None) if names else None,
        names=names,
        sets=tuple(_sets_of_ipset(lines) if text.startswith("#file: ") else _sets_of_nft(text)),
    )
    if header.holds_its_names:
        return header
    return Header(format=0, version="", mode=header.mode, describes=described, sets=header.sets)


def body(text: str) -> str:
    """Return a text without what it says for hosts."""
    return _FOR_HOSTS.sub("", text)


def _said(lines: list[str], mark: str, of: Callable[[Any], _One]) -> Iterator[_One]:
    for line in lines:
        if line.startswith(mark):
            try:
                yield of(json.loads(line[len(mark) :]))
            except (AttributeError, KeyError, TypeError, ValueError):
                continue


def _sets_of_nft(text: str) -> Iterator[NamedSet]:
    """Yield the sets by looking for words, not line by line: one may hold tens of thousands of lines."""
    place = text.find("\n\tset ")
    while place >= 0:
        head, end = text.find(" {\n", place), text.find("\n\t}\n", place)
        if not place < head < end:
            return
        name = text[place + len("\n\tset ") : head]
        block = text[head : end + 1].partition(_BEGIN)[2].rpartition(_END)[0]
        elements = block.replace("\t\t\t", "").rstrip(",\n").split(",\n") if block else ()
        yield NamedSet(name, _FAMILY.sub("", name), tuple(elements))
        place = text.find("\n\tset ", end)


def _sets_of_ipset(lines: list[str]) -> Iterator[NamedSet]:
    peer, filling = "", []
    for line in lines:
        command, name, other = [*line.split(" "), "", ""][:3]
        if line.startswith(_SET):
            peer = line[len(_SET) :]
        elif (command, name) == ("add", "gatehouse-new"):
            filling.append(other)
        elif (command, name) == ("swap", "gatehouse-new"):
            yield NamedSet(other, peer, tuple(filling))
            filling = []
