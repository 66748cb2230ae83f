"""A release has the same bytes wherever and whenever it is built, and says truly what is in it."""

import gzip
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATE = 1790000000
GALAXY = """
namespace: gatehouse
name: firewall
version: 1.2.3
readme: README.md
authors: [some]
description: short
repository: https://example.org/repository
license_file: LICENSE
dependencies: {}
"""
TREE = {
    "galaxy.yml": GALAXY,
    "README.md": "# Read me\n",
    "LICENSE": "none\n",
    "meta/runtime.yml": "requires_ansible: '>=2.17.0'\n",
    "meta/ee-requirements.txt": "# why\nboto3>=1.34.0\n",
    **{f"plugins/modules/module_{number}.py": f"VALUE = {number}\n" for number in range(20)},
}


def _load():
    specification = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


RELEASE = _load()


def write(folder, names, mode, date):
    """Write the tree in an order of its own, readable for all or not, and of a day of its own."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TREE[name], encoding="utf-8")
        path.chmod(mode)
        os.utime(path, (date, date))
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a release."""
    tree = write(tmp_path_factory.mktemp("tree"), TREE, 0o644, 1700000000)
    return RELEASE.release(tree, tmp_path_factory.mktemp("dist"), DATE).parent


def _members(folder):
    with tarfile.open(folder / "gatehouse-firewall-1.2.3.tar.gz") as archive:
        return {member.name: (member, member.isfile() and archive.extractfile(member).read()) for member in archive}


def test_another_build_has_the_same_bytes(built, tmp_path):
    tree = write(tmp_path / "tree", reversed(TREE), 0o600, 1600000000)
    other = RELEASE.release(tree, tmp_path / "dist", DATE).parent

    assert {path.name: path.read_bytes() for path in built.iterdir()} == {
        path.name: path.read_bytes() for path in other.iterdir()
    }


def test_the_order_on_the_disk_does_not_count(tmp_path):
    members = RELEASE.galaxy_build(write(tmp_path, TREE, 0o644, DATE))
    files = json.loads(members["FILES.json"][1])
    turned = json.dumps({**files, "files": files["files"][::-1]}).encode()
    other = {**dict(reversed(members.items())), "FILES.json": (members["FILES.json"][0], turned)}

    assert RELEASE.pack(RELEASE.sort_manifest(members), DATE) == RELEASE.pack(RELEASE.sort_manifest(other), DATE)


def test_the_date_is_the_one_that_is_given(built):
    packed = (built / "gatehouse-firewall-1.2.3.tar.gz").read_bytes()
    members = _members(built)
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as compressed:
        compressed.peek(1)

        assert compressed.mtime == DATE
    assert {head.mtime for head, _content in members.values()} == {DATE}
    assert {(head.uid, head.gid, head.uname, head.gname) for head, _content in members.values()} == {(0, 0, "", "")}


def test_the_manifest_has_each_file_by_its_checksum(built):
    members = _members(built)
    manifest, files = (json.loads(members[name][1]) for name in ("MANIFEST.json", "FILES.json"))
    listed = {one["name"]: one["chksum_sha256"] for one in files["files"] if one["ftype"] == "file"}

    assert manifest["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(members["FILES.json"][1]).hexdigest()
    assert listed == {
        name: hashlib.sha256(content).hexdigest()
        for name, (head, content) in members.items()
        if head.isfile() and name not in ("MANIFEST.json", "FILES.json")
    }
    assert set(listed) == set(TREE) - {"galaxy.yml"}


def test_the_checksums_are_those_of_the_files(built):
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=built, check=False)

    assert done.returncode == 0
    assert len((built / "SHA256SUMS").read_text(encoding="utf-8").splitlines()) == 2


def test_the_bill_of_materials_names_the_archive_and_what_it_needs(built):
    bill = json.loads((built / "gatehouse-firewall-1.2.3.cdx.json").read_text(encoding="utf-8"))
    archive = (built / "gatehouse-firewall-1.2.3.tar.gz").read_bytes()

    assert bill["metadata"]["component"]["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(archive).hexdigest()}
    ]
    assert [(one["name"], one["scope"], one["properties"][0]["value"]) for one in bill["components"]] == [
        ("ansible-core", "required", ">=2.17.0"),
        ("boto3", "optional", ">=1.34.0"),
    ]


def test_ansible_galaxy_takes_it(built, tmp_path):
    archive = built / "gatehouse-firewall-1.2.3.tar.gz"
    galaxy = shutil.which("ansible-galaxy")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "home")}
    for words in (
        ["install", "--offline", "-p", str(tmp_path), str(archive)],
        ["verify", "--offline", "gatehouse.firewall"],
    ):
        done = subprocess.run(
            [galaxy, "collection", *words], env=environment, capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stdout + done.stderr
