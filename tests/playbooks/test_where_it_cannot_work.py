"""Where a host lacks what it takes, harden says what is missing and what to do, and nothing is changed there.

On "this machine", in namespaces of its own. What is missing is taken away for real: a capability, programs and the
package index, a Python that is new enough. A kernel that lacks a feature: tests/kernel/.../test_hints.py.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = {
    "all": {
        "vars": {
            "ansible_connection": "local",
            "ansible_become": False,
            "gatehouse_classes": [{"name": "web", "groups": ["webs"]}],
            "gatehouse_zones": [{"name": "office", "networks": ["198.51.100.160/28"]}],
            "gatehouse_flows": [{"name": "ssh", "from": ["office"], "to": ["web"], "ports": ["22/tcp"], "why": "us"}],
        },
        "children": {"webs": {"hosts": {"web1": {"ansible_host": "198.51.100.161"}}}},
    }
}
HARDEN = {"hosts": "webs", "gather_facts": False, "roles": ["gatehouse.firewall.host"]}
NO_NET_ADMIN = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
# An index of packages that are not there, as in an image that was made small; and no program that could filter.
NOTHING_TO_INSTALL = """
set -e
for program in nft xtables-nft-multi xtables-legacy-multi; do
    [ ! -e /usr/sbin/$program ] || mount --bind /dev/null /usr/sbin/$program
done
mount -t tmpfs tmpfs /var/cache
mount -t tmpfs tmpfs /var/lib/apt
sed -i '/^Package: nftables$/,/^$/d' /var/lib/dpkg/status
"""
LEFT_BEHIND = "/etc/gatehouse", "/var/lib/gatehouse"


def _old_pythons():
    """Return each Python at hand that is older than what hosts need."""
    named = [shutil.which(f"python{version}") for version in ("3.6", "3.7")]
    built = [next(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"), None) for version in ("3.6", "3.7")]
    return [str(path) for path in (*built, *named) if path and "/shims/" not in str(path)]


@pytest.fixture
def harden(machine, environment, program, write, tmp_path):
    """Harden the host, by a command that may take something from it first; return what the failed task says."""
    write(tmp_path / "inventory.yml", INVENTORY)
    write(tmp_path / "harden.yml", [HARDEN])
    env = {**environment, "ANSIBLE_REMOTE_TMP": str(tmp_path / "tmp"), "ANSIBLE_PYTHON_INTERPRETER": sys.executable}

    def run(*before, **variables):
        words = [program("ansible-playbook"), "-i", "inventory.yml", "harden.yml", "-e", json.dumps(variables)]
        done = machine(*before, *words, cwd=tmp_path, env=env)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        (failed,) = [line for line in done.stdout.splitlines() if line.startswith("fatal: [web1]")]
        assert [path for path in LEFT_BEHIND if machine("test", "-e", path).returncode == 0] == []
        return json.loads(failed.partition("=> ")[2])["msg"]

    return run


def test_a_container_without_the_right_to_change_rules(harden):
    if not shutil.which("setpriv"):
        pytest.skip("not installed: setpriv")
    message = harden(*NO_NET_ADMIN)

    assert message.startswith("nft can't list the table inet gatehouse: Operation not permitted")
    assert message.endswith("start the container with --cap-add=NET_ADMIN, or harden the machine that runs it instead.")


@pytest.mark.parametrize("python", _old_pythons() or [None], ids=lambda path: Path(path).parts[-3] if path else "none")
def test_a_python_that_is_too_old(harden, python):
    if not python:
        pytest.skip("no Python 3.6 or 3.7 is at hand")
    message = harden(ansible_python_interpreter=python)

    assert message.partition("The host's Python (")[2].startswith(f"{python}) is 3.")
    assert "hosts need 3.8 or later: install one there, and set ansible_python_interpreter to its path" in message


# The last one: what it takes from the machine is gone for those after it.
def test_neither_a_program_that_filters_nor_a_package_of_one(harden, machine):
    if not shutil.which("apt-get"):
        pytest.skip("this machine has no apt-get")
    done = machine("sh", "-c", NOTHING_TO_INSTALL)
    assert done.returncode == 0, done.stderr
    message = harden()

    assert message.startswith("This host lacks nftables, and its package manager can't install them: ")
    assert message.endswith(
        "\nInstall them yourself, or give the host a package index (apt-get update, on Debian), and harden it again. "
        "Nothing was changed"
    )
