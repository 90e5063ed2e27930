"""Standings: what schedules ask for, what there is of it, what is due and what is late.

The ledger is the only memory. A slot is made when an edition of its report, period, member and
as-of is there, whoever made it; otherwise the runs that were made for it say when it is tried next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from boardpack import slots
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import EditionRow, Run, RunEnded
from boardpack.schedules import Schedule
from boardpack.slots import Slot
from boardpack.workspace import Workspace

State = Literal["made", "due", "running", "waiting", "given up", "missed", "skipped"]

_LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True)
class Known:
    """What the ledger knows of slots: editions by target, runs by slot, first slot by schedule."""

    editions: Mapping[tuple[str, str, str, str], EditionRow] = field(default_factory=dict)
    runs: Mapping[tuple[str, str, str], Sequence[Run]] = field(default_factory=dict)
    first: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, ledger: Ledger) -> Known:
        """Everything there is to know now."""
        # What was forced is a draft: the report itself is still to be made.
        sound = [edition for edition in ledger.editions() if not edition.forced]
        made = {(e.report, e.period, e.segment, e.as_of): e for e in reversed(sound)}
        runs: dict[tuple[str, str, str], list[Run]] = {}
        first: dict[str, datetime] = {}
        for run in ledger.runs():
            if (slot := run.started.made_for) is not None:
                runs.setdefault((slot.schedule, slot.slot, run.started.segment), []).append(run)
                at = datetime.fromisoformat(slot.slot)
                first[slot.schedule] = min(at, first.get(slot.schedule, at))
        for tried in runs.values():
            tried.sort(key=lambda run: run.started.made_for.attempt if run.started.made_for else 0)
        return cls(made, runs, first)


@dataclass(frozen=True)
class Standing:
    """How one slot stands at an instant.

    ``made``: its edition is there. ``due``: to be made now. ``running``: begun and not ended, still
    at work or killed. ``waiting``: tried, and tried again at ``next_try``. ``given up``: tried as
    often as the file says. ``missed``: passed by, and the file says not to catch up. ``skipped``: a
    newer slot took its place. ``late``: made, or still not made, after the schedule's grace.
    """

    slot: Slot
    state: State
    late: bool
    runs: tuple[Run, ...] = ()
    edition: EditionRow | None = None
    next_try: datetime | None = None

    @property
    def last(self) -> RunEnded | None:
        """How the last run that ended did so."""
        return next((run.ended for run in reversed(self.runs) if run.ended), None)

    @property
    def open(self) -> bool:
        """Whether `run` would make it now, if nobody else is at work on it."""
        return self.state in ("due", "running")

    @property
    def wrong(self) -> bool:
        """Whether something that should exist does not: missing for good, or late."""
        lacking = self.state not in ("made", "skipped")
        return lacking and (self.late or self.state in ("given up", "missed"))

    @property
    def told(self) -> str:
        """For a person, in a few words."""
        ended = self.last
        if self.edition is not None:
            return f"revision {self.edition.revision}, {self.edition.verdict}"
        if self.state == "running":
            return f"begun {self.runs[-1].started.started_at}: at work, or killed"
        if ended is None:
            return ""
        times = f"{len(self.runs)} time{'s' * (len(self.runs) > 1)}"
        told = f"{ended.status}, tried {times}"
        if self.next_try is not None and self.state == "waiting":
            told += f", again from {stamp(self.next_try)}"
        why = ended.error.split("\n")[0] or "; ".join(ended.reasons[:2])
        return f"{told}: {why}" if why else told

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **slot_dict(self.slot),
            "state": self.state,
            "late": self.late,
            "attempts": len(self.runs),
            "last_status": self.last.status if self.last else None,
            "next_try": stamp(self.next_try) if self.next_try else None,
            "revision": self.edition.revision if self.edition else None,
            "published_at": self.edition.published_at if self.edition else None,
            "told": self.told,
        }


def standings(schedule: Schedule, known: Known, now: datetime, last: int = 1) -> list[Standing]:
    """How the slots of a schedule stand, oldest first.

    Of a schedule that catches up on all these are all that count; of others those of the ``last``
    firings, for nothing is made of the older ones.

    >>> from datetime import UTC
    >>> from zoneinfo import ZoneInfo
    >>> daily = Schedule("a", "daily", "0 6 * * *", ZoneInfo("UTC"), ZoneInfo("UTC"), "day")
    >>> (one,) = standings(daily, Known(), datetime(2026, 1, 5, 9, tzinfo=UTC))
    >>> str(one.slot), one.state, one.late
    ('daily 2026-01-04 as of 2026-01-04', 'due', True)
    """
    since = known.first.get(schedule.id)
    if schedule.catch_up == "all":
        fired = slots.fired(schedule, since, now)
    else:
        fired = slots.last_fired(schedule, since, now, last)
    return [
        _standing(schedule, slot, known, now, schedule.catch_up == "all" or at == fired[-1])
        for at in fired
        for slot in slots.at(schedule, at)
    ]


def status(
    workspace: Workspace, schedules: Sequence[Schedule], now: datetime, last: int = 5
) -> list[Standing]:
    """What should exist, what does and what is late, by schedule; nothing is made or changed.

    Of each schedule the ``last`` firings are told, and every older slot that still lacks.
    """
    path = workspace.var / "ledger.sqlite"
    known = Known()
    if path.exists():
        with Ledger(path) as ledger:
            known = Known.read(ledger)
    found = []
    for schedule in schedules:
        stands = standings(schedule, known, now, last)
        recent = sorted({one.slot.at for one in stands})[-last:]
        found += [one for one in stands if one.slot.at in recent or one.state != "made"]
    return found


def slot_dict(slot: Slot) -> dict[str, Any]:
    """A slot as plain values for JSON."""
    schedule, at, segment = slot.key
    report, period, _, as_of = slot.target
    return {
        "schedule": schedule,
        "slot": at,
        "report": report,
        "period": period,
        "as_of": as_of,
        "segment": segment,
    }


def _standing(
    schedule: Schedule, slot: Slot, known: Known, now: datetime, wanted: bool
) -> Standing:
    limit = slot.at + schedule.grace
    runs = tuple(known.runs.get(slot.key, ()))
    edition = known.editions.get(slot.target)
    if edition is not None:
        late = datetime.fromisoformat(edition.published_at) > limit
        return Standing(slot, "made", late, runs, edition)
    late = now > limit
    if not wanted:
        return Standing(slot, "skipped", late, runs)
    if schedule.catch_up == "none" and late:
        return Standing(slot, "missed", late, runs)
    if runs and runs[-1].ended is None:
        return Standing(slot, "running", late, runs)
    ended = [run.ended for run in runs if run.ended is not None]
    if not ended:
        return Standing(slot, "due", late, runs)
    if len(ended) > schedule.retries:
        return Standing(slot, "given up", late, runs)
    # No power of two is needed beyond the one that makes a minute a day.
    wait = min(schedule.back_off * 2 ** min(len(ended) - 1, 11), _LONGEST_WAIT)
    next_try = datetime.fromisoformat(ended[-1].ended_at) + wait
    return Standing(
        slot, "due" if now >= next_try else "waiting", late, runs, next_try=next_try
    )  # fmt: skip
