"""What a cell says: its value, its status, and the reason where it has no value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import workspaces
from boardpack.engine.compute import compute
from boardpack.engine.plans import make_plan, unavailable
from boardpack.errors import RunError, UnknownNameError
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.values import COLUMNS, INTERVAL
from boardpack.warehouse import open_slice, slice_of_rows
from boardpack.workspace import SUITE

UTC = ZoneInfo("UTC")
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.open(SUITE)


def figures(
    model: Model,
    rows: Rows,
    kpis: str,
    periods: str,
    as_of: str = "2025-12-31",
    by: Sequence[str] = (),
    covered: bool = False,
) -> pd.DataFrame:
    """Computed from the rows; tables that are needed and not given are there, without rows."""
    names = kpis.split()
    given = {table: rows.get(table, ()) for table in model.catalogue.tables(names)}
    slice_ = slice_of_rows(model.sources, given, date.fromisoformat(as_of), UTC)
    try:
        parsed = [Period.parse(text) for text in periods.split()]
        return compute(model.catalogue, slice_, names, parsed, by, covered=covered)
    finally:
        slice_.close()


def cells(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    found = frame[list(columns)].itertuples(index=False, name=None)
    return [tuple(None if v is None or v != v else v for v in row) for row in found]


SAVED = {
    "month_end": date(2025, 3, 31), "customer_receipts": 9, "operating_payments": 5,
    "closing_balance": 50,
}  # fmt: skip
ACCOUNTS = [
    {"account_id": "a", "segment": "smb", "region": "apac"},
    {"account_id": "b", "segment": "enterprise", "region": "apac"},
    {"account_id": "staff", "segment": "smb", "is_internal": True},
]


def movement(account: str, day: str, amount: float, kind: str = "new", **more: Any) -> dict:
    return {"account_id": account, "effective_on": date.fromisoformat(day), "amount": amount,
            "movement_type": kind, **more}  # fmt: skip


MOVEMENTS = [
    movement("a", "2025-01-10", 100),
    movement("b", "2025-02-10", 50),
    movement("staff", "2025-01-10", 999),
    movement("a", "2025-03-31", 20, "expansion", recorded_at=datetime(2025, 4, 2, 9)),
]
BOOK = {"accounts": ACCOUNTS, "mrr_movements": MOVEMENTS}


def test_a_row_each_kpi_period_and_member(model: Model) -> None:
    frame = figures(model, BOOK, "mrr", "2025-01 2025-02", by=["segment"])
    assert list(frame.columns) == [*COLUMNS, *INTERVAL]
    assert cells(frame, "kpi", "period", "dims", "value", "status") == [
        ("mrr", "2025-01", "", 100, "final"),
        # Every member of the enumeration has its zero, also the one that no account belongs to.
        ("mrr", "2025-01", "segment=enterprise", 0, "final"),
        ("mrr", "2025-01", "segment=mid_market", 0, "final"),
        ("mrr", "2025-01", "segment=smb", 100, "final"),
        ("mrr", "2025-02", "", 150, "final"),
        ("mrr", "2025-02", "segment=enterprise", 50, "final"),
        ("mrr", "2025-02", "segment=mid_market", 0, "final"),
        ("mrr", "2025-02", "segment=smb", 100, "final"),
    ]
    row = frame.iloc[0]
    assert (row.period_start, row.period_end, row.grain, row.unit) == (
        date(2025, 1, 1), date(2025, 2, 1), "month", "currency",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kpi", "period", "as_of", "status", "reason"),
    [
        ("mrr", "2025-03", "2025-03-31", "final", ""),
        ("mrr", "2025-03", "2025-03-30", "provisional", "open: the period ends on 2025-03-31"),
        ("mrr", "2025-Q1", "2025-03-31", "final", ""),
        ("mrr", "2025", "2025-03-31", "provisional", "open: the period ends on 2025-12-31"),
        ("arr", "2025-03", "2025-03-15", "provisional", "open: the period ends on 2025-03-31"),
        ("trial_to_paid_conversion", "2025-03", "2025-03-31", "maturing", "mature on 2025-05-15"),
        ("trial_to_paid_conversion", "2025-03", "2025-05-13", "maturing", "mature on 2025-05-15"),
        ("trial_to_paid_conversion", "2025-03", "2025-05-14", "final", ""),
        ("trial_to_paid_conversion", "2025-03", "2025-03-20", "provisional",
         "open: the period ends on 2025-03-31"),
        ("trial_signups", "2025-03", "2025-03-31", "final", ""),
        ("first_contact_resolution_rate", "2025-03", "2025-04-06", "maturing", "mature on 2025-04-08"),
        ("first_contact_resolution_rate", "2025-03", "2025-04-07", "final", ""),
    ],
)  # fmt: skip
def test_status(model: Model, kpi: str, period: str, as_of: str, status: str, reason: str) -> None:
    trial = {"trial_id": "t", "account_id": "a", "started_at": datetime(2025, 3, 2)}
    ticket = {"ticket_id": "t", "account_id": "a", "created_at": datetime(2025, 3, 2),
              "resolved_at": datetime(2025, 3, 3), "agent_replies": 1}  # fmt: skip
    frame = figures(model, {**BOOK, "trials": [trial], "tickets": [ticket]}, kpi, period, as_of)
    assert cells(frame, "status", "reason") == [(status, reason)]


@pytest.mark.parametrize(
    ("kpi", "period", "reason"),
    [
        ("mrr", "2024-12", "before the data: mrr_movements begins on 2025-01-10"),
        ("new_mrr", "2024-12", "before the data: mrr_movements begins on 2025-01-10"),
        ("opening_mrr", "2025-01", "before the data: mrr_movements begins on 2025-01-10"),
        ("mrr_growth_rate", "2025-01", "before the data: mrr_movements begins on 2025-01-10"),
        ("new_mrr", "2024-Q4", "before the data: mrr_movements begins on 2025-01-10"),
        ("cac", "2025-02", "before the data: mrr_movements begins on 2025-01-10"),
        ("net_revenue_retention", "2025-03", "nothing to divide by: starting is zero"),
        ("trial_signups", "2025-03", "trials has no rows"),
        ("arpa", "2024-12", "before the data: mrr_movements begins on 2025-01-10"),
        # Tickets solved are of the table of tickets, which begins with the first one asked.
        ("resolution_time", "2024-12", "before the data: tickets begins on 2025-01-20"),
        ("resolution_time", "2025-02", "no rows in the period"),
        ("first_response_time", "2025-02", "nothing to divide by: answered is zero"),
        ("revenue_churn_rate", "2025-01", "before the data: mrr_movements begins on 2025-01-10"),
        ("arr_growth_rate_yoy", "2025-12", "nothing to divide by: (now - since) is zero"),
    ],
)
def test_before_the_data_there_is_no_zero(model: Model, kpi: str, period: str, reason: str) -> None:
    ledger = [{"entry_id": "e", "posted_on": date(2024, 1, 1), "pnl_line": "sales", "amount": 1}]
    ticket = {"ticket_id": "t", "account_id": "a", "created_at": datetime(2025, 1, 20),
              "resolved_at": datetime(2025, 3, 1)}  # fmt: skip
    frame = figures(model, {**BOOK, "gl_entries": ledger, "tickets": [ticket]}, kpi, period)
    assert cells(frame, "value", "status", "reason") == [(None, "no_value", reason)]


def test_the_first_month_of_the_data_counts_even_where_they_begin_in_its_middle(
    model: Model,
) -> None:
    assert cells(figures(model, BOOK, "new_mrr", "2025-01"), "value") == [(100,)]
    # A quarter's window begins with the month in which the data begin.
    assert cells(figures(model, BOOK, "new_mrr", "2025-Q1"), "value") == [(150,)]


def test_after_the_data_an_empty_period_is_a_true_zero(model: Model) -> None:
    frame = figures(model, BOOK, "new_mrr mrr", "2025-07")
    assert cells(frame, "kpi", "value", "status") == [
        ("new_mrr", 0, "final"), ("mrr", 170, "final"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kpi", "rows", "reason"),
    [
        ("arpa", {"mrr_movements": [movement("a", "2025-03-01", 5), movement("a", "2025-03-02", -5, "churn")]},
         "nothing to divide by: total_customers is zero"),
        ("nps", {}, "nothing to divide by: answers is zero"),
        ("api_response_time_p95", {}, "above 10 seconds, the last bound of the histogram, or no requests"),
        ("runway", {}, "cash_balances has no row for it yet"),
        ("runway", {"cash_balances": [SAVED]}, "not limited: no cash was used over the last three months"),
        # A KPI made of others says what the first of them lacks.
        ("ltv", {"mrr_movements": [movement("a", "2025-03-01", 5)], "gl_entries": []},
         "nothing to divide by: total_revenue is zero"),
    ],
)  # fmt: skip
def test_a_zero_denominator_is_a_reason_never_zero_or_infinity(
    model: Model, kpi: str, rows: Rows, reason: str
) -> None:
    frame = figures(model, {"accounts": ACCOUNTS, **rows}, kpi, "2025-03", covered=True)
    assert cells(frame, "value", "status", "reason") == [(None, "no_value", reason)]


def test_a_ratio_comes_with_its_parts(model: Model) -> None:
    frame = figures(model, BOOK, "arpa mrr", "2025-02", by=["segment"])
    found = {
        (k, d): rest
        for k, d, *rest in cells(frame, "kpi", "dims", "value", "numerator", "denominator")
    }
    assert found["arpa", ""] == [75, 150, 2]
    assert found["arpa", "segment=mid_market"] == [None, 0, 0]
    assert found["mrr", ""] == [150, None, None]


def test_rows_without_a_known_member_are_kept_apart_so_that_totals_balance(model: Model) -> None:
    rows = {
        "accounts": [*ACCOUNTS, {"account_id": "c", "segment": None}],
        "mrr_movements": [*MOVEMENTS, movement("c", "2025-02-01", 7), movement("lost", "2025-02-02", 3)],
    }  # fmt: skip
    frame = figures(model, rows, "mrr total_customers", "2025-02", by=["segment", "region"])
    found = {(k, d): v for k, d, v in cells(frame, "kpi", "dims", "value")}
    assert found["mrr", "segment=(unknown)"] == 10
    assert found["mrr", ""] == 160
    for kpi in ("mrr", "total_customers"):
        for dimension in ("segment", "region"):
            parts = [v for (k, d), v in found.items() if k == kpi and d.startswith(dimension)]
            assert sum(parts) == found[kpi, ""]


def test_a_kpi_without_the_dimension_has_its_total_only(model: Model) -> None:
    visit = {"visit_id": "v", "visitor_id": "x", "visited_at": datetime(2025, 2, 1)}
    frame = figures(
        model, {**BOOK, "web_visits": [visit]}, "mrr website_visitors", "2025-02", by=["segment"]
    )
    assert set(frame[frame["kpi"] == "website_visitors"]["dims"]) == {""}
    assert len(frame[frame["kpi"] == "mrr"]) == 4


def test_a_grain_that_a_kpi_is_not_defined_for_has_no_row(model: Model) -> None:
    cash = {"month_end": date(2025, 1, 31), "customer_receipts": 1, "operating_payments": 3}
    frame = figures(model, {"cash_balances": [cash]}, "burn_rate", "2025-W02 2025-01 2025-Q1")
    assert cells(frame, "grain", "value") == [("month", 2), ("quarter", 2)]


@pytest.mark.parametrize(
    ("as_of", "march", "april"),
    [
        ("2025-03-31", 150, None),  # the movement of the last day is not recorded yet
        ("2025-04-01", 150, 150),
        ("2025-04-02", 170, 170),
        ("2025-04-30", 170, 170),
    ],
)
def test_only_what_was_recorded_by_the_as_of_counts(
    model: Model, as_of: str, march: float, april: float | None
) -> None:
    frame = figures(model, BOOK, "mrr", "2025-03 2025-04", as_of)
    values = [v for (v,) in cells(frame, "value")]
    assert values[0] == march
    assert april is None or values[1] == april


def test_what_happens_later_is_not_known_yet(model: Model) -> None:
    """A column marked ``happens`` is null before its moment, though the row is known."""
    trial = {
        "trial_id": "t", "account_id": "a", "started_at": datetime(2025, 3, 2),
        "ends_at": datetime(2025, 3, 16), "converted_at": datetime(2025, 4, 1),
    }  # fmt: skip
    rows = {"accounts": ACCOUNTS, "trials": [trial]}
    values = [
        cells(figures(model, rows, "trial_to_paid_conversion", "2025-03", day), "value")[0][0]
        for day in ("2025-03-31", "2025-04-01")
    ]
    assert values == [0, 100]


def test_unconnected_sources_leave_a_kpi_out_with_their_names(model: Model) -> None:
    slice_ = slice_of_rows(model.sources, BOOK, date(2025, 12, 31), UTC)
    kpis = ["mrr", "ltv_cac_ratio", "nps"]
    frame = compute(model.catalogue, slice_, kpis, [Period.parse("2025-02")])
    assert set(frame["kpi"]) == {"mrr"}
    assert unavailable(model.catalogue, slice_, "mrr") == ""
    assert unavailable(model.catalogue, slice_, "nps") == "not connected: survey_responses, users"
    lacks = "not connected: gl_entries, invoice_lines, invoices"
    assert unavailable(model.catalogue, slice_, "ltv_cac_ratio") == lacks
    planned = make_plan(model.catalogue, slice_, kpis, [Period.parse("2025-02")])
    assert planned.not_available["ltv_cac_ratio"] == lacks
    nothing = compute(model.catalogue, slice_, ["nps"], [Period.parse("2025-02")])
    assert (len(nothing), list(nothing.columns)) == (0, [*COLUMNS, *INTERVAL])
    with pytest.raises(UnknownNameError, match="did you mean 'mrr'"):
        compute(model.catalogue, slice_, ["mmr"], [Period.parse("2025-02")])
    slice_.close()


def test_a_column_that_the_table_lacks_leaves_a_kpi_out_with_its_name(tmp_path: Path) -> None:
    """What an expression covers with coalesce may be absent; the rest may not read as null."""
    folder = workspaces.small(
        tmp_path / "w",
        **{
            "sources/accounts.yml": "maps: accounts\nsql: SELECT 'a' AS account_id,"
            " TIMESTAMP '2025-01-01' AS created_at\n",
            "sources/invoices.yml": "maps: invoices\nsql: >-\n  SELECT 'i' AS invoice_id, 'a' AS account_id,"
            " DATE '2025-03-01' AS issued_on, 5 AS amount, 'paid' AS status\n",
            "sources/uptime.yml": "maps: service_uptime_hourly\nsql: >-\n  SELECT 'app' AS service, 'eu' AS region,"
            " TIMESTAMP '2025-03-01' AS hour, 60 AS total_minutes, 6 AS unplanned_down_minutes\n",
        },
    )  # fmt: skip
    model = Model.open(folder)
    slice_ = open_slice(model.workspace, model.sources, date(2025, 3, 31))
    kpis = ["purchases", "first_time_buyers", "system_uptime"]
    frame = compute(model.catalogue, slice_, kpis, [Period.parse("2025-03")])
    lacking = [unavailable(model.catalogue, slice_, kpi) for kpi in kpis]
    slice_.close()
    assert lacking == ["not connected: invoices.paid_on", "not connected: invoices.paid_on", ""]
    assert cells(frame, "kpi", "value") == [("system_uptime", 90)]


def test_a_snapshot_that_is_not_there_yet_is_no_zero(model: Model) -> None:
    months = [
        {"month_end": date(2025, m, 28), "customer_receipts": 10, "operating_payments": 30,
         "closing_balance": 100 - 20 * m}
        for m in (1, 2)
    ]  # fmt: skip
    kpis = "burn_rate cash_balance runway"
    frame = figures(model, {"cash_balances": months}, kpis, "2025-03 2025-Q1", "2025-03-20")
    why = "cash_balances has no row for it yet"
    assert cells(frame, "kpi", "period", "value", "status", "reason") == [
        ("burn_rate", "2025-03", None, "no_value", why),
        ("burn_rate", "2025-Q1", 40, "provisional", "open: the period ends on 2025-03-31"),
        ("cash_balance", "2025-03", None, "no_value", why),
        ("cash_balance", "2025-Q1", None, "no_value", why),
        ("runway", "2025-03", None, "no_value", why),
        ("runway", "2025-Q1", None, "no_value", why),
    ]


def test_a_mean_a_day_of_an_open_period_counts_the_days_that_are_over(model: Model) -> None:
    rows = {
        "accounts": ACCOUNTS,
        "users": [{"user_id": "u", "account_id": "a"}],
        "sessions": [
            {"session_id": f"s{day}", "user_id": "u", "account_id": "a",
             "started_at": datetime(2025, 3, day)}
            for day in (1, 2, 3)
        ],
    }  # fmt: skip
    frame = figures(model, rows, "dau dau_mau_ratio", "2025-03 2025-Q1", "2025-03-04", covered=True)
    assert cells(frame, "kpi", "period", "value") == [
        ("dau", "2025-03", 0.75), ("dau", "2025-Q1", pytest.approx(3 / 63)),
        ("dau_mau_ratio", "2025-03", 75), ("dau_mau_ratio", "2025-Q1", 75),
    ]  # fmt: skip


def test_a_quarter_of_a_monthly_rate_is_its_months_sums(model: Model) -> None:
    losses = [movement("a", "2025-05-10", -120, "churn")]
    rows = {"accounts": ACCOUNTS, "mrr_movements": [*MOVEMENTS, *losses]}
    frame = figures(model, rows, "customer_churn_rate", "2025-04 2025-05 2025-06 2025-Q2")
    assert cells(frame, "value", "numerator", "denominator") == [
        (0, 0, 2), (50, 1, 2), (0, 0, 1), (pytest.approx(20), 1, 5),
    ]  # fmt: skip


def test_a_quarter_with_a_month_before_the_data_has_no_such_rate(model: Model) -> None:
    rows = {"accounts": ACCOUNTS, "mrr_movements": MOVEMENTS[1:2]}  # from February on
    frame = figures(model, rows, "customer_churn_rate", "2025-Q1")
    assert cells(frame, "value", "status") == [(None, "no_value")]


def own(tmp_path: Path, measure: str, more: str = "") -> Model:
    text = (
        "- kpi: own\n  name: Own\n  definition: Own.\n  category: revenue\n  unit: count\n"
        f"  direction: higher\n  measures:\n    value: {{{measure}}}\n{more}"
    )
    return Model.open(workspaces.small(tmp_path / "w", **{"kpis/own.yml": text}))


@pytest.mark.parametrize(
    ("value", "found", "empty"),
    [
        ("min(amount)", 20, None),
        ("max(amount)", 100, None),
        ("count(churn_type)", 0, 0),
        ("count(distinct account_id)", 2, 0),
        ("sum(amount)", 170, 0),
    ],
)
def test_aggregates_with_and_without_rows(
    tmp_path: Path, value: str, found: float, empty: float | None
) -> None:
    model = own(tmp_path, f"source: mrr_movements, value: {value}")
    frame = figures(model, BOOK, "own", "2025-Q1 2025-07")
    assert cells(frame, "value", "reason") == [
        (found, ""), (empty, "no rows in the period" if empty is None else ""),
    ]  # fmt: skip


GROWTH = (
    "- kpi: growth\n  name: Growth\n  definition: Growth.\n  category: revenue\n  unit: percent\n"
    "  direction: higher\n  measures:\n    now: {source: mrr_movements, value: sum(amount)}\n"
    "    before: {source: mrr_movements, value: sum(amount), window: previous}\n"
    "  formula: 100 * (now - before) / before\n"
)


def test_growth_is_against_the_period_before(tmp_path: Path) -> None:
    text = GROWTH + GROWTH.replace("kpi: growth", "kpi: monthly") + "  each: month\n"
    model = Model.open(workspaces.small(tmp_path / "w", **{"kpis/own.yml": text}))
    book = [
        movement("a", "2024-11-10", 100), movement("a", "2024-12-10", 50),
        movement("a", "2025-01-10", 100), movement("a", "2025-02-10", 200),
        movement("a", "2025-03-10", 300),
    ]  # fmt: skip
    rows = {"accounts": ACCOUNTS, "mrr_movements": book}
    frame = figures(
        model, rows, "growth monthly", "2024-11 2024-12 2025-01 2025-02 2025-Q1 2025-Q2"
    )
    why = "before the data: mrr_movements begins on 2024-11-10"
    assert cells(frame, "kpi", "period", "value", "reason") == [
        # There is no month before the first one of the data: not growth from zero.
        ("growth", "2024-11", None, why),
        ("growth", "2024-12", -50, ""),
        ("growth", "2025-01", 100, ""),
        ("growth", "2025-02", 100, ""),
        # The quarter before begins in October, which the data do not reach back to.
        ("growth", "2025-Q1", None, why),
        ("growth", "2025-Q2", -100, ""),
        ("monthly", "2024-11", None, why),
        ("monthly", "2024-12", -50, ""),
        ("monthly", "2025-01", 100, ""),
        ("monthly", "2025-02", 100, ""),
        # Each month against its own month before: 50, 100 and 100 more over 50, 100 and 200.
        ("monthly", "2025-Q1", pytest.approx(100 * 250 / 350), ""),
        ("monthly", "2025-Q2", -100, ""),
    ]


def test_a_statement_that_fails_names_its_source(tmp_path: Path) -> None:
    model = own(tmp_path, "source: mrr_movements, value: sum(cast(movement_type as double))")
    with pytest.raises(RunError, match="the statement for source 'mrr_movements' failed: "):
        figures(model, BOOK, "own", "2025-03")


def test_a_formula_that_fails_names_its_kpi(tmp_path: Path) -> None:
    more = "  formula: cast(value as date)\n"
    model = own(tmp_path, "source: mrr_movements, value: sum(amount)", more)
    with pytest.raises(RunError, match=r"own.yml:1: the formula of 'own' failed: "):
        figures(model, BOOK, "own mrr", "2025-03")


def test_no_figure_is_infinite(model: Model) -> None:
    rows = {"accounts": ACCOUNTS, "mrr_movements": [movement("a", "2025-03-01", 0)]}
    kpis = [k.id for k in model.catalogue.kpis.values() if k.unit in ("percent", "ratio", "months")]
    frame = figures(model, rows, " ".join(kpis), "2025-03 2025-Q1", by=["segment"], covered=True)
    assert len(frame) > len(kpis)
    assert not any(math.isinf(v) for v in frame["value"])
