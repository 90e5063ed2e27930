"""Backfills: the editions of many periods, made one after another or several at once.

Each edition is made as a single run makes it, so a backfill that is killed leaves whole editions
and nothing else; the next one finds them in the ledger and makes what is missing.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from boardpack import model as models
from boardpack import orders, reconciliation, site
from boardpack.backfill_workers import Entry, Status, Task, at_once, in_turn
from boardpack.errors import BoardpackError, PeriodError
from boardpack.ledger import Ledger
from boardpack.locks import lock
from boardpack.model import Model
from boardpack.orders import Order
from boardpack.periods import Period, parse_day
from boardpack.render import Renderer

#: Bytes that one run needs at most, with its notebooks.
_MEMORY = 1.2e9


@dataclass(frozen=True)
class Progress:
    """How far a backfill is: the entry just ended, ``done`` of ``total``, seconds left if known."""

    entry: Entry
    done: int
    total: int
    left: float | None


@dataclass(frozen=True)
class Backfill:
    """What became of a backfill, an entry a period, oldest first."""

    report: str
    jobs: int
    seconds: float
    entries: tuple[Entry, ...]
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """The worst of its periods: 0 when each is published."""
        return max((entry.exit_code for entry in self.entries), default=0)

    def count(self, status: Status) -> int:
        """How many periods ended so."""
        return Counter(entry.status for entry in self.entries)[status]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        made = self.count("published")
        return {
            "report": self.report,
            "from": self.entries[0].period,
            "to": self.entries[-1].period,
            "jobs": self.jobs,
            "seconds": round(self.seconds, 3),
            "seconds_an_edition": round(self.seconds / made, 3) if made else None,
            **{s: self.count(s) for s in ("published", "skipped", "held", "failed")},
            "problem": self.problem,
            "periods": [asdict(entry) for entry in self.entries],
        }


def plan(
    model: Model, report: str, first: str, last: str, as_of: str = "", segment: str = ""
) -> list[Order]:
    """The orders of a backfill, oldest first: as of each period's end, or of one day for all.

    `PeriodError` when ``first`` comes after ``last``, is of another grain, or a period lies outside
    the data or after the as-of; other errors are those of `boardpack.orders.order`.
    """
    begin, end = (Period.parse(text, model.workspace.calendar) for text in (first, last))
    if begin.grain != end.grain:
        raise PeriodError(
            f"{begin} is a {begin.grain} and {end} a {end.grain}.",
            hint="name both ends in the same grain",
        )
    if begin > end:
        raise PeriodError(
            f"the first period {begin} comes after the last, {end}.",
            hint=f"--from {end} --to {begin}",
        )
    wanted = orders.order(model, report, begin.label, as_of, segment)
    _within_data(model, wanted, begin, end)
    if as_of and end.start > parse_day(as_of):
        raise PeriodError(
            f"period {end} begins after the as-of {as_of}.",
            hint="leave --as-of out to see each period as of its own end",
        )
    periods = [begin]
    while periods[-1] < end:
        periods.append(periods[-1].shift(1))
    return [
        replace(wanted, period=period, as_of=wanted.as_of if as_of else period.last_day)
        for period in periods
    ]


def _within_data(model: Model, wanted: Order, begin: Period, end: Period) -> None:
    found = models.spans(model, wanted.kpis)
    if not found:
        raise PeriodError(
            "the workspace has no data to make a report of.",
            hint="`boardpack doctor` shows which sources are connected",
        )
    first, last = min(s.first for s in found.values()), max(s.last for s in found.values())
    known = [Period.containing(day, begin.grain, begin.calendar) for day in (first, last)]
    said = f"the data, which reach from {first} to {last}"
    hint = f"--from {known[0]} --to {known[1]} is all of them"
    if begin.end <= first:
        raise PeriodError(f"period {begin} lies before {said}.", hint=hint)
    if end.start > last:
        raise PeriodError(f"period {end} lies after {said}.", hint=hint)


def default_jobs(periods: int) -> int:
    """How many runs at once: by cores and by the memory that is free now, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    free = min(psutil.virtual_memory().available, _left_in_group())
    return max(1, min(cores or 1, int(free / _MEMORY), periods))


def _left_in_group() -> float:
    """Bytes that a container may still take, which the machine's free memory does not tell."""
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        return limit - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return float("inf")


def make(
    model: Model,
    wanted: Sequence[Order],
    *,
    now: Callable[[], datetime],
    again: bool = False,
    jobs: int = 1,
    renderer: Renderer = "auto",
    progress: Callable[[Progress], object] = lambda so_far: None,
) -> Backfill:
    """Make what is missing of the editions ordered, ``jobs`` at once; none stops the others.

    ``wanted`` comes from `plan`. What is published with the same as-of, definitions and data is
    skipped, unless ``again`` asks for a new revision. ``now`` must be a function of a module when
    several are made at once: other processes call it too. `RunError` when a backfill of the report
    is at work already.
    """
    report, root = wanted[0].report, model.workspace.var / "editions"
    began = time.perf_counter()
    entries: dict[str, Entry] = {}
    with lock(root / ".locks" / f"backfill-{report}.lock", f"A backfill of {report}"):
        with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
            reconciliation.reconcile(root, ledger)
        task = Task(report, wanted[0].segment, now, again, renderer)
        done = in_turn(model, wanted, task) if jobs == 1 else at_once(model, wanted, task, jobs)
        for entry in done:
            entries[entry.period] = entry
            left = _left(list(entries.values()), len(wanted), time.perf_counter() - began)
            progress(Progress(entry, len(entries), len(wanted), left))
        problem = _refresh_index(model)
    in_order = tuple(entries[order.period.label] for order in wanted)
    return Backfill(report, jobs, time.perf_counter() - began, in_order, problem)


def _refresh_index(model: Model) -> str:
    """Editions stay published where the index cannot be written; why it cannot, or ""."""
    try:
        with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
            site.refresh(model.workspace, ledger)
    except BoardpackError as error:
        return f"the index was not written: {error.message}"
    return ""


def _left(entries: Sequence[Entry], total: int, spent: float) -> float | None:
    """Seconds until the end, at the pace of those that had to be made."""
    made = sum(entry.status != "skipped" for entry in entries)
    return spent / made * (total - len(entries)) if made else None
