# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""One host's firewall: how far it is from what is wanted, and the way there."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding, changes_of_model
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.rule_changes import changes_of_rules
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import (
    Backend,
    FirewallError,
    OvertakenError,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.locks import BusyError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import ENFORCE, OBSERVE
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.difference import as_diff, with_modes
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.lost import lost, moved
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.units import Units
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.usage import invalid_in, usage_of, utc
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import Boot
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.denials import Remembered
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.fault import fault_point
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import FAILED, UNDER_WAY, UNIT, Rollback
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import is_same, rules_alone
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refreshing import Refreshing

CONFIRMED_LAST = "the ruleset confirmed last is in force"
NONE_OF_OURS = "no rules of ours are in force"
GOES_BACK = "the host goes back to its previous ruleset by itself"
REPLACED = "since the change, something else has replaced our rules (a reload of gatehouse-firewall.service, say)"
_GOING_BACK = 10  # seconds within which a rollback should have ended


class TooLateError(FirewallError):
    """A confirmation came after the rollback had begun; the message says what is in force instead."""


class HostFirewall:
    """The firewall of the host on which it runs, as root: in one backend, and no more in any of the others."""

    def __init__(
        self,
        backend: Backend,
        others: Sequence[Backend],
        boot: Boot,
        rollback: Rollback,
        refreshing: Refreshing,
        remembered: Remembered,
    ) -> None:
        """Take what there is to ask and to change."""
        self._backend = backend
        self._others = others
        self._boot = boot
        self._rollback = rollback
        self._refreshing = refreshing
        self._observing = remembered.observing
        self._denials = remembered.denials
        self._before = remembered.before
        self._units = Units(boot.watch, refreshing, remembered.denials)
        self.live = backend.listing()
        self.recorded = boot.live(backend)
        self.applied = boot.ruleset(backend)

    @property
    def missing_packages(self) -> list[str]:
        """Return the packages that bring the backend's commands, where the host lacks one."""
        return list(self._backend.packages) if self._backend.missing else []

    @property
    def tracks_connections(self) -> bool:
        """Return whether a ruleset of ours is in the kernel, in whatever backend."""
        return bool(self.live) or any(self._boot.has(other) for other in self._others)

    @property
    def starts_at_boot(self) -> bool:
        """Return whether this host has what it takes to load a ruleset at boot."""
        return self._boot.has_systemd()

    def is_at(self, wanted: str) -> bool:
        """Return whether this ruleset is live, unchanged since it was applied, alone, and loaded at the next boot."""
        if not wanted:
            backends = [self._backend, *self._others]
            nothing_stays = self._boot.leaves_nothing(backends) and self._units.are_as_for(self._backend, "")
            return nothing_stays and not any(backend.listing() for backend in backends)
        return is_same(self.applied, wanted) and self._is_in_force(wanted)

    def differs_in_addresses_alone(self, wanted: str) -> bool:
        """Return whether the same rules are in force, with other addresses in their sets."""
        rules = [rules_alone(self._backend, ruleset) for ruleset in (self.applied, wanted)]
        return self._is_in_force(wanted) and rules[0] == rules[1]

    def _is_in_force(self, wanted: str) -> bool:
        return (
            bool(self.live)
            and self.live == self.recorded
            and not self._boot.is_edited(self._backend)
            and self._boot.is_enabled(self._backend)
            and self._units.are_as_for(self._backend, wanted)
            and not any(self._boot.has(other) for other in self._others)
        )

    def host_names(self) -> list[dict[str, Any]]:
        """Return the host names that the ruleset in force depends on, with their addresses, and how old these are."""
        return self._refreshing.host_names(self.applied)

    def cautions(self, wanted: str) -> list[str]:
        """Return what the host's owner should know of what a ruleset has it do by itself."""
        return self._refreshing.cautions(wanted)

    def observed(self) -> dict[str, Any]:
        """Return what was counted where it would have been denied; nothing where the host doesn't only observe.

        Where the rules that observed were flushed, the time is unknown.
        """
        observing = self._where(lambda header: header.observes)
        if observing is None:
            return {}
        directions = read(self._boot.ruleset(observing)).observed_directions
        elements = observing.filled()
        seen = [one for one in elements or [] if not one.peers]
        since = None if elements is None else self._boot.loaded_at(observing)
        return self._observing.result(seen, since, directions)

    def denied(self) -> dict[str, Any]:
        """Return what was denied; nothing where the host doesn't keep that."""
        backend = self._keeping()
        if backend is None:
            return {}
        found = self._denials.result(backend.filled(), self._boot.load_id(backend), self._boot.loaded_at(backend))
        return {**found, **self._before.result(read(self._boot.ruleset(backend)), found["denied"])}

    def _keeping(self) -> Backend | None:
        """Return the backend whose rules in force keep what they deny."""
        return self._where(lambda header: header.keeps)

    def _where(self, is_so: Callable[[Header], bool]) -> Backend | None:
        """Return the backend of which something is so that its rules in force say of themselves."""
        rulesets = [(self._backend, self.applied), *((other, self._boot.ruleset(other)) for other in self._others)]
        return next((backend for backend, ruleset in rulesets if is_so(read(ruleset))), None)

    def drift(self) -> list[str]:
        """Return what others have changed, in lines; nothing where the kernel has what we applied."""
        return [found.text for found in self._drift()]

    def usage(self) -> dict[str, Any]:
        """Return what each flow has let through, what was invalid, and since when that was counted.

        Nothing where no rule is in force.
        """
        counted = self._backend.counted() if self.live else ""
        since = utc(self._boot.loaded_at(self._backend)) if self.live else None
        return {"usage": usage_of(counted), "invalid": invalid_in(counted), "in_force_since": since}

    def findings(self, wanted: str) -> list[Finding]:
        """Return how the host differs from this ruleset."""
        if not self.recorded:
            return [Finding("never_applied", "the model was never applied to this host")]
        found = self._drift()
        if self._boot.is_edited(self._backend):
            how = "was edited by hand" if self.applied else "is gone"
            found.append(Finding("boot_file_edited", f"the ruleset of the next boot {how}"))
        elif not is_same(self.applied, wanted):
            found += changes_of_model(*with_modes(read(self.applied), read(wanted)))
        if not self._boot.is_enabled(self._backend):
            found.append(Finding("unit_disabled", "our unit is not as we wrote it, or doesn't start at boot"))
        return found + self._units.findings(self._backend, self.applied)

    def _drift(self) -> list[Finding]:
        if self.live == self.recorded:
            return []
        return changes_of_rules(self.recorded, self.live, {one.name: one.peer for one in read(self.applied).sets})

    def difference(self, wanted: str) -> dict[str, str]:
        """Return Ansible's diff between what is let through now and with this ruleset."""
        rulesets = [self.applied if self.live else "", *map(self._boot.ruleset, self._others)]
        live = next((header for header in map(read, rulesets) if header.description()), read(""))
        before, after = with_modes(live, read(wanted))
        return as_diff(before + self.drift(), after)

    def lost(self, wanted: str) -> list[dict[str, Any]]:
        """Return what the peers of the ruleset that was confirmed last, in whatever backend, lose by this one."""
        return lost(self._confirmed_last(), read(wanted))

    def moved(self, wanted: str) -> list[dict[str, Any]]:
        """Return which addresses came to the peers of the ruleset that was confirmed last, and which left them."""
        return moved(self._confirmed_last(), read(wanted))

    def _confirmed_last(self) -> Header:
        confirmed = map(read, [self.applied, *map(self._boot.ruleset, self._others)])
        return next((header for header in confirmed if header.sets), read(""))

    def refuse_newer(self) -> None:
        """Raise FirewallError where a later version of ours has been here, and has left what this one can't read."""
        self._boot.refuse_newer()

    def check(self, wanted: str) -> None:
        """Have the backend check a ruleset, where it is installed; an empty one needs no check."""
        if wanted and not self._backend.missing:
            self._backend.check(wanted)

    def start_tracking(self) -> None:
        """Start connection tracking, so that connections that are open now survive the first ruleset."""
        self.refuse_newer()
        if self.tracks_connections:
            return
        with self._rollback.alone("it starts connection tracking"):
            if not self._backend.listing():
                self._backend.start_tracking()
        fault_point("tracking_started")

    def stop_tracking(self) -> None:
        """Take back what ``start_tracking`` did, where nothing came of it."""
        if self._backend.only_tracks(self.live):
            with self._rollback.alone("it ends connection tracking"):
                self._unprime()

    def _unprime(self) -> None:
        if not self._rollback.is_pending() and self._backend.only_tracks(self._backend.listing()):
            self._backend.delete()
            self._boot.forget_load(self._backend)

    def load(self, wanted: str, seconds: int) -> str:
        """Load a ruleset in one transaction, and go back in so many seconds unless ``confirm`` comes first.

        Return the change's name. What is on disk stays as it was, and so does what another backend has. Where the way
        back begins before everything is loaded, the kernel refuses the rest, and this raises FirewallError.
        """
        self.refuse_newer()
        self._backend.header(wanted, "the ruleset")
        self._backend.check(wanted)
        # Where addresses alone differ, rules and their counters stay, and sets change in one transaction.
        in_place = self._backend.refills_at_once and self.differs_in_addresses_alone(wanted)
        try:
            change = self._rollback.arm(seconds, wanted)
        except FirewallError:
            # What was started for this change goes with it: a bare host is bare again.
            self.stop_tracking()
            raise
        try:
            self._load(wanted, in_place, change)
        except OvertakenError as error:
            late = f"{error}, as this took longer than {seconds} s (the machine stalled, or is short of memory)"
            raise FirewallError(f"{late}; {self._left_behind(change)}") from error
        except FirewallError:
            self._observing.give_up()
            self._call_off(change)
            raise
        fault_point("loaded")
        return change

    def _load(self, wanted: str, in_place: bool, change: str) -> None:
        if in_place:
            try:
                self._backend.refill(read(self.applied).elements, read(wanted).elements, change)
            except OvertakenError:
                raise
            except FirewallError:
                # The kernel took nothing of it: its sets may not be what the boot file says. Load the whole ruleset
                # instead.
                self._load_anew(wanted, change)
        else:
            self._load_anew(wanted, change)

    def _load_anew(self, wanted: str, change: str = "") -> None:
        """Load a ruleset whose sets are new, too, and keep what those of the old one had counted."""
        observed, keeping = self.observed(), self._keeping()
        if observed:
            self._observing.prepare(observed)
        if keeping:
            self._denials.save(keeping)
        try:
            self._backend.load(wanted, change)
        except OvertakenError:
            if observed:
                self._observing.keep()  # the rollback has emptied the sets
            raise
        if observed:
            self._observing.keep()

    def _left_behind(self, change: str) -> str:
        """Clear up after a change that was overtaken; return what is in force instead."""
        self._observing.give_up()
        said = self.after(change)
        with suppress(FirewallError), self._rollback.alone("it clears up after a change"):
            if not self._rollback.is_pending():
                self._backend.settle(change)
        return said

    def _call_off(self, change: str) -> None:
        """End a change of which the kernel has taken nothing."""
        with self._rollback.alone("it calls off a change"):
            if self._rollback.disarm(change):
                self._backend.settle(change)
                self._unprime()

    def go_back(self, change: str) -> str:
        """Have a change's rollback run now; return what is in force then, in words."""
        self._rollback.hurry(change)
        said = self.after(change)
        if not self._rollback.waits(change):
            self._rollback.stop_timer(change)
        return said

    def after(self, change: str) -> str:
        """Return what is in force after a rollback has begun, in words, as the kernel has it."""
        outcome = self._rollback.outcome(change, _GOING_BACK)
        if outcome == FAILED:
            return f"its rollback {outcome} (journalctl --unit={UNIT}-{change} says why), and {self._in_force_now()}"
        if outcome == UNDER_WAY:
            return f"its rollback {outcome}, and has not ended within {_GOING_BACK} s"
        return f"the host has gone back, and {self._in_force_now()}"

    @property
    def in_force(self) -> str:
        """Return what the kernel had when this was made, in words."""
        return self._in_words(self.live)

    def _in_force_now(self) -> str:
        return self._in_words(self._backend.listing())

    def _in_words(self, live: str) -> str:
        if live and live == self.recorded:
            return CONFIRMED_LAST
        if live and not self._backend.only_tracks(live):
            return "rules of ours are in force that are not the ruleset confirmed last"
        if any(other.listing() for other in self._others):
            return "the rules of the other backend alone are in force"
        return NONE_OF_OURS

    @property
    def modes(self) -> dict[str, str]:
        """Return the mode of the rules in force by direction; nothing where there are none."""
        header = read(self.applied)
        observed = header.observed_directions
        return {one: OBSERVE if one in observed else ENFORCE for one in header.judged} if self.live else {}

    @property
    def rollback_state(self) -> str:
        """Return how far a rollback is that waits, or has run; an empty text where there is none."""
        return self._rollback.state()

    def confirm(self, wanted: str, fallback: str, change: str, allows: Mapping[str, Any] | None = None) -> None:
        """Stay with the ruleset that ``load`` has loaded, keep it for the next boot, and leave every other backend.

        The ``fallback`` is for a boot at which the kernel refuses the ruleset, and what it ``allows`` is kept for
        those who ask about denials under the ruleset after it. Raises TooLateError where the rollback
        has begun. What can't be kept isn't confirmed, and raises FirewallError.
        """
        self.refuse_newer()
        try:
            with self._rollback.alone("it confirms a change"):
                replaced = self._replaced()
                in_time = self._confirmed(wanted, fallback, change)
                if in_time:
                    self._before.keep(replaced, read(wanted), allows)
        except BusyError as error:
            raise FirewallError(f"{error}; {GOES_BACK}") from error
        if not in_time and not self.is_at(wanted):  # a second question was confirmed by the first
            raise TooLateError(self.after(change))

    def _replaced(self) -> Header | None:
        """Return what the ruleset says of itself that was confirmed last, in any backend; None before the first."""
        rulesets = [self.applied, *map(self._boot.ruleset, self._others)]
        ruleset = next(filter(None, rulesets), "")
        return read(ruleset) if ruleset or self.recorded else None

    def _confirmed(self, wanted: str, fallback: str, change: str) -> bool:
        try:
            # All files are written before the timer is stopped: where the disk is full, the rollback still runs.
            self._boot.prepare(self._backend, wanted, self.live, fallback)
        except FirewallError as error:
            self._boot.give_up(self._backend)
            raise FirewallError(f"{error}; {GOES_BACK}") from error
        # What has replaced our rules took the marker with them: the rules in force aren't those to keep.
        if self._rollback.waits(change) and not self._backend.is_marked(change):
            self._boot.give_up(self._backend)
            raise FirewallError(f"{REPLACED}; {GOES_BACK}")
        if not self._rollback.disarm(change):
            self._boot.give_up(self._backend)
            return False
        self._backend.settle(change)
        fault_point("disarmed")
        self._keep(wanted)
        return True

    def _keep(self, wanted: str) -> None:
        # Each time that systemd reads its units anew takes long: it does so once, for all of ours.
        self._boot.carry_out([self._boot.keep(self._backend), *self._units.sync(self._backend, wanted)])
        if not read(wanted).observes:
            self._observing.forget()
        # The other backend's rules have judged beside ours until now, so that no moment was without any.
        for other in self._others:
            if self._boot.has(other):
                other.delete()
                fault_point("other deleted")
                self._boot.forget(other)

    def reapply(self, wanted: str) -> None:
        """Load a confirmed ruleset again, where another manager has harmed it on its way out."""
        self.refuse_newer()
        with self._rollback.alone("it loads a confirmed ruleset again"):
            if self._rollback.is_pending():
                raise FirewallError("another change waits to be confirmed, and a harmed ruleset wasn't loaded again")
            if self._backend.listing() != self.recorded:
                self._load_anew(wanted)

    def remove(self) -> None:
        """Take our rules, unit and files away."""
        with self._rollback.alone("it takes our rules away"):
            changes = self._units.forget()
            self._observing.forget()
            self._before.forget()
            # One that fires later would bring our rules back.
            self._rollback.call_all_off()
            # Unit and files go before the rules: if this dies on the way, a reboot finishes it.
            self._boot.carry_out([*changes, self._boot.forget_unit()])
            for backend in [self._backend, *self._others]:
                self._boot.forget(backend)
                backend.delete()
            self._rollback.forget()
