"""Batches: several reports in one go, sharing data, checks, values and executed notebooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from boardpack import runs, site
from boardpack.basis import Basis
from boardpack.errors import BoardpackError
from boardpack.executions import NotebookProcess
from boardpack.ledger import Ledger
from boardpack.model import Model
from boardpack.orders import Force, Order
from boardpack.outcomes import RunResult
from boardpack.render import Renderer
from boardpack.watches import Progress


def make(
    model: Model,
    orders: Sequence[Order],
    *,
    now: Callable[[], datetime],
    progress: Callable[[Order], Progress] = lambda order: lambda stage: None,
    renderer: Renderer = "auto",
    check: bool = True,
    process: NotebookProcess | None = None,
    force: Force | None = None,
) -> list[RunResult]:
    """Make these reports and bring the index up to date; a result each, in their order.

    Orders of one as-of share a `Basis`. A report that fails, whatever the reason, does not keep the
    others from being made: its result carries the error. ``progress`` gives each order what is told
    its stages. With ``force`` a report that would be held is published as a draft.
    """
    results: dict[int, RunResult] = {}
    numbered = sorted(enumerate(orders), key=lambda entry: entry[1].as_of)
    with ExitStack() as opened:
        notebooks = process or opened.enter_context(NotebookProcess())
        for _, group in groupby(numbered, key=lambda entry: entry[1].as_of):
            these = list(group)
            with ExitStack() as shared:
                basis = _basis(model, [order for _, order in these], shared, check, now)
                for number, order in these:
                    try:
                        results[number] = runs.run(
                            model, order, now=now, progress=progress(order), renderer=renderer,
                            check=check, process=notebooks, basis=basis, force=force,
                        )  # fmt: skip
                    except BoardpackError as error:
                        results[number] = RunResult.refused(order, error)
    made = [results[number] for number in range(len(orders))]
    return _with_index(model, made)


def _basis(
    model: Model,
    orders: Sequence[Order],
    opened: ExitStack,
    check: bool,
    now: Callable[[], datetime],
) -> Basis | None:
    """What the orders share, all of them judged before a figure of any is computed.

    None when there is one order only, or where a table that one of them needs cannot be read: each
    then opens its own, and those without the table are made all the same.
    """
    if len(orders) < 2:
        return None
    try:
        basis = opened.enter_context(Basis(model, orders))
        if check:
            with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
                for order in orders:
                    basis.judge(order, ledger, now)
    except BoardpackError:
        return None
    return basis


def _with_index(model: Model, made: list[RunResult]) -> list[RunResult]:
    """Editions stay published where the index cannot be written, and the results say so."""
    try:
        with Ledger(model.workspace.var / "ledger.sqlite") as ledger:
            site.refresh(model.workspace, ledger)
    except BoardpackError as error:
        told = f"the index was not written: {error.message}"
        return [
            replace(result, reasons=(*result.reasons, told)) if result.edition else result
            for result in made
        ]
    return made
