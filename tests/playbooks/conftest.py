"""Run ansible-playbook as a user does. No host is contacted: ssh is a program that only fails."""

from __future__ import annotations

import functools
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SETUP = """
set -e
mount -t tmpfs tmpfs "$1"
for folder in /etc /var/lib; do
    layer=$1/$(echo "$folder" | tr / _)
    mkdir "$layer" "$layer.work"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$layer,workdir=$layer.work" "$folder"
done
mount -t tmpfs tmpfs /run
echo up
exec cat
"""
PRESTARTED_PYTHON = str(Path(__file__).with_name("prestarted_python.py"))
CLIENT = runpy.run_path(PRESTARTED_PYTHON)["CLIENT"]
RUNS = runpy.run_path(str(Path(__file__).with_name("ansible_runs.py")))
Prestarted: Any = RUNS["Prestarted"]
TOO_LONG: int = RUNS["TOO_LONG"]
CALICO_CASE = ROOT / "tests" / "golden" / "calico" / "02-load-balancers-stay-open"
FAILURE = re.compile(r"^fatal: \[(?P<host>[^\]]+)\]: FAILED! => (?P<result>\{.*\})$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How a run of ansible-playbook ended, and what it said."""

    code: int
    output: str

    @property
    def failures(self) -> list[str]:
        """Return the message of each failed task."""
        return [json.loads(match["result"])["msg"] for match in FAILURE.finditer(self.output)]


Play = Callable[..., Outcome]


class PrestartedPython:
    """Processes of prestarted_python.py, one for each set of modules that they have imported."""

    def __init__(self, folder: Path, enter: Sequence[str] = ()) -> None:
        """Take the folder for them, and the words that start a command elsewhere, where it isn't here."""
        self._folder = folder
        self._enter = enter
        self._processes: dict[tuple[str, ...], subprocess.Popen[str]] = {}

    def __call__(self, *names: str) -> str:
        """Return the path of a Python that has imported modules of these names."""
        folder = self._folder / "-".join(("python", *names))
        if names not in self._processes:
            folder.mkdir()
            client = folder / "python"
            client.write_text(CLIENT.format(python=sys.executable, path=str(folder / "socket")), encoding="utf-8")
            client.chmod(0o755)
            command = [*self._enter, sys.executable, PRESTARTED_PYTHON, str(folder / "socket"), *names]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
            self._processes[names] = process
            assert process.stdout
            assert process.stdout.readline() == "up\n"
        return str(folder / "python")

    def stop(self) -> None:
        """End them all."""
        for process in self._processes.values():
            process.communicate()


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has the collection, this checkout or the installed release, and no settings."""
    home = tmp_path_factory.mktemp("home")
    (home / "ansible.cfg").touch()
    settings = {
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_NOCOWS": "1",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_SSH_EXECUTABLE": "/bin/false",
        "LC_ALL": "C.UTF-8",
    }
    if "GATEHOUSE_COLLECTIONS" not in os.environ:
        link = home / "collections" / "ansible_collections" / "gatehouse" / "firewall"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT)
        settings["ANSIBLE_COLLECTIONS_PATH"] = str(home / "collections")
    return {**os.environ, **settings}


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Where a program of this Python's Ansible is."""

    def find(name: str) -> str:
        beside = Path(sys.executable).with_name(name)
        found = str(beside) if beside.exists() else shutil.which(name)
        assert found, f"{name} is neither beside this Python nor on PATH: make setup installs it"
        return found

    return find


@pytest.fixture(scope="session")
def prestarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prestarted]:
    """Ansible, imported once for all runs with the same settings."""
    found = Prestarted(tmp_path_factory.mktemp("said"))
    yield found
    found.stop()


@pytest.fixture(scope="session")
def python_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrestartedPython]:
    """Return a function that returns the path of a Python for modules, which has imported some already."""
    found = PrestartedPython(tmp_path_factory.mktemp("python"))
    yield found
    found.stop()


