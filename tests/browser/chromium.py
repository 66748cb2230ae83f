"""A headless Chromium that reaches no network: for the tests of the page, its pictures and its figure."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

LAB = Path(__file__).resolve().parents[2] / "molecule" / "shared" / "inventory"
PROGRAMS = ("chromium", "chromedriver")
_SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Whatever a page, or the browser itself, looks up: nobody is there.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [program for program in PROGRAMS if not shutil.which(program)]


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Start a browser that remembers what it asked any network for, and stop it."""
    with TemporaryDirectory() as profile:
        options = ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        for switch in (*_SWITCHES, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        browser = Chrome(options, Service(shutil.which("chromedriver")))
        try:
            yield browser
        finally:
            browser.quit()


def write_report(folder: Path) -> Path:
    """Write a report of the lab's fleet, as a user does, and return where its page is."""
    settings = f"gatehouse_report_dir={folder} gatehouse_report_offline=true"
    command = ["ansible-playbook", "gatehouse.firewall.report", "-i", str(LAB), "-e", settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return folder / "report.html"


def show(browser: Chrome, path: Path, *, width: int = 1400, height: int = 900, theme: str = "light") -> None:
    """Open a file in a window of a size, for somebody who wants a light or a dark page."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})
    browser.get("about:blank")  # or a page that is open already would only go to another place of it
    requests(browser)  # those of the browser itself, as it started
    browser.get(path.as_uri())


def requests(browser: Chrome) -> list[str]:
    """Return what the browser has asked for since it was asked last: addresses of pages, files and pictures."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [row["params"]["request"]["url"] for row in messages if row["method"] == "Network.requestWillBeSent"]
