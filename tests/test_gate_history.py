"""What a source usually looks like: tables of days in, unusual blocks out, without data or SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boardpack import gate_history
from boardpack.gate_history import LOOKED_AT, Grain, Looked, Numbers, grain_of

#: The day after the last: the as-of is the end of 2025.
END = date(2026, 1, 1)
YEARS = 3 * 365
FIRST = END - timedelta(days=YEARS)
Change = Callable[[Numbers], object]


def day_of(day: date) -> int:
    return (day - FIRST).days


def days(level: float = 1000, *changes: Change, seed: int = 1) -> Numbers:
    """Three years of Poisson days, of which tests change some."""
    found = np.random.default_rng(seed).poisson(level, YEARS).astype(float)
    for change in changes:
        change(found)
    return found


def scaled(first: date, last: date, by: float) -> Change:
    """Days from ``first`` to ``last`` have so many times their rows."""

    def change(found: Numbers) -> None:
        found[day_of(first) : day_of(last) + 1] *= by

    return change


def weekdays(weekend: float) -> Change:
    def change(found: Numbers) -> None:
        for at in range(len(found)):
            if (FIRST + timedelta(days=at)).weekday() >= 5:
                found[at] *= weekend

    return change


def growing(times: float) -> Change:
    def change(found: Numbers) -> None:
        found *= times ** np.linspace(0, 1, len(found))

    return change


def uneven(deviation: float) -> Change:
    def change(found: Numbers) -> None:
        found *= np.exp(np.random.default_rng(5).normal(0, deviation, len(found)))

    return change


def christmas(years: tuple[int, ...], by: float) -> Change:
    def change(found: Numbers) -> None:
        for year in years:
            scaled(date(year, 12, 22), date(year, 12, 31), by)(found)

    return change


def together(*changes: Change) -> Change:
    def change(found: Numbers) -> None:
        for each in changes:
            each(found)

    return change


def at(grain: Grain, *starts: date) -> tuple[Grain, list[date]]:
    return grain, list(starts)


#: what happens, rows a day, the change, whether it is seen: in which blocks
HAPPENS: list[Any] = [
    ("nothing", 1000, together(), None),
    ("a day is missing", 1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 0),
     at("day", date(2025, 11, 5))),
    ("half a day is missing", 1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 0.5),
     at("day", date(2025, 11, 5))),
    ("the last day is missing", 1000, scaled(date(2025, 12, 31), date(2025, 12, 31), 0),
     at("day", date(2025, 12, 31))),
    ("a day is there twice", 1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 2),
     at("day", date(2025, 11, 5))),
    ("a week is missing of a small source", 30, scaled(date(2025, 11, 6), date(2025, 11, 12), 0),
     at("week", date(2025, 11, 6))),
    ("a day is missing of a small source", 30, scaled(date(2025, 11, 7), date(2025, 11, 7), 0),
     at("day", date(2025, 11, 7))),
    ("half a day is missing of a small source", 30,
     scaled(date(2025, 11, 7), date(2025, 11, 7), 0.5), None),
    ("half a month is missing of a tiny source", 8,
     scaled(date(2025, 11, 1), date(2025, 11, 15), 0), at("month", date(2025, 11, 1))),
    ("everything is there twice from a day on", 1000,
     scaled(date(2025, 12, 10), date(2025, 12, 31), 2),
     at("day", *(date(2025, 12, d) for d in range(10, 32)))),
    ("a tenth is missing", 1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 0.9), None),
    ("what lies over a quarter of a year back is not looked at", 1000,
     scaled(date(2025, 9, 1), date(2025, 9, 10), 0), None),
    ("growth of ten times in three years", 1000, growing(10), None),
    ("decline to a tenth in three years", 1000, growing(0.1), None),
    ("weekends that are nearly empty", 1000, weekdays(0.05), None),
    ("a working day as empty as a weekend", 1000,
     together(weekdays(0.05), scaled(date(2025, 11, 5), date(2025, 11, 5), 0.05)),
     at("day", date(2025, 11, 5))),
    ("a Saturday as busy as a working day", 1000,
     together(weekdays(0.05), scaled(date(2025, 11, 8), date(2025, 11, 8), 20)),
     at("day", date(2025, 11, 8))),
    ("a quiet Christmas as in the years before", 1000, christmas((2023, 2024, 2025), 0.5), None),
    ("a busy Christmas as in the years before", 1000,
     christmas((2023, 2024, 2025), 2.5), None),
    ("the first quiet Christmas", 1000, christmas((2025,), 0.3),
     at("day", *(date(2025, 12, d) for d in range(22, 32)))),
    ("a campaign of a week that doubles days as uneven as these", 1000,
     together(uneven(0.18), scaled(date(2025, 11, 5), date(2025, 11, 11), 2)), None),
    ("a week five times as busy as days as uneven as these", 1000,
     together(uneven(0.18), scaled(date(2025, 11, 5), date(2025, 11, 11), 5)),
     at("week", date(2025, 11, 6))),
    ("the first Christmas of a shop that doubles", 1000, christmas((2025,), 2.5),
     at("day", *(date(2025, 12, d) for d in range(22, 32)))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "change", "expected"), [pytest.param(*row[1:], id=row[0]) for row in HAPPENS]
)
def test_what_happens_and_what_is_seen(
    level: float, change: Change, expected: tuple[Grain, list[date]] | None
) -> None:
    looked = gate_history.count(days(level, change), FIRST, 0.2)
    assert looked.blocks > 0
    found = [u.start for u in looked.unusual]
    assert (looked.grain, found) == expected if expected else not found


def test_what_was_usual_is_told_beside_what_was_found() -> None:
    changed = days(1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 0.1))
    [found] = gate_history.count(changed, FIRST, 0.2).unusual
    assert found.found == changed[day_of(date(2025, 11, 5))]
    assert found.found < found.low < 800 < found.expected < 1200 < found.high < 1400


def test_fewer_only_says_nothing_of_too_many() -> None:
    half = scaled(date(2025, 11, 5), date(2025, 11, 5), 0.5)
    twice = scaled(date(2025, 12, 3), date(2025, 12, 3), 2)
    both = days(1000, half, twice)
    assert [u.start.month for u in gate_history.count(both, FIRST, 0.2).unusual] == [11, 12]
    fewer = gate_history.count(both, FIRST, 0.2, fewer_only=True).unusual
    assert [u.start.month for u in fewer] == [11]


@pytest.mark.parametrize(
    ("min_change", "seen"), [(0.2, True), (0.45, True), (0.6, False), (0.95, False)]
)
def test_a_change_is_as_large_as_was_asked_for(min_change: float, seen: bool) -> None:
    halved = days(1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 0.5))
    assert bool(gate_history.count(halved, FIRST, min_change).unusual) is seen


@pytest.mark.parametrize(
    ("level", "grain"), [(1000, "day"), (100, "day"), (40, "week"), (8, "month"), (0, "month")]
)
def test_blocks_are_as_long_as_many_rows_take(level: float, grain: Grain) -> None:
    assert grain_of(np.full(YEARS, float(level))) == grain


@pytest.mark.parametrize(
    ("length", "blocks"),
    [(0, 0), (1, 0), (30, 0), (100, 0), (LOOKED_AT["day"] + 28, 0), (400, LOOKED_AT["day"])],
)
def test_a_short_past_says_nothing(length: int, blocks: int) -> None:
    short = days()[YEARS - length :]
    looked = gate_history.count(short, END - timedelta(days=length), 0.2)
    assert (looked.blocks, looked.unusual) == (blocks, ())


def amounts(*changes: Change) -> Looked:
    rows = days(500)
    sums = rows * np.random.default_rng(3).normal(80, 4, YEARS)
    for change in changes:
        change(sums)
    return gate_history.mean(sums, rows, FIRST, 0.1)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        pytest.param(together(), [], id="nothing"),
        pytest.param(scaled(date(2025, 11, 5), date(2025, 11, 5), 100),
                     [date(2025, 11, 5)], id="cents for euros"),
        pytest.param(scaled(date(2025, 11, 5), date(2025, 11, 5), -1),
                     [date(2025, 11, 5)], id="sign flipped"),
        pytest.param(scaled(date(2025, 11, 5), date(2025, 11, 6), 0),
                     [date(2025, 11, 5), date(2025, 11, 6)], id="zero"),
        pytest.param(scaled(date(2025, 11, 5), date(2025, 11, 5), 1.05), [], id="a little"),
        pytest.param(growing(3), [], id="prices that rise"),
    ],
)  # fmt: skip
def test_means(change: Change, seen: list[date]) -> None:
    looked = amounts(change)
    assert looked.blocks == LOOKED_AT["day"]
    assert [u.start for u in looked.unusual] == seen


def test_a_mean_of_few_rows_is_no_mean() -> None:
    rows = days(500, scaled(date(2025, 11, 5), date(2025, 11, 5), 0.01))
    sums = rows * 80
    sums[day_of(date(2025, 11, 5))] *= 50
    looked = gate_history.mean(sums, rows, FIRST, 0.1)
    assert [u.start for u in looked.unusual if u.start == date(2025, 11, 5)] == []


def split(**changes: Change) -> Looked:
    levels = {"smb": 600, "mid": 300, "large": 100}
    members = {
        name: days(level, changes.get(name, together()), seed=n)
        for n, (name, level) in enumerate(levels.items())
    }
    return gate_history.shares(members, FIRST, 0.03)


def test_shares_that_stay_are_usual() -> None:
    looked = split()
    assert (looked.blocks, looked.unusual) == (LOOKED_AT["day"], ())


def test_a_member_that_is_missing_shifts_all_shares() -> None:
    looked = split(mid=scaled(date(2025, 11, 5), date(2025, 11, 5), 0))
    assert {u.start for u in looked.unusual} == {date(2025, 11, 5)}
    found = {u.member: (round(u.found), round(u.expected)) for u in looked.unusual}
    assert found["mid"] == (0, 30)
    assert found["smb"] == pytest.approx((86, 60), abs=3)


def test_growth_of_all_members_moves_no_share() -> None:
    assert split(smb=growing(4), mid=growing(4), large=growing(4)).unusual == ()


def test_what_is_said_of_a_member_names_it() -> None:
    looked = gate_history.count(
        days(1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 0)), FIRST, 0.2
    )
    assert [u.member for u in looked.of("smb").unusual] == ["smb"]


@settings(max_examples=25, deadline=None)
@given(
    level=st.sampled_from([0, 1, 7, 40, 150, 1000, 100_000]),
    length=st.integers(0, YEARS),
    poisson=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_a_steady_source_never_alarms(level: int, length: int, poisson: bool, seed: int) -> None:
    steady = days(level, seed=seed)[:length] if poisson else np.full(length, float(level))
    first = END - timedelta(days=length)
    assert gate_history.count(steady, first, 0.2).unusual == ()
    assert gate_history.mean(steady * 80, steady, first, 0.1).unusual == ()
    assert gate_history.shares({"a": steady, "b": steady[::-1]}, first, 0.03).unusual == ()


@settings(max_examples=25, deadline=None)
@given(factor=st.sampled_from([0.01, 0.5, 3, 1000]), seed=st.integers(0, 10_000))
def test_another_currency_of_the_whole_past_changes_nothing(factor: float, seed: int) -> None:
    """Means are compared with means: multiplied all along, the same blocks stand out."""
    rows = days(500, seed=seed)
    sums = rows * np.random.default_rng(seed).normal(80, 4, YEARS)
    scaled(date(2025, 11, 5), date(2025, 11, 5), 3)(sums)
    plain = gate_history.mean(sums, rows, FIRST, 0.1)
    other = gate_history.mean(factor * sums, rows, FIRST, 0.1)
    assert [u.start for u in plain.unusual] == [u.start for u in other.unusual] != []


@settings(max_examples=25, deadline=None)
@given(factor=st.sampled_from([2, 7, 100]), seed=st.integers(0, 10_000))
def test_a_source_that_is_larger_all_along_looks_the_same(factor: int, seed: int) -> None:
    """A half that is missing stands out whatever the size, in the same block."""
    halved = days(1000, scaled(date(2025, 11, 5), date(2025, 11, 5), 0.4), seed=seed)
    plain = gate_history.count(halved, FIRST, 0.2)
    larger = gate_history.count(factor * halved, FIRST, 0.2)
    assert (plain.grain, [u.start for u in plain.unusual]) == ("day", [date(2025, 11, 5)])
    assert [u.start for u in larger.unusual] == [date(2025, 11, 5)]
