"""Another manager of the firewall is refused by name, taken over when asked, and put back as it was."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from containers import Completed, playbook
from fleet import ALL_AT_ONCE, INVENTORY, Fleet, State, harden

UNITS = {
    "app1": ("firewalld", "firewalld.service"),
    "app2": ("ufw", "ufw.service"),
    "store1": ("the distribution's nftables.service", "nftables.service"),
    "store2": ("netfilter-persistent", "netfilter-persistent.service"),
}
# Each with a rule of its owner's beside what it brings.
START = {
    "store1": """cat > /etc/nftables.conf <<'END'
flush ruleset
table inet filter {
    chain input {
        type filter hook input priority filter
        tcp dport 23 drop
    }
}
END""",
    "app2": "ufw allow 22/tcp && ufw deny 23/tcp && ufw --force enable",
    "app1": "firewall-offline-cmd --add-port=23/tcp",
    "store2": """for family in 4 6; do
printf '*filter\\n-A INPUT -p tcp -m tcp --dport 23 -j DROP\\nCOMMIT\\n' > /etc/iptables/rules.v$family
done""",
}
RULES = """nft --stateless list ruleset | grep -v -e '^table ip6\\? ' -e '^}' -e '^$'
{ iptables-save; ip6tables-save; } | grep -e '^-A' -e '^:[a-z]'"""


@dataclass(frozen=True)
class TakeOver:
    """What came of a harden that was not asked to take anything over, of one that was, and of remove."""

    refused: Completed
    done: Completed
    before: dict[str, str]
    during: dict[str, str]
    ours: dict[str, str]
    after: dict[str, str]


@pytest.fixture(scope="module")
def take_over(fleet: Fleet) -> TakeOver:
    """Begin and end with bare hosts: the first of all modules, it leaves them to the first change of the others."""
    fleet.make_bare_unless_they_are()
    fleet.each(lambda name: fleet.run(name, "sh", "-c", f"{START[name]}\nsystemctl enable --now {UNITS[name][1]}"))
    before = state(fleet)
    refused = harden(ALL_AT_ONCE)
    done = harden(ALL_AT_ONCE, {"gatehouse_takeover": True})
    during, ours = state(fleet), fleet.rulesets()
    removed = playbook("remove", "--limit=apps:stores", inventory=INVENTORY)
    assert removed.returncode == 0, removed.stdout
    after = state(fleet)
    fleet.each(lambda name: fleet.run(name, "systemctl", "disable", UNITS[name][1]))
    fleet.restart_all()
    return TakeOver(refused, done, before, during, ours, after)


def state(fleet: Fleet) -> dict[str, str]:
    """Return whether each other manager is enabled and active, and all rules but ours."""
    script = "systemctl is-enabled {0}; systemctl is-active {0}; {1}; true"
    return fleet.each(lambda name: fleet.run(name, "sh", "-c", script.format(UNITS[name][1], RULES)))


def test_it_is_found_and_refused_by_name(take_over: TakeOver) -> None:
    assert take_over.refused.returncode != 0
    for name, (product, unit) in UNITS.items():
        assert take_over.before[name].startswith("enabled\nactive\n"), (name, take_over.before[name])
        assert f"{product} ({unit} is active and enabled)" in take_over.refused.stdout


def test_it_is_disabled_once_our_rules_are_confirmed(take_over: TakeOver, hardened: dict[str, State]) -> None:
    assert take_over.done.returncode == 0, take_over.done.stdout
    assert take_over.ours == {name: state.rules for name, state in hardened.items()}
    assert all(state.startswith("disabled\n") for state in take_over.during.values()), take_over.during
    stopped = [state for name, state in take_over.during.items() if name != "store1"]  # to stop that one flushes
    assert all(state.startswith("disabled\ninactive\n") for state in stopped), take_over.during


@pytest.mark.parametrize("name", UNITS)
def test_remove_puts_it_back_with_its_rules(take_over: TakeOver, name: str) -> None:
    assert take_over.after[name] == take_over.before[name]
