from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardpack.engine.histogram import percentile

BOUNDS = (10.0, 20.0, 50.0, 100.0)


def one(counts: list[float], total: float, share: float) -> float:
    return float(percentile(np.array([counts]), np.array([total]), BOUNDS, share)[0])


@pytest.mark.parametrize(
    ("counts", "total", "share", "value"),
    [
        ([0, 100, 100, 100], 100, 0.5, 15.0),  # the middle of the second bucket
        ([100, 100, 100, 100], 100, 0.95, 9.5),  # the first bucket begins at 0
        ([50, 100, 100, 100], 100, 0.5, 10.0),  # exactly a bound
        ([90, 90, 90, 100], 100, 0.95, 75.0),  # over empty buckets
        ([0, 0, 0, 1], 1, 0.5, 75.0),  # a single observation
        ([0, 0, 0, 95], 100, 0.95, 100.0),  # the last bound is still a figure
        ([0, 0, 0, 94], 100, 0.95, math.nan),  # above it there is none
        ([0, 0, 0, 0], 0, 0.95, math.nan),  # nothing observed
    ],
)
def test_percentile(counts: list[float], total: float, share: float, value: float) -> None:
    assert one(counts, total, share) == pytest.approx(value, nan_ok=True)


def test_many_at_once_are_each_alone() -> None:
    counts = np.array([[0.0, 100, 100, 100], [90, 90, 90, 100], [0, 0, 0, 0]])
    found = percentile(counts, np.array([100.0, 100, 0]), BOUNDS, 0.95)
    assert found == pytest.approx([19.5, 75.0, math.nan], nan_ok=True)


observations = st.lists(st.floats(0.001, 100), min_size=1, max_size=60)


def cumulative(values: list[float]) -> list[float]:
    return [float(sum(v <= bound for v in values)) for bound in BOUNDS]


@given(observations, st.floats(0.01, 0.99))
def test_the_figure_lies_in_the_bucket_of_the_true_percentile(
    values: list[float], share: float
) -> None:
    true = sorted(values)[math.ceil(share * len(values)) - 1]
    found = one(cumulative(values), len(values), share)
    upper = next(bound for bound in BOUNDS if true <= bound)
    lower = max([0.0, *(bound for bound in BOUNDS if bound < upper)])
    assert lower - 1e-9 <= found <= upper + 1e-9


@given(observations, st.floats(0.01, 0.98))
def test_a_higher_share_is_never_lower(values: list[float], share: float) -> None:
    counts = cumulative(values)
    assert one(counts, len(values), share) <= one(counts, len(values), share + 0.01) + 1e-9


@given(observations, observations)
def test_merged_it_lies_between_the_parts(left: list[float], right: list[float]) -> None:
    parts = [one(cumulative(values), len(values), 0.9) for values in (left, right)]
    merged = np.array(cumulative(left)) + np.array(cumulative(right))
    found = one(list(merged), len(left) + len(right), 0.9)
    assert min(parts) - 1e-9 <= found <= max(parts) + 1e-9
