"""Run in a container of a Debian release: deny packets by a golden ruleset, and print what that release's tools tell.

``denials_here.py FOLDER nftables|nft|legacy``: a folder of golden rulesets, and nftables or a variant of iptables.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import filled_as_saved, merged
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.saver import SAVER

SEND = """
import socket, sys
for text in sys.argv[1:]:
    source, target, protocol, port = text.split(",")
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    one.setblocking(False)
    one.bind((source, 0))
    try:
        one.connect_ex((target, int(port))) if protocol == "tcp" else one.sendto(b"x", (target, int(port)))
    except PermissionError:
        pass
"""
IN = [
    "192.0.2.11,192.0.2.1,tcp,80",
    "192.0.2.99,192.0.2.1,udp,53",
    "2001:db8::2,2001:db8::1,tcp,22",
    "2001:db8::99,2001:db8::1,udp,99",
    "192.0.2.99,192.0.2.1,tcp,30080",
]
OUT = ["192.0.2.1,192.0.2.11,tcp,25", "2001:db8::1,2001:db8::99,udp,123"]
ADDRESSES = {
    "eth1": ("192.0.2.1/24", "2001:db8::1/64"),
    "peer1": ("192.0.2.11/24", "192.0.2.99/24", "2001:db8::2/64", "2001:db8::99/64"),
}


def run(words, text=None):
    """Run a command in the C locale."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    done = subprocess.run(
        words, input=text, capture_output=True, encoding="utf-8", check=False, env={"PATH": path, "LC_ALL": "C"}
    )
    return done.returncode, done.stdout, done.stderr


def do(*words):
    """Run a command that has to succeed."""
    code, output, error = run(list(words))
    assert code == 0, (words, error)
    return output


def place():
    """Make the others' namespace, and return what has a command run there."""
    others = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo up; exec sleep 600"], stdout=subprocess.PIPE)
    assert others.stdout is not None
    others.stdout.readline()
    there = ["nsenter", f"--target={others.pid}", "--net"]
    do("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "peer1", "netns", str(others.pid))
    for before, device in (([], "eth1"), (there, "peer1")):
        do(*before, "ip", "link", "set", device, "up")
        for one in ADDRESSES[device]:
            do(*before, "ip", "address", "add", one, "dev", device, *(["nodad"] * (":" in one)))
    return there, others


def backend_of(kind, folder):
    """Return a backend, and the ruleset for it."""
    if kind == "nftables":
        return Nft(run, shutil.which("nft")), (folder / "runner1.nft").read_text()
    paths = [shutil.which(f"{name}-{kind}") for name in ("iptables", "ip6tables")]
    files = {name: (folder / f"runner2.{name}").read_text() for name in ("ipset", "rules.v4", "rules.v6")}
    return Iptables(run, *paths, shutil.which("ipset")), joined(files)


def main():
    """Deny, list, go back to what was listed, deny again, save, and change to the same ruleset once more."""
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    for path in ("/run/gatehouse", "/var/lib/gatehouse"):
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
    there, others = place()
    backend, ruleset = backend_of(kind, folder)
    backend.load(ruleset)
    before = backend.listing()
    told = {}
    for number in (1, 2):
        do(*there, sys.executable, "-c", SEND, *IN)
        do(sys.executable, "-c", SEND, *OUT)
        told[f"rows {number}"] = merged(backend.filled(), time.time())
        told[f"same {number}"] = backend.listing() == before
        if number == 1:
            backend.load(backend.previous())
    do("/bin/sh", "-c", SAVER, "denied.sh", backend.file_type, backend.lister)
    saved = Path("/var/lib/gatehouse/denied").read_text().partition("\n")[2]
    told["saved"] = merged(filled_as_saved(saved), time.time())
    backend.load(ruleset)
    told["emptied"] = backend.filled() == []
    others.kill()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
