"""Purchases: a text file becomes a report, with the figures that a plain count of it gives."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from boardpack import model as models
from boardpack import orders, runs
from boardpack.engine.compute import compute
from boardpack.executions import NotebookProcess
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import open_slice
from boardpack.workspace import SUITE

EXAMPLE = SUITE / "examples" / "purchases"


def counted(path: Path) -> dict[tuple[str, str], float]:
    """Figures by month, from the lines of the file, without SQL."""
    revenue: dict[str, float] = defaultdict(float)
    number: dict[str, int] = defaultdict(int)
    buyers: dict[str, set[str]] = defaultdict(set)
    first: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        customer, day, _, amount = line.split()
        month = f"{day[:4]}-{day[4:6]}"
        revenue[month] += float(amount)
        number[month] += 1
        buyers[month].add(customer)
        first[customer] = min(first.get(customer, month), month)
    found = {}
    for month in revenue:
        new = sum(1 for customer in buyers[month] if first[customer] == month)
        count = len(buyers[month])
        found["total_revenue", month] = revenue[month]
        found["purchases", month] = number[month]
        found["purchasing_customers", month] = count
        found["average_order_value", month] = revenue[month] / number[month]
        found["purchases_per_customer", month] = number[month] / count
        found["first_time_buyers", month] = new
        found["returning_buyer_share", month] = 100 * (count - new) / count
    return found


def test_every_month_is_what_a_plain_count_gives() -> None:
    expected = counted(EXAMPLE / "data" / "purchases.txt")
    model = Model.open(EXAMPLE)
    kpis = list(dict.fromkeys(kpi for kpi, _ in expected))
    slice_ = open_slice(model.workspace, model.sources, date(2025, 6, 30))
    months = [Period.parse(month) for month in sorted({month for _, month in expected})]
    frame = compute(model.catalogue, slice_, kpis, months)
    slice_.close()
    assert len(frame) == len(expected) > 100
    for kpi, month, value in frame[["kpi", "period", "value"]].itertuples(index=False):
        assert value == pytest.approx(expected[kpi, month], rel=1e-9), (kpi, month)


def test_what_purchases_do_not_allow_is_named() -> None:
    model = Model.open(EXAMPLE)
    slice_ = open_slice(model.workspace, model.sources, date(2025, 6, 30))
    facts = model.report_facts(Period.parse("2025-06"), "2025-06-30")
    values = models.values(model, slice_, ["purchases", "mrr", "mabv"], facts)
    slice_.close()
    assert set(values.report.not_available) == {"mrr", "mabv"}
    assert values.report.not_available["mrr"] == "not connected: mrr_movements"
    assert values.value("mrr").value is None
    assert values.value("purchases").value is not None


@pytest.fixture
def real(reference: Path, tmp_path: Path) -> Model:
    """The same workspace over the whole of CDNOW."""
    root = tmp_path / "cdnow"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("var"))
    shutil.copy(reference / "data" / "cdnow" / "CDNOW_master.txt", root / "data" / "purchases.txt")
    return Model.open(root)


def test_every_line_of_the_real_file_counts(real: Model) -> None:
    """Rows that are alike in everything and rows of zero dollars too."""
    slice_ = open_slice(real.workspace, real.sources, date(1998, 12, 31))
    kpis = ["total_revenue", "purchases", "purchasing_customers", "first_time_buyers"]
    periods = [Period.parse(text) for text in ("1997", "1998", "1997-01")]
    frame = compute(real.catalogue, slice_, kpis, periods).set_index(["kpi", "period"])["value"]
    slice_.close()
    whole = {kpi: frame[kpi, "1997"] + frame[kpi, "1998"] for kpi in kpis}
    assert whole["total_revenue"] == pytest.approx(2_500_315.63, abs=0.005)
    assert (whole["purchases"], whole["first_time_buyers"]) == (69_659, 23_570)
    assert frame["purchasing_customers", "1997-01"] == 7_846


def test_the_report_over_the_real_file(real: Model, process: NotebookProcess) -> None:
    """CDNOW: the figures that the description of the data gives for June 1998 and June 1997."""
    model = real
    wanted = orders.order(model, "monthly")
    assert wanted.period.label == "1998-06"
    result = runs.run(model, wanted, now=lambda: datetime.now(UTC), process=process)
    assert (result.status, result.error) == ("published", None)
    assert result.edition is not None
    frame = pd.read_parquet(result.edition / "values.parquet")
    found = frame.set_index(["kpi", "period", "dims"])["value"]
    for month, revenue, purchases, customers in (
        ("1998-06", 76_109.30, 2_043, 1_506),
        ("1997-06", 108_395.87, 3_054, 2_339),
    ):
        assert found["total_revenue", month, ""] == pytest.approx(revenue, abs=0.005)
        assert found["purchases", month, ""] == purchases
        assert found["purchasing_customers", month, ""] == customers
        order = found["average_order_value", month, ""]
        assert order == pytest.approx(revenue / purchases, abs=1e-6)
    shown = json.loads((result.edition / "shown.json").read_text(encoding="utf-8"))
    texts = {(n["kpi"], n["text"]) for n in shown if n["period"] == "1998-06"}
    assert {("purchases", "2,043"), ("purchasing_customers", "1,506")} <= texts
    assert any(kpi == "total_revenue" and text in ("$76,109", "$76.1K") for kpi, text in texts)
    assert any(kpi == "average_order_value" and text.startswith("$37.2") for kpi, text in texts)
