"""The shop over purchases with faults planted in it, and its gate without a whole run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import nbformat

from boardpack import orders
from boardpack.basis import Basis
from boardpack.gate_results import GateResult
from boardpack.ledger import Ledger
from boardpack.model import Model
from boardpack.orders import Order

#: What is planted in a mapping of the shop: which file, what stands there, what stands there then.
Fault = tuple[str, str, str]

#: A warning that one KPI of the shop rests on: the average order value.
PAID_TWICE: Fault = (
    "payments",
    "         amount,",
    "         CASE WHEN amount = 47.97 THEN 2 ELSE 1 END * amount AS amount,",
)
#: The same, critical.
UNKNOWN_STATUS: Fault = ("payments", "'succeeded' AS status", "'received' AS status")
#: A critical fault that every KPI rests on.
INVOICED_TWICE: Fault = (
    "invoices", "  FROM purchases", "  FROM (FROM purchases UNION ALL FROM purchases LIMIT 3700)"
)  # fmt: skip


@contextmanager
def planted(root: Path, *faults: Fault) -> Iterator[None]:
    """The shop with these faults; as it was afterwards."""
    before = {path: path.read_text(encoding="utf-8") for path in (root / "sources").iterdir()}
    for source, old, new in faults:
        path = root / "sources" / f"{source}.yml"
        text = path.read_text(encoding="utf-8")
        assert old in text, (source, old)
        path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        yield
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")


def settings(root: Path, text: str) -> None:
    """Lines for the end of ``boardpack.yml``, in place of any that were added before."""
    path = root / "boardpack.yml"
    own, _, _ = path.read_text(encoding="utf-8").partition("# Added.\n")
    path.write_text(f"{own}# Added.\n{text}", encoding="utf-8")


def gate_policy(root: Path, text: str) -> None:
    """A policy of the gate, such as ``warning: hold``."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    settings(root, f"policy:\n  gate:\n{lines}" if text else "")


def report_on(root: Path, kpis: list[str]) -> None:
    """Let the shop's notebook, and so its report, be about these KPIs."""
    path = root / "notebooks" / "purchases.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    cell.source = re.sub(r"kpis = \[.*?\]", f"kpis = {kpis!r}", cell.source, flags=re.DOTALL)
    nbformat.write(notebook, path)


#: A KPI over payments and a table that the shop does not have.
ODD = (
    "- kpi: odd\n  name: Odd\n  definition: Payments a ticket.\n  category: revenue\n"
    "  unit: ratio\n  direction: higher\n  owner: Sales\n  measures:\n"
    "    payments: {source: payments, value: count(*)}\n"
    "    tickets: {source: tickets, value: count(*)}\n  formula: payments / tickets\n"
)


def judged(root: Path, period: str = "2025-06") -> tuple[GateResult, dict[str, str]]:
    """What the gate says of the shop's report, kept in its ledger, and of each of its KPIs."""
    model = Model.open(root)
    order = orders.order(model, "monthly", period)
    with Ledger(root / "var" / "ledger.sqlite") as ledger, Basis(model, [order]) as basis:
        found = basis.judge(order, ledger, lambda: datetime(2026, 1, 1, tzinfo=UTC))
        return found, verdicts_on(model, order, found)


def verdicts_on(model: Model, order: Order, found: GateResult) -> dict[str, str]:
    """The verdict on each KPI of an order."""
    from boardpack.facts import concerning, verdict_of

    return {
        kpi: verdict_of(concerning(found.findings, kpi, model.catalogue.tables([kpi])))
        for kpi in order.kpis
    }


def readable(root: Path) -> Mapping[str, bytes]:
    """Every file that a reader may open: editions and the index, but no locks."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in ("editions", "site")
        for path in sorted((root / "var" / folder).rglob("*"))
        if path.is_file() and ".locks" not in path.parts
    }
