"""A run: one attempt to make one report for one period, from the definitions to the edition."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from boardpack import edition_folders, files, reconciliation
from boardpack import model as models
from boardpack.attempts import Attempt
from boardpack.basis import Basis
from boardpack.errors import BoardpackError, StorageError
from boardpack.executions import NotebookProcess
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import RunEnded, RunStarted
from boardpack.model import Model
from boardpack.orders import Force, Order
from boardpack.outcomes import RunResult
from boardpack.render import Renderer
from boardpack.watches import Progress, Watch


def run(
    model: Model,
    wanted: Order,
    *,
    now: Callable[[], datetime],
    progress: Progress = lambda stage: None,
    renderer: Renderer = "auto",
    check: bool = True,
    process: NotebookProcess | None = None,
    basis: Basis | None = None,
    force: Force | None = None,
) -> RunResult:
    """Make the report and publish it, or say why not; the ledger records either.

    ``check=False`` leaves the gate out, for measurements alone: nothing is then published as
    checked. ``process`` is a preloaded notebook process, ``basis`` an open slice with all that is
    known of it, either to be shared between reports. With ``force`` a report that would be held is
    published as a draft. What is the user's mistake is raised before anything is recorded; later
    failures come back in the result.
    """
    workspace = model.workspace
    root = workspace.var / "editions"
    run_id = f"{now():%Y%m%dT%H%M%SZ}-{wanted.report}-{wanted.period}-{secrets.token_hex(3)}"
    folder = workspace.var / "runs" / run_id
    watch = Watch(progress)
    try:
        for place in (workspace.var / "runs", root):
            files.make_folders(workspace.root, place)
    except OSError as error:
        raise _storage(workspace.var, error) from None
    with (
        Ledger(workspace.var / "ledger.sqlite") as ledger,
        edition_folders.running(root, wanted.report, wanted.period.label, wanted.segment),
        ExitStack() as opened,
    ):
        reconciliation.reconcile(root, ledger)
        notebooks = process or opened.enter_context(NotebookProcess())
        with watch.stage("plan"):
            shared = basis or opened.enter_context(Basis(model, [wanted]))
            spans = shared.slice.reach(shared.sources(wanted))
            # Without its tables a report is held, not misplaced.
            if spans or not shared.gone(wanted):
                models.check_period(wanted.period, wanted.as_of.isoformat(), spans)
        ledger.start(
            RunStarted(
                run_id, wanted.report, wanted.period.label, wanted.period.grain,
                wanted.as_of.isoformat(), stamp(now()), wanted.segment, version("boardpack"),
                made_for=wanted.made_for,
            )
        )  # fmt: skip
        facts = model.report_facts(
            wanted.period, wanted.as_of.isoformat(), wanted.report, wanted.title
        )
        attempt = Attempt(
            model, wanted, run_id, folder, ledger, watch, renderer, now, shared,
            replace(facts, run_id=run_id, segment=wanted.segment), force,
        )  # fmt: skip
        try:
            result = attempt.make(notebooks, check)
        except BoardpackError as error:
            result = attempt.result("failed", error=error)
        except OSError as error:
            result = attempt.result("failed", error=_storage(folder, error))
        ledger.end(
            RunEnded(
                run_id, result.status, stamp(now()), attempt.facts.verdict,
                result.reasons, str(result.error or ""), watch.seconds, attempt.gate_key,
            )
        )  # fmt: skip
    return result


def _storage(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the run cannot be written: {files.reason(error)}.",
        file=folder,
        hint="editions published before stay as they are",
    )
