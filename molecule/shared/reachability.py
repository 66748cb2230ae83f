"""Print who reaches whom in the lab: real packets, TCP and UDP, over IPv4 and IPv6, on both networks."""

from __future__ import annotations

import shutil
import textwrap

from containers import Lab, Port, probes
from prober import Probe, ask, listening

SENDERS = ["k8s1", "nomad1", "vm1", "lb1", "admin", "stranger", "monitor", "dns", "vcs", "nat"]
RECEIVERS = ["k8s2", "nomad2", "vm2", "lb2", "dns", "vcs", "web"]
# The services of the profile, a node port, a port of "rerun with SSH" on each side, and one of no service at all.
TCP = [22, 53, 80, 443, 2376, 3000, 4647, 8585, 9999, 30080, 54782, 64535]
UDP = [53, 9999]
PORTS: list[Port] = [("tcp", port) for port in TCP] + [("udp", port) for port in UDP]


def main() -> None:
    """Ask everything at once and print the table."""
    lab = Lab()
    pairs = [(source, target) for source in SENDERS for target in RECEIVERS if _worth_asking(lab, source, target)]
    questions = {pair: list(probes(*(lab.hosts[end] for end in pair), PORTS)) for pair in pairs}
    with listening({name: lab.namespaces[name] for name in RECEIVERS}, TCP, UDP):
        asked = [probe for some in questions.values() for probe in some]
        answers = ask(asked, lab.namespaces, closed_passes=False)

    cells = {pair: _cell([(probe, answers[probe]) for probe in some]) for pair, some in questions.items()}
    rows = [["from \\ to", *RECEIVERS]]
    rows += [[source, *(cells.get((source, target), "") for target in RECEIVERS)] for source in SENDERS]
    print(_table(rows, shutil.get_terminal_size((100, 24)).columns))
    passed = sum(answers.values())
    print(f"\n{passed} of {len(answers)} probes passed. all: every port asked; -: none; ~: on some addresses only.")


def _worth_asking(lab: Lab, source: str, target: str) -> bool:
    connected = lab.hosts[source].legs.keys() & lab.hosts[target].legs.keys()
    return bool(connected) and (source in lab.managed or target in lab.managed)


def _cell(answers: list[tuple[Probe, bool]]) -> str:
    ways: dict[Port, list[bool]] = {}
    for probe, passed in answers:
        ways.setdefault((probe.protocol, probe.port), []).append(passed)
    if all(all(some) for some in ways.values()):
        return "all"
    return " ".join(_port(*port, all(some)) for port, some in ways.items() if any(some)) or "-"


def _port(protocol: str, port: int, everywhere: bool) -> str:
    return f"{port}{'' if protocol == 'tcp' else '/' + protocol}{'' if everywhere else '~'}"


def _table(rows: list[list[str]], columns: int) -> str:
    label = max(len(row[0]) for row in rows)
    room = (columns - label) // (len(rows[0]) - 1) - 2
    wrapped = [[[row[0]], *(textwrap.wrap(cell, max(room, 7)) or [""] for cell in row[1:])] for row in rows]
    widths = [max(len(line) for row in wrapped for line in row[index]) for index in range(len(rows[0]))]
    lines = [line for row in wrapped for line in _lines(row, widths)]
    return "\n".join([lines[0], "-" * sum(width + 2 for width in widths), *lines[1:]])


def _lines(row: list[list[str]], widths: list[int]) -> list[str]:
    height = max(len(cell) for cell in row)
    padded = [cell + [""] * (height - len(cell)) for cell in row]
    lines = [[cell[line].ljust(width) for cell, width in zip(padded, widths, strict=True)] for line in range(height)]
    return ["  ".join(line).rstrip() for line in lines]


if __name__ == "__main__":
    main()
