"""The checks of our own on small tables: what is counted, what is found, and in whose calendar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from boardpack.gate_checks import Checks, Found, plain_texts
from boardpack.gate_series import EMPTY, MEMBERS, OTHERS, Wanted, read
from boardpack.gate_types import AFTER, CONTROL, COUNTS, HOURS, LATE, MEANS, SHARES, TEXT
from boardpack.source_files import load
from boardpack.sources import Sources
from boardpack.warehouse import Slice, slice_of_rows
from boardpack.workspace import SUITE, Workspace

AS_OF = date(2025, 6, 30)
UTC = "UTC"
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


def opened(declared: Sources, rows: Rows, as_of: date = AS_OF, zone: str = UTC) -> closing[Slice]:
    """A slice of these rows; many of them are put in at once."""
    few = {name: entries if len(entries) < 200 else [] for name, entries in rows.items()}
    slice_ = slice_of_rows(declared, few, as_of, ZoneInfo(zone))
    for name in rows:
        if rows[name] and not few[name]:
            slice_.con.register("many", pd.DataFrame(rows[name]))
            slice_.con.execute(f"INSERT INTO given.{name} BY NAME SELECT * FROM many")
    return closing(slice_)


def found(
    declared: Sources, rows: Rows, source: str, type_: str, zone: str = UTC, **kwargs: Any
) -> Found:
    with opened(declared, rows, zone=zone) as slice_:
        checks = Checks(slice_, declared[source], [(type_, kwargs)])
        return checks.find(type_, {**kwargs, "type": type_})


def shop() -> Rows:
    """Invoices and their lines over a fortnight: three accounts, one of them without a segment."""
    accounts = [
        {"account_id": f"A{n}", "segment": segment, "created_at": datetime(2025, 1, 2)}
        for n, segment in enumerate(("smb", "enterprise", None))
    ]
    invoices = [
        {"invoice_id": f"I{n}", "account_id": f"A{n * n % 4}", "amount": 10 + n,
         "issued_on": date(2025, 6, 1) + timedelta(days=n % 14), "status": "paid",
         "recorded_at": datetime(2025, 6, 2, 12) + timedelta(days=n % 14 + (n % 5 == 0))}
        for n in range(40)
    ]  # fmt: skip
    lines = [
        {"line_id": f"L{n}", "invoice_id": f"I{n % 41}", "line_type": ("usage", "addon")[n % 3 > 0],
         "service_start": date(2025, 6, 1) + timedelta(days=n % 11), "amount": n,
         "service_end": date(2025, 6, 20)}
        for n in range(90)
    ]  # fmt: skip
    return {"accounts": accounts, "invoices": invoices, "invoice_lines": lines}


def counted(
    rows: Rows, member: Mapping[str, str | None], of: str, key: str, day: str
) -> Counter[tuple[date, str]]:
    """Rows by day and member, without SQL."""
    return Counter((row[day], member.get(row[key]) or EMPTY) for row in rows[of])


def by_day(first: date, members: Mapping[str, Any]) -> Counter[tuple[date, str]]:
    return Counter({
        (first + timedelta(days=i), name): int(n)
        for name, days in members.items()
        for i, n in enumerate(days)
        if n
    })  # fmt: skip


def test_one_statement_counts_rows_sums_and_members_as_a_plain_count_does(
    declared: Sources,
) -> None:
    rows = shop()
    wanted = [
        Wanted("issued_on", "rows"), Wanted("issued_on", "mean", "amount"),
        Wanted("issued_on", "share", "segment"), Wanted("issued_on", "share", "status"),
        Wanted("issued_on", "share", "late issued_on"), Wanted("other", "rows"),
    ]  # fmt: skip
    with opened(declared, rows) as slice_:
        past = read(slice_, declared["invoices"], "issued_on", wanted)
    assert set(past) == set(wanted[:-1])
    first = date(2025, 6, 1)
    assert {p.first for p in past.values()} == {first}
    # None of the days up to the as-of is left out.
    assert {len(p.days) for p in past.values()} == {30}
    days = Counter(row["issued_on"] for row in rows["invoices"])
    assert past[wanted[0]].days.tolist() == [days[first + timedelta(days=i)] for i in range(30)]
    sums: Counter[date] = Counter()
    for row in rows["invoices"]:
        sums[row["issued_on"]] += row["amount"]
    assert past[wanted[1]].sums.tolist() == [sums[first + timedelta(days=i)] for i in range(30)]
    segment = {row["account_id"]: row["segment"] for row in rows["accounts"]}
    assert by_day(first, past[wanted[2]].members) == counted(
        rows, segment, "invoices", "account_id", "issued_on"
    )
    assert by_day(first, past[wanted[3]].members) == counted(
        rows, {"paid": "paid"}, "invoices", "status", "issued_on"
    )
    late = Counter(
        (r["issued_on"],
         "late" if r["recorded_at"] > datetime.combine(r["issued_on"], datetime.min.time())
         + timedelta(days=1) else "in time")
        for r in rows["invoices"]
    )  # fmt: skip
    assert by_day(first, past[wanted[4]].members) == late


def test_a_dimension_is_borrowed_by_way_of_another_source(declared: Sources) -> None:
    """The segment of a line is that of the account of its invoice; orphans have none."""
    rows = shop()
    want = Wanted("service_start", "share", "segment")
    with opened(declared, rows) as slice_:
        past = read(slice_, declared["invoice_lines"], "service_start", [want])[want]
    segment = {row["account_id"]: row["segment"] for row in rows["accounts"]}
    of_invoice = {r["invoice_id"]: segment.get(r["account_id"]) for r in rows["invoices"]}
    expected = counted(rows, of_invoice, "invoice_lines", "invoice_id", "service_start")
    assert {name for _, name in expected} == {"smb", "enterprise", EMPTY}
    assert by_day(past.first, past.members) == expected
    assert sum(expected.values()) == past.days.sum() == 90


def test_members_beyond_many_are_one(declared: Sources) -> None:
    rows = {"sessions": [
        {"session_id": f"X{n}-{i}", "user_id": "U", "account_id": "A", "platform": f"p{n}",
         "started_at": datetime(2025, 6, 1, 12)}
        for n in range(MEMBERS + 5) for i in range(1 + (n < MEMBERS))
    ]}  # fmt: skip
    want = Wanted("started_at", "share", "platform")
    with opened(declared, rows) as slice_:
        past = read(slice_, declared["sessions"], "started_at", [want])[want]
    assert len(past.members) == MEMBERS + 1
    assert past.members[OTHERS].sum() == 5
    assert np.sum(list(past.members.values())) == past.days.sum() == 2 * MEMBERS + 5


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        (UTC, {date(2025, 6, 9): 1, date(2025, 6, 10): 2}),
        ("America/Los_Angeles", {date(2025, 6, 9): 2, date(2025, 6, 10): 1}),
        ("Asia/Tokyo", {date(2025, 6, 10): 3}),
    ],
)
def test_days_are_those_of_the_company(declared: Sources, zone: str, days: dict[date, int]) -> None:
    moments = [datetime(2025, 6, 9, 15), datetime(2025, 6, 10, 6, 59), datetime(2025, 6, 10, 7)]
    rows = {"sessions": [
        {"session_id": f"X{n}", "user_id": "U", "account_id": "A", "started_at": moment}
        for n, moment in enumerate(moments)
    ]}  # fmt: skip
    want = Wanted("started_at", "rows")
    with opened(declared, rows, zone=zone) as slice_:
        past = read(slice_, declared["sessions"], "started_at", [want])[want]
    seen = {past.first + timedelta(days=i): int(n) for i, n in enumerate(past.days) if n}
    assert seen == days
    assert past.first + timedelta(days=len(past.days) - 1) == AS_OF


def test_the_statement_reads_three_years_at_most(declared: Sources) -> None:
    rows = {"sessions": [
        {"session_id": f"X{n}", "user_id": "U", "account_id": "A",
         "started_at": datetime(2025, 6, 1) - timedelta(days=400 * n)}
        for n in range(6)
    ]}  # fmt: skip
    want = Wanted("started_at", "rows")
    with opened(declared, rows) as slice_:
        past = read(slice_, declared["sessions"], "started_at", [want])[want]
    assert past.days.sum() == 3
    assert len(past.days) < 3 * 366 + 70


def test_a_source_without_rows_has_no_past(declared: Sources) -> None:
    want = Wanted("started_at", "rows")
    with opened(declared, {"sessions": []}) as slice_:
        assert read(slice_, declared["sessions"], "started_at", [want]) == {}


ORDERS = """\
source: orders
title: Orders
key: [order_id]
time: ordered_on
joins: {past: {source: plan_history, on: customer_id, as_of: event}}
dimensions: {plan: past.plan}
columns: {order_id: string, customer_id: string, ordered_on: date}
"""
HISTORY = """\
source: plan_history
title: Plans
key: [customer_id, valid_from]
time: valid_from
columns: {customer_id: string, valid_from: date, plan: string}
"""


def test_a_member_is_the_one_that_held_at_the_time_of_the_row(tmp_path: Any) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "boardpack.yml").write_text("company: A\ncurrency: USD\ndimensions: []\n")
    (tmp_path / "sources" / "orders.yml").write_text(ORDERS)
    (tmp_path / "sources" / "plan_history.yml").write_text(HISTORY)
    own = load(Workspace.open(tmp_path))
    rows: Rows = {
        "orders": [
            {"order_id": f"O{day}", "customer_id": "C", "ordered_on": date(2025, 6, day)}
            for day in (1, 5, 9, 20)
        ],
        "plan_history": [
            {"customer_id": "C", "valid_from": date(2025, 6, 5), "plan": "basic"},
            {"customer_id": "C", "valid_from": date(2025, 6, 10), "plan": "pro"},
        ],
    }
    want = Wanted("ordered_on", "share", "plan")
    with opened(own, rows) as slice_:
        past = read(slice_, own["orders"], "ordered_on", [want])[want]
    assert {name: int(days.sum()) for name, days in past.members.items()} == {
        EMPTY: 1, "basic": 2, "pro": 1,
    }  # fmt: skip


# ---- text -----------------------------------------------------------------------------------


TEXTS: list[tuple[str, str | None, str]] = [
    ("plain", "smb", ""),
    ("nothing at all", None, ""),
    ("a space before", " smb", "space around it"),
    ("a space after", "smb ", "space around it"),
    ("only spaces", "   ", "space around it"),
    ("empty", "", "a word for nothing"),
    ("NULL", "NULL", "a word for nothing"),
    ("n/a", "n/a", "a word for nothing"),
    ("NaN", "NaN", "a word for nothing"),
    ("a dash", "-", "a word for nothing"),
    ("a word that only begins so", "nullable", ""),
    ("UTF-8 read as Latin-1", "GroÃŸe Gasse", "damaged letters"),
    ("quotes read as Windows-1252", "the â€œbestâ€", "damaged letters"),
    ("what could not be read", "Gro\ufffde Gasse", "damaged letters"),
    ("letters of many languages", "Große Gasse, São Paulo, Łódź, 東京", ""),
    ("a quote", "O'Brien's", ""),
]


@pytest.mark.parametrize(("value", "what"), [pytest.param(*t[1:], id=t[0]) for t in TEXTS])
def test_text(declared: Sources, value: str | None, what: str) -> None:
    rows: Rows = {"plans": [
        {"plan_id": "P1", "plan_name": "Team", "billing_period": "monthly"},
        {"plan_id": "P2", "plan_name": value, "billing_period": "monthly"},
        {"plan_id": "P3", "plan_name": value, "billing_period": "monthly"},
    ]}  # fmt: skip
    seen = found(declared, rows, "plans", TEXT, column_list=["plan_name"])
    assert (seen.unexpected, seen.evaluated) == (2 if what else 0, 3 if value is not None else 1)
    assert seen.sample == (({"column": "plan_name", "what": what, "rows": 2},) if what else ())


def test_text_without_a_list_is_every_text_that_is_no_key(declared: Sources) -> None:
    assert "plan_id" not in plain_texts(declared["plans"])
    assert {"account_id", "user_id", "session_id"}.isdisjoint(plain_texts(declared["sessions"]))
    rows: Rows = {"plans": [{"plan_id": " P1", "plan_name": "Team ", "billing_period": "-"}]}
    seen = found(declared, rows, "plans", TEXT)
    assert {row["column"] for row in seen.sample} == {"plan_name", "billing_period"}


# ---- rows after the as-of, and rows that come late ------------------------------------------


def test_a_row_after_the_as_of_is_found_though_no_view_holds_it(declared: Sources) -> None:
    def row(name: str, day: date, recorded: date) -> dict[str, Any]:
        return {
            "invoice_id": name,
            "account_id": "A",
            "issued_on": day,
            "amount": 1,
            "status": "open",
            "recorded_at": datetime.combine(recorded, datetime.min.time()),
        }

    rows = {"invoices": [
        row("past", date(2025, 6, 30), date(2025, 6, 30)),
        row("ahead", date(2025, 7, 1), date(2025, 6, 30)),
        row("not yet known", date(2025, 7, 2), date(2025, 7, 2)),
    ]}  # fmt: skip
    seen = found(declared, rows, "invoices", AFTER, column="issued_on")
    assert seen.unexpected == 1
    assert seen.sample == ({"invoice_id": "ahead", "issued_on": "2025-07-01"},)


@pytest.mark.parametrize(("zone", "ahead"), [(UTC, 1), ("America/New_York", 0)])
def test_the_as_of_ends_with_the_day_of_the_company(
    declared: Sources, zone: str, ahead: int
) -> None:
    rows = {"sessions": [
        {"session_id": "X", "user_id": "U", "account_id": "A",
         "started_at": datetime(2025, 7, 1, 2), "recorded_at": datetime(2025, 6, 30, 20)}
    ]}  # fmt: skip
    seen = found(declared, rows, "sessions", AFTER, zone=zone, column="started_at")
    assert seen.unexpected == ahead


def habit(
    weeks: int,
    a_day: int,
    late: Mapping[int, int] | None = None,
    hour: Mapping[int, int] | None = None,
) -> Rows:
    """Sessions on every day of so many weeks up to the as-of; of week -n so many are late."""
    sessions = []
    for day in range(7 * weeks):
        week = day // 7 - weeks
        for n in range(a_day):
            started = datetime.combine(
                AS_OF - timedelta(days=7 * weeks - 1 - day), datetime.min.time()
            ) + timedelta(hours=(hour or {}).get(week, 9), minutes=n)
            lag = timedelta(days=2) if n < (late or {}).get(week, 0) else timedelta(minutes=1)
            sessions.append(
                {"session_id": f"X{day}-{n}", "user_id": "U", "account_id": "A",
                 "started_at": started, "platform": "web" if n % 2 else "mobile",
                 "recorded_at": started + lag}
            )  # fmt: skip
    return {"sessions": sessions}


def test_history_is_told_by_block_with_what_is_usual(declared: Sources) -> None:
    rows = habit(30, 15)
    gone = AS_OF - timedelta(days=20)
    week = [gone + timedelta(days=i) for i in range(7)]
    rows["sessions"] = [r for r in rows["sessions"] if r["started_at"].date() not in week]
    seen = found(declared, rows, "sessions", COUNTS, column="started_at")
    assert (seen.unexpected, seen.evaluated, seen.counts) == (1, 13, "weeks")
    [sample] = seen.sample
    assert sample["week"] == str(gone)
    assert (sample["found"], sample["usual"].split(" to ")[0]) == ("0", "58.2")


@pytest.mark.parametrize(
    ("settled", "unexpected"), [(0, 1), (7, 0)], ids=["looked at", "still filling up"]
)
def test_days_that_still_fill_up_are_left_out(
    declared: Sources, settled: int, unexpected: int
) -> None:
    rows = habit(30, 15)
    kept = AS_OF - timedelta(days=7)
    rows["sessions"] = [r for r in rows["sessions"] if r["started_at"].date() <= kept]
    seen = found(declared, rows, "sessions", COUNTS, column="started_at", settled=settled)
    assert seen.unexpected == unexpected


@pytest.mark.parametrize("type_", [COUNTS, HOURS, LATE])
def test_a_short_past_is_skipped_and_says_so(declared: Sources, type_: str) -> None:
    seen = found(declared, habit(4, 20), "sessions", type_, column="started_at")
    assert seen == Found(skipped="its own past is too short to say what is usual")


def test_more_late_rows_than_usual(declared: Sources) -> None:
    usual = dict.fromkeys(range(-30, 0), 1)
    assert not found(
        declared, habit(30, 15, usual), "sessions", LATE, column="started_at"
    ).unexpected
    seen = found(declared, habit(30, 15, {**usual, -3: 8}), "sessions", LATE, column="started_at")
    assert {(row["member"], row["found"]) for row in seen.sample} == {
        ("late", "53.3"),
        ("in time", "46.7"),
    }


def test_another_hour_of_the_day_is_another_zone(declared: Sources) -> None:
    assert not found(declared, habit(30, 15), "sessions", HOURS, column="started_at").unexpected
    shifted = habit(30, 15, hour={-2: 15})
    seen = found(declared, shifted, "sessions", HOURS, column="started_at")
    assert [row["found"] for row in seen.sample] == ["15.1"]


def test_the_share_of_a_member_and_the_rows_of_one_that_is_gone(declared: Sources) -> None:
    rows = habit(30, 30)
    gone = AS_OF - timedelta(days=6)
    rows["sessions"] = [
        r for r in rows["sessions"]
        if r["platform"] == "web" or r["started_at"].date() < gone
    ]  # fmt: skip
    shares = found(declared, rows, "sessions", SHARES, column="platform", over="started_at")
    assert {row["member"]: row["found"] for row in shares.sample} == {"mobile": "0", "web": "100"}
    members = found(
        declared, rows, "sessions", COUNTS, column="started_at", by="platform", min_change=0.3
    )
    assert [row["member"] for row in members.sample] == ["mobile"]


def test_the_past_is_read_once_for_all_checks(
    declared: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[Wanted]] = []

    def counting(slice_: Any, source: Any, over: str, wanted: Any) -> Any:
        asked.append(list(wanted))
        return read(slice_, source, over, wanted)

    monkeypatch.setattr("boardpack.gate_series.read", counting)
    checks: list[tuple[str, dict[str, Any]]] = [
        (COUNTS, {"column": "issued_on"}), (COUNTS, {"column": "issued_on", "by": "segment"}),
        (MEANS, {"column": "amount", "over": "issued_on"}),
        (SHARES, {"column": "status", "over": "issued_on"}), (LATE, {"column": "issued_on"}),
    ]  # fmt: skip
    with opened(declared, shop()) as slice_:
        both = Checks(slice_, declared["invoices"], checks)
        for type_, kwargs in checks:
            both.find(type_, {**kwargs, "type": type_})
    assert [len(wanted) for wanted in asked] == [5]


# ---- control totals -------------------------------------------------------------------------


def books(control: float, warehouse: float | None = None, drawn: date = AS_OF) -> Rows:
    """Two paid invoices of May, 40 and 60.50, the second recorded on 10 June; and its control."""
    return {
        "invoices": [
            {"invoice_id": "I1", "account_id": "A", "issued_on": date(2025, 5, 1), "amount": 40,
             "status": "paid", "recorded_at": datetime(2025, 5, 2)},
            {"invoice_id": "I2", "account_id": "A", "issued_on": date(2025, 5, 31),
             "amount": 60.5, "status": "paid", "recorded_at": datetime(2025, 6, 10)},
            {"invoice_id": "I3", "account_id": "A", "issued_on": date(2025, 6, 1), "amount": 7,
             "status": "paid", "recorded_at": datetime(2025, 6, 2)},
        ],
        "source_reconciliations": [
            {"period_start": date(2025, 5, 1), "measure": measure, "source_system": "billing",
             "source_value": value, "warehouse_value": value if warehouse is None else warehouse,
             "drawn_at": datetime.combine(drawn, datetime.min.time())}
            for measure, value in (("amount", control), ("other", 1))
        ],
    }  # fmt: skip


#: control, tolerance, the day on which it was drawn, whether it agrees
TOTALS: list[Any] = [
    ("exact", 100.5, 0, AS_OF, True),
    ("a cent less", 100.49, 0, AS_OF, False),
    ("a cent less, within a percent", 100.49, 0.01, AS_OF, True),
    ("two percent more, within one", 102.6, 0.01, AS_OF, False),
    ("two percent more, within three", 102.6, 0.03, AS_OF, True),
    ("drawn before the late row came", 40, 0, date(2025, 6, 5), True),
    ("drawn before, and the late row in it", 100.5, 0, date(2025, 6, 5), False),
    ("nothing there", 0, 0, AS_OF, False),
]


@pytest.mark.parametrize(
    ("control", "tolerance", "drawn", "agrees"), [pytest.param(*t[1:], id=t[0]) for t in TOTALS]
)
def test_totals(
    declared: Sources, control: float, tolerance: float, drawn: date, agrees: bool
) -> None:
    seen = found(
        declared, books(control, drawn=drawn), "invoices", CONTROL,
        column="issued_on", measure="amount", adds="amount", tolerance=tolerance,
    )  # fmt: skip
    assert (seen.unexpected, seen.evaluated, seen.counts) == (int(not agrees), 1, "months")
    if not agrees:
        [sample] = seen.sample
        assert sample["month"] == "2025-05"
        assert float(sample["control"]) == control


@pytest.mark.parametrize(("rows", "agrees"), [(2, True), (3, False), (1, False)])
def test_rows_are_counted_to_the_row(declared: Sources, rows: int, agrees: bool) -> None:
    seen = found(declared, books(rows), "invoices", CONTROL, column="issued_on", measure="amount")
    assert seen.unexpected == int(not agrees)


def test_a_total_is_held_against_the_side_that_was_named(declared: Sources) -> None:
    rows = books(control=120, warehouse=100.5)
    kwargs = {"column": "issued_on", "measure": "amount", "adds": "amount"}
    assert found(declared, rows, "invoices", CONTROL, **kwargs).unexpected == 1
    assert not found(declared, rows, "invoices", CONTROL, against="warehouse", **kwargs).unexpected


def test_a_measure_that_nobody_reports_is_skipped(declared: Sources) -> None:
    seen = found(declared, books(100.5), "invoices", CONTROL, column="issued_on", measure="o'clock")
    assert seen.skipped == "no control total of o'clock is known"


@pytest.mark.parametrize(("zone", "agrees"), [(UTC, False), ("America/New_York", True)])
def test_a_month_is_one_of_the_company(declared: Sources, zone: str, agrees: bool) -> None:
    """Paid on 31 May in New York, when it is June in London."""
    rows = books(1)
    rows["payments"] = [
        {"payment_id": "Y1", "invoice_id": "I1", "attempted_at": datetime(2025, 6, 1, 2),
         "amount": 40, "status": "succeeded"}
    ]  # fmt: skip
    seen = found(
        declared, rows, "payments", CONTROL, zone=zone, column="attempted_at", measure="amount"
    )
    assert seen.unexpected == int(not agrees)
