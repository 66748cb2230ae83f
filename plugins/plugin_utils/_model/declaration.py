"""From the variables people set to a declaration: lists of several groups merge, single values must agree.

A source is one place that sets variables (a group, a host, a play), with the name to call it by in a message.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .._values.problems import Problems, Where, near_miss
from .._values.readers import rows
from .arguments import arguments
from .model import Declared, Layer
from .profile import Profile

PREFIX = "gatehouse_"
LISTS = ("classes", "zones", "services", "flows", "security_groups", "assertions")
VALUES = ("profile", "options", "echo_request", "dhcp", "refresh", "calico")
MODEL_KEYS = tuple(f"{PREFIX}{key}" for key in (*VALUES, *LISTS))
SIDE_KEYS = ("gatehouse_addresses", "gatehouse_interfaces")
OWN_KEYS = ("gatehouse_mode", "gatehouse_antispoof", *SIDE_KEYS)
HOST_KEYS = ("ansible_host", "gatehouse_backend", "gatehouse_calico_node", *OWN_KEYS)
CONTROLLER_KEYS = {  # what the controller reads, writes and runs
    *("gatehouse_plan", "gatehouse_plan_dir", "gatehouse_report_dir"),
    *("gatehouse_calicoctl", "gatehouse_calico_delegate", "gatehouse_calico_environment"),
    *("gatehouse_calico_connection", "gatehouse_calico_via"),
}
_NOT_A_HOSTS = (
    "it in the variables of all hosts, of a play or on the command line: it is the controller's, and no host chooses it"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_LOOKUPS = {"lookup", "query", "q", "vars", "include", "import"}  # by these a template may use any variable
_SAME_FOR_ALL = {
    "groups",
    "hostvars",
    "play_hosts",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_batch",
}

ProfileLoader = Callable[[Where, str, Problems], Sequence[Profile]]


@dataclass(frozen=True)
class Source:
    """Variables set in one place; ``origin`` is empty where the variable's name alone says enough."""

    origin: str
    variables: Mapping[str, object]


@dataclass(frozen=True)
class Declaration:
    """A whole model as it was written: the profiles, the user's options and the user's own layer."""

    profiles: Sequence[Profile] = ()
    options: Declared = Declared(Where("gatehouse_options"), None)
    echo_request: Declared = Declared(Where("gatehouse_echo_request"), None)
    dhcp: Declared = Declared(Where("gatehouse_dhcp"), None)
    refresh: Declared = Declared(Where("gatehouse_refresh"), None)
    user: Layer = field(default_factory=Layer)
    assertions: Sequence[Declared] = ()
    calico: Declared = Declared(Where("gatehouse_calico"), None)


def declare(sources: Sequence[Source], load_profile: ProfileLoader, problems: Problems) -> Declaration:
    """Return the declaration that all sources make together."""
    for source in sources:
        _note_misspelt(source, problems)
    profile = _single(sources, "gatehouse_profile", problems)
    return Declaration(
        profiles=_profiles(profile, load_profile, problems),
        options=_single(sources, "gatehouse_options", problems),
        echo_request=_single(sources, "gatehouse_echo_request", problems),
        dhcp=_single(sources, "gatehouse_dhcp", problems),
        refresh=_single(sources, "gatehouse_refresh", problems),
        user=Layer(
            classes=_rows(sources, "gatehouse_classes", problems),
            zones=_rows(sources, "gatehouse_zones", problems),
            services=_rows(sources, "gatehouse_services", problems),
            flows=_rows(sources, "gatehouse_flows", problems),
            security_groups=_rows(sources, "gatehouse_security_groups", problems),
        ),
        assertions=_rows(sources, "gatehouse_assertions", problems),
        calico=_single(sources, "gatehouse_calico", problems),
    )


@cache
def misspelt(key: str) -> str:
    """Return a hint where a variable's name is almost one of ours, which would be ignored in silence."""
    known = arguments()
    return near_miss(key, known, cutoff=0.9) if key.startswith(PREFIX) and key not in known else ""


def is_of_model(key: str) -> bool:
    """Return whether a variable is the model's, or means to be one of ours."""
    return key in MODEL_KEYS or bool(misspelt(key))


def note_hidden(files: Mapping[str, Mapping[str, object]], problems: Problems) -> None:
    """Note what several files of one group say in different ways: of these, Ansible takes one and forgets the others.

    ``files`` has what each file says, by its name.
    """
    first: dict[str, tuple[str, object]] = {}
    for name, variables in files.items():
        for key in (key for key in MODEL_KEYS if variables.get(key) is not None):
            other, value = first.setdefault(key, (name, variables[key]))
            if variables[key] != value:
                expected = f"it in one file of the group: {other} has it, too, and Ansible takes only one of them"
                problems.add(Where(key, name), plain(variables[key]), expected)


