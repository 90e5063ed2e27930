"""The profit and loss statement: lines that add up, by month, to date, against year and plan."""

from __future__ import annotations

from pathlib import Path

import pytest

import boardpack as bp
import workspaces
from boardpack.errors import UnknownNameError, UserError
from boardpack.formats import Formatter
from boardpack.periods import Period
from boardpack.profit_and_loss import PROFIT_AND_LOSS, StatementLine
from boardpack.values import Values
from tables_fixture import by_hand, cells

LINES = (
    StatementLine("total_revenue", "total", "revenue_budget"),
    StatementLine("cost", plan="cost_budget"),
    StatementLine("profit", "total", "profit_budget"),
    StatementLine("margin", "margin", of="profit"),
)
BOOKS: dict[str, dict[object, object]] = {
    "total_revenue": {
        "2024-12": 999,
        "2025-01": 400,
        "2025-02": 600,
        "2024-01": 300,
        "2024-02": 500,
    },
    "cost": {"2024-12": 999, "2025-01": 100, "2025-02": 300, "2024-01": 200, "2024-02": 240},
    "profit": {"2024-12": 0, "2025-01": 300, "2025-02": 300, "2024-01": 100, "2024-02": 260},
    "margin": {"2024-12": 0, "2025-01": 75, "2025-02": 50, "2024-01": 33.3, "2024-02": 52},
    "revenue_budget": {"2025-01": 500, "2025-02": 600},
    "cost_budget": {"2025-01": 200, "2025-02": 180},
    "profit_budget": {"2025-01": -300, "2025-02": 120},
}
UNITS = {kpi: "percent" if kpi == "margin" else "currency" for kpi in BOOKS}


def books(figures: dict[str, dict[object, object]] = BOOKS, **more: object) -> Values:
    return by_hand("2025-02", figures, UNITS, lower=("cost",), **more)  # type: ignore[arg-type]


def test_amounts_add_up_to_date_and_margins_are_of_sums() -> None:
    block = bp.statement(books(), LINES, last=2)
    head, revenue, cost, profit, margin = cells(block)
    assert head == [
        "", "Jan 2025", "Feb 2025", "Year to date", "Last year", "Change", "Budget", "Variance",
        "Variance in %",
    ]  # fmt: skip
    assert revenue[1:] == ["$400", "$600", "$1,000", "$800", "+25.0%", "$1,100", "−$100", "−9.1%"]
    assert cost[1:] == ["$100", "$300", "$400", "$440", "−9.1%", "$380", "+$20", "+5.3%"]
    # Of a planned loss a percentage would say nothing.
    assert profit[1:] == ["$300", "$300", "$600", "$360", "+66.7%", "−$180", "+$780", "—"]
    assert margin[1:] == ["75.0%", "50.0%", "60.0%", "45.0%", "+15.0 pp", "", "", ""]
    assert {s.what for s in block.numbers} == {
        "value", "to_date", "to_date_last_year", "to_date_change", "to_date_gap"
    }  # fmt: skip


def test_colours_follow_what_it_means_for_profit() -> None:
    lines = bp.statement(books(), LINES, last=1).markdown.splitlines()
    revenue = next(line for line in lines if "Total revenue" in line)
    cost = next(line for line in lines if "Cost" in line)
    assert revenue.count("{.bad}") == 2
    assert revenue.count("{.good}") == 1
    assert cost.count("{.bad}") == 2
    assert cost.count("{.good}") == 1


def test_a_gap_in_the_year_is_no_sum() -> None:
    gap = {**BOOKS, "cost": {k: v for k, v in BOOKS["cost"].items() if k != "2025-01"}}
    cost = cells(bp.statement(books(gap), LINES, last=2))[2]
    assert cost[1:] == ["—", "$300", "—", "$440", "—", "$380", "—", "—"]


def test_an_open_month_is_compared_with_nothing() -> None:
    block = bp.statement(books(status="provisional"), LINES, last=2)
    assert cells(block)[0] == ["", "Jan 2025", "Feb 2025"]
    assert "is not over: nothing is compared with it." in block.markdown.replace("\\", "")
    assert cells(bp.statement(books(), LINES, last=2, compare=False))[0] == [
        "", "Jan 2025", "Feb 2025",
    ]  # fmt: skip


def test_without_budgets_there_is_no_plan_and_without_lines_nothing() -> None:
    plain = {kpi: cells_ for kpi, cells_ in BOOKS.items() if not kpi.endswith("_budget")}
    assert cells(bp.statement(books(plain), LINES, last=1))[0][-1] == "Change"
    lacking = books(not_available=dict.fromkeys(BOOKS, "not connected: gl_entries"))
    assert bp.statement(lacking, LINES).markdown == ""
    with pytest.raises(UnknownNameError, match="cost_of_goods_sold"):
        bp.statement(books())
    with pytest.raises(UserError, match="shows no period"):
        bp.statement(books(), LINES, last=0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Values:
    folder = workspaces.over_demo(tmp_path_factory.mktemp("profit") / "demo", demo_warehouse)
    kpis = [kpi for line in PROFIT_AND_LOSS for kpi in (line.kpi, line.plan) if kpi]
    return bp.open(folder, period="2025-12", kpis=kpis)


def test_the_lines_of_the_demo_add_up(demo: Values) -> None:
    """In every month, to date and of the budget: each total is what stands above it."""

    def of(kpi: str, period: Period) -> float:
        value = demo.value(kpi, period).value
        assert value is not None, (kpi, period)
        return value

    signs = {"total_revenue": 1, "gross_profit": 0, "operating_expenses": 0, "ebitda": 0,
             "operating_profit": 0, "net_profit": 0}  # fmt: skip
    for period in Period.parse("2025-12").last(13):
        for plan in (False, True):
            running = 0.0
            for line in PROFIT_AND_LOSS:
                kpi = line.plan if plan else line.kpi
                if line.role == "margin":
                    if not plan:
                        part = 100 * of(line.of, period) / of("total_revenue", period)
                        assert of(line.kpi, period) == pytest.approx(part)
                    continue
                running += signs.get(line.kpi, -1) * of(kpi, period)
                if line.kpi in ("gross_profit", "ebitda", "operating_profit", "net_profit"):
                    assert of(kpi, period) == pytest.approx(running), (kpi, period)


def test_the_year_of_the_demo_is_the_sum_of_its_months(demo: Values) -> None:
    formatter = Formatter(demo)
    shown = {s.kpi: s.text for s in bp.statement(demo).numbers if s.what == "to_date"}
    year = [demo.value("net_profit", Period.parse(f"2025-{m:02}")).value or 0 for m in range(1, 13)]
    assert shown["net_profit"] == formatter.short("net_profit", sum(year))
    assert len(cells(bp.statement(demo, last=12, compare=False))) == len(PROFIT_AND_LOSS) + 1
