"""A workspace whose reports are made in milliseconds, really published and really recorded."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

import workspaces
from boardpack import edition_folders, editions, schedule_runs, schedules, standings
from boardpack.editions import FILES, EditionDraft
from boardpack.errors import BoardpackError, NotebookError
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import MadeFor, RunEnded, RunStarted
from boardpack.orders import Order
from boardpack.outcomes import RunResult
from boardpack.schedule_runs import Outcome
from boardpack.schedules import Schedule
from boardpack.slots import Slot
from boardpack.workspace import Workspace

REPORT = "---\ntitle: {title}\ngrains: [{grain}]\n---\n\ntext\n"
#: Reports by the names of their grains: the suite has none that are called so, nor a schedule of one.
REPORTS = ("day", "week", "month", "quarter")


def utc(text: str) -> datetime:
    """``2026-01-05 08:00`` as an instant of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def desk(folder: Path, settings: str = "", reports: Sequence[str] = (), **files: str) -> Path:
    """A workspace with reports of a day, week, month and quarter, and these schedules.

    ``files`` is schedule id to the lines of its file after the id.
    """
    written = {f"schedules/{name}.yml": f"schedule: {name}\n{text}" for name, text in files.items()}
    for name in reports or REPORTS:
        grain = name if name in REPORTS else "month"
        written[f"reports/{name}.qmd"] = REPORT.format(title=name, grain=grain)
    base = "company: Small\ncurrency: USD\ndimensions: [segment, region]\n"
    return workspaces.small(folder, base + settings, **written)


def loaded(folder: Path) -> tuple[Workspace, list[Schedule]]:
    workspace = Workspace.open(folder)
    return workspace, schedules.load(workspace).named()


def run(folder: Path, now: str, ids: Sequence[str] = (), **options: Any) -> list[Outcome]:
    """One call of the scheduler at an instant."""
    workspace = Workspace.open(folder)
    wanted = schedules.load(workspace).named(ids)
    return schedule_runs.run(workspace, wanted, now=lambda: utc(now), **options)


def status(folder: Path, now: str, last: int = 50) -> list[tuple[str, str, bool]]:
    """Slot, state and lateness of all that `status` tells."""
    workspace, found = loaded(folder)
    stands = standings.status(workspace, found, utc(now), last)
    return [(f"{one.slot.at:%m-%d %H:%M} {one.slot}", one.state, one.late) for one in stands]


def told(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """What was made and how it went."""
    return [(str(one.slot), one.status) for one in outcomes]


class Maker:
    """In place of the real maker: the file ``plan.json`` says how each report ends.

    It holds a list of statuses a report, one for each attempt in turn; the last one stays. Without
    it everything is published. ``data.txt`` stands for the data.
    """

    def __init__(
        self, workspace: Workspace, ledger: Ledger, now: Callable[[], datetime], *rest: Any
    ) -> None:
        self.workspace, self.ledger, self.now = workspace, ledger, now

    def prepare(self, making: bool) -> None:
        return None

    def order(self, slot: Slot, attempt: int) -> Order:
        if self._plan(slot.report)[0] == "refused":
            raise BoardpackError("the report places a cell that is not there.")
        schedule, at, _ = slot.key
        made_for = MadeFor(schedule, at, attempt)
        return Order(
            slot.report, Path(), slot.report, (), slot.period, slot.as_of, slot.segment, made_for
        )

    def make(self, wanted: Sequence[Order]) -> list[RunResult]:
        return [self._make(order) for order in wanted]

    def changed(self, slot: Slot, last: RunEnded) -> bool:
        return self._data() != last.gate_key

    def _plan(self, report: str) -> list[str]:
        path = self.workspace.root / "plan.json"
        plan = json.loads(path.read_text()) if path.exists() else {}
        return list(plan.get(report, ["published"]))

    def _data(self) -> str:
        path = self.workspace.root / "data.txt"
        return path.read_text() if path.exists() else "none"

    def _make(self, order: Order) -> RunResult:
        root = self.workspace.var / "editions"
        as_of, period = order.as_of.isoformat(), order.period
        run_id = f"{order.report}-{period}-{time.monotonic_ns()}-{os.getpid()}"
        with edition_folders.running(root, order.report, period.label, order.segment):
            self.ledger.start(
                RunStarted(
                    run_id, order.report, period.label, period.grain, as_of, stamp(self.now()),
                    order.segment, made_for=order.made_for,
                )
            )  # fmt: skip
            assert order.made_for is not None
            plan = self._plan(order.report)
            status = plan[min(order.made_for.attempt, len(plan)) - 1]
            if status == "bug":
                raise KeyError("a mistake of ours")
            error = NotebookError("cell 3 raised.") if status == "failed" else None
            row = None
            if status == "published":
                draft = EditionDraft(
                    order.report, period.label, period.grain, run_id, as_of, stamp(self.now()),
                    "publish", "none", segment=order.segment,
                )  # fmt: skip
                row = editions.publish(
                    stage(self.workspace.var / "runs" / run_id), root, draft, self.ledger
                )
            reasons = ("too few rows",) if status == "held" else ()
            verdict = "hold" if status == "held" else "publish"
            self.ledger.end(
                RunEnded(
                    run_id, status, stamp(self.now()), verdict, reasons,  # type: ignore[arg-type]
                    str(error or ""), gate_key=self._data(),
                )
            )  # fmt: skip
        return RunResult(
            order.report, period.label, as_of, run_id, status, verdict, reasons,  # type: ignore[arg-type]
            revision=row.revision if row else None, error=error,
        )  # fmt: skip


def stage(folder: Path) -> Path:
    """The least that can be published."""
    for name in ("notebooks", "reports"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.txt").write_text("a")
    pd.DataFrame({"kpi": ["mrr"], "value": [1.0]}).to_parquet(folder / "values.parquet")
    for name in FILES:
        if "." in name and name != "values.parquet":
            (folder / name).write_text(name)
    return folder
