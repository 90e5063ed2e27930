"""Checks of our own that look at rows: repeated ones, those after the as-of, days without any."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from boardpack import gate_history, source_files
from boardpack.gate_checks import Checks, Found
from boardpack.gate_types import AFTER, FILLED, REPEATED
from boardpack.sources import Sources
from boardpack.warehouse import slice_of_rows
from boardpack.workspace import SUITE, Workspace

AS_OF = date(2025, 6, 30)
NOON = datetime(2025, 6, 20, 12)


@pytest.fixture(scope="module")
def declared() -> Sources:
    return source_files.load(Workspace.open(SUITE))


def payment(number: int, **values: Any) -> dict[str, Any]:
    return {
        "payment_id": f"Y{number}", "invoice_id": f"I{number}", "amount": 10, "status": "succeeded",
        "attempted_at": NOON + timedelta(minutes=number), "recorded_at": NOON, **values,
    }  # fmt: skip


def find(declared: Sources, rows: list[dict[str, Any]], type_: str, **kwargs: Any) -> Found:
    with closing(slice_of_rows(declared, {"payments": rows}, AS_OF, ZoneInfo("UTC"))) as slice_:
        checks = Checks(slice_, declared["payments"], [(type_, kwargs)])
        return checks.find(type_, {**kwargs, "type": type_})


@pytest.mark.parametrize(
    ("again", "mostly", "unexpected"),
    [
        ({"payment_id": "Z"}, 1.0, 1),
        ({"payment_id": "Z", "recorded_at": NOON + timedelta(days=1)}, 1.0, 1),
        ({"payment_id": "Z", "amount": 11}, 1.0, 0),
        ({"payment_id": "Z"}, 0.98, 0),
        ({"payment_id": "Z"}, 0.995, 1),
    ],
)
def test_a_row_that_is_there_again_under_another_key(
    declared: Sources, again: dict[str, Any], mostly: float, unexpected: int
) -> None:
    rows = [payment(n) for n in range(100)]
    found = find(
        declared, [*rows, {**rows[7], **again}], REPEATED, column="attempted_at", mostly=mostly
    )
    assert (found.unexpected, found.evaluated) == (unexpected, 101)
    assert found.sample == (({"payment_id": "Y7", "times": 2},) if unexpected else ())


def test_rows_long_ago_are_not_compared(declared: Sources) -> None:
    old = [payment(1, payment_id=key, attempted_at=datetime(2024, 1, 1)) for key in "ab"]
    found = find(declared, [*old, payment(2)], REPEATED, column="attempted_at")
    assert (found.unexpected, found.evaluated) == (0, 1)


@pytest.mark.parametrize(("mostly", "unexpected"), [(1.0, 2), (0.99, 2), (0.9, 0)])
def test_rows_after_the_as_of_are_counted_where_there_are_many(
    declared: Sources, mostly: float, unexpected: int
) -> None:
    ahead = [payment(n, attempted_at=datetime(2026, 1, 1)) for n in (200, 201)]
    rows = [payment(n) for n in range(100)] + ahead
    assert (
        find(declared, rows, AFTER, column="attempted_at", mostly=mostly).unexpected == unexpected
    )


@pytest.mark.parametrize(("settled", "seen"), [(0, True), (40, False)])
def test_a_column_that_is_no_longer_filled(declared: Sources, settled: int, seen: bool) -> None:
    rows = [
        payment(
            10_000 * day + n,
            attempted_at=datetime(2025, 6, 30) - timedelta(days=day, minutes=n),
            failure_code=None if day < 30 or n % 2 else "declined",
        )
        for day in range(300)
        for n in range(15)
    ]
    found = find(
        declared, rows, FILLED, column="failure_code", over="attempted_at", settled=settled
    )
    assert not found.skipped
    assert bool(found.unexpected) is seen


def days(*empty: int, level: float = 30) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = np.random.default_rng(3).poisson(level, 800).astype(float)
    for at in empty:
        found[at] = 0
    return found


@pytest.mark.parametrize(
    ("counted", "gap"),
    [
        (days(), []),
        (days(-20, -19, -18), [-20, -19, -18]),
        (days(-20), [-20]),
        # Its rows may come in the night after.
        (days(-1), []),
        (days(-2, -1), [-2, -1]),
        # It has gone without for as long before.
        (days(-20, -19, -18, -400, -399), []),
        (days(-20, level=10), []),
    ],
)
def test_days_without_a_row(counted: np.ndarray[Any, Any], gap: list[int]) -> None:
    looked = gate_history.count(counted, date(2024, 1, 1), 0.6)
    last = date(2024, 1, 1) + timedelta(days=len(counted))
    assert [u.start for u in looked.unusual] == [last + timedelta(days=at) for at in gap]


@pytest.mark.parametrize(("by", "unusual"), [(2.2, False), (2.8, True), (0.5, False), (0.3, True)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_mean_may_be_as_many_times_smaller_as_larger(by: float, unusual: bool, sign: int) -> None:
    rows = np.full(800, 200.0)
    sums = sign * 50 * rows
    sums[-20:-10] *= by
    assert bool(gate_history.mean(sums, rows, date(2024, 1, 1), 1.5).unusual) is unusual
