from __future__ import annotations

from pathlib import Path

import pytest

import workspaces
from boardpack.engine.columns import dimensions
from boardpack.errors import BoardpackError, UnknownNameError
from boardpack.model import Model
from boardpack.sources import Sources, resolve
from boardpack.workspace import SUITE

OWN = """\
source: orders
title: Orders
key: [order_id]
time: ordered_on
joins:
  account: {source: accounts, on: account_id}
dimensions: {segment: account.segment}
columns:
  order_id: string
  account_id: string?
  ordered_on: date
  amount: {type: decimal, desc: net}
"""


PLACED = "source: x\ntitle: X\nplaced_of: tickets\ntime: resolved_at\n"
ALSO = (
    "source: x\ntitle: X\npanel_of: events\nentity: user_id\nalso: {sessions: user_id}\ncolumns:\n"
    "  n: {of: sessions, value: count(*), at: period_end}\n"
)


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Model.open(SUITE).sources


def load(folder: Path, **files: str) -> Sources:
    named = {f"sources/{name}.yml": text for name, text in files.items()}
    return Model.open(workspaces.small(folder, **named)).sources


def test_a_declared_source(tmp_path: Path) -> None:
    source = load(tmp_path / "w", orders=OWN)["orders"]
    assert (source.key, source.time, source.time_is_date) == (("order_id",), "ordered_on", True)
    assert source.columns["account_id"].optional
    assert source.columns["amount"].sql_type == "DECIMAL(18, 2)"
    assert source.derived_from is None


@pytest.mark.parametrize(
    ("source", "tables"),
    [
        ("accounts", {"accounts"}),
        ("invoice_lines", {"invoice_lines", "invoices", "accounts"}),
        ("user_days", {"sessions", "accounts", "users"}),
        ("account_mrr", {"mrr_movements", "accounts"}),
        ("web_visits", {"web_visits"}),
        ("ticket_answers", {"tickets", "accounts", "users"}),
        ("new_user_objects", {"product_objects", "accounts", "users"}),
        ("user_value", {"events", "product_objects", "accounts", "users"}),
    ],
)
def test_tables_that_a_source_needs(sources: Sources, source: str, tables: set[str]) -> None:
    assert set(sources.tables(source)) == tables


def test_an_optional_join_is_used_and_not_needed(sources: Sources) -> None:
    assert sources.tables("milestone_deadlines") == ("initiatives", "employees")
    assert sources.tables("milestone_deadlines", optional=False) == ("initiatives",)
    assert set(sources.tables("account_health_daily", optional=False)) == {
        "account_health_daily", "accounts",
    }  # fmt: skip
    # A panel that takes its columns from employees cannot do without them.
    assert "employees" in sources.tables("seller_quotas", optional=False)


def test_a_panel_is_split_by_what_all_its_sources_have(tmp_path: Path) -> None:
    text = (
        "source: x\ntitle: X\npanel_of: sessions\nentity: user_id\nalso: {events: user_id}\n"
        "dimensions: [segment, role]\ncolumns:\n  n: {of: events, value: count(*), window: period}\n"
    )
    found = load(tmp_path / "w", own=text)
    assert dimensions(found, "x") == {"segment": "account.segment", "role": "user.role"}
    assert "platform" in dimensions(found, "sessions")


def test_a_placed_source_has_its_tables_columns_and_another_time(sources: Sources) -> None:
    tickets, solved = sources["tickets"], sources["ticket_resolutions"]
    assert (solved.derived_from, solved.time, tickets.time) == (
        "tickets",
        "resolved_at",
        "created_at",
    )
    assert (solved.columns, solved.dimensions) == (tickets.columns, tickets.dimensions)
    assert solved.exclude == tickets.exclude


def test_sources_may_look_at_each_other(tmp_path: Path) -> None:
    """Each a dimension of the other, as a customer and its first order."""
    other = OWN.replace("source: orders", "source: carts").replace("accounts, on", "orders, on")
    mine = OWN.replace("source: accounts", "source: carts").replace("account.segment", "order_id")
    found = load(tmp_path / "w", a=mine, b=other.replace("account.segment", "account.amount"))
    assert set(found.tables("orders")) == set(found.tables("carts")) == {"orders", "carts"}


def test_columns_by_their_own_name_and_through_a_join(sources: Sources) -> None:
    lines = sources["invoice_lines"]
    assert resolve(sources, lines, "amount").type == "decimal"
    assert resolve(sources, lines, "account.segment").values == ("enterprise", "mid_market", "smb")
    for name, says in (
        ("amonut", "did you mean 'amount'"),
        ("account.segmnt", "did you mean 'segment'"),
        ("acount.segment", "did you mean 'account'"),
    ):
        with pytest.raises(UnknownNameError, match=says):
            resolve(sources, lines, name)
    with pytest.raises(UnknownNameError, match="did you mean 'invoice_lines'"):
        sources["invoice_line"]


