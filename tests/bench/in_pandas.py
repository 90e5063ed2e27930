"""What an analyst would write in pandas: the tables in memory, and a few KPIs over them."""

from __future__ import annotations

import duckdb
import pandas as pd

#: The columns that the KPIs below need, of the tables as they were known by the as-of.
COLUMNS = {
    "accounts": "account_id, segment, is_internal",
    "users": "user_id, is_internal",
    "mrr_movements": "account_id, effective_on, movement_type, amount",
    "sessions": "user_id, account_id, started_at",
    "tickets": "account_id, user_id, created_at",
    "trials": "account_id, started_at, ends_at, converted_at",
    "request_metrics": "bucket_start, surface, requests, errors_5xx, timeouts",
    "service_uptime_hourly": "hour, service, total_minutes, unplanned_down_minutes, planned_down_minutes",
}
MOVEMENTS = {
    "new_mrr": ("new", 1), "expansion_mrr": ("expansion", 1), "churned_mrr": ("churn", -1),
    "contraction_mrr": ("contraction", -1), "reactivation_mrr": ("reactivation", 1),
}  # fmt: skip
KPIS = (
    "mrr", "opening_mrr", *MOVEMENTS, "total_customers", "net_revenue_retention",
    "gross_revenue_retention", "mau", "dau", "support_ticket_volume", "trial_signups",
    "trial_to_paid_conversion", "api_calls", "system_uptime",
)  # fmt: skip
SEGMENTS = ["enterprise", "mid_market", "smb"]

Tables = dict[str, pd.DataFrame]


def tables(con: duckdb.DuckDBPyConnection) -> Tables:
    """The tables with the columns needed, read into memory."""
    return {
        name: con.execute(f'SELECT {columns} FROM slice."{name}"').df()
        for name, columns in COLUMNS.items()
    }


def values(read: Tables, months: list[str]) -> pd.DataFrame:
    """One row a month (its first day, as text) and cell, one column a KPI, as `handwritten` has."""
    accounts = read["accounts"][~read["accounts"]["is_internal"].fillna(False).astype(bool)]
    people = read["users"][~read["users"]["is_internal"].fillna(False).astype(bool)]["user_id"]
    wanted = pd.PeriodIndex([month[:7] for month in months], freq="M")
    cells: dict[str, pd.Series[float]] = {}
    cells |= _recurring(read["mrr_movements"], accounts, wanted)

    sessions = _of(read["sessions"], accounts, people, "started_at")
    seen = sessions.assign(day=sessions["started_at"].dt.date)
    days = seen.drop_duplicates(["user_id", "day", "segment", "month"])
    users = seen.drop_duplicates(["user_id", "segment", "month"])
    cells["mau"] = _counted(users, wanted)
    length = pd.Series(wanted.days_in_month, index=wanted)
    month_of = cells["mau"].index.get_level_values("month")
    cells["dau"] = _counted(days, wanted) / length.reindex(month_of).to_numpy()

    tickets = read["tickets"]
    staff = tickets["user_id"].notna() & ~tickets["user_id"].isin(people)
    cells["support_ticket_volume"] = _counted(
        _of(tickets[~staff], accounts, None, "created_at"), wanted
    )
    trials = _of(read["trials"], accounts, None, "started_at")
    in_time = trials["converted_at"] <= trials["ends_at"] + pd.Timedelta(days=30)
    cells["trial_signups"] = _counted(trials, wanted)
    cells["trial_to_paid_conversion"] = (
        100 * _counted(trials[in_time], wanted) / cells["trial_signups"]
    )
    found = pd.DataFrame(cells)

    requests = read["request_metrics"]
    requests = requests.assign(month=requests["bucket_start"].dt.to_period("M"))
    calls = requests[requests["surface"] == "api"].groupby("month")["requests"].sum()
    uptime = read["service_uptime_hourly"]
    uptime = uptime[uptime["service"] == "app"]
    uptime = uptime.assign(month=uptime["hour"].dt.to_period("M"))
    down = uptime[["unplanned_down_minutes", "planned_down_minutes"]].astype(float).sum(axis=1)
    minutes = uptime.assign(down=down).groupby("month")[["total_minutes", "down"]].sum()
    up = 100 * (1 - minutes["down"] / minutes["total_minutes"])
    for kpi, total in (("api_calls", calls), ("system_uptime", up)):
        for month in wanted:
            found.loc[(month, ""), kpi] = total.get(month, 0.0)
    found.index = pd.MultiIndex.from_tuples(
        [(f"{month}-01", dims) for month, dims in found.index], names=["month", "dims"]
    )
    return found


def _recurring(
    movements: pd.DataFrame, accounts: pd.DataFrame, wanted: pd.PeriodIndex
) -> dict[str, pd.Series[float]]:
    book = movements.merge(accounts[["account_id", "segment"]], on="account_id")
    book = book.assign(
        month=pd.to_datetime(book["effective_on"]).dt.to_period("M"),
        amount=book["amount"].astype(float),
    )
    changes = book.groupby(["account_id", "segment", "month"])["amount"].sum().unstack(fill_value=0)
    every = pd.period_range(changes.columns.min(), wanted.max(), freq="M")
    # Balances are rounded to the cent, or a customer who left would keep the dust of a sum.
    closing = changes.reindex(columns=every, fill_value=0.0).cumsum(axis=1).round(2)
    before = closing.shift(12, axis=1).fillna(0.0)
    paid = before > 0
    found = {
        "mrr": _summed(closing, wanted),
        "opening_mrr": _summed(closing.shift(1, axis=1).fillna(0.0), wanted),
        "total_customers": _summed((closing > 0).astype(float), wanted),
    }
    starting = _summed(before.where(paid, 0.0), wanted)
    kept = closing.clip(upper=before).where(paid, 0.0)
    found["net_revenue_retention"] = 100 * _summed(closing.where(paid, 0.0), wanted) / starting
    found["gross_revenue_retention"] = 100 * _summed(kept, wanted) / starting
    for kpi, (kind, sign) in MOVEMENTS.items():
        part = book[book["movement_type"] == kind]
        found[kpi] = sign * _grouped(part, "amount", wanted)
    return found


def _of(
    rows: pd.DataFrame, accounts: pd.DataFrame, people: pd.Series[str] | None, time: str
) -> pd.DataFrame:
    """The rows of customers, with their segment and month."""
    kept = rows if people is None else rows[rows["user_id"].isin(people)]
    kept = kept.merge(accounts[["account_id", "segment"]], on="account_id")
    return kept.assign(month=kept[time].dt.to_period("M"))


def _counted(rows: pd.DataFrame, wanted: pd.PeriodIndex) -> pd.Series[float]:
    return _grouped(rows.assign(value=1.0), "value", wanted)


def _grouped(rows: pd.DataFrame, value: str, wanted: pd.PeriodIndex) -> pd.Series[float]:
    split = rows.groupby(["month", "segment"])[value].sum().unstack(fill_value=0.0)
    return _cells(split.reindex(index=wanted, columns=SEGMENTS, fill_value=0.0))


def _summed(panel: pd.DataFrame, wanted: pd.PeriodIndex) -> pd.Series[float]:
    return _cells(panel[list(wanted)].groupby(level="segment").sum().T)


def _cells(split: pd.DataFrame) -> pd.Series[float]:
    """Members and their total, by month and ``segment=smb``."""
    named = split.add_prefix("segment=").assign(**{"": split.sum(axis=1)})
    found = named.stack()
    return found.rename_axis(["month", "dims"])
