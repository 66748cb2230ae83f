# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host has answered, read strictly: it ends up on pages, and in rows that people paste into their model.

A host that was taken over answers what it likes. What has not the form that we write is not read at all.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from .._values.addresses import Address, Network
from .._values.ports import PortError, PortSet
from .._values.problems import GatehouseError, one_of, quoted

TIME = "%Y-%m-%dT%H:%M:%SZ"
_MOST = 2**64 - 1
_LAST_PORT = 65535
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_PROTOCOL = re.compile(r"[a-z0-9][a-z0-9.+/-]{0,31}", re.ASCII)
"""As the names of IANA's protocols are; ax.25 is one of them."""


class AnswerError(GatehouseError):
    """A host's answer that can't be read; the message says where, what was got and what was expected."""


@dataclass(frozen=True)
class Answer:
    """A mapping of a host's answer; ``place`` says where in the answer it stands."""

    values: Mapping[str, Any]
    place: str = ""

    def rows(self, key: str) -> Iterator[Answer]:
        """Yield the mappings of a list."""
        for index, value in enumerate(self.items(key)):
            place = f"{self.place}{key}[{index}]"
            if not isinstance(value, Mapping):
                raise AnswerError(f"{place}: got {quoted(value)}, expected a mapping")
            yield Answer(value, f"{place}.")

    def inside(self, key: str) -> Answer:
        """Return a mapping."""
        found = self.values.get(key)
        if not isinstance(found, Mapping):
            raise self._refused(key, "a mapping")
        return Answer(found, f"{self.place}{key}.")

    def items(self, key: str) -> list[Any]:
        """Return a list; an empty one where there is none."""
        found = self.values.get(key)
        if found is not None and not isinstance(found, list):
            raise self._refused(key, "a list")
        return found or []

    def words(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of which each is one of some words."""
        if any(one not in known for one in self.items(key)):
            raise self._refused(key, f"a list of {one_of(known)}")
        return tuple(map(str, self.items(key)))

    def word(self, key: str, known: tuple[str, ...]) -> str:
        """Return one of some words."""
        if self.text(key) not in known:
            raise self._refused(key, one_of(known))
        return self.text(key)

    def text(self, key: str) -> str:
        """Return a text, in which anything may be."""
        found = self.values.get(key)
        if not isinstance(found, str):
            raise self._refused(key, "a text")
        return str(found)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; an empty one where there is none."""
        if any(not isinstance(one, str) for one in self.items(key)):
            raise self._refused(key, "a list of texts")
        return tuple(self.items(key))

    def name(self, key: str) -> str:
        """Return the name of something in a model."""
        if not _NAME.fullmatch(self.text(key)):
            raise self._refused(key, "a name")
        return self.text(key)

    def time(self, key: str) -> str:
        """Return a time in UTC, as ISO 8601 has it."""
        try:
            same = datetime.datetime.strptime(self.text(key), TIME).strftime(TIME) == self.text(key)
        except ValueError:
            same = False
        if not same:
            raise self._refused(key, "a time such as 2026-11-21T09:30:00Z")
        return self.text(key)

    def time_if_any(self, key: str) -> str:
        """Return a time; an empty text where there is none."""
        return self.time(key) if self.values.get(key) else ""

    def number(self, key: str, most: int = _MOST) -> int:
        """Return a number from 0 on."""
        found = self.values.get(key)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
            raise self._refused(key, f"a number between 0 and {most}")
        return int(found)

    def flag(self, key: str) -> bool:
        """Return true or false."""
        found = self.values.get(key)
        if not isinstance(found, bool):
            raise self._refused(key, "true or false")
        return found

    def port(self, key: str) -> int:
        """Return a port, or 0 where there is none."""
        return self.number(key, _LAST_PORT)

    def ports(self, key: str) -> PortSet:
        """Return ports as a model lists them."""
        found = PortSet()
        try:
            for text in self.texts(key):
                found |= PortSet.parse(text)
        except PortError as error:
            raise self._refused(key, "a list of ports") from error
        return found

    def protocol(self, key: str) -> str:
        """Return the name or the number of a protocol."""
        if not _PROTOCOL.fullmatch(self.text(key)):
            raise self._refused(key, "the name of a protocol")
        return self.text(key)

    def address(self, key: str) -> Address:
        """Return an address. One with a zone is refused: anything may stand in that."""
        try:
            found = None if "%" in self.text(key) else ip_address(self.text(key))
        except ValueError:
            found = None
        if found is None:
            raise self._refused(key, "an address")
        return found

    def networks(self, key: str) -> list[Network]:
        """Return a list of networks; an address is one, too."""
        try:
            return [ip_network(text) for text in self.items(key) if isinstance(text, str) and "%" not in text]
        except ValueError as error:
            raise self._refused(key, "a list of networks") from error

    def _refused(self, key: str, expected: str) -> AnswerError:
        return AnswerError(f"{self.place}{key}: got {quoted(self.values.get(key))}, expected {expected}")
