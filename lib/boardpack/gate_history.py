"""What a source usually looks like, from its own past: counts, means and shares by day.

Days are added up into blocks: days, weeks that end with the as-of, and whole months, from the
shortest in which a source usually has many rows. Each of the newest blocks is compared with what
the ones just before it let expect (for days, the same weekday). It is unusual when it lies further
off than blocks have lain before, further than chance explains, further than at the same time of the
years before, and further than the check asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal, get_args

import numpy as np

Grain = Literal["day", "week", "month"]
Numbers = np.ndarray[Any, np.dtype[np.float64]]

_GRAINS: tuple[Grain, ...] = get_args(Grain)
#: Rows that a block usually has, so that chance does not hide half of them.
MANY = 100
#: Blocks that are looked at, newest last: a quarter of a year.
LOOKED_AT: Mapping[Grain, int] = {"day": 92, "week": 13, "month": 3}
#: Blocks before one that say what to expect of it, and how far apart they lie.
_BEFORE: Mapping[Grain, tuple[int, int]] = {"day": (8, 7), "week": (8, 1), "month": (6, 1)}
#: Blocks in a year, and how many about the same date are the same season.
_SEASON: Mapping[Grain, tuple[int, int]] = {"day": (364, 10), "week": (52, 2), "month": (12, 1)}
#: Residuals of the past without which nothing can be said.
_LEAST = 12
#: Robust standard deviations that are still usual, below and above: a campaign may double a week.
_SPREAD = (7.0, 9.0)
#: How much more is usual while no year before shows the season.
_UNSEEN = 1.5
#: Half years of the past that say how far off is usual: long enough for every season.
_PAST = 3
#: The same for what chance alone does to a count or a share.
_CHANCE = 6.0


@dataclass(frozen=True)
class Unusual:
    """One block that is not as expected; ``low`` and ``high`` are what would have been usual."""

    start: date
    found: float
    expected: float
    low: float
    high: float
    member: str = ""


@dataclass(frozen=True)
class Looked:
    """What was found in the newest blocks; ``blocks`` is 0 where the past is too short."""

    grain: Grain
    blocks: int
    unusual: tuple[Unusual, ...] = ()

    def of(self, member: str) -> Looked:
        """The same, said of a member."""
        return replace(self, unusual=tuple(replace(u, member=member) for u in self.unusual))


@dataclass(frozen=True)
class _Blocks:
    grain: Grain
    starts: tuple[date, ...]
    #: per array given, its sums by block
    sums: tuple[Numbers, ...]


def count(days: Numbers, first: date, min_change: float, *, fewer_only: bool = False) -> Looked:
    """Blocks with unusually few or many rows.

    ``days`` are the rows of each day from ``first`` to the as-of, none left out. ``min_change`` is
    the share that has to be missing, or the like upwards: 0.5 is under half or over twice.
    With ``fewer_only`` there are never too many.

    >>> steady = np.full(400, 200.0)
    >>> steady[-10] = 20
    >>> [str(u.start) for u in count(steady, date(2024, 1, 1), 0.5).unusual]
    ['2025-01-25']
    """
    limit = -np.log1p(-min_change)

    def judge(grain: Grain) -> Looked:
        blocks = _blocks((days,), grain, first)
        (found,) = blocks.sums
        expected = _expected(found, grain)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.log((found + 0.5) / (expected + 0.5))
            chance = _CHANCE / np.sqrt(np.maximum(expected, 1))
        low, high = _usual(off, (np.maximum(chance, limit),) * 2, grain)
        low, high = ((expected + 0.5) * np.exp(edge) - 0.5 for edge in (low, high))
        if fewer_only:
            # A member of few rows is a few customers, who may all be away.
            low = np.where(expected >= MANY / 4, low, np.nan)
            high = np.full(len(high), np.inf)
        return _looked(blocks, found, expected, low, high)

    looked = _first_unusual(judge, grain_of(days))
    if looked.unusual or fewer_only or not looked.blocks:
        return looked
    return replace(looked, grain="day", unusual=gap) if (gap := _gaps(days, first)) else looked


def _gaps(days: Numbers, first: date) -> tuple[Unusual, ...]:
    """Newest days without any row, where the source has never gone without as many.

    A week or a month hides them where they are shared out over two, or chance is large. The last
    day alone is no gap: its rows may come in the night after.
    """
    expected = np.nan_to_num(_expected(days, "day"))
    newest = len(days) - LOOKED_AT["day"]
    empty = np.concatenate(([False], days == 0, [False]))
    edges = np.flatnonzero(empty[1:] != empty[:-1]).reshape(-1, 2)
    lacks = [(start, end, float(expected[start:end].sum())) for start, end in edges]
    longest = max((lack for start, _, lack in lacks if start < newest), default=0.0)
    return tuple(
        Unusual(first + timedelta(days=i), 0.0, float(expected[i]), 1.0, np.inf)
        for start, end, lack in lacks
        if start >= newest and lack >= max(MANY / 4, 2 * longest) and start < len(days) - 1
        for i in range(int(start), int(end))
        if expected[i]
    )


def mean(
    sums: Numbers, days: Numbers, first: date, min_change: float, shortest: Grain = "day"
) -> Looked:
    """Blocks in which the mean, ``sums`` over the rows in ``days``, is unusual.

    ``min_change`` is the share of what is expected by which it has to be larger, or the like
    downwards: 1.5 is over two and a half times as large, or as small. No block is shorter than
    ``shortest``.
    """

    def judge(grain: Grain) -> Looked:
        blocks = _blocks((sums, days), grain, first)
        total, rows = blocks.sums
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(rows >= MANY / 4, total / rows, np.nan)
        expected = _expected(found, grain)
        away = np.abs(expected) * min_change
        towards = away / (1 + min_change)
        least = np.where(expected < 0, away, towards), np.where(expected < 0, towards, away)
        low, high = _usual(found - expected, least, grain)
        return _looked(blocks, found, expected, expected + low, expected + high)

    return _first_unusual(judge, _longer(grain_of(days), shortest))


def shares(
    members: Mapping[str, Numbers], first: date, min_change: float, shortest: Grain = "day"
) -> Looked:
    """Blocks in which a member has an unusual share of the rows, in percent of them.

    ``min_change`` is the part of all rows by which it has to differ: 0.05 is five points.
    """
    days = np.sum(list(members.values()), axis=0)

    def judge(grain: Grain) -> Looked:
        blocks = _blocks((days, *members.values()), grain, first)
        rows, *counts = blocks.sums
        unusual: list[Unusual] = []
        looked = 0
        for member, found_rows in zip(members, counts, strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                found = np.where(rows >= MANY / 4, found_rows / rows, np.nan)
                expected = _expected(found, grain)
                likely = np.clip(expected, 1 / np.maximum(rows, 1), 0.5)
                chance = _CHANCE * np.sqrt(likely * (1 - likely) / np.maximum(rows, 1))
            low, high = _usual(found - expected, (np.maximum(chance, min_change),) * 2, grain)
            here = _looked(
                blocks, 100 * found, 100 * expected, 100 * (expected + low),
                100 * (expected + high),
            ).of(member)  # fmt: skip
            looked = max(looked, here.blocks)
            unusual += here.unusual
        unusual.sort(key=lambda u: (u.start, u.member))
        return Looked(grain, looked, tuple(unusual))

    return _first_unusual(judge, _longer(grain_of(days), shortest))


def _first_unusual(judge: Callable[[Grain], Looked], shortest: Grain) -> Looked:
    """What is unusual in the shortest blocks in which anything is.

    A whole day that is missing shows by day; a fifth of the rows that are, by month.
    """
    looked = Looked(shortest, 0)
    for grain in _GRAINS[_GRAINS.index(shortest) :]:
        here = judge(grain)
        if here.unusual:
            return here
        looked = looked if looked.blocks else here
    return looked


def _longer(one: Grain, other: Grain) -> Grain:
    return max(one, other, key=_GRAINS.index)


def grain_of(days: Numbers) -> Grain:
    """The shortest block in which a source usually has many rows."""
    last = days[-364:]
    if not len(last):
        return "month"
    if np.median(last) >= MANY:
        return "day"
    weeks = last[len(last) % 7 :].reshape(-1, 7).sum(axis=1)
    if len(weeks) and np.median(weeks) >= MANY:
        return "week"
    return "month"


def _blocks(arrays: Sequence[Numbers], grain: Grain, first: date) -> _Blocks:
    days = arrays[0]
    if grain == "day":
        starts = tuple(first + timedelta(days=i) for i in range(len(days)))
        return _Blocks(grain, starts, tuple(arrays))
    if grain == "week":
        edges = np.arange(len(days) % 7, len(days), 7)
    else:
        # The first month may have begun before the rows did, the last may not be over.
        firsts = _firsts_of_months(first, len(days))
        edges = np.array(firsts[:-1], dtype=int)
        arrays = [array[: firsts[-1]] if firsts else array[:0] for array in arrays]
    starts = tuple(first + timedelta(days=int(i)) for i in edges)
    if not len(edges):
        return _Blocks(grain, (), tuple(np.empty(0) for _ in arrays))
    return _Blocks(grain, starts, tuple(np.add.reduceat(array, edges) for array in arrays))


def _firsts_of_months(first: date, days: int) -> list[int]:
    """How many days after ``first`` months begin, up to the end of the days."""
    found, at = [], first if first.day == 1 else _next_month(first)
    while (place := (at - first).days) <= days:
        found.append(place)
        at = _next_month(at)
    return found


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _expected(found: Numbers, grain: Grain) -> Numbers:
    """The median of the blocks before each; nothing where less than half of them are there."""
    many, apart = _BEFORE[grain]
    before = np.full((many, len(found)), np.nan)
    for k in range(1, many + 1):
        before[k - 1, k * apart :] = found[: -k * apart]
    # Sorted, what is not there comes last.
    before.sort(axis=0)
    known = np.count_nonzero(~np.isnan(before), axis=0)
    at = np.arange(len(found))
    low, high = (
        before[np.maximum(known - 1, 0) // 2, at],
        before[np.minimum(known // 2, many - 1), at],
    )
    return np.where(known * 2 >= many, (low + high) / 2, np.nan)


def _usual(off: Numbers, least: tuple[Numbers, Numbers], grain: Grain) -> tuple[Numbers, Numbers]:
    """How far below and above what is expected each of the newest blocks may lie.

    ``least`` is how far below and above each may lie whatever the past says.
    """
    low, high = np.full(len(off), np.nan), np.full(len(off), np.nan)
    year, _ = _SEASON[grain]
    newest = max(len(off) - LOOKED_AT[grain], 0)
    past = off[:newest]
    past = past[~np.isnan(past)][-_PAST * year // 2 :]
    if len(past) < _LEAST:
        return low, high
    centre = float(np.median(past))
    apart = np.abs(past - centre)
    deviation = 1.4826 * float(np.median(apart))
    if newest == len(off):
        return low, high
    at = np.arange(newest, len(off))
    season = _season(off, at, grain)
    least_season, most_season = np.fmin.reduce(season, axis=1), np.fmax.reduce(season, axis=1)
    more = np.where(np.isnan(least_season), _UNSEEN, 1.0) * deviation
    below, above = (
        np.maximum(k * more, np.nan_to_num(side[at]))
        for k, side in zip(_SPREAD, least, strict=True)
    )
    low[at] = np.fmin(centre - below, least_season - 0.75 * below)
    high[at] = np.fmax(centre + above, most_season + 0.75 * above)
    return low, high


def _season(off: Numbers, at: Any, grain: Grain) -> Numbers:
    """The blocks of about the same date in the three years before each of ``at``, a row each."""
    year, near = _SEASON[grain]
    apart = np.concatenate([years * year + np.arange(-near, near + 1) for years in (1, 2, 3)])
    places = at[:, np.newaxis] - apart
    return np.where(places >= 0, off[np.maximum(places, 0)], np.nan)


def _looked(
    blocks: _Blocks,
    found: Numbers,
    expected: Numbers,
    low: Numbers,
    high: Numbers,
) -> Looked:
    judged = ~np.isnan(low) & ~np.isnan(expected) & ~np.isnan(found)
    outside = judged & ((found < low) | (found > high))
    return Looked(
        blocks.grain,
        int(judged.sum()),
        tuple(
            Unusual(
                blocks.starts[i], float(found[i]), float(expected[i]), float(low[i]),
                float(high[i]),
            )
            for i in np.flatnonzero(outside)
        ),
    )  # fmt: skip
