"""What an analyst would write instead: SQL by hand, one statement a table, and formulas in pandas.

It knows nothing of the catalogue and the planner, and is written for one company's 13 months. The
benchmark compares its figures with the engine's before it compares their cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

BOUNDS = (25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000)
#: KPIs of tables that no segment can be read from: in total only.
COMPANY = (
    "website_visitors", "burn_rate", "cash_balance", "opening_cash", "financing_inflows", "runway",
    "system_uptime", "error_rate", "api_response_time_p95",
)  # fmt: skip


def statements() -> dict[str, str]:
    """The SQL by table."""
    text = (Path(__file__).parent / "handwritten.sql").read_text(encoding="utf-8")
    parts = [part.strip() for part in text.split(";\n")]
    found = {}
    for part in filter(None, parts):
        name = [line for line in part.splitlines() if line.startswith("-- ")][-1]
        found[name.removeprefix("-- ")] = part
    return found


def measures(con: duckdb.DuckDBPyConnection, sql: Mapping[str, str]) -> list[pd.DataFrame]:
    """Send the statements; each gives one row a month and cell, one column a measure."""
    return [con.execute(statement).df() for statement in sql.values()]


def values(pieces: list[pd.DataFrame]) -> pd.DataFrame:
    """The KPIs: one row a month (its first day, as text) and cell, one column a KPI."""
    m: pd.DataFrame | None = None
    for piece in pieces:
        month = pd.to_datetime(piece["month"]).dt.strftime("%Y-%m-%d")
        dims = np.where(piece["total"] == 1, "", "segment=" + piece["segment"])
        keyed = (
            piece.drop(columns=["month", "segment", "total"])
            .astype(float)
            .set_index(pd.MultiIndex.from_arrays([month, dims], names=["month", "dims"]))
        )
        m = keyed if m is None else m.join(keyed, how="outer")
    assert m is not None
    m = m.fillna(0.0)
    days = pd.to_datetime(m.index.get_level_values("month")).days_in_month
    k = pd.DataFrame(index=m.index)
    for name in (
        "mrr", "opening_mrr", "new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr",
        "reactivation_mrr", "new_customers", "mau", "website_visitors", "purchases",
    ):  # fmt: skip
        k[name] = m[name]
    k["arr"] = 12 * m["mrr"]
    k["mrr_growth_rate"] = 100 * (m["mrr"] - m["opening_mrr"]) / m["opening_mrr"]
    k["net_revenue_retention"] = 100 * m["retained"] / m["starting"]
    k["gross_revenue_retention"] = 100 * m["kept"] / m["starting"]
    k["total_revenue"] = m["revenue"]
    k["total_customers"] = m["customers"]
    k["customer_churn_rate"] = 100 * m["lost"] / m["customers_1m"]
    k["arpa"] = m["mrr"] / m["customers"]
    k["gross_margin"] = 100 * (m["revenue"] - m["cogs"]) / m["revenue"]
    k["cac"] = m["acquisition_3m"] / m["won_3m"]
    months = np.minimum(60, m["customers_3m"] / m["lost_3m"]).where(m["lost_3m"] > 0, 60.0)
    k["ltv"] = k["arpa"] * k["gross_margin"] / 100 * months
    k["ltv_cac_ratio"] = k["ltv"] / k["cac"]
    k["burn_rate"] = m["burn"]
    k["cash_balance"] = m["cash"]
    k["opening_cash"] = m["cash"] + m["burn"] - m["financing"]
    k["financing_inflows"] = m["financing"]
    k["runway"] = (3 * m["cash"] / m["burn_3m"]).where(m["burn_3m"] > 0)
    k["dau"] = m["user_days"] / days
    k["dau_mau_ratio"] = 100 * (m["user_days"] / days) / m["mau"]
    k["dashboards_per_user"] = m["dashboards"] / m["active"]
    k["business_value_score"] = m["points"] / m["active"]
    k["mabv"] = m["mau"] * k["dashboards_per_user"] * k["business_value_score"]
    k["trial_signups"] = m["trials"]
    k["trial_to_paid_conversion"] = 100 * m["converted"] / m["trials"]
    k["nps"] = 100 * (m["promoters"] - m["detractors"]) / m["answers"]
    k["support_ticket_volume"] = m["tickets"]
    mean = (m["customers_1m"] + m["customers"]) / 2
    k["tickets_per_100_customers"] = 100 * m["tickets"] / mean
    k["system_uptime"] = 100 * m["up_minutes"] / m["total_minutes"]
    k["error_rate"] = 100 * m["failed"] / m["requests"]
    k["api_response_time_p95"] = [_percentile(row) for _, row in m.iterrows()]
    k["average_order_value"] = m["paid"] / m["orders"]
    k["purchasing_customers"] = m["buying"]
    k["first_time_buyers"] = m["first_time"]
    k["returning_buyer_share"] = 100 * (m["buying"] - m["first_time"]) / m["buying"]
    k["purchases_per_customer"] = m["purchases"] / m["buying"]
    return k.replace([np.inf, -np.inf], np.nan)


def _percentile(row: pd.Series[float]) -> float:
    rank, low, below = 0.95 * row["api_requests"], 0.0, 0.0
    if not rank:
        return float("nan")
    for bound in BOUNDS:
        reached = row[f"le_{bound}"]
        if reached >= rank:
            return float(low + (bound - low) * (rank - below) / (reached - below))
        low, below = bound, reached
    return float("nan")


def differences(own: pd.DataFrame, engine: pd.DataFrame, tolerance: float = 1e-9) -> list[str]:
    """Cells in which the two do not agree, relative to their size; both must have the same cells."""
    cells = own.index.to_frame(index=False)
    found = []
    seen = set()
    for row in engine.itertuples(index=False):
        key = (str(row.period_start), row.dims)
        seen.add((row.kpi, *key))
        mine = own[row.kpi].get(key, np.nan) if row.kpi in own else None
        if mine is None:
            found.append(f"{row.kpi}: not written by hand")
        elif np.isnan(mine) != np.isnan(row.value) or (
            abs(mine - row.value) > tolerance * max(abs(mine), abs(row.value))
        ):
            found.append(f"{row.kpi} {' '.join(key)}: by hand {mine}, engine {row.value}")
    for kpi in own:
        for month, dims in cells.itertuples(index=False):
            written = not (dims and kpi in COMPANY)
            if written and (kpi, month, dims) not in seen:
                found.append(f"{kpi} {month} {dims}: the engine has no such cell")
    return found
