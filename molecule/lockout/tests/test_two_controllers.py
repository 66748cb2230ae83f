"""Of two controllers that change a host at once, one comes first, and what the host has is never a mix."""

from __future__ import annotations

from fleet import A_THIRD_MODEL, ALL_AT_ONCE, ANOTHER_MODEL, Fleet, State, begin_to_harden, harden

WHOLE_FROM_DISK = "systemctl reload gatehouse-firewall.service"


def test_each_host_ends_with_the_whole_ruleset_of_one_of_them(fleet: Fleet, hardened: dict[str, State]) -> None:
    controllers = [begin_to_harden(model, ALL_AT_ONCE) for model in (ANOTHER_MODEL, A_THIRD_MODEL)]
    outputs = [controller.communicate()[0] for controller in controllers]
    states = fleet.states()
    for name, state in states.items():
        assert ("another" in state.boot_file) != ("third" in state.boot_file), (name, outputs)
    fleet.everywhere(WHOLE_FROM_DISK)
    assert fleet.differences(states) == [], outputs
    failures = [line for output in outputs for line in output.splitlines() if line.startswith("fatal:")]
    assert all("another change of this host" in line or "could not be changed" in line for line in failures), failures
    print(len(failures), "were told to wait")

    assert harden(ALL_AT_ONCE).returncode == 0
    assert fleet.differences(hardened) == []
