"""Making what schedules ask for: what is due and is not there, each once, by one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from boardpack import edition_folders, reconciliation, slots
from boardpack.errors import BoardpackError, BusyError, RunError, StorageError
from boardpack.files import make_folders, reason
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import MadeFor, Run, RunEnded
from boardpack.locks import lock
from boardpack.schedules import Schedule
from boardpack.slots import Slot
from boardpack.standings import Known, Standing, slot_dict, standings
from boardpack.workspace import Workspace

if TYPE_CHECKING:
    from boardpack.executions import NotebookProcess
    from boardpack.model import Model
    from boardpack.orders import Order
    from boardpack.outcomes import RunResult
    from boardpack.render import Renderer
    from boardpack.watches import Progress

Status = Literal["published", "held", "failed", "busy"]

_WORST: dict[Status, int] = {"published": 0, "busy": 0, "held": 3, "failed": 4}


@dataclass(frozen=True)
class Outcome:
    """What `run` did about one slot; ``tried`` is False where it only says how the slot stands."""

    slot: Slot
    status: Status
    told: str
    tried: bool = True
    result: RunResult | None = None
    error: BoardpackError | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **slot_dict(self.slot),
            "status": self.status,
            "tried": self.tried,
            "told": self.told,
            "run": self.result.as_dict() if self.result else None,
            "error": self.error.as_dict() if self.error else None,
        }


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 nothing is wrong, 3 something is held, 4 something failed; the worst counts."""
    return max((_WORST[outcome.status] for outcome in outcomes), default=0)


def run(
    workspace: Workspace,
    schedules: Sequence[Schedule],
    *,
    now: Callable[[], datetime],
    progress: Callable[[Order], Progress] = lambda order: lambda stage: None,
    told: Callable[[Outcome], None] = lambda outcome: None,
    renderer: Renderer = "auto",
    process: NotebookProcess | None = None,
) -> list[Outcome]:
    """Make everything that is due, oldest as-of first; call it as often as you like.

    ``told`` hears of each slot as it is done. What goes wrong with one slot is its outcome and
    stops no other. Raises what is wrong with the workspace as a whole, before anything is made.
    """
    root = workspace.var / "editions"
    outcomes: list[Outcome] = []

    def tell(found: Sequence[Outcome]) -> None:
        outcomes.extend(found)
        for outcome in found:
            told(outcome)

    if not any(slots.fired(schedule, None, now()) for schedule in schedules):
        return outcomes
    _folders(workspace, root)
    with Ledger(workspace.var / "ledger.sqlite") as ledger, ExitStack() as stack:
        # An edition whose row was lost with a killed process is made, and must not be made again.
        reconciliation.reconcile(root, ledger)
        stands = _all(schedules, Known.read(ledger), now())
        tell(_settled(stands))
        wanted = [one for one in stands if one.open or _held(one)]
        if not wanted:
            return outcomes
        maker = _Maker(workspace, ledger, now, progress, renderer, process, stack)
        maker.prepare(any(one.open for one in wanted))
        wanted.sort(key=lambda one: one.slot.as_of)
        for _, group in groupby(wanted, key=lambda one: one.slot.as_of):
            tell(_group(maker, root, schedules, [one.slot for one in group]))
    return outcomes


class _Maker:
    """What making needs, opened when there is something to make."""

    def __init__(
        self,
        workspace: Workspace,
        ledger: Ledger,
        now: Callable[[], datetime],
        progress: Callable[[Order], Progress],
        renderer: Renderer,
        process: NotebookProcess | None,
        stack: ExitStack,
    ) -> None:
        self.workspace, self.ledger, self.now = workspace, ledger, now
        self.progress, self.renderer = progress, renderer
        self.process, self.stack = process, stack

    def notebooks(self) -> NotebookProcess:
        """The process that executes notebooks, the same one for all of them."""
        if self.process is None:
            from boardpack.executions import NotebookProcess

            self.process = self.stack.enter_context(NotebookProcess())
        return self.process

    def prepare(self, making: bool) -> None:
        """Read the definitions, and raise what is wrong with them before anything is made."""
        if making:
            # The process loads meanwhile.
            self.notebooks()
        _ = self.model

    @cached_property
    def model(self) -> Model:
        from boardpack.model import Model

        return Model.open(self.workspace.root)

    def order(self, slot: Slot, attempt: int) -> Order:
        from boardpack import orders

        schedule, at, _ = slot.key
        report, period, segment, as_of = slot.target
        wanted = orders.order(self.model, report, period, as_of, segment)
        return replace(wanted, made_for=MadeFor(schedule, at, attempt))

    def make(self, wanted: Sequence[Order]) -> list[RunResult]:
        from boardpack import batches

        return batches.make(
            self.model,
            wanted,
            now=self.now,
            progress=self.progress,
            renderer=self.renderer,
            process=self.notebooks(),
        )

    def changed(self, slot: Slot, last: RunEnded) -> bool:
        """Whether the data or the suites are not those that the last run was judged by."""
        from boardpack.basis import Basis

        order = self.order(slot, 1)
        with Basis(self.model, [order]) as basis:
            return basis.gate_key(order) != last.gate_key


