"""Intervals: between which figures the answer of all would lie, given the answers of some.

``interval: share`` is for a share of answers, ``net_share(promoters, detractors)`` for a difference
of two, ``mean(squares)`` for a mean whose squared answers are a measure of their own. 95 of a
hundred such intervals hold the true figure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]
#: Two-sided 95 % of the normal distribution.
Z = 1.959963984540054
#: Method -> how it is written, with the measures it takes beside those of the formula.
FORMS = {"share": "share", "net_share": "net_share(promoters, detractors)", "mean": "mean(squares)"}


@dataclass(frozen=True)
class Interval:
    """A method and the measures that it takes beside numerator and denominator."""

    method: str
    names: tuple[str, ...] = ()


def parse_interval(text: str) -> Interval:
    """Read ``net_share(promoters, detractors)``; ValueError says what would be right.

    >>> parse_interval("net_share(promoters, detractors)").names
    ('promoters', 'detractors')
    """
    match = re.fullmatch(r"(\w+)(?:\(([\w, ]*)\))?", text.strip())
    method = match.group(1) if match else text
    if match is None or method not in FORMS:
        near = difflib.get_close_matches(method, FORMS, n=1, cutoff=0.5)
        close = f"; did you mean {FORMS[near[0]]}?" if near else ""
        raise ValueError(
            f"{text!r} is no interval; intervals are {', '.join(FORMS.values())}{close}"
        )
    names = tuple(name.strip() for name in (match.group(2) or "").split(",") if name.strip())
    wanted = FORMS[method].count(",") + (1 if "(" in FORMS[method] else 0)
    if len(names) != wanted:
        raise ValueError(f"write the interval as {FORMS[method]}")
    return Interval(method, names)


def limits(
    interval: Interval, top: Figures, bottom: Figures, scale: float, others: Mapping[str, Figures]
) -> tuple[Figures, Figures]:
    """Low and high for each figure ``scale * top / bottom``; NaN where there is nothing to say.

    >>> share = parse_interval("share")
    >>> low, high = limits(share, np.array([45.0]), np.array([60.0]), 100, {})
    >>> round(low[0], 1), round(high[0], 1)
    (np.float64(62.8), np.float64(84.2))
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if interval.method == "share":
            middle, reach = _wilson(top / bottom, bottom)
        elif interval.method == "net_share":
            plus, minus = (others[name] / bottom for name in interval.names)
            middle = plus - minus
            reach = Z * np.sqrt((plus + minus - middle**2) / bottom)
        else:
            middle = top / bottom
            spread = (others[interval.names[0]] - bottom * middle**2) / (bottom - 1)
            reach = Z * np.sqrt(np.maximum(spread, 0) / bottom)
        low, high = middle - reach, middle + reach
    if interval.method == "share":
        low, high = np.maximum(low, 0), np.minimum(high, 1)
    if interval.method == "net_share":
        low, high = np.maximum(low, -1), np.minimum(high, 1)
    return (
        np.where(np.isfinite(low), scale * low, np.nan),
        np.where(np.isfinite(high), scale * high, np.nan),
    )


def _wilson(share: Figures, answers: Figures) -> tuple[Figures, Figures]:
    """Wilson's interval: right with few answers and near 0 and 1, where a normal one is not."""
    shrink = 1 + Z**2 / answers
    middle = (share + Z**2 / (2 * answers)) / shrink
    reach = Z / shrink * np.sqrt(share * (1 - share) / answers + Z**2 / (4 * answers**2))
    return middle, reach
