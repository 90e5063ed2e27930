"""The SQL that the planner writes: one statement a source, the same text always, right in any zone."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workspaces
from boardpack.engine.compute import compute
from boardpack.engine.plans import make_plan
from boardpack.engine.windows import parse_window
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import slice_of_rows
from boardpack.workspace import SUITE

UTC = ZoneInfo("UTC")
AS_OF = date(2026, 12, 31)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.open(SUITE)


def computed(
    model: Model,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    kpis: Sequence[str],
    periods: Sequence[Period],
    by: Sequence[str] = (),
    zone: ZoneInfo = UTC,
) -> dict[tuple[str, str, str], float]:
    given = {table: rows.get(table, ()) for table in model.catalogue.tables(kpis)}
    slice_ = slice_of_rows(model.sources, given, AS_OF, zone)
    try:
        frame = compute(model.catalogue, slice_, kpis, periods, by, covered=True)
    finally:
        slice_.close()
    keys = zip(frame["kpi"], frame["period"], frame["dims"], strict=True)
    return dict(zip(keys, frame["value"], strict=True))


def statements(model: Model) -> list[tuple[str, str]]:
    """Of all KPIs × months, quarters and days × members."""
    rows: dict[str, list] = {table: [] for table in model.catalogue.tables(model.catalogue.kpis)}
    slice_ = slice_of_rows(model.sources, rows, AS_OF, ZoneInfo("Europe/Berlin"))
    periods = [
        p for text in ("2025-12", "2025-Q4", "2025-12-31") for p in Period.parse(text).last(5)
    ]
    planned = make_plan(
        model.catalogue, slice_, model.catalogue.kpis, periods, ["segment", "region"]
    )
    slice_.close()
    return [(statement.source, statement.sql) for statement in planned.statements]


def test_one_statement_a_source(model: Model) -> None:
    found = statements(model)
    sources = {m.source for kpi in model.catalogue.kpis.values() for m in kpi.measures.values()}
    assert Counter(source for source, _ in found) == Counter(sources)
    assert all(len(duckdb.extract_statements(sql)) == 1 for _, sql in found)


def test_each_statement_reads_its_table_once(model: Model) -> None:
    """A panel, once by each of the moments that it places the table's rows by."""
    for name, sql in statements(model):
        source = model.sources[name]
        base = source.derived_from or name
        columns = {entry.of or base for entry in source.panel.values()} or {base}
        placed = [of for of in columns if (model.sources[of].placed_of or of) == base]
        assert sql.count(f'slice."{base}"') == len(placed), name


def test_no_statement_knows_a_zone_or_a_clock(model: Model) -> None:
    text = " ".join(sql for _, sql in statements(model)).lower()
    for word in (
        "date_trunc",
        "timezone",
        "at time zone",
        " current_",
        "(current_",
        "now(",
        "today(",
        "filter (",
    ):
        assert word not in text
    assert "timestamp '2025-11-30 23:00:00'" in text  # December in Berlin


def test_equal_measures_of_several_kpis_are_computed_once(model: Model) -> None:
    rows: dict[str, list] = {table: [] for table in model.catalogue.tables(["mrr", "arr", "arpa"])}
    slice_ = slice_of_rows(model.sources, rows, AS_OF, UTC)
    period = [Period.parse("2025-12")]
    alone = make_plan(model.catalogue, slice_, ["mrr"], period)
    both = make_plan(model.catalogue, slice_, ["mrr", "arr"], period)
    assert [s.sql for s in both.statements] == [s.sql for s in alone.statements]
    retention = model.catalogue["net_revenue_retention"].measures["starting"]
    assert retention == model.catalogue["gross_revenue_retention"].measures["starting"]
    slice_.close()


PROBE = """
import hashlib, sys
sys.path.insert(0, {folder!r})
from boardpack.model import Model
from boardpack.workspace import SUITE
import test_statements as t
model = Model.open(SUITE)
print(hashlib.sha256(repr(t.statements(model)).encode()).hexdigest())
print(t.around_the_clock(model, t.ZoneInfo("America/New_York")))
"""