def _group(
    maker: _Maker, root: Path, schedules: Sequence[Schedule], wanted: Sequence[Slot]
) -> list[Outcome]:
    """Make slots of one as-of that are still to be made once their locks are held."""
    outcomes: list[Outcome] = []
    with ExitStack() as held:
        claims: dict[tuple[str, str, str], BusyError | None] = {}
        for slot in wanted:
            report, period, segment, _ = slot.target
            place = (report, period, segment)
            if place not in claims:
                try:
                    held.enter_context(_claim(root, *place))
                    claims[place] = None
                except BusyError as error:
                    claims[place] = error
            if (busy := claims[place]) is not None:
                outcomes.append(_busy(slot, busy))
        # Someone else may have made it between the look at the ledger and the lock.
        stands = {one.slot: one for one in _all(schedules, Known.read(maker.ledger), maker.now())}
        orders: dict[Slot, Order] = {}
        targets = set()
        for slot in wanted:
            one = stands.get(slot)
            if claims[slot.target[:3]] is not None or one is None or slot.target in targets:
                continue
            targets.add(slot.target)
            found = _ordered(maker, one)
            if isinstance(found, Outcome):
                outcomes.append(found)
            else:
                orders[slot] = found
        return outcomes + _made(maker, orders)


def _ordered(maker: _Maker, one: Standing) -> Order | Outcome:
    """The order of a slot that is to be made now, or why it is not."""
    slot = one.slot
    if one.edition is not None:
        return Outcome(slot, "busy", "skipped: someone else has just made it", tried=False)
    try:
        new_data = _held(one) and one.last is not None and maker.changed(slot, one.last)
        if one.open or new_data:
            return maker.order(slot, len(one.runs) + 1)
    except BoardpackError as error:
        return Outcome(slot, "failed", f"failed: {error.message}", error=error)
    status: Status = "held" if one.last and one.last.status == "held" else "failed"
    return Outcome(slot, status, one.told, tried=False)


def _made(maker: _Maker, orders: Mapping[Slot, Order]) -> list[Outcome]:
    """Make these together; where that breaks off unforeseen, each of what is left by itself."""
    if not orders:
        return []
    try:
        results = maker.make(list(orders.values()))
    except Exception as error:
        wrapped = RunError(f"{type(error).__name__}: {error}".rstrip(": ") + ".")
        known = Known.read(maker.ledger)
        outcomes = []
        for slot, order in orders.items():
            _end(maker, known.runs.get(slot.key, ()), wrapped)
            if (edition := known.editions.get(slot.target)) is not None:
                outcomes.append(Outcome(slot, "published", f"revision {edition.revision}"))
            elif len(orders) > 1:
                attempt = len(known.runs.get(slot.key, ())) + 1
                again = replace(order, made_for=MadeFor(*slot.key[:2], attempt))
                outcomes += _made(maker, {slot: again})
            else:
                told = f"failed: {wrapped.message}"
                outcomes.append(Outcome(slot, "failed", told, error=wrapped))
        return outcomes
    return [_outcome(slot, result) for slot, result in zip(orders, results, strict=True)]


def _outcome(slot: Slot, result: RunResult) -> Outcome:
    if isinstance(result.error, BusyError):
        return _busy(slot, result.error)
    if result.status == "published":
        told = f"revision {result.revision}, {result.verdict}"
    elif result.error is not None:
        told = f"failed: {result.error.message}"
    else:
        told = f"held: {'; '.join(result.reasons[:3])}"
    return Outcome(slot, result.status, told, result=result, error=result.error)


def _busy(slot: Slot, error: BusyError) -> Outcome:
    return Outcome(slot, "busy", f"skipped: {error.message}", tried=False, error=error)


def _end(maker: _Maker, runs: Sequence[Run], error: BoardpackError) -> None:
    """End the runs that an unforeseen error broke off, so that their back-off counts."""
    for run in runs:
        if run.ended is None:
            maker.ledger.end(
                RunEnded(run.started.run_id, "failed", stamp(maker.now()), error=str(error))
            )


def _settled(stands: Sequence[Standing]) -> list[Outcome]:
    """What failed and is not tried now. A held slot is looked at again: its data may be others."""
    return [
        Outcome(one.slot, "failed", one.told, tried=False)
        for one in stands
        if one.state in ("waiting", "given up") and not _held(one)
    ]


def _held(one: Standing) -> bool:
    """Whether new data may be reason enough to try again."""
    return (
        one.state in ("waiting", "given up") and one.last is not None and one.last.status == "held"
    )


def _all(schedules: Sequence[Schedule], known: Known, now: datetime) -> list[Standing]:
    return [one for schedule in schedules for one in standings(schedule, known, now)]


@contextmanager
def _claim(root: Path, report: str, period: str, segment: str) -> Iterator[None]:
    """One scheduler at a time for a report, period and member, from the look at the ledger on.

    The run itself takes `edition_folders.running` as well, which shuts out a person's run.
    """
    place = edition_folders.edition_folder(report, period, segment, 1).parent
    member = f" ({segment})" if segment else ""
    with lock(
        root / ".locks" / "schedule" / f"{place}.lock", f"A schedule's {report} {period}{member}"
    ):
        yield


def _folders(workspace: Workspace, root: Path) -> None:
    try:
        make_folders(workspace.root, root)
    except OSError as error:
        raise StorageError(
            f"nothing can be made: {reason(error)}.",
            file=workspace.var,
            hint="make that folder writable for the user that runs schedules",
        ) from None
