"""Open the page of a large fleet in a browser, from a file, until everything that is seen first is on the screen.

The fleet has 40 classes, 10 zones, 5,000 hosts and about 400 flows, each between two others. The first opening counts
as much as any: the median of all is what is compared with two seconds.
"""

from __future__ import annotations

import datetime
import tempfile
from functools import partial
from itertools import permutations
from pathlib import Path

import core
import fleet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.page import page
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.report import Report
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import flow_matrix
from ansible_collections.gatehouse.firewall.tests.browser.chromium import chromium, missing, show
from measure import Figure, Missing, Options, Outcome, Samples, seconds, take_turns

ROUNDS = 7
CLASSES, ZONES, HOSTS, FLOWS = 40, 10, 5_000, 400
TITLE = f"open the page of {CLASSES} classes and {HOSTS:,} hosts"
_SEEN = "const done = arguments[0]; requestAnimationFrame(() => setTimeout(done));"


def measure(options: Options) -> list[Outcome]:
    """Measure how long the page takes, against two seconds."""
    if missing():
        return [Missing(TITLE, f"needs {' and '.join(missing())}")]
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        file = Path(folder) / "report.html"
        file.write_text(page(large_report()), encoding="utf-8")
        samples = take_turns(options.rounds_or(ROUNDS), {"page": partial(seconds, partial(_open, browser, file))})
    ours = Samples("the page", samples["page"])
    return [Figure(TITLE, ours, Samples("two seconds", [2.0] * len(ours.values)), "at most", 1)]


def _open(browser, file: Path) -> None:
    show(browser, file)
    browser.execute_async_script(_SEEN)


def large_report() -> Report:
    """Return the report of a fleet of 40 classes."""
    names = [f"{kind}_{number}" for number in range(CLASSES // 4) for kind in fleet.CLASSES]
    zones = [f"zone_{number}" for number in range(ZONES)]
    pairs = [*permutations([*names, *zones], 2)]
    chosen = [pair for pair in pairs[:: len(pairs) // FLOWS] if not set(pair) <= set(zones)]
    model = {
        "gatehouse_classes": [{"name": name, "groups": [name]} for name in names],
        "gatehouse_zones": [{"name": name, "networks": [f"198.19.{place}.0/24"]} for place, name in enumerate(zones)],
        "gatehouse_flows": [
            {
                "name": f"flow{number}",
                "from": [sender],
                "to": [receiver],
                "ports": [f"{8000 + number % 90}/tcp"],
                "why": f"what {sender} wants of {receiver}",
            }
            for number, (sender, receiver) in enumerate(chosen)
        ],
    }
    own = {name: [f"host{number}" for number in range(place, HOSTS, CLASSES)] for place, name in enumerate(names)}
    compiled = core.compile_model(model, own, fleet.hosts(HOSTS))
    return Report(compiled, flow_matrix(compiled.resolved.model, datetime.date.today()))
