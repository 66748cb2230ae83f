# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Small typed readers: each takes what a user wrote, returns a value, and notes a problem instead of raising.

A reader that notes a problem returns what harms least (nothing, or an empty tuple): the model it goes into is never
used.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .addresses import AddressError, AddressSet, is_mistyped, parse_network
from .ports import PortError, PortSet
from .problems import Problems, Where, near_miss, one_of

SIDES = ("private", "public")
NAME_LENGTH = 64
TEXT_LENGTH = 500
HOST_NAME_LENGTH = 253  # RFC 1035 2.3.4, without the trailing dot

EXPECTED_NAME = (
    f"a name of at most {NAME_LENGTH} ASCII letters, digits, _ and -, starting with a letter "
    "(nft comments hold 128 bytes)"
)
EXPECTED_FOUR_NUMBERS = "a host name, or an address of four decimal numbers"
EXPECTED_INTERFACE = "an interface name of at most 15 letters, digits, _, -, ., : and @"
_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_-]{{0,{NAME_LENGTH - 1}}}", re.ASCII)
_HOST_NAME = re.compile(r"(?:(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\.)*(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\.?", re.ASCII)
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)  # RFC 1123, as Kubernetes has it
_INTERFACE = re.compile(r"[A-Za-z0-9_.:@-]{1,15}", re.ASCII)  # IFNAMSIZ less one; no wildcard, no quote, no space
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UNSAFE_IN_TEXT = set('"`{}\\')  # an apostrophe is plain prose
_WORDS_FOR_BOOL = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def rows(where: Where, value: object, problems: Problems) -> Iterator[tuple[Where, object]]:
    """Yield each item of a list with its place."""
    if value is None:
        return
    if not isinstance(value, (list, tuple)):
        problems.add(where, value, "a list")
        return
    for index, item in enumerate(value):
        yield where.at(index), item


def names_at(where: Where, value: object, problems: Problems) -> tuple[str, ...]:
    """Read a list of names; a single name may stand without the list."""
    items = [(where, value)] if isinstance(value, str) else rows(where, value, problems)
    return tuple(str(item) for place, item in items if is_name(place, item, problems))


