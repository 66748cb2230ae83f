"""Replace a table of 10,000 elements: the text we render against the least that holds the same elements.

Both are loaded by ``nft -f`` on top of themselves, in one transaction each. What ours has more (the comments that say
what it lets through, the chains, the rules) should cost next to nothing beside the elements. And what it costs that a
host doesn't change so, but by the loader, which puts the new rules beside the old ones twice and loses no packet; or by
element, where nothing but addresses changes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import core
from measure import Figure, Options, Outcome, Samples, seconds, take_turns
from namespaces import Namespace, namespace

ROUNDS = 21
_NEW = "198.19.9.9"
NETWORKS = [f"198.18.{number // 64}.{number % 64 * 4}/31" for number in range(core.PEER_COUNT)]


def measure(options: Options) -> list[Outcome]:
    """Measure a table of single addresses, and one of networks, which the kernel keeps in another kind of set."""
    with namespace() as here, tempfile.TemporaryDirectory() as folder:
        return [
            _compare("addresses", core.PEERS, "", here, Path(folder), options.rounds_or(ROUNDS)),
            _compare("networks", NETWORKS, "flags interval; ", here, Path(folder), options.rounds_or(ROUNDS)),
            _change(here, Path(folder), options.rounds_or(ROUNDS)),
            _change_one(here, options.rounds_or(ROUNDS)),
        ]


def _compare(kind: str, elements: Sequence[str], flags: str, here: Namespace, folder: Path, rounds: int) -> Outcome:
    texts = {"ours": core.server_ruleset(elements), "raw": _least(elements, flags)}
    files = {name: folder / f"{kind}.{name}.nft" for name in texts}
    for name, file in files.items():
        file.write_text(texts[name])
        here.run("nft", "-f", str(file))
    loads = {name: partial(seconds, partial(here.run, "nft", "-f", str(file))) for name, file in files.items()}
    samples = take_turns(rounds, loads)
    return Figure(
        f"replace a table with {len(elements):,} {kind}",
        Samples("ours", samples["ours"]),
        Samples("`nft -f` of the least text", samples["raw"]),
        "at most",
        1.2,
    )


def _change(here: Namespace, folder: Path, rounds: int) -> Outcome:
    loader, ruleset = folder / "replace.sh", folder / "changed.nft"
    loader.write_text(core.NFT_LOADER)
    ruleset.write_text(core.server_ruleset(core.PEERS))
    here.run("nft", "-f", str(ruleset))
    ways = {"loader": ("sh", str(loader), str(ruleset)), "nft": ("nft", "-f", str(ruleset))}
    samples = take_turns(rounds, {way: partial(seconds, partial(here.run, *words)) for way, words in ways.items()})
    return Figure(
        f"change a table with {core.PEER_COUNT:,} addresses, losing no packet",
        Samples("ours", samples["loader"]),
        Samples("`nft -f` of the same text", samples["nft"]),
        "at most",
        5,
    )


def _change_one(here: Namespace, rounds: int) -> Outcome:
    """Add one address to many, where the sets of both rulesets have to be read and compared."""
    before, after = (core.server_ruleset(addresses) for addresses in (core.PEERS, [*core.PEERS, _NEW]))
    nft = core.NFT(lambda words, text: (0, here.run(*words, text=text), ""), "nft")
    nft.load(before)
    here.run("nft", "-f", "-", text=_least(core.PEERS, ""))
    raw = ["nft", "add", "element", "inet", "raw", "clients", f"{{ {_NEW} }}"]
    ways = {
        "ours": lambda: nft.refill(core.read_anew(before).elements, core.read_anew(after).elements),
        "raw": lambda: here.run(*raw),
    }
    # To add it a second time is as much work, and no change.
    samples = take_turns(rounds, {name: partial(seconds, way) for name, way in ways.items()})
    return Figure(
        f"add one to {core.PEER_COUNT:,} addresses",
        Samples("ours", samples["ours"]),
        Samples("`nft add element`", samples["raw"]),
        "at most",
        3,
    )


def _least(elements: Sequence[str], flags: str) -> str:
    chosen = f"set clients {{ type ipv4_addr; {flags}elements = {{ {', '.join(elements)} }} }}"
    return f"table inet raw\ndelete table inet raw\ntable inet raw {{ {chosen}\n}}\n"