def test_neither_the_machines_zone_nor_its_hashing_changes_anything(model: Model) -> None:
    here = hashlib.sha256(repr(statements(model)).encode()).hexdigest()
    values = repr(around_the_clock(model, ZoneInfo("America/New_York")))
    probe = PROBE.format(folder=str(Path(__file__).parent))
    environment = {**os.environ, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LANG": "C"}
    done = subprocess.run(
        [sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [here, values]


def moments() -> list[datetime]:
    """Every half hour of a few days around each change of the clock of 2025, in UTC."""
    found = []
    for day in (date(2025, 3, 8), date(2025, 3, 29), date(2025, 10, 25), date(2025, 11, 1)):
        begin = datetime(day.year, day.month, day.day)
        found += [begin + timedelta(minutes=30 * i) for i in range(3 * 48)]
    return found


def around_the_clock(model: Model, zone: ZoneInfo) -> dict[tuple[str, str, str], float]:
    rows: dict[str, list[dict[str, Any]]] = {
        "accounts": [{"account_id": "a"}],
        "users": [{"user_id": f"u{i}", "account_id": "a"} for i in range(5)],
        "tickets": [
            {"ticket_id": str(i), "account_id": "a", "created_at": at}
            for i, at in enumerate(moments())
        ],
        "sessions": [
            {"session_id": str(i), "user_id": f"u{i % 5}", "account_id": "a", "started_at": at}
            for i, at in enumerate(moments())
            if i % 7 == 0
        ],
    }
    periods = [
        *[Period.containing(day, "day") for day in sorted({m.date() for m in moments()})],
        *[Period.parse(f"2025-{n:02}") for n in (3, 10, 11)],
        Period.parse("2025-W44"),
    ]
    return computed(model, rows, ["support_ticket_volume", "dau", "mau"], periods, zone=zone)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
def test_periods_are_those_of_the_companys_zone(model: Model, name: str) -> None:
    """Against the zone rules of DuckDB, by which the planner does not go."""
    found = around_the_clock(model, ZoneInfo(name))
    with duckdb.connect() as con:
        con.execute("CREATE TABLE rows (i INTEGER, moment TIMESTAMP)")
        con.executemany("INSERT INTO rows VALUES (?, ?)", list(enumerate(moments())))
        con.execute(
            "CREATE VIEW local AS SELECT i, 'u' || i % 5 AS user, i % 7 = 0 AS session,"
            f" CAST(timezone('{name}', timezone('UTC', moment)) AS DATE) AS day FROM rows"
        )
        compared = 0
        for (kpi, label, _), value in found.items():
            period = Period.parse(label)
            sql = {
                "support_ticket_volume": "SELECT count(*) FROM local WHERE day >= $low AND day < $high",
                "dau": "SELECT count(DISTINCT (user, day)) / $days FROM local"
                " WHERE session AND day >= $low AND day < $high",
                "mau": "SELECT count(DISTINCT user) FROM local"
                " WHERE session AND day >= $month AND day < $high",
            }[kpi]
            month = period.start if period.grain == "month" else period.end - timedelta(days=30)
            known = {"low": period.start, "high": period.end, "days": period.days, "month": month}
            row = con.execute(sql, {k: v for k, v in known.items() if f"${k}" in sql}).fetchone()
            assert row is not None
            assert value == pytest.approx(row[0]), (kpi, label)
            compared += bool(row[0])
    assert compared > 40


SEGMENTS = ("smb", "enterprise", None)
KINDS = ("new", "expansion", "contraction", "churn", "reactivation")
FLOWS = ["new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr",
         "new_customers"]  # fmt: skip
BALANCES = ["mrr", "opening_mrr", "total_customers"]

movements = st.lists(
    st.fixed_dictionaries(
        {
            "account_id": st.sampled_from("abcdz"),  # z is in no table of accounts
            "effective_on": st.dates(date(2024, 11, 1), date(2025, 7, 31)),
            "movement_type": st.sampled_from(KINDS),
            "amount": st.integers(-500, 500).map(lambda cents: cents / 100),
        }
    ),
    max_size=25,
)
accounts = st.fixed_dictionaries({name: st.sampled_from(SEGMENTS) for name in "abcd"}).map(
    lambda of: [{"account_id": name, "segment": segment} for name, segment in of.items()]
)


@settings(deadline=None, max_examples=12)
@given(accounts, movements)
def test_roll_ups(model: Model, known: list[dict], book: list[dict]) -> None:
    """Members add up to the total, months to their quarter; the last month closes it."""
    rows = {"accounts": known, "mrr_movements": book}
    quarter = Period.parse("2025-Q2")
    months = quarter.within("month")
    found = computed(model, rows, [*FLOWS, *BALANCES], [*months, quarter], ["segment"])
    for kpi in (*FLOWS, *BALANCES):
        for period in (*months, quarter):
            cells = [v for (k, p, d), v in found.items() if (k, p) == (kpi, period.label) and d]
            if cells:
                assert sum(cells) == pytest.approx(found[kpi, period.label, ""], abs=1e-9)
    sums = [kpi for kpi in FLOWS if kpi.endswith("mrr")]
    for kpi, _, dims in found:
        of_months = [found[kpi, month.label, dims] for month in months]
        if kpi in sums:
            assert sum(of_months) == pytest.approx(found[kpi, "2025-Q2", dims], abs=1e-9)
        elif kpi in ("mrr", "total_customers"):
            assert of_months[-1] == found[kpi, "2025-Q2", dims]
        elif kpi == "opening_mrr":
            assert of_months[0] == found[kpi, "2025-Q2", dims]


@settings(deadline=None, max_examples=8)
@given(
    movements,
    st.lists(
        st.builds(
            Period.containing,
            st.dates(date(2024, 12, 1), date(2025, 8, 31)),
            st.sampled_from(["day", "week", "month", "quarter"]),
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ),
)
def test_a_period_is_the_same_beside_any_others(
    model: Model, book: list[dict], periods: list[Period]
) -> None:
    """Other periods cut the buckets differently; they must not change a value."""
    rows = {"accounts": [{"account_id": name} for name in "abcd"], "mrr_movements": book}
    kpis = ["mrr", "new_mrr", "new_customers", "total_customers", "net_revenue_retention"]
    together = computed(model, rows, kpis, periods)
    for period in periods:
        alone = computed(model, rows, kpis, [period])
        assert alone == pytest.approx(
            {key: value for key, value in together.items() if key[1] == period.label}, nan_ok=True
        )


lines = st.lists(
    st.tuples(
        st.dates(date(2025, 1, 1), date(2025, 12, 31)), st.integers(0, 400), st.integers(-900, 900)
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=10)
@given(lines, st.sampled_from(["2025-03", "2025-Q2", "2025-W30", "2025-06-30"]).map(Period.parse))
def test_revenue_is_spread_over_its_days(
    model: Model, service: list[tuple[date, int, int]], period: Period
) -> None:
    rows = {
        "accounts": [{"account_id": "a"}],
        "invoices": [{"invoice_id": "i", "account_id": "a", "status": "paid", "issued_on": date(2025, 1, 1)}],
        "invoice_lines": [
            {"line_id": str(n), "invoice_id": "i", "line_type": "subscription", "service_start": start,
             "service_end": start + timedelta(days=days), "amount": amount}
            for n, (start, days, amount) in enumerate(service)
        ],
    }  # fmt: skip
    found = computed(model, rows, ["total_revenue"], [period])
    expected = sum(
        amount / (days + 1)
        for start, days, amount in service
        for offset in range(days + 1)
        if period.start <= start + timedelta(days=offset) < period.end
    )
    assert found["total_revenue", period.label, ""] == pytest.approx(expected, abs=1e-9)


#: name, share in percent, window and condition of percentiles of one source
PERCENTILES = [
    ("median", 50, "period", "true"),
    ("p90", 90, "period", "true"),
    ("median_before", 50, "previous", "true"),
    ("p25_to_date", 25, "to_date", "true"),
    ("p90_of_quarter", 90, "trailing 3 months", "true"),
    ("median_of_new", 50, "period", "movement_type = 'new'"),
]


@pytest.fixture(scope="module")
def with_percentiles(tmp_path_factory: pytest.TempPathFactory) -> Model:
    def entry(name: str, value: str, window: str, where: str) -> dict[str, Any]:
        measure = {"source": "mrr_movements", "value": value, "window": window, "where": where}
        return {
            "kpi": name, "name": "x", "definition": "x", "category": "revenue", "unit": "currency",
            "direction": "higher", "dimensions": ["segment"], "measures": {"value": measure},
        }  # fmt: skip

    entries = [
        entry(name, f"percentile(amount, {share / 100})", window, where)
        for name, share, window, where in PERCENTILES
    ]
    entries.append({**entry("movements", "count(*)", "period", "true"), "unit": "count"})
    median = entry("median_mrr", "percentile(closing, 0.5)", "period", "closing > 0")
    median["measures"]["value"]["source"] = "account_mrr"
    text = json.dumps([*entries, median])
    folder = tmp_path_factory.mktemp("percentiles") / "w"
    return Model.open(workspaces.small(folder, **{"kpis/own.yml": text}))


def test_two_percentiles_of_one_histogram_are_each_its_own(model: Model) -> None:
    """Beside each other, and beside plain sums of the same counts."""
    bounds = (25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000)
    row = {f"le_{bound}": min(100, 40 + bound // 20) for bound in bounds}
    row |= {"bucket_start": datetime(2025, 3, 1), "surface": "api", "requests": 100, "region": "x"}
    names = ["api_response_time_p95", "api_response_time_p99", "api_calls"]
    periods = [Period.parse("2025-03")]
    together = computed(model, {"request_metrics": [row]}, names, periods, ["region"])
    apart: dict[tuple[str, str, str], float] = {}
    for name in names:
        apart |= computed(model, {"request_metrics": [row]}, [name], periods, ["region"])
    assert together == apart
    assert together["api_response_time_p95", "2025-03", ""] == 1500
    assert together["api_response_time_p99", "2025-03", "region=x"] == 1900
    assert together["api_calls", "2025-03", ""] == 100


@settings(deadline=None, max_examples=12)
@given(accounts, movements)
def test_percentiles_are_those_of_the_rows(
    with_percentiles: Model, known: list[dict], book: list[dict]
) -> None:
    """In every window, for every member and for the total: never made of other percentiles."""
    segment_of = {row["account_id"]: row["segment"] or "(unknown)" for row in known}
    names = [name for name, *_ in PERCENTILES]
    periods = [Period.parse(text) for text in ("2025-02", "2025-03", "2025-Q1", "2025-W07")]
    rows = {"accounts": known, "mrr_movements": book}
    found = computed(with_percentiles, rows, [*names, "movements"], periods, ["segment"])
    of = {name: rest for name, *rest in PERCENTILES}
    compared = 0
    for (kpi, label, dims), value in found.items():
        if kpi == "movements":
            continue
        share, window, where = of[kpi]
        low, high = parse_window(window).days(Period.parse(label))
        chosen = [
            row["amount"]
            for row in book
            if (low is None or low <= row["effective_on"]) and row["effective_on"] < high
            if where == "true" or row["movement_type"] == "new"
            if dims in ("", f"segment={segment_of.get(row['account_id'], '(unknown)')}")
        ]
        expected = np.percentile(chosen, share) if chosen else math.nan
        assert value == pytest.approx(expected, nan_ok=True), (kpi, label, dims)
        compared += 1
    assert compared >= len(PERCENTILES) * len(periods)


def test_percentiles_cost_no_second_statement(with_percentiles: Model) -> None:
    names = [*(name for name, *_ in PERCENTILES), "movements", "mrr", "new_customers"]
    tables: dict[str, list] = {name: [] for name in with_percentiles.catalogue.tables(names)}
    slice_ = slice_of_rows(with_percentiles.sources, tables, AS_OF, UTC)
    periods = Period.parse("2025-12").last(3)
    planned = make_plan(with_percentiles.catalogue, slice_, names, periods, ["segment"])
    slice_.close()
    assert [statement.source for statement in planned.statements] == ["mrr_movements"]
    assert planned.statements[0].sql.count('slice."mrr_movements"') == 1


def test_an_entity_counts_from_its_first_row_on_however_long_ago(
    tmp_path: Path,
) -> None:
    """Rows before all windows are left out only where that changes no figure."""

    def counts(value: str) -> list[dict[str, Any]]:
        measure = {"source": "user_value", "value": value}
        return [{"kpi": "own", "name": "x", "definition": "x", "category": "x", "unit": "count",
                 "direction": "higher", "measures": {"value": measure}}]  # fmt: skip

    rows = {
        "accounts": [{"account_id": "a"}],
        "users": [{"user_id": "u", "account_id": "a"}, {"user_id": "v", "account_id": "a"}],
        "events": [
            {"event_id": "1", "user_id": "u", "account_id": "a", "event_name": "api_used",
             "occurred_at": datetime(2024, 1, 1)},
            {"event_id": "2", "user_id": "v", "account_id": "a", "event_name": "api_used",
             "occurred_at": datetime(2025, 2, 1)},
        ],
    }  # fmt: skip
    periods = [Period.parse("2025-02"), Period.parse("2025-03")]
    for number, (value, expected) in enumerate(
        {
            "count(*)": [2, 2],
            "sum(case when api_used = 0 then 1 else 0 end)": [1, 2],
            "sum(case when api_used > 0 then 1 else 0 end)": [1, 0],
            "min(api_used)": [0, 0],
            "percentile(api_used, 0.5)": [0.5, 0],
        }.items()
    ):
        own = {"kpis/own.yml": json.dumps(counts(value))}
        model = Model.open(workspaces.small(tmp_path / str(number), **own))
        found = computed(model, rows, ["own"], periods)
        assert [found["own", period.label, ""] for period in periods] == expected, value


def test_a_percentile_over_entities_of_a_panel(with_percentiles: Model) -> None:
    """Each account counts once, with its MRR at the period's end, however many movements it had."""
    book = [
        {"account_id": name, "effective_on": date(2025, 1, day), "movement_type": "new", "amount": amount}
        for name, day, amount in [
            ("a", 1, 10), ("a", 2, 10), ("a", 3, 10), ("b", 4, 40), ("c", 5, 100), ("d", 6, 7), ("d", 7, -7),
        ]
    ]  # fmt: skip
    rows = {
        "accounts": [{"account_id": n, "segment": s} for n, s in zip("abcd", ("smb", "smb", "enterprise", "smb"), strict=True)],
        "mrr_movements": book,
    }  # fmt: skip
    found = computed(with_percentiles, rows, ["median_mrr"], [Period.parse("2025-02")], ["segment"])
    assert found["median_mrr", "2025-02", ""] == 40
    assert found["median_mrr", "2025-02", "segment=smb"] == 35
    assert found["median_mrr", "2025-02", "segment=enterprise"] == 100


def test_a_column_is_not_taken_for_the_dimension_of_its_name(tmp_path: Path) -> None:
    text = """\
- kpi: own
  name: Own
  definition: Tickets that nobody gave a priority.
  category: support
  unit: count
  direction: lower
  additive: true
  dimensions: [priority]
  measures:
    value: {source: tickets, value: count(*), where: priority is null}
- kpi: kinds
  name: Kinds
  definition: Priorities given.
  category: support
  unit: count
  direction: lower
  dimensions: [priority]
  measures:
    value: {source: tickets, value: count(distinct priority)}
"""
    model = Model.open(workspaces.small(tmp_path / "w", **{"kpis/own.yml": text}))
    given = {"account_id": "a", "created_at": datetime(2025, 3, 2)}
    tickets = [
        {"ticket_id": str(n), "priority": priority, **given}
        for n, priority in enumerate(["critical", "low", "low", None])
    ]
    found = computed(
        model, {"tickets": tickets, "accounts": [{"account_id": "a"}]}, ["own", "kinds"],
        [Period.parse("2025-03")], ["priority"],
    )  # fmt: skip
    assert {dims: value for (kpi, _, dims), value in found.items() if kpi == "own"} == {
        "": 1, "priority=critical": 0, "priority=low": 0, "priority=standard": 0,
        "priority=(unknown)": 1,
    }  # fmt: skip
    assert {dims: value for (kpi, _, dims), value in found.items() if kpi == "kinds"} == {
        "": 2, "priority=critical": 1, "priority=low": 1, "priority=standard": 0,
        "priority=(unknown)": 0,
    }  # fmt: skip
