"""Estimates: what SQL cannot say, by name, from aggregated figures and never from rows.

A measure ``km_median(created_at, first_value, hours)`` becomes a table of waits for each period and
member: how many whole units were waited, how many arrived then, how many were still waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: What the statement returns of a measure: column ``m1__waited`` and so on, a row a length of wait.
PARTS = ("waited", "arrived", "waiting")
#: Unit a wait may be counted in -> its hours.
HOURS = {"hours": 1, "days": 24}

Waits = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimate from a table of waits: three arrays of one length, in the order of `PARTS`."""

    form: str
    of: Callable[[Waits, Waits, Waits], float]


def km_median(waited: Waits, arrived: Waits, waiting: Waits) -> float:
    """The wait after which half have arrived, by Kaplan and Meier; NaN where half never have.

    Whoever is still waiting counts for as long as is known: leaving them out would make the wait
    too short, taking them as never arriving too long.

    >>> waits = np.array([1.0, 2.0, 5.0])
    >>> km_median(waits, np.array([1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    2.0
    """
    # Importing it takes two seconds, which only those pay who have something to estimate.
    from scipy.stats import CensoredData, ecdf

    times = np.concatenate([np.repeat(waited, n.astype(int)) for n in (arrived, waiting)])
    if not arrived.sum():
        return float("nan")
    still = np.repeat([False, True], [int(arrived.sum()), int(waiting.sum())])
    survival = ecdf(CensoredData.right_censored(times, still)).sf
    reached = survival.quantiles[survival.probabilities <= 0.5 + 1e-12]
    return float(reached[0]) if len(reached) else float("nan")


ESTIMATES: Mapping[str, Estimate] = {
    "km_median": Estimate("km_median(created_at, first_value, hours)", km_median),
}