@pytest.fixture(scope="session")
def play_by(environment: dict[str, str], program: Callable[[str], str]) -> Play:
    """Run a playbook, by its path or its name, in one of these processes."""

    def run(
        prestarted: Prestarted,
        playbook: Path | str,
        inventory: Path | str,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        command = [program("ansible-playbook"), str(playbook), "-i", str(inventory), *arguments]
        done = prestarted.run(command, cwd or Path.cwd(), {**environment, **(env or {})})
        return Outcome(done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture(scope="session")
def play(play_by: Play, prestarted: Prestarted) -> Play:
    """Run a playbook by its path or its name."""
    return functools.partial(play_by, prestarted)


@pytest.fixture(scope="session")
def plan(play: Play) -> Callable[..., Outcome]:
    """Plan offline into a folder."""

    def run(
        inventory: Path | str, folder: Path, *arguments: str, playbook: Path | str = "", **variables: object
    ) -> Outcome:
        extra = {"gatehouse_plan_offline": True, "gatehouse_plan_dir": str(folder), **variables}
        return play(playbook or "gatehouse.firewall.plan", inventory, "-e", json.dumps(extra), *arguments)

    return run


@pytest.fixture(scope="session")
def planned(plan: Callable[..., Outcome]) -> Callable[..., dict[str, str]]:
    """Plan offline into a folder and return the files by host."""

    def run(inventory: Path | str, folder: Path, *arguments: str, **variables: Any) -> dict[str, str]:
        outcome = plan(inventory, folder, *arguments, **variables)
        assert outcome.code == 0, outcome.output
        return {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()}

    return run


@pytest.fixture(scope="session")
def write() -> Callable[[Path, object], Path]:
    """Write data as a YAML file, its keys in the order that they have."""

    def to_file(path: Path, content: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    return to_file


MODEL = {
    "gatehouse_classes": [{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}],
    "gatehouse_zones": [{"name": "office", "networks": ["203.0.113.0/24"]}],
    "gatehouse_flows": [{"name": "site", "from": ["office"], "to": ["web"], "ports": ["443/tcp"]}],
}


@pytest.fixture(scope="session")
def fleet() -> Callable[..., dict[str, Any]]:
    """Return an inventory of two web servers, a database and a host in no class, with variables by group or host."""

    def inventory(**variables: Mapping[str, object]) -> dict[str, Any]:
        def group(name: str, **hosts: str) -> dict[str, Any]:
            rows = {host: {"ansible_host": address, **variables.get(host, {})} for host, address in hosts.items()}
            return {"hosts": rows, "vars": dict(variables.get(name, {}))}

        groups = {
            "webs": group("webs", web1="192.0.2.1", web2="192.0.2.2"),
            "dbs": group("dbs", db1="192.0.2.11"),
            "others": group("others", nas="192.0.2.99"),
        }
        return {"all": {"vars": dict(variables.get("all", MODEL)), "children": groups}}

    return inventory


@pytest.fixture(scope="session")
def kubernetes_settings(
    environment: dict[str, str], write: Callable[[Path, object], Path]
) -> Callable[[str, Path], dict[str, str]]:
    """What a user sets for kubernetes.core, who reaches a cluster at a URL; the folder is for what that needs."""

    def for_cluster(url: str, folder: Path) -> dict[str, str]:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "users": [{"name": "us", "user": {"token": "none"}}],
            "clusters": [{"name": "one", "cluster": {"server": url}}],
            "contexts": [{"name": "here", "context": {"cluster": "one", "user": "us"}}],
        }
        paths = (environment["ANSIBLE_COLLECTIONS_PATH"], str(ROOT / ".cache" / "collections"))
        return {
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths),
            "K8S_AUTH_KUBECONFIG": str(write(folder / "kubeconfig", config)),
            "TMPDIR": str(folder),
        }

    return for_cluster


@pytest.fixture(scope="session")
def calico_case(write: Callable[[Path, object], Path]) -> Callable[[Path], Path]:
    """Write an inventory with the model of CALICO_CASE into a folder."""

    def to_file(folder: Path) -> Path:
        document = yaml.safe_load((CALICO_CASE / "model.yml").read_text(encoding="utf-8"))
        groups, hosts = document.pop("groups"), document.pop("hosts")
        children = {name: {"hosts": {host: hosts[host] for host in members}} for name, members in groups.items()}
        return write(folder / "inventory.yml", {"all": {"vars": document, "children": children}})

    return to_file


@pytest.fixture
def calico_inventory(calico_case: Callable[[Path], Path], tmp_path: Path) -> Path:
    """An inventory with the model of CALICO_CASE."""
    return calico_case(tmp_path)


class Machine:
    """A name for "this machine" inside namespaces of its own: its network has no interface, and what commands write to
    /etc, /run and /var/lib goes to layers that end with the test.
    """

    def __init__(self, pid: int) -> None:
        """Take the process that holds the namespaces."""
        self._pid = pid

    def __call__(
        self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            [*self.enter(cwd), *command], env=env, capture_output=True, encoding="utf-8", check=False, timeout=TOO_LONG
        )

    def enter(self, cwd: Path | None = None) -> list[str]:
        """Return the words before a command that is to run there."""
        return ["nsenter", f"--target={self._pid}", "--net", "--mount", f"--wdns={cwd or '/'}", "--"]


@contextmanager
def a_machine(layers: Path) -> Iterator[Machine]:
    """Yield one whose layers are in a folder. Root is needed."""
    if os.geteuid() != 0:
        pytest.skip("namespaces and layers over /etc need root")
    missing = [tool for tool in ("unshare", "nsenter", "nft") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    holder = subprocess.Popen(
        ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", SETUP, "sh", str(layers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert holder.stdout
    assert holder.stderr
    if holder.stdout.readline() != b"up\n":
        pytest.skip(f"no namespaces with layers over /etc can be had: {holder.stderr.read().decode()}")
    try:
        yield Machine(holder.pid)
    finally:
        holder.communicate()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Run commands on one."""
    with a_machine(tmp_path_factory.mktemp("layers")) as found:
        yield found


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Machine]]:
    """Return a function that makes one more."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(a_machine(tmp_path_factory.mktemp("layers")))


@pytest.fixture(scope="module")
def pythons_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Machine], PrestartedPython]]:
    """Return a function that returns the Pythons for modules that run on such a machine."""
    with ExitStack() as stack:

        def of(machine: Machine) -> PrestartedPython:
            found = PrestartedPython(tmp_path_factory.mktemp("python"), machine.enter())
            stack.callback(found.stop)
            return found

        yield of


@pytest.fixture(scope="module")
def play_there(
    machine: Machine,
    pythons_of: Callable[[Machine], PrestartedPython],
    play_by: Play,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Play]:
    """Run a playbook on that machine, with modules by a Python that is up already."""
    folder = tmp_path_factory.mktemp("there")
    there = Prestarted(folder, machine.enter())
    env = {"ANSIBLE_REMOTE_TMP": str(folder / "tmp"), "ANSIBLE_PYTHON_INTERPRETER": pythons_of(machine)()}
    yield functools.partial(play_by, there, env=env)
    there.stop()
