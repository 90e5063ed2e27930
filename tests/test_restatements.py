"""Which values count as restated, and what their causes are."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from boardpack.periods import Period
from boardpack.restatements import Grounds, Restatement, causes, compare
from boardpack.values import COLUMNS

Cells = dict[tuple[str, str, str], Any]


def frame(cells: Cells) -> pd.DataFrame:
    """A frame of ``(kpi, period, dims) -> value``, or ``(value, status)``."""
    rows = []
    for (kpi, label, dims), given in cells.items():
        value, status = given if isinstance(given, tuple) else (given, "final")
        period = Period.parse(label)
        rows.append(
            (kpi, label, period.start, period.end, period.grain, dims, value, None, None, "count",
             status, "")
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": "float64"})


def found(before: Cells, after: Cells, additive: tuple[str, ...] = ()) -> list[Restatement]:
    return compare(frame(before), frame(after), ["mrr", "nps"], additive)


HERE = ("mrr", "2025-11", "")
#: Keeps the period, the dimension and the KPI in a frame whose other cell is missing.
BESIDE: Cells = {("mrr", "2025-11", "segment=a"): 1.0, ("nps", "2025-11", ""): 1.0}


@pytest.mark.parametrize(
    ("before", "after", "additive", "kind"),
    [
        (100.0, 100.0, False, None),
        (100.0, 100.5, False, "changed"),
        (1e9, 1e9 + 0.1, False, None),
        (1e9, 1e9 + 10, False, "changed"),
        (0.0, 1e-10, False, None),
        (-5.0, 5.0, False, "changed"),
        ((None, "no_value"), 4.0, False, "appeared"),
        (4.0, (None, "no_value"), False, "vanished"),
        ((None, "no_value"), (None, "maturing"), False, None),
        ((4.0, "provisional"), (4.0, "final"), False, "status"),
        ((4.0, "provisional"), (5.0, "final"), False, "changed"),
        ("no row", 4.0, False, "appeared"),
        ("no row", 4.0, True, "changed"),
        ("no row", 0.0, True, None),
        (0.0, "no row", True, None),
        (0.0, "no row", False, "vanished"),
    ],
    ids=str,
)
def test_a_cell_differs_or_does_not(
    before: Any, after: Any, additive: bool, kind: str | None
) -> None:
    one = BESIDE | ({} if before == "no row" else {HERE: before})
    two = BESIDE | ({} if after == "no row" else {HERE: after})
    rows = found(one, two, ("mrr",) if additive else ())
    assert [row.kind for row in rows] == ([kind] if kind else [])


@pytest.mark.parametrize(
    "only_one_has",
    [("mrr", "2025-12", ""), ("mrr", "2025-11", "region=eu"), ("arr", "2025-11", "")],
    ids=["period", "dimension", "KPI not asked for"],
)
def test_what_only_one_edition_could_show_is_no_restatement(
    only_one_has: tuple[str, str, str],
) -> None:
    assert found(BESIDE, BESIDE | {only_one_has: 7.0}) == []
    assert found(BESIDE | {only_one_has: 7.0}, BESIDE) == []


def test_a_kpi_that_is_new_as_a_whole_is_no_restatement() -> None:
    assert found({HERE: 1.0}, {HERE: 1.0, ("nps", "2025-11", ""): 40.0}) == []


def test_the_newest_period_and_totals_come_first() -> None:
    cells = [
        (kpi, period, dims)
        for dims in ("segment=b", "segment=a", "")
        for period in ("2025-09", "2025-10")
        for kpi in ("nps", "mrr")
    ]
    rows = found(dict.fromkeys(cells, 1.0), dict.fromkeys(cells, 2.0))
    assert [(row.kpi, row.period, row.dims) for row in rows[:7]] == [
        ("mrr", "2025-10", ""),
        ("nps", "2025-10", ""),
        ("mrr", "2025-10", "segment=a"),
        ("mrr", "2025-10", "segment=b"),
        ("nps", "2025-10", "segment=a"),
        ("nps", "2025-10", "segment=b"),
        ("mrr", "2025-09", ""),
    ]
    assert len(rows) == 12


OLD = Grounds("2025-11-30", {"a": "1", "b": "1"}, {"mrr": "d"}, "c", {"duckdb": "2.0"})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("unexplained",)),
        ({"as_of": "2025-12-31"}, ("late data",)),
        ({"fingerprints": {"a": "2", "b": "1"}}, ("late data",)),
        ({"fingerprints": {"a": "1", "b": "2"}}, ("unexplained",)),
        ({"definitions": {"mrr": "e"}}, ("definition",)),
        ({"code": "k"}, ("code",)),
        ({"versions": {"duckdb": "2.1"}}, ("code",)),
        (
            {"as_of": "2025-12-31", "definitions": {"mrr": "e"}, "code": "k"},
            ("late data", "definition", "code"),
        ),
    ],
    ids=str,
)
def test_causes(change: dict[str, Any], expected: tuple[str, ...]) -> None:
    new = Grounds(**{**OLD.__dict__, **change})
    assert causes("mrr", ["a"], OLD, new) == expected
