"""Backfills: the editions of many periods, made one after another or several at once.

Each edition is made as a single run makes it, so a backfill that is killed leaves whole editions
and nothing else; the next one finds them in the ledger and makes what is missing.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

import psutil

from boardpack import editions, orders, runs, site
from boardpack import model as models
from boardpack.basis import Basis
from boardpack.errors import BoardpackError, PeriodError, RunError, StorageError
from boardpack.executions import NotebookProcess
from boardpack.ledger import EditionRow, Ledger
from boardpack.locks import lock
from boardpack.manifests import read_manifest
from boardpack.model import Model
from boardpack.orders import Order
from boardpack.periods import Period, parse_day

Status = Literal["published", "held", "failed", "skipped"]

_SKIPPED = "published before with the same as-of, definitions and data"
#: Bytes that one run needs at most, with its notebooks.
_MEMORY = 1.2e9
#: The stage before which a run waits until the editions of the periods before it are there.
_TURN = "restatements"


@dataclass(frozen=True)
class Entry:
    """What became of one period. ``seconds`` are by the clock; ``error`` is that of ``--json``."""

    period: str
    as_of: str
    status: Status
    revision: int | None = None
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    edition: str = ""
    seconds: float = 0.0
    exit_code: int = 0
    error: Mapping[str, Any] | None = None


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
    begin, end = Period.parse(first), Period.parse(last)
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
    known = Period.containing(first, begin.grain), Period.containing(last, begin.grain)
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
    renderer: runs.Renderer = "auto",
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
            editions.reconcile(root, ledger)
        task = _Task(report, wanted[0].segment, now, again, renderer)
        done = _in_turn(model, wanted, task) if jobs == 1 else _at_once(model, wanted, task, jobs)
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


@dataclass(frozen=True)
class _Task:
    """What all periods of a backfill have in common."""

    report: str
    segment: str
    now: Callable[[], datetime]
    again: bool
    renderer: runs.Renderer


class _Maker:
    """Makes one period after another, with one notebook process, loaded when it is first needed."""

    def __init__(self, model: Model, task: _Task, stack: ExitStack) -> None:
        self.model, self.task, self._stack = model, task, stack
        self._process: NotebookProcess | None = None

    def make(self, wanted: Order, turn: Callable[[str], None]) -> Entry:
        """One period; an error becomes part of its entry."""
        began = time.perf_counter()
        entry = Entry(wanted.period.label, wanted.as_of.isoformat(), "failed")
        try:
            entry = self._made(entry, wanted, turn)
        except BoardpackError as error:
            entry = replace(entry, exit_code=error.exit_code, error=error.as_dict())
        return replace(entry, seconds=round(time.perf_counter() - began, 3))

    def _made(self, entry: Entry, wanted: Order, turn: Callable[[str], None]) -> Entry:
        alike = [] if self.task.again else _alike(self.model, wanted)
        if not alike:
            # Loads while the data are read.
            self._notebooks()
        with Basis(self.model, [wanted]) as basis:
            # The rows of all tables are only read for it where all else is equal.
            found = basis.fingerprints(wanted) if alike else {}
            known = [row for row, fingerprints in alike if fingerprints == found]
            if known:
                return replace(
                    entry, status="skipped", revision=known[-1].revision,
                    verdict=known[-1].verdict, reasons=(_SKIPPED,),
                    edition=str(self.model.workspace.var / "editions" / known[-1].folder),
                )  # fmt: skip
            result = runs.run(
                self.model, wanted, now=self.task.now, progress=turn, basis=basis,
                renderer=self.task.renderer, process=self._notebooks(),
            )  # fmt: skip
        return replace(
            entry,
            status=result.status,
            revision=result.revision,
            verdict=result.verdict,
            reasons=result.reasons,
            edition=str(result.edition or ""),
            exit_code=result.exit_code,
            error=result.error.as_dict() if result.error else None,
        )

    def _notebooks(self) -> NotebookProcess:
        # One that ended, for want of memory perhaps, costs the period it worked on and no other.
        if self._process is None or not self._process.is_alive:
            self._process = self._stack.enter_context(NotebookProcess())
        return self._process


def _alike(model: Model, wanted: Order) -> list[tuple[EditionRow, object]]:
    """The editions with the as-of and the definitions of an order, and the data they rest on.

    Code is not asked: ``again`` makes what newer code would show.
    """
    root = model.workspace.var / "editions"
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        rows = ledger.editions(wanted.report, wanted.period.label)
    definitions = {kpi: model.catalogue.definition_hash(kpi) for kpi in wanted.kpis}
    found: list[tuple[EditionRow, object]] = []
    for row in rows:
        if (row.as_of, row.segment) == (wanted.as_of.isoformat(), wanted.segment):
            with suppress(StorageError):
                manifest = read_manifest(root / row.folder)
                if manifest.get("definitions") == definitions:
                    found.append((row, manifest.get("fingerprints")))
    return found


def _in_turn(model: Model, wanted: Sequence[Order], task: _Task) -> Iterator[Entry]:
    with ExitStack() as stack:
        maker = _Maker(model, task, stack)
        for order in wanted:
            yield maker.make(order, lambda stage: None)


@dataclass
class _Worker:
    """A process that makes periods, and what it is at work on."""

    process: Any
    pipe: Connection
    place: int | None = None
    waiting: bool = False


def _at_once(model: Model, wanted: Sequence[Order], task: _Task, jobs: int) -> Iterator[Entry]:
    """Several periods at a time, each in a process of its own.

    What a report restates depends on the editions before it. So a run waits, once its values are
    computed, until the periods before it have ended: the outcome is that of making them in turn.
    """
    waiting, ended = deque(range(len(wanted))), set[int]()
    with _workers(min(jobs, len(wanted)), model, task) as (workers, start):
        while len(ended) < len(wanted):
            for worker in workers:
                if worker.place is None and waiting:
                    worker.place = waiting.popleft()
                    order = wanted[worker.place]
                    _say(worker, (order.period.label, order.as_of))
                if worker.waiting and all(n in ended for n in range(worker.place or 0)):
                    worker.waiting = False
                    _say(worker, "go on")
            busy = [worker for worker in workers if worker.place is not None]
            ready = wait([worker.pipe for worker in busy])
            for worker in busy:
                if worker.pipe not in ready:
                    continue
                assert worker.place is not None
                entry = _heard(worker, wanted[worker.place])
                if entry is not None:
                    ended.add(worker.place)
                    worker.place = None
                    if not worker.process.is_alive() and waiting:
                        workers[workers.index(worker)] = start()
                    yield entry


def _say(worker: _Worker, what: object) -> None:
    # One that is gone says so itself: its pipe ends.
    with suppress(OSError):
        worker.pipe.send(what)


def _heard(worker: _Worker, wanted: Order) -> Entry | None:
    """What a worker says: the entry of its period, or None when it waits for its turn."""
    try:
        said = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        error = RunError(
            f"the process that made {wanted.report} {wanted.period} ended"
            f" (exit code {worker.process.exitcode}).",
            hint="for want of memory perhaps: try again with fewer --jobs",
        )
        worker.waiting = False
        return Entry(
            wanted.period.label, wanted.as_of.isoformat(), "failed",
            exit_code=error.exit_code, error=error.as_dict(),
        )  # fmt: skip
    if isinstance(said, Entry):
        return said
    worker.waiting = True
    return None


@contextmanager
def _workers(
    count: int, model: Model, task: _Task
) -> Iterator[tuple[list[_Worker], Callable[[], _Worker]]]:
    # A fork would share DuckDB's threads, and a lock that one of them holds, for ever.
    context = multiprocessing.get_context("spawn")
    started: list[_Worker] = []

    def start() -> _Worker:
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, model.workspace.root, task), daemon=False
        )
        process.start()
        theirs.close()
        started.append(_Worker(process, ours))
        return started[-1]

    try:
        yield [start() for _ in range(count)], start
    finally:
        for worker in started:
            worker.pipe.close()
        for worker in started:
            worker.process.join(5.0)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _work(pipe: Connection, root: Path, task: _Task) -> None:
    """A process that makes the periods it is sent, until the pipe is closed."""
    # Control-C is for the caller, who then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def turn(stage: str) -> None:
        if stage == _TURN:
            try:
                pipe.send("may I")
                pipe.recv()
            except (EOFError, OSError):
                os._exit(1)

    with ExitStack() as stack:
        model = Model.open(root)
        maker = _Maker(model, task, stack)
        common: Order | None = None
        while True:
            try:
                label, as_of = pipe.recv()
            except (EOFError, OSError):
                return
            common = common or orders.order(
                model, task.report, label, as_of.isoformat(), task.segment
            )
            order = replace(common, period=Period.parse(label), as_of=as_of)
            pipe.send(maker.make(order, turn))


def _end_with_parent() -> None:
    """Nobody waits for the edition of a caller that was killed; what is half made is left."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
