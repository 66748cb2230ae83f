"""Make `ansible_collections.gatehouse.firewall` importable from wherever this checkout is."""

import importlib.util
import pathlib
import sys
import types

_NAME = "ansible_collections.gatehouse.firewall"
_ROOT = pathlib.Path(__file__).resolve().parents[1]


def _is_importable():
    try:
        return importlib.util.find_spec(_NAME) is not None
    except ModuleNotFoundError:
        return False


def _stand_in():
    parent = None
    path = ""
    for part in _NAME.split("."):
        path = f"{path}.{part}".lstrip(".")
        module = sys.modules.setdefault(path, types.ModuleType(path))
        module.__path__ = getattr(module, "__path__", [])
        if parent is not None:
            setattr(parent, part, module)
        parent = module
    parent.__path__ = [str(_ROOT)]


# Under ansible-test its own collection loader finds the name.
if not _is_importable():
    _stand_in()
