"""The work of a backfill: period after period in this process, or several at once in others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from boardpack import orders, own_sources, runs
from boardpack.basis import Basis
from boardpack.errors import BoardpackError, RunError, StorageError
from boardpack.executions import NotebookProcess
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.manifests import read_manifest
from boardpack.model import Model
from boardpack.orders import Order
from boardpack.periods import Period
from boardpack.render import Renderer

Status = Literal["published", "held", "failed", "skipped"]

_SKIPPED = "published before with the same as-of, definitions and data"
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
class Task:
    """What all periods of a backfill have in common."""

    report: str
    segment: str
    now: Callable[[], datetime]
    again: bool
    renderer: Renderer


class _Maker:
    """Makes one period after another, with one notebook process, loaded when it is first needed."""

    def __init__(self, model: Model, task: Task, stack: ExitStack) -> None:
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
        # Many as-ofs at once: marts of each would be built for one report.
        with Basis(self.model, [wanted], keep_marts=False) as basis:
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
    listings = model.listings.definition_hashes(wanted.listings)
    found: list[tuple[EditionRow, object]] = []
    for row in rows:
        same = (row.as_of, row.segment) == (wanted.as_of.isoformat(), wanted.segment)
        if same and not row.forced:
            with suppress(StorageError):
                manifest = read_manifest(root / row.folder)
                known = manifest.get("definitions"), manifest.get("listings", {})
                if known == (definitions, listings):
                    found.append((row, manifest.get("fingerprints")))
    return found


def gate_first(model: Model, wanted: Sequence[Order], task: Task) -> None:
    """Check the data as of every period that is to be made, where figures rest on what was found.

    Made in turn, each period knows what was found as of those before it; so it shall when several
    are made at once. What cannot be checked is told by its run.
    """
    if own_sources.RESULTS not in model.catalogue.tables(wanted[0].kpis):
        return
    with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
        for order in wanted:
            if task.again or not _alike(model, order):
                with suppress(BoardpackError), Basis(model, [order], keep_marts=False) as basis:
                    basis.judge(order, ledger, task.now)


def in_turn(model: Model, wanted: Sequence[Order], task: Task) -> Iterator[Entry]:
    """Make the orders one after another in this process; an entry as each ends."""
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


def at_once(model: Model, wanted: Sequence[Order], task: Task, jobs: int) -> Iterator[Entry]:
    """Several periods at a time, each in a process of its own.

    What a report restates depends on the editions before it. So a run waits, once its values are
    computed, until the periods before it have ended: the outcome is that of making them in turn.
    """
    waiting, ended = deque(range(len(wanted))), set[int]()
    gate_first(model, wanted, task)
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
        killed = worker.process.exitcode == -signal.SIGKILL
        error = RunError(
            f"the process that made {wanted.report} {wanted.period} ended"
            f" ({'killed' if killed else f'exit code {worker.process.exitcode}'}).",
            hint="for want of memory perhaps: try again with fewer --jobs" if killed else None,
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
    count: int, model: Model, task: Task
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


def _work(pipe: Connection, root: Path, task: Task) -> None:
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
            calendar = model.workspace.calendar
            order = replace(common, period=Period.parse(label, calendar), as_of=as_of)
            pipe.send(maker.make(order, turn))


def _end_with_parent() -> None:
    """Nobody waits for the edition of a caller that was killed; what is half made is left."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