def note_chosen_by_hosts(
    hosts: Mapping[str, Mapping[str, object]], above: Mapping[str, object], problems: Problems
) -> None:
    """Note what a host's own variables say of what the controller reads, writes and runs; ``above`` hides them."""
    for place, variables in hosts.items():
        for key in sorted(CONTROLLER_KEYS & variables.keys() - above.keys()):
            problems.add(Where(key, place), plain(variables[key]), _NOT_A_HOSTS)


def _note_misspelt(source: Source, problems: Problems) -> None:
    for key, value in source.variables.items():
        hint = misspelt(key)
        if hint:
            problems.add(Where(key, source.origin), value, "a variable of the model", hint)


def _rows(sources: Iterable[Source], key: str, problems: Problems) -> list[Declared]:
    return [
        Declared(where, value)
        for source in sources
        for where, value in rows(Where(key, source.origin), source.variables.get(key), problems)
    ]


def _single(sources: Iterable[Source], key: str, problems: Problems) -> Declared:
    found: Declared | None = None
    for source in sources:
        value = source.variables.get(key)
        if value is None:
            continue
        declared = Declared(Where(key, source.origin), value)
        if found and found.value != value:
            expected = f"one value for the whole fleet; {found.where} says {found.value}"
            problems.add(declared.where, value, expected)
        found = found or declared
    return found or Declared(Where(key), None)


def _profiles(declared: Declared, load_profile: ProfileLoader, problems: Problems) -> list[Profile]:
    if declared.value is None:
        return []
    if isinstance(declared.value, str):
        return list(load_profile(declared.where, declared.value, problems))
    found: dict[str, Sequence[Profile]] = {}
    for where, name in rows(declared.where, declared.value, problems):
        if not isinstance(name, str):
            problems.add(where, name, "the name of a profile")
        elif name in found:
            problems.add(where, name, "each profile once")
        else:
            found[name] = load_profile(where, name, problems)
    return [profile for profiles in found.values() for profile in profiles]


class DeclaredVariables(Mapping[str, Mapping[str, object]]):
    """Each host's declared variables, read when they are asked for."""

    def __init__(self, read: Callable[[str], Mapping[str, object]], names: Iterable[str]) -> None:
        """Take a function from a host's name to its variables, and the hosts of the inventory."""
        self._read = read
        self._names = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Mapping[str, object]:
        """Return what the core reads of one host's variables."""
        if name not in self._names:
            raise KeyError(name)
        variables = self._read(name)
        return {key: plain(variables[key]) for key in HOST_KEYS if key in variables}

    def __contains__(self, name: object) -> bool:
        """Return whether the inventory has the host."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Iterate over the inventory's hosts."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return the number of hosts."""
        return len(self._names)


def plain(value: Any) -> Any:
    """Return a value without Ansible's own types in it: mappings, lists, and Python's plain scalars.

    What else there is (a vaulted value, say) is its text.
    """
    if isinstance(value, Mapping):
        return {_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, datetime.date)):
        return value
    # Since ansible-core 2.19, a number in an inventory is of a type of Ansible's, which YAML can't write.
    number = next((kind for kind in (int, float) if isinstance(value, kind)), None)
    return number(value) if number else _text(value)


def _text(value: object) -> str:
    # Before ansible-core 2.19, str() of one of Ansible's texts is the same again.
    return str.__str__(value) if isinstance(value, str) else str(value)


def distinct(
    templates: Mapping[str, object], hosts: Iterable[str], read: Callable[[str], Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield, with their variables, those hosts for which templates may say something that they haven't said yet."""
    words = _words(templates)
    seen = set()
    for host in hosts if templates else ():
        variables = read(host)
        used = _used_by(words, variables) or host
        if used not in seen:
            seen.add(used)
            yield host, variables


def _used_by(words: set[str], variables: Mapping[str, Any]) -> str:
    """Return the text of the variables that these words of templates stand for; nothing where that can't be told."""
    used: dict[str, object] = {}
    waiting = [words]
    while waiting:
        for word in waiting.pop() - used.keys() - _SAME_FOR_ALL:
            if word in _LOOKUPS:
                return ""
            if word in variables:
                used[word] = plain(variables[word])
                waiting.append(_words(used[word]))
    return repr(sorted(used.items(), key=lambda item: item[0]))


def _words(value: object) -> set[str]:
    if isinstance(value, Mapping):
        return _words([*value.keys(), *value.values()])
    if isinstance(value, (list, tuple)):
        return set().union(*map(_words, value))
    return set(_WORD.findall(value)) if isinstance(value, str) and "{" in value else set()


def difference(where: Where, one: object, other: object) -> tuple[Where, object, object]:
    """Return the first place in which two plain values differ, and what each has there."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        pairs = [(where.key(key), one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(where.at(index), *pair) for index, pair in enumerate(zip(one, other))]
    else:
        return where, one, other
    return next((difference(*pair) for pair in pairs if pair[1] != pair[2]), (where, one, other))
