"""Scores add rows and not checks, say nothing where nothing was checked, and weigh what there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from boardpack.gate_scores import WEIGHTS, by_source, scores, standards, trend


@dataclass(frozen=True)
class Result:
    dimension: str = "accuracy"
    evaluated: int = 0
    unexpected: int = 0
    source: str = "a"
    id: str = ""
    control: str = ""
    limit: str = ""
    observed: str | None = None


def test_rows_weigh_and_not_checks() -> None:
    found = scores([Result(evaluated=900), Result(evaluated=100, unexpected=50)])
    assert found.by_dimension["accuracy"] == pytest.approx(95)


def test_a_dimension_without_a_check_has_no_score_and_does_not_count() -> None:
    found = scores([
        Result("accuracy", 100, 10), Result("completeness", 10, 0), Result("timeliness", 0, 0),
    ])  # fmt: skip
    assert found.by_dimension == {
        "accuracy": pytest.approx(90), "completeness": 100, "timeliness": None,
        "consistency": None, "auditability": None,
    }  # fmt: skip
    assert found.overall == pytest.approx((30 * 90 + 25 * 100) / 55)


def test_nothing_checked_is_no_score_in_all() -> None:
    assert set(scores([]).to_dict().values()) == {None}
    assert list(scores([]).to_dict()) == [*WEIGHTS, "overall"]


def test_weights_are_those_that_are_given() -> None:
    results = [Result("accuracy", 10, 1), Result("auditability", 10, 5)]
    weights = {**dict.fromkeys(WEIGHTS, 0.0), "accuracy": 20, "auditability": 80}
    assert scores(results, weights).overall == pytest.approx(0.2 * 90 + 0.8 * 50)
    assert scores(results, dict.fromkeys(WEIGHTS, 0.0)).overall is None


def test_scores_of_each_source_and_of_each_day() -> None:
    results = [Result(evaluated=10, unexpected=5, source="b"), Result(evaluated=10, source="a")]
    assert {s: f.overall for s, f in by_source(results).items()} == {"a": 100, "b": 50}
    days = trend({"2025-02-28": results, "2025-01-31": results[:1]})
    assert {day: found.overall for day, found in days.items()} == {
        "2025-01-31": 50, "2025-02-28": 75,
    }  # fmt: skip
    assert list(days) == ["2025-01-31", "2025-02-28"]


FRESH = {"dimension": "timeliness", "control": "data_freshness_requirements", "limit": "< 3 days"}


@pytest.mark.parametrize(
    ("result", "dimension", "value", "met"),
    [
        (Result("accuracy", 1000, 10), "accuracy", 99, True),
        (Result("accuracy", 1000, 11), "accuracy", 98.9, False),
        (Result("completeness", 1000, 1), "completeness", 99.9, False),
        (Result("completeness", 1000), "completeness", 100, True),
        (Result(**FRESH, observed="2025-12-31 18:00:00"), "timeliness", 6, True),
        (Result(**FRESH, observed="2025-12-31"), "timeliness", 0, True),
        (Result(**FRESH, observed="2025-12-30"), "timeliness", 24, True),
        (Result(**FRESH, observed="2025-12-30 23:00:00"), "timeliness", 25, False),
        (
            Result(**{**FRESH, "limit": "< 46 days"}, observed="2025-12-01"),
            "timeliness",
            None,
            None,
        ),
        (Result(**FRESH, observed="nothing"), "timeliness", None, None),
        (Result("consistency", 300, 2, id="kpi_registry.method"), "consistency", 2, False),
        (Result("consistency", 300, id="kpi_registry.method"), "consistency", 0, True),
        (Result("consistency", 300, 2), "consistency", None, None),
        (Result("auditability", 200, 1, id="kpi_registry.lineage"), "auditability", 99.5, False),
        (Result("auditability", 200, id="kpi_registry.lineage"), "auditability", 100, True),
        (Result("auditability", 200), "auditability", None, None),
    ],
)
def test_each_standard_has_a_value_a_limit_and_whether_it_is_met(
    result: Result, dimension: str, value: float | None, met: bool | None
) -> None:
    found = {s.dimension: s for s in standards([result], date(2025, 12, 31))}
    assert list(found) == list(WEIGHTS)
    assert found[dimension].value == (None if value is None else pytest.approx(value))
    assert found[dimension].met is met
    assert {s.dimension: s.limit for s in found.values()} == {
        "accuracy": 99, "completeness": 100, "timeliness": 24, "consistency": 0, "auditability": 100,
    }  # fmt: skip
    assert all(s.met is None for d, s in found.items() if d != dimension)