def test_a_workspace_replaces_a_source_of_the_suite(tmp_path: Path) -> None:
    text = "replaces: features\nsource: features\ntitle: My features\nkey: [feature_id]\ncolumns:\n"
    text += "  feature_id: string\n  feature_name: string?\n"
    assert load(tmp_path / "w", features=text)["features"].title == "My features"


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        (OWN.replace("ordered_on\n", "ordered\n", 1), 4, "Unknown column of orders 'ordered'", "'ordered_on'"),
        (OWN.replace("time: ordered_on", "time: amount"), 4, "must be a date or timestamp", ""),
        (OWN.replace("on: account_id", "on: acount_id"), 6, "'acount_id'", "'account_id'"),
        (OWN.replace("account.segment", "account.planet"), 7, "Unknown column of accounts", ""),
        (OWN.replace("date\n", "datetime\n"), 11, "is not a type; types are string, int", ""),
        (OWN.replace("desc:", "dsc:"), 12, "unknown key 'columns.amount.dsc'", "'desc'"),
        (OWN.replace("grain:", ""). replace("title: Orders\n", ""), 1, "'title' is missing", ""),
        (OWN + "exclude: acount.is_internal\n", None, "Unknown join of orders 'acount'", "'account'"),
        (OWN + "exclude: upper(order_id) = 'X'\n", None, "function upper() is not allowed", ""),
        (OWN + "references: {account: accounts}\n", 13, "'account'", "'account_id'"),
        (OWN + "references: {account_id: acounts}\n", 13, "Unknown source 'acounts'", "'accounts'"),
        (OWN + "histogram: {total: amount, bounds: {le_5: 5}}\n", 13, "'le_5'", ""),
        (OWN + "histogram: {total: amount, bounds: {amount: 5, order_id: 2}}\n", 13, "bounds must rise", ""),
        (OWN.replace("source: orders", "source: Orders"), 1, "source", ""),
        (OWN.replace("source: orders", "replaces: orders\nsource: orders"), 1, "replaces nothing", ""),
        ("source: x\ntitle: X\npanel_of: mrr_movement\nentity: account_id\ncolumns: {}\n", 3,
         "Unknown source 'mrr_movement'", "'mrr_movements'"),
        ("source: x\ntitle: X\npanel_of: accounts\nentity: account_id\ncolumns: {}\n", 3, "no time column", ""),
        ("source: x\ntitle: X\npanel_of: mrr_movements\nentity: acount_id\ncolumns: {}\n", 4, "'acount_id'", "'account_id'"),
        ("source: x\ntitle: X\npanel_of: mrr_movements\nentity: account_id\ncolumns:\n  a: {value: sum(amount)}\n", 6,
         "either at: or window:", ""),
        ("source: x\ntitle: X\npanel_of: mrr_movements\nentity: account_id\ncolumns:\n  a: {value: sum(amount), at: noon}\n", None,
         "'noon' is not a point", ""),
        ("source: x\ntitle: X\ndistinct_of: sessions\ncolumns: [usr_id]\n", 4, "'usr_id'", "'user_id'"),
        (PLACED.replace("tickets", "tickts"), 3, "Unknown source 'tickts'", "'tickets'"),
        (PLACED.replace("resolved_at", "resolvd_at"), 4, "'resolvd_at'", "'resolved_at'"),
        (PLACED.replace("resolved_at", "user.creatd_at"), 4, "'creatd_at'", "'created_at'"),
        (PLACED.replace("resolved_at", "priority"), 4, "'priority' must be a date or timestamp", ""),
        (PLACED.replace("tickets", "ticket_answers"), 3, "has no time column of its own", ""),
        (ALSO.replace("sessions:", "sesions:"), 5, "Unknown source 'sesions'", "'sessions'"),
        (ALSO.replace("user_id}", "usr_id}"), 5, "'usr_id'", "'user_id'"),
        (ALSO.replace("sessions: user_id", "user_days: user_id"), 5, "has no rows in time", ""),
        (ALSO.replace("sessions: user_id", "users: user_id"), 5, "has no rows in time", ""),
        ("source: x\ntitle: X\npanel_of: sessions\nentity: user_id\nalso: {events: user_id}\ncolumns: {}\n",
         5, "'events' cannot be split by platform, as 'sessions' can", "dimensions: names those"),
        (ALSO.replace("columns:", "dimensions: [segmnt]\ncolumns:"), 6,
         "Unknown dimension of events 'segmnt'", "'segment'"),
        (ALSO.replace("of: sessions", "of: session"), 7, "'session'", "'sessions'"),
        (ALSO.replace("count(*)", "count(distinct session_id)"), None, "does not add up over the days of a panel", ""),
        ("maps: accounts\ntabel: x\n", 2, "unknown key 'tabel'", "'table'"),
        ("maps: accounts\n", 1, "exactly one of table:, file: and sql:", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_line_and_near_matches(
    tmp_path: Path, text: str, line: int | None, says: str, hint: str
) -> None:
    with pytest.raises(BoardpackError) as caught:
        load(tmp_path / "w", own=text)
    assert caught.value.exit_code == 1
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file or "").endswith("sources/own.yml")
    assert caught.value.line == line


def test_a_source_is_mapped_once(tmp_path: Path) -> None:
    mapping = "maps: accounts\ntable: x\n"
    with pytest.raises(
        BoardpackError, match=r"b.yml:1: source 'accounts' is already mapped in .*a.yml"
    ):
        load(tmp_path / "w", a=mapping, b=mapping.replace("x", "y"))
