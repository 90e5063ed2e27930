"""Members as of the event: what held when a row came, not what holds now; both stay possible."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workspaces
from boardpack.engine.compute import compute
from boardpack.errors import BoardpackError
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import slice_of_rows
from test_compute import UTC

HISTORY = """\
source: plan_history
title: Plans of customers
grain: one row each time that a customer changes plan
key: [customer_id, valid_from]
time: valid_from
columns: {customer_id: string, valid_from: date, plan: string}
"""
CUSTOMERS = """\
source: customers
title: Customers
key: [customer_id]
columns: {customer_id: string, plan: string?}
"""
ORDERS = """\
source: orders
title: Orders
key: [order_id]
time: ordered_at
joins:
  past: {source: plan_history, on: customer_id, as_of: event}
  now: {source: customers, on: customer_id}
dimensions: {plan: past.plan, plan_now: now.plan}
columns: {order_id: string, customer_id: string, ordered_at: timestamp, amount: decimal}
"""
PANEL = """\
source: customer_orders
title: Orders of each customer
panel_of: orders
entity: customer_id
columns:
  spent: {value: sum(amount), at: period_end}
"""
KPIS = """\
- kpi: sales
  name: Sales
  definition: What was ordered.
  category: revenue
  unit: currency
  direction: higher
  additive: true
  dimensions: [plan, plan_now]
  measures:
    value: {source: orders, value: sum(amount), window: to_date}
- kpi: buyers
  name: Buyers
  definition: Who has ordered.
  category: revenue
  unit: count
  direction: higher
  dimensions: [plan_now]
  measures:
    value: {source: customer_orders, value: count(*), where: spent > 0}
- kpi: premium_sales
  name: Premium sales
  definition: What was ordered by whoever was on the plan then.
  category: revenue
  unit: currency
  direction: higher
  measures:
    value: {source: orders, value: sum(amount), where: past.plan = 'pro', window: to_date}
"""


def order(number: int, customer: str, at: str, amount: int) -> dict[str, Any]:
    return {"order_id": f"o{number}", "customer_id": customer, "amount": amount,
            "ordered_at": datetime.fromisoformat(at)}  # fmt: skip


ROWS: Mapping[str, list[dict[str, Any]]] = {
    "customers": [{"customer_id": "a", "plan": "pro"}, {"customer_id": "b", "plan": "free"}],
    "plan_history": [
        {"customer_id": "a", "valid_from": date(2025, 1, 1), "plan": "free"},
        {"customer_id": "a", "valid_from": date(2025, 2, 1), "plan": "pro"},
        {"customer_id": "b", "valid_from": date(2025, 1, 1), "plan": "free"},
        {"customer_id": "b", "valid_from": date(2025, 3, 1), "plan": "pro"},
    ],
    "orders": [
        order(0, "a", "2024-12-31T23:59:59", 1),
        order(1, "a", "2025-01-01T00:00:00", 10),
        order(2, "a", "2025-01-31T23:59:59", 100),
        order(3, "a", "2025-02-01T00:00:00", 1000),
        order(4, "b", "2025-02-03T00:00:00", 10000),
    ],
}


def shop(folder: Path, orders: str = ORDERS, history: str = HISTORY) -> Model:
    files = {"plan_history": history, "customers": CUSTOMERS, "orders": orders,
             "customer_orders": PANEL}  # fmt: skip
    given = {f"sources/{name}.yml": text for name, text in files.items()}
    return Model.open(workspaces.small(folder, **given, **{"kpis/own.yml": KPIS}))


def figures(model: Model, as_of: date, *by: str) -> pd.DataFrame:
    names = ["sales", "buyers", "premium_sales"]
    slice_ = slice_of_rows(model.sources, ROWS, as_of, UTC)
    try:
        return compute(model.catalogue, slice_, names, [Period.parse("2025-02")], by, covered=True)
    finally:
        slice_.close()


def test_a_member_is_what_held_then_or_what_holds_now(tmp_path: Path) -> None:
    frame = figures(shop(tmp_path / "w"), date(2025, 3, 31), "plan", "plan_now")
    found = frame.set_index(["kpi", "dims"])["value"].to_dict()
    assert found["sales", ""] == 11111
    assert {d: v for (k, d), v in found.items() if k == "sales" and d} == {
        "plan=(unknown)": 1, "plan=free": 10110, "plan=pro": 1000,
        "plan_now=pro": 1111, "plan_now=free": 10000,
    }  # fmt: skip
    assert {d: v for (k, d), v in found.items() if k == "buyers"} == {
        "": 2, "plan_now=pro": 1, "plan_now=free": 1,
    }  # fmt: skip
    assert found["premium_sales", ""] == 1000


def test_a_change_of_the_same_day_counts_from_its_morning_in_the_zone(tmp_path: Path) -> None:
    text = ORDERS.replace("ordered_at: timestamp", "ordered_at: date")
    model = shop(tmp_path / "w", text)
    frame = figures(model, date(2025, 3, 31), "plan")
    assert frame[frame["dims"] == "plan=pro"]["value"].tolist()[0] == 1000


@pytest.mark.parametrize(
    ("orders", "history", "says"),
    [
        (ORDERS.replace(", as_of: event", ""), HISTORY, "would multiply rows"),
        (ORDERS, HISTORY.replace("[customer_id, valid_from]", "[customer_id]"), "is no history"),
        (ORDERS, HISTORY.replace("key: [customer_id, valid_from]", "key: [valid_from, plan]"),
         "is no history"),
        (ORDERS.replace("as_of: event", "as_of: once"), HISTORY, "'now' or 'event'"),
        (ORDERS.replace("ordered_at: timestamp", "ordered_at: date"),
         HISTORY.replace("valid_from: date", "valid_from: timestamp"), "changes by the moment"),
        (ORDERS.replace("customer_id, as_of", "now.customer_id, as_of"), HISTORY, "of its own to join"),
    ],
)  # fmt: skip
def test_a_history_that_would_fan_out_stops_the_load(
    tmp_path: Path, orders: str, history: str, says: str
) -> None:
    with pytest.raises(BoardpackError) as caught:
        shop(tmp_path / "w", orders, history)
    assert says in caught.value.message
    assert (caught.value.file or "").endswith("orders.yml")


def test_whoever_changes_is_one_in_all_and_so_in_no_two_members_of_a_panel(tmp_path: Path) -> None:
    files = {"sources/plan_history.yml": HISTORY, "sources/customers.yml": CUSTOMERS,
             "sources/orders.yml": ORDERS, "sources/customer_orders.yml": PANEL,
             "kpis/own.yml": KPIS.replace("dimensions: [plan_now]", "dimensions: [plan]")}  # fmt: skip
    with pytest.raises(BoardpackError, match="count several times in all") as caught:
        Model.open(workspaces.small(tmp_path / "w", **files))
    assert "what holds now" in (caught.value.hint or "")
