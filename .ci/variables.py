"""Write docs/variables.md from the roles' argument specs: each public variable, once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "variables.md"
# The entry points of role host that are not named like the playbook that runs them.
PLAYBOOKS = {
    **dict.fromkeys(("main", "canaries", "compare", "batch"), "harden"),
    **dict.fromkeys(("write", "show"), "plan"),
    "addresses": "refresh",
    "seen": "explain",
}
FRONT_DOORS = {"eks_node", "external_vm", "iks_worker", "k8s_node", "load_balancer", "nomad_client"}
MARKUP = re.compile(r"\b(?:C|V|O|RV|E)\(([^)]+)\)")
REFERENCE = re.compile(r"\b[MP]\(([^)#]+)(?:#\w+)?\)")
START = """# All variables

`make variables` writes this page from the roles' argument specs, which `ansible-doc -t role gatehouse.firewall.host`
shows, too. Set variables in the inventory, in `group_vars` or `host_vars`, or with `-e`. A wrong value, or a misspelt
name that begins with `gatehouse_`, is reported before any host is changed.
"""
MODEL = """
## The model

What the fleet is, and which traffic it needs. All playbooks read these. [model.md](model.md) has the keys of each, with
examples.

| variable | meaning |
| --- | --- |
"""
SETTINGS = """
## Settings of the playbooks

A role takes the same variables as the playbook of its name. Role `host` and the roles of node classes take those of
`harden`.

| variable | playbooks | type | default | meaning |
| --- | --- | --- | --- | --- |
"""


@dataclass
class Variable:
    """A variable, as the specs of one or more entry points have it."""

    name: str
    kind: str
    default: Any
    meaning: str
    choices: list[str]
    is_required: bool
    playbooks: set[str] = field(default_factory=set)

    @property
    def is_model(self) -> bool:
        """Return whether the model's own reader checks it."""
        return self.kind == "raw" and self.name not in ("gatehouse_hosts", "gatehouse_serial")

    @property
    def shown_default(self) -> str:
        """Return its default as YAML has it."""
        if self.is_required:
            return "required"
        if self.default is None:
            return ""
        return f"`{yaml.safe_dump(self.default, default_flow_style=True).split(chr(10))[0]}`"

    @property
    def shown_type(self) -> str:
        """Return its type, or the values that it may have."""
        return ", ".join(f"`{choice}`" for choice in self.choices) or ("any" if self.kind == "raw" else self.kind)


def specs(root: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each role, entry point and its options; role host comes first, as its words are the fullest."""
    files = sorted(root.glob("roles/*/meta/argument_specs.yml"), key=lambda file: (file.parts[-3] != "host", file))
    for file in files:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
        for entry, spec in content.items():
            yield file.parts[-3], entry, spec.get("options", {})


def variables(root: Path) -> dict[str, Variable]:
    """Return each public variable by its name."""
    found: dict[str, Variable] = {}
    for role, entry, options in specs(root):
        playbook = PLAYBOOKS.get(entry, entry) if role == "host" else role
        for name, option in options.items():
            if name.startswith("_"):
                continue
            meaning = " ".join(option["description"].split())
            choices, needed = option.get("choices", []), option.get("required", False)
            new = Variable(name, option["type"], option.get("default"), meaning, choices, needed)
            variable = found.setdefault(name, new)
            if role not in FRONT_DOORS:
                variable.playbooks.add(playbook)
    return found


def _cell(text: str) -> str:
    """Return what a cell of a table has for Ansible's markup."""
    return REFERENCE.sub(r"`\1`", MARKUP.sub(r"`\1`", text)).replace("|", "\\|")


def _setting(row: Variable) -> str:
    cells = (f"`{row.name}`", ", ".join(sorted(row.playbooks)), row.shown_type, row.shown_default, _cell(row.meaning))
    return f"| {' | '.join(cells)} |\n"


def page(root: Path) -> str:
    """Return the page."""
    rows = [variable for _name, variable in sorted(variables(root).items())]
    model = "".join(f"| `{row.name}` | {_cell(row.meaning)} |\n" for row in rows if row.is_model)
    settings = "".join(_setting(row) for row in rows if not row.is_model)
    return START + MODEL + model + SETTINGS + settings


if __name__ == "__main__":
    PAGE.write_text(page(ROOT), encoding="utf-8")
