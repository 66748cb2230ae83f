"""Each Debian's own nft and iptables take every ruleset there is here: tests/golden has some, and so do the plans."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import Future
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASES = (11, 12, 13)
DENIED = [
    ("egress", "192.0.2.11", "tcp", 25, True),
    ("egress", "2001:db8::99", "udp", 123, False),
    ("ingress", "192.0.2.11", "tcp", 80, True),
    ("ingress", "192.0.2.99", "udp", 53, False),
    ("ingress", "2001:db8::2", "tcp", 22, True),
    ("ingress", "2001:db8::99", "udp", 99, False),
    ("pre_dnat", "192.0.2.99", "tcp", 30080, False),
]
"""What denials_here.py sends that is denied: by direction, peer, protocol, port, and whether the peer is known."""
REFUSED = "table inet gatehouse { chain input { no such statement; } }\n"


@pytest.fixture(scope="module")
def rulesets(
    plans: dict[str, Future[Path]],
    system_plans: dict[tuple[str, str], Future[Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Every ruleset that was written, in one folder."""
    folder = tmp_path_factory.mktemp("rulesets")
    for case in (ROOT / "tests/golden").glob("*/expected"):
        shutil.copytree(case, folder / case.parent.name)
    for plan in (*plans.values(), *system_plans.values()):
        shutil.copytree(plan.result(), folder / plan.result().name)
    return folder


@pytest.fixture(scope="module", params=RELEASES)
def image(request: pytest.FixtureRequest) -> str:
    """The lab's image of a Debian release."""
    subprocess.run([ROOT / "molecule/shared/image/build.sh", str(request.param)], check=True, capture_output=True)
    return f"localhost/gatehouse-lab:{request.param}"


def refused(image: str, folder: Path) -> list[str]:
    """Return what the programs of an image refuse, and their words."""
    capabilities = "--cap-add=NET_ADMIN,NET_RAW,SYS_ADMIN"  # the last makes namespaces
    mounts = [f"--volume={folder}:/rulesets:ro", f"--volume={Path(__file__).with_name('check_rulesets')}:/check:ro"]
    command = ["podman", "run", "--rm", "--network=none", capabilities, *mounts, image, "/check", "/rulesets"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


@pytest.mark.parametrize("image", [11], indirect=True)
@pytest.mark.parametrize("kind", ["nftables", "nft", "legacy"])
def test_what_the_oldest_release_denies_is_told_and_is_in_no_text_that_it_loads(image: str, kind: str) -> None:
    collection = "/collections/ansible_collections/gatehouse/firewall"
    words = [
        *("podman", "run", "--rm", "--network=none", "--cap-add=NET_ADMIN,NET_RAW,SYS_ADMIN"),
        *(f"--volume={ROOT}:{collection}:ro", "--env=PYTHONPATH=/collections", image),
        *("python3", "-B", f"{collection}/tests/packets/denials_here.py"),
        *(f"{collection}/tests/golden/32-kept-denials/expected", kind),
    ]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    assert [told.pop(name) for name in ("same 1", "same 2", "emptied")] == [True, True, True]
    for rows in told.values():
        found = [(row["direction"], row["address"], row["protocol"], row["port"], row["known"]) for row in rows]
        assert found == DENIED
        assert {row["packets"] for row in rows} == {1}


def test_every_ruleset_is_taken(image: str, rulesets: Path) -> None:
    assert len(list(rulesets.rglob("*.nft"))) > 100
    assert len(list(rulesets.rglob("*.ipset"))) > 10
    assert refused(image, rulesets) == []


def test_what_is_no_ruleset_is_refused(image: str, tmp_path: Path) -> None:
    (tmp_path / "bad.nft").write_text(REFUSED)
    for ending, text in (("ipset", ""), ("rules.v4", "*filter\n-A NOWHERE -j DROP\nCOMMIT\n"), ("rules.v6", "")):
        (tmp_path / f"bad.{ending}").write_text(text)
    said = refused(image, tmp_path)
    names = [line.removeprefix("refused: /rulesets/") for line in said if line.startswith("refused: ")]
    assert names == ["bad.nft", "bad.ipset nft", "bad.ipset legacy"]
