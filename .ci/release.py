"""Build the collection so that its bytes depend on files and a date alone; write its checksum and bill of materials.

``release.py TREE DIR`` builds the folder TREE into DIR. SOURCE_DATE_EPOCH is the date, in seconds since 1970; without
it, all is of 1980. Needs PyYAML and ansible-galaxy. Another version of zlib may compress to other bytes.
"""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import yaml

OLDEST = 315532800  # 1980: what some archives can't go behind
MANIFEST, FILES = "MANIFEST.json", "FILES.json"


def galaxy_build(tree: Path) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Return what ansible-galaxy packs from a folder: each member's head and content."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["ansible-galaxy", "collection", "build", "--output-path", folder, str(tree)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (built,) = Path(folder).iterdir()
        with tarfile.open(built) as archive:
            members = archive.getmembers()
            contents = {one.name: archive.extractfile(one) if one.isfile() else None for one in members}
            return {one.name: (one, file.read() if (file := contents[one.name]) else b"") for one in members}


def _as_json(content: Any) -> bytes:
    return json.dumps(content, indent=1).encode()


def sort_manifest(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Return the members by name, and so the list of files, whose order is that of the disk."""
    files = json.loads(members[FILES][1])
    files["files"].sort(key=lambda one: one["name"])
    manifest = json.loads(members[MANIFEST][1])
    listed = _as_json(files)
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(listed).hexdigest()
    own = {MANIFEST: (members[MANIFEST][0], _as_json(manifest)), FILES: (members[FILES][0], listed)}
    return {**own, **{name: members[name] for name in sorted(members) if name not in own}}


def pack(members: dict[str, tuple[tarfile.TarInfo, bytes]], date: int) -> bytes:
    """Return the archive, with this date on all of it."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=date) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for head, content in members.values():
            head.mtime, head.size, head.pax_headers = date, len(content), {}
            archive.addfile(head, io.BytesIO(content))
    return packed.getvalue()


def bill_of_materials(tree: Path, archive: str, checksum: str, date: int) -> dict[str, Any]:
    """Return what is in the release and what it needs, as CycloneDX has it. Nothing of others is bundled.

    Requirements have no version of their own, as the controller brings them: the lower bound is a property.
    """
    galaxy = yaml.safe_load((tree / "galaxy.yml").read_text(encoding="utf-8"))
    lines = (tree / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    optional = [line.partition(">=") for line in lines if line and not line.startswith("#")]
    core = yaml.safe_load((tree / "meta" / "runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    needs = [_needed("ansible-core", "required", core)]
    needs += [_needed(name, "optional", f">={bound}") for name, _sign, bound in sorted(optional)]
    itself = {
        "type": "library",
        "bom-ref": archive,
        "group": galaxy["namespace"],
        "name": galaxy["name"],
        "version": galaxy["version"],
        "description": galaxy["description"],
        "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
        "hashes": [{"alg": "SHA-256", "content": checksum}],
        "externalReferences": [{"type": "vcs", "url": galaxy["repository"]}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, checksum)}",
        "version": 1,
        "metadata": {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(date)), "component": itself},
        "components": needs,
        "dependencies": [{"ref": archive, "dependsOn": [one["bom-ref"] for one in needs]}],
    }


def _needed(name: str, scope: str, bound: str) -> dict[str, Any]:
    bounds = [{"name": "gatehouse:versions", "value": bound}]
    identity = f"pkg:pypi/{name}"
    return {
        "type": "library", "bom-ref": identity, "name": name, "scope": scope, "purl": identity, "properties": bounds
    }  # fmt: skip


def release(tree: Path, folder: Path, date: int) -> Path:
    """Write a release into a folder: the archive, its bill of materials, and the checksums of both."""
    members = sort_manifest(galaxy_build(tree))
    about = json.loads(members[MANIFEST][1])["collection_info"]
    packed = pack(members, date)
    name = f"{about['namespace']}-{about['name']}-{about['version']}"
    bill = bill_of_materials(tree, f"{name}.tar.gz", hashlib.sha256(packed).hexdigest(), date)
    written = {f"{name}.tar.gz": packed, f"{name}.cdx.json": _as_json(bill) + b"\n"}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {file}\n" for file, content in sorted(written.items()))
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in {**written, "SHA256SUMS": sums.encode()}.items():
        (folder / file).write_bytes(content)
    return folder / f"{name}.tar.gz"


if __name__ == "__main__":
    print(release(Path(sys.argv[1]), Path(sys.argv[2]), max(OLDEST, int(os.environ.get("SOURCE_DATE_EPOCH", OLDEST)))))
