"""Percentiles from merged histograms of cumulative counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boardpack.engine.definitions import Measure
from boardpack.engine.expressions import Measured
from boardpack.sources import Sources


def merged(sources: Sources, measure: Measure, name: str) -> dict[Measure, str]:
    """What is asked of the source for a measure and its column name: itself, as a rule.

    A histogram percentile becomes the merged counts below it: columns ``<name>__total`` and
    ``<name>__<bound column>``.
    """
    if measure.aggregate.kind != "histogram_percentile":
        return {measure: name}
    histogram = sources[measure.source].histogram
    assert histogram is not None
    parts = {"total": histogram.total, **{bound: bound for bound in histogram.bounds}}
    # Each share keeps its own columns, although two of one histogram add up the same counts.
    return {
        Measure(
            measure.source,
            Measured("sum", f'"{column}"', quantile=measure.aggregate.quantile),
            measure.window,
            measure.where,
            columns=tuple(sorted({*measure.columns, column})),
        ): f"{name}__{part}"
        for part, column in parts.items()
    }


def percentile(
    counts: NDArray[np.float64],
    totals: NDArray[np.float64],
    bounds: Sequence[float],
    quantile: float,
) -> NDArray[np.float64]:
    """The value below which ``quantile`` of the observations lie, interpolated in its bucket.

    ``counts`` is rows × bounds, cumulative (``le_100`` counts all up to 100); the first bucket
    begins at 0, and values are taken as evenly spread inside one. NaN
    where there are no observations or the percentile lies above the last bound.

    >>> percentile(np.array([[50.0, 100.0]]), np.array([100.0]), [10, 20], 0.75)
    array([15.])
    """
    edges = np.array([0.0, *bounds])
    cumulative = np.hstack([np.zeros((len(counts), 1)), counts])
    rank = quantile * totals
    # The first bound whose cumulative count reaches the rank.
    reached = cumulative >= rank[:, None]
    reached[:, 0] = False
    position = reached.argmax(axis=1)
    found = reached.any(axis=1) & (totals > 0)
    rows = np.arange(len(counts))
    below = cumulative[rows, np.maximum(position - 1, 0)]
    above = cumulative[rows, position]
    width = np.where(above > below, above - below, 1.0)
    low, high = edges[np.maximum(position - 1, 0)], edges[position]
    return np.where(found, low + (high - low) * (rank - below) / width, np.nan)