def is_name(where: Where, value: object, problems: Problems) -> bool:
    """Return whether a value can name something; note a problem where it can't."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return True
    problems.add(where, value, EXPECTED_NAME)
    return False


def networks_at(where: Where, value: object, problems: Problems) -> AddressSet:
    """Read a list of addresses and networks."""
    networks = []
    items = [(where, value)] if isinstance(value, str) else rows(where, value, problems)
    for place, item in items:
        try:
            networks.append(parse_network(item))
        except AddressError as error:
            problems.add(place, item, error.expected, error.hint)
    return AddressSet.of(networks)


def networks_and_names_at(where: Where, value: object, problems: Problems) -> tuple[AddressSet, dict[int, str]]:
    """Read a list of addresses, networks and names; return the latter by their place in the list."""
    networks, names = [], {}
    for index, (place, item) in enumerate(rows(where, value, problems)):
        try:
            networks.append(parse_network(item))
        except AddressError as error:
            if isinstance(item, str) and _NAME.fullmatch(item):
                names[index] = str(item)
            else:
                problems.add(place, item, f"{error.expected}, or a name", error.hint)
    return AddressSet.of(networks), names


def ports_at(where: Where, value: object, problems: Problems) -> PortSet:
    """Read a list of ports."""
    ports = PortSet()
    items = [(where, value)] if isinstance(value, (str, int)) else rows(where, value, problems)
    for place, item in items:
        try:
            ports |= PortSet.parse(item)
        except PortError as error:
            problems.add(place, item, error.expected, error.hint)
    return ports


def host_names_at(where: Where, value: object, problems: Problems) -> tuple[str, ...]:
    """Read a list of host names; a single one may stand without the list."""
    found = []
    items = [(where, value)] if isinstance(value, str) else rows(where, value, problems)
    for place, item in items:
        if not isinstance(item, str) or len(item) > HOST_NAME_LENGTH or not _HOST_NAME.fullmatch(item):
            problems.add(place, item, "a host name such as git.example.org")
        elif is_mistyped(item):
            problems.add(place, item, EXPECTED_FOUR_NUMBERS)
        else:
            found.append(str(item))
    return tuple(found)


def dns_label_at(where: Where, value: object, problems: Problems) -> str:
    """Read a DNS label, which is what Kubernetes calls a namespace by; an empty text where there is none."""
    if isinstance(value, str) and _DNS_LABEL.fullmatch(value):
        return str(value)
    if value is not None:
        expected = "a DNS label such as kube-system: at most 63 lower-case letters, digits and -"
        problems.add(where, value, expected)
    return ""


def flag_at(where: Where, value: object, default: bool, problems: Problems) -> bool:
    """Read true or false; the words are taken too, since extra variables on a command line arrive as text."""
    if value is None:
        return default
    found = _WORDS_FOR_BOOL.get(value.lower()) if isinstance(value, str) else value
    if isinstance(found, bool):
        return found
    problems.add(where, value, "true or false")
    return default


def choice_at(where: Where, value: object, choices: Iterable[str], default: str, problems: Problems) -> str:
    """Read one of a few words."""
    if value is None:
        return default
    if isinstance(value, str) and value in choices:
        return str(value)
    problems.add(where, value, one_of(choices), near_miss(value, choices))
    return default


def sides_at(where: Where, value: object, problems: Problems) -> Iterator[tuple[str, Where, object]]:
    """Yield each side of a mapping of sides with its place and value."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        problems.add(where, value, f"a mapping with the keys {', '.join(SIDES)}")
        return
    for side, inner in value.items():
        if side in SIDES:
            yield str(side), where.key(side), inner
        else:
            problems.add(where.key(side), inner, f"no such key, but {one_of(SIDES)}", near_miss(side, SIDES))


def interfaces_at(where: Where, value: object, problems: Problems) -> dict[str, tuple[str, ...]]:
    """Read the interfaces of each side; a single name may stand without a list."""
    found = {}
    for side, place, names in sides_at(where, value, problems):
        items = [(place, names)] if isinstance(names, str) else rows(place, names, problems)
        found[side] = tuple(str(name) for at, name in items if _is_interface(at, name, problems))
    return {side: names for side, names in found.items() if names}


def _is_interface(where: Where, value: object, problems: Problems) -> bool:
    if isinstance(value, str) and _INTERFACE.fullmatch(value):
        return True
    problems.add(where, value, EXPECTED_INTERFACE)
    return False


