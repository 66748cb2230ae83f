"""ansible-playbook for many runs: it imports Ansible and plugins once, which takes longer than a run, and then forks.

Reads a run per line of stdin, as JSON with ``arguments``, ``cwd``, ``environment`` and the files ``output`` and
``errors``; prints the exit code of each. A run begins with what this process has, and leaves nothing to the next one
but the modules that it has packed. Ansible reads its settings (ANSIBLE_*) as it is imported: where they differ, start
another process of this file.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import sys
import tempfile
import traceback
import warnings

from ansible.cli.playbook import main
from ansible.plugins import loader

OURS = "gatehouse.firewall"
# Without those that read variables: once any of these are loaded, Ansible looks for no others and uses none.
CLASSES = ("action", "become", "cache", "callback", "connection", "inventory", "lookup", "shell", "strategy")


def import_plugins():
    """Import what ansible.builtin and our collection have on the controller, and read which settings it documents."""
    loader.init_plugin_loader()  # this reads where everything went that ansible.builtin once had, a long file
    importlib.import_module("ansible_collections.ansible.builtin")
    for kind in CLASSES:
        _found = [*getattr(loader, f"{kind}_loader").all(class_only=True)]
    _functions = [*loader.filter_loader.all(), *loader.test_loader.all()]
    actions = importlib.import_module(f"ansible_collections.{OURS}.plugins.action")
    for module in pkgutil.iter_modules(actions.__path__):
        loader.action_loader.get(f"{OURS}.{module.name}", class_only=True)


def become(run):
    """Be the process that the run would have had."""
    os.environ.clear()
    os.environ.update(run["environment"])
    os.chdir(run["cwd"])
    tempfile.tempdir = None  # TMPDIR is the run's
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, key in ((1, "output"), (2, "errors")):
        os.dup2(os.open(run[key], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.argv = run["arguments"]


def fork(run):
    """Return how a run in a process of its own ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        become(run)
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        if code and sys.exc_info()[0]:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # Ansible's exit handler would remove the folder with the modules that were packed


import_plugins()
warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been configured")
gc.freeze()  # or else each run looks through all of this for garbage
for line in iter(sys.stdin.readline, ""):
    print(fork(json.loads(line)), flush=True)
