"""A report of the lab's fleet, written by the playbook as a user runs it, and a browser to open it in."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.tests.browser.chromium import chromium, missing, write_report


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """Return where the page is."""
    return write_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def browser():
    """Return a browser; where there is none, the test is skipped."""
    if missing():
        pytest.skip(f"needs {' and '.join(missing())}: apt-get install chromium chromium-driver")
    with chromium() as started:
        yield started
