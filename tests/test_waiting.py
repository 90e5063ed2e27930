"""Waits that are not over: estimates from aggregated waits, and the milestones that end them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

import workspaces
from boardpack.engine.compute import compute
from boardpack.engine.estimates import km_median
from boardpack.engine.plans import make_plan
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import open_slice
from golden_fixture import Company, differences

#: At a small scale few users use the product, and all others would wait for ever.
UNSEEN = """\
DELETE FROM users WHERE user_id NOT IN (SELECT user_id FROM events);
DELETE FROM accounts WHERE account_id NOT IN (SELECT account_id FROM users);
"""
KPIS = ["time_to_first_value", "time_to_first_workflow", "time_to_power_user"]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Iterator[Company]:
    """The demo company as if it had only those users and accounts that use the product."""
    warehouse = tmp_path_factory.mktemp("waiting") / "seen.duckdb"
    shutil.copy(demo_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as con:
        con.execute(UNSEEN)
    folder = workspaces.over_demo(warehouse.parent / "demo", warehouse)
    with duckdb.connect(str(warehouse), read_only=True) as raw:
        raw.execute("SET threads = 1")
        yield Company(Model.open(folder), raw)


@pytest.mark.parametrize(
    ("period", "last", "by", "as_of", "least"),
    [
        ("2025-06", 30, "segment", date(2025, 12, 31), 3),
        ("2025-Q4", 6, "region", date(2025, 12, 31), 3),
        ("2025-10", 6, "segment", date(2025, 10, 15), 1),
    ],
)
def test_the_curve_by_hand(
    seen: Company, period: str, last: int, by: str, as_of: date, least: int
) -> None:
    frame = seen.computed(KPIS, Period.parse(period).last(last), [by], as_of)
    assert differences(seen, frame, as_of) == []
    known = frame[frame["value"].notna()].groupby("kpi")["value"]
    assert set(known.groups) == set(KPIS)
    assert known.nunique().min() >= least


def test_only_aggregated_waits_leave_the_warehouse(seen: Company) -> None:
    """The statement gives a row a length of wait, and no name of anybody."""
    slice_ = open_slice(seen.model.workspace, seen.model.sources, date(2025, 12, 31))
    try:
        periods = [Period.parse("2025")]
        planned = make_plan(seen.model.catalogue, slice_, ["time_to_power_user"], periods)
        (statement,) = planned.statements
        assert statement.columns == ("m0__waited", "m0__arrived", "m0__waiting")
        rows = slice_.con.execute(statement.sql).fetchall()
        people = slice_.con.execute(
            "SELECT count(*) FROM slice.users WHERE year(created_at) = 2025"
        ).fetchone()
        assert people is not None
        assert sum(row[4] + row[5] for row in rows) <= people[0]
        assert len({row[3] for row in rows}) == len(rows)
        compute(seen.model.catalogue, slice_, ["time_to_power_user"], periods)
    finally:
        slice_.close()


@pytest.mark.parametrize(
    ("waited", "arrived", "waiting", "median"),
    [
        ([3], [4], [0], 3),
        ([1, 2, 3, 4], [1, 1, 1, 1], [0, 0, 0, 0], 2),
        # Leaving out the two who wait would say 2, taking them as never arriving would say never.
        ([1, 2, 3, 4], [1, 1, 1, 1], [2, 0, 0, 0], 3),
        ([1, 5], [1, 0], [0, 3], None),
        ([7], [0], [9], None),
        # Whoever has waited as long as the one who arrives was there to arrive.
        ([2], [1], [1], 2),
    ],
)
def test_the_median(
    waited: list[int], arrived: list[int], waiting: list[int], median: int | None
) -> None:
    found = km_median(*(np.array(part, dtype=float) for part in (waited, arrived, waiting)))
    assert (None if np.isnan(found) else found) == median
