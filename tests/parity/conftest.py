"""Give these tests a wire to each backend's kernel."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from ansible_collections.gatehouse.firewall.tests.parity.backends import BACKENDS
from ansible_collections.gatehouse.firewall.tests.parity.check import Bench
from ansible_collections.gatehouse.firewall.tests.parity.wire import Wire

_TOOLS = ("conntrack", "ip", "nft", "unshare")


def _skip_without_means() -> None:
    if os.geteuid() != 0:
        pytest.skip("parity tests need root, for network namespaces and raw sockets")
    tools = {*_TOOLS, *(tool for backend in BACKENDS for tool in backend.tools)}
    missing = sorted(tool for tool in tools if not shutil.which(tool))
    if missing:
        pytest.skip(f"parity tests need the programs {', '.join(missing)}")


@pytest.fixture(scope="session")
def benches() -> Iterator[list[Bench]]:
    """Every backend, each with a kernel of its own."""
    _skip_without_means()
    with ExitStack() as stack:
        yield [Bench(backend, stack.enter_context(Wire.up())) for backend in BACKENDS]


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A wire with no rule at its end that lets nothing through."""
    _skip_without_means()
    with Wire.up() as bare:
        yield bare