class Item:
    """One mapping of a list (a class, a zone, a flow …) and typed access to its keys."""

    def __init__(self, where: Where, value: object, keys: Iterable[str], problems: Problems) -> None:
        """Note a problem for anything but a mapping, and for each key that isn't known here."""
        self.where = where
        self.problems = problems
        self._value: Mapping[Any, Any] = value if isinstance(value, Mapping) else {}
        self._is_mapping = isinstance(value, Mapping)
        known = sorted(keys)
        if not self._is_mapping:
            problems.add(where, value, f"a mapping with the keys {', '.join(known)}")
        before: object = None
        for key in self._value:
            if key not in known:
                expected = f"no such key, but {one_of(known)}"
                comma, close = self._comma_after(before, key), near_miss(key, known)
                hint = comma or close if " " in str(key) else close or comma
                problems.add(where.key(key), self._value[key], expected, hint)
            before = key

    def _comma_after(self, before: object, key: object) -> str:
        """Return a hint where a key is the rest of a text: in braces, a comma ends what has no quotes."""
        text = self._value.get(before)
        if self._value[key] is not None or not isinstance(text, str):
            return ""
        return f'a comma ends a text without quotes: did you mean {before}: "{text}, {key}"?'

    @property
    def is_mapping(self) -> bool:
        """Return whether there are keys to read at all."""
        return self._is_mapping

    def lacks(self, *keys: str) -> bool:
        """Return whether none of these keys says anything: they are missing, null, or empty lists."""
        return all(self.raw(key) in (None, [], ()) for key in keys)

    def has(self, key: str) -> bool:
        """Return whether the key was written, with any value but null."""
        return self._value.get(key) is not None

    def keys(self) -> tuple[str, ...]:
        """Return the keys that were written."""
        return tuple(str(key) for key in self._value)

    def raw(self, key: str) -> Any:
        """Return the value as it was written."""
        return self._value.get(key)

    def place(self, key: str) -> Where:
        """Return the place of one of this item's keys."""
        return self.where.key(key)

    def one_name(self, key: str) -> str:
        """Read a name; an empty text where there is none that can be used."""
        value = self.raw(key)
        return str(value) if is_name(self.place(key), value, self.problems) else ""

    def names(self, key: str) -> tuple[str, ...]:
        """Read a list of names."""
        return names_at(self.place(key), self.raw(key), self.problems)

    def references(
        self, key: str, known: Iterable[str], hint: Callable[[object], str] | None = None
    ) -> tuple[str, ...]:
        """Read a list of names that are declared elsewhere; note those that aren't, with the nearest one that is.

        ``hint`` says what to do where no name is near.
        """
        value = self.raw(key)
        items = [(self.place(key), value)] if isinstance(value, str) else rows(self.place(key), value, self.problems)
        found = []
        for place, name in items:
            if isinstance(name, str) and name in known:
                found.append(str(name))
            else:
                self.problems.add(place, name, one_of(known), near_miss(name, known) or (hint(name) if hint else ""))
        return tuple(dict.fromkeys(found))

    def networks(self, key: str) -> AddressSet:
        """Read a list of addresses and networks."""
        return networks_at(self.place(key), self.raw(key), self.problems)

    def networks_and_names(self, key: str) -> tuple[AddressSet, dict[int, str]]:
        """Read a list of addresses, networks and names; return the latter by their place in the list."""
        return networks_and_names_at(self.place(key), self.raw(key), self.problems)

    def ports(self, key: str) -> PortSet:
        """Read a list of ports."""
        return ports_at(self.place(key), self.raw(key), self.problems)

    def flag(self, key: str) -> bool:
        """Read true or false; false where the key is missing."""
        return flag_at(self.place(key), self.raw(key), False, self.problems)

    def number(self, key: str, least: int, most: int, default: int) -> int:
        """Read a whole number; digits are taken too, since extra variables on a command line arrive as text."""
        value = self.raw(key)
        if value is None:
            return default
        found = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        self.problems.add(self.place(key), value, f"a whole number between {least} and {most}")
        return default

    def choice(self, key: str, choices: Iterable[str], default: str) -> str:
        """Read one of a few words."""
        return choice_at(self.place(key), self.raw(key), choices, default, self.problems)

    def text(self, key: str) -> str:
        """Read one line of prose that may end up in a rule's comment."""
        value = self.raw(key)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.isprintable() or _UNSAFE_IN_TEXT & set(value):
            expected = "one line of text without control characters, double quotes, backquotes, braces and backslashes"
            self.problems.add(self.place(key), value, expected)
            return ""
        if len(value) > TEXT_LENGTH:
            self.problems.add(self.place(key), value, f"at most {TEXT_LENGTH} characters")
        return str(value)

    def host_names(self, key: str) -> tuple[str, ...]:
        """Read a list of host names; a single one may stand without the list."""
        return host_names_at(self.place(key), self.raw(key), self.problems)

    def date(self, key: str) -> datetime.date | None:
        """Read a day."""
        value = self.raw(key)
        if value is None or (isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)):
            return value
        try:
            # fromisoformat takes more forms from Python 3.11 on.
            if isinstance(value, str) and _DAY.fullmatch(value):
                return datetime.date.fromisoformat(str(value))
        except ValueError:
            pass
        self.problems.add(self.place(key), value, "a day such as 2027-01-31")
        return None
