from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from boardpack.markup import numbers, plain
from boardpack.objectives import Target
from boardpack.readings import (
    Range,
    explanation,
    member_readings,
    message,
    normal_range,
    read,
    seasonal_range,
)
from boardpack.values import Values
from values_fixture import PERIOD, open_values, small_values

VALUES = small_values()


def with_figures(figures: dict[tuple[str, str, str], float | None]) -> Values:
    """The small company with some figures (KPI, period, dims) replaced."""
    values = small_values()
    frame = values.frame.copy()
    for (kpi, period, dims), figure in figures.items():
        at = (frame["kpi"] == kpi) & (frame["period"] == period) & (frame["dims"] == dims)
        assert at.any()
        frame.loc[at, "value"] = figure
    return Values(frame, values.report, values.kpis)


def with_target(kpi: str, target: Target | None) -> Values:
    facts = VALUES.kpi(kpi)
    targets = {PERIOD: target} if target else {}
    return replace(VALUES, kpis={**VALUES.kpis, kpi: replace(facts, targets=targets)})


def test_few_figures_say_nothing_about_what_is_normal() -> None:
    assert normal_range([1, 2, 3, 4, 5]) is None


def test_a_level_series_keeps_within_its_natural_limits() -> None:
    earlier = [10, 12, 11, 9, 10, 11, 12, 10, 9, 11, 10, 11]
    limits = normal_range(earlier)
    assert limits is not None
    moves = [2, 1, 2, 1, 1, 1, 2, 1, 2, 1, 1]
    mean, reach = sum(earlier) / 12, 2.66 * sum(moves) / 11
    assert (limits.low, limits.high) == pytest.approx((mean - reach, mean + reach))
    assert limits.holds(mean)
    assert not limits.holds(mean + reach + 0.1)


def test_steady_growth_is_not_news() -> None:
    earlier = [100 + 10 * i + (i % 2) for i in range(12)]
    limits = normal_range(earlier)
    assert limits is not None
    assert limits.holds(earlier[-1] + 10)
    assert not limits.holds(earlier[-1] + 40)
    assert not limits.holds(earlier[-1] - 20)


def test_a_constant_series_allows_itself_alone() -> None:
    assert normal_range([5.0] * 12) == Range(5.0, 5.0)


@pytest.mark.parametrize(
    ("make", "kpi", "said"),
    [
        (
            small_values,
            "mrr",
            "Monthly Recurring Revenue rose 3.9% to $2.76M, 4.8% below the target of $2.9M",
        ),
        (
            small_values,
            "customer_churn_rate",
            "Customer churn rate fell 0.2 pp to 1.9%, 0.1 pp below the limit of 2%",
        ),
        (small_values, "odd", "Odd <b>name</b> | *x* $y$ #z was unchanged at 1,234"),
        (
            small_values,
            "runway",
            "Cash runway has no value for December 2025: the company burns no cash",
        ),
        (
            small_values,
            "backlog",
            "Ticket backlog has no value for December 2025: needs the source tickets,"
            " which is not connected",
        ),
        (open_values, "mau", "Monthly active users fell 0.3% to 14.8K so far"),
        (lambda: with_target("mau", Target(14_772, ">=")), "mau", "14.8K, 0.001% above the target"),
        (
            lambda: with_target("mau", Target((10_000, 20_000), "between")),
            "mau",
            "within the target of 10K – 20K",
        ),
        (
            lambda: with_target("mau", Target((20_000, 30_000), "between")),
            "mau",
            "26.1% below the target of 20K – 30K",
        ),
        (
            lambda: with_figures({("mau", "2025-11", ""): None}),
            "mau",
            "Monthly active users stands at 14.8K",
        ),
        (
            lambda: with_figures({("nps", PERIOD, ""): 70.0}),
            "nps",
            "to 70.0, on the target of 70",
        ),
    ],
)
def test_message(make: Callable[[], Values], kpi: str, said: str) -> None:
    text = plain(message(read(make(), kpi))).replace("\u00a0", " ")
    assert said in text


def test_a_message_lists_its_numbers() -> None:
    shown = numbers(message(read(VALUES, "mrr")))
    assert [(s.what, s.text) for s in shown] == [
        ("change", "3.9%"),
        ("value", "$2.76M"),
        ("gap", "4.8%"),
        ("target", "$2.9M"),
    ]
    assert {(s.kpi, s.period, s.member) for s in shown} == {("mrr", PERIOD, "")}


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [(50.0, 50.04, 0), (50.0, 50.2, 1), (50.0, 49.0, -1), (None, 50.0, None)],
)
def test_nothing_rose_that_reads_the_same(
    before: float | None, now: float, moved: int | None
) -> None:
    values = with_figures({("nps", "2025-11", ""): before, ("nps", PERIOD, ""): now})
    assert read(values, "nps").moved == moved


@pytest.mark.parametrize(
    ("kpi", "standing"),
    [("mrr", "missed"), ("gross_margin", "met"), ("mau", "no target"), ("runway", "no value")],
)
def test_standing(kpi: str, standing: str) -> None:
    assert read(VALUES, kpi).standing == standing


@pytest.mark.parametrize(
    ("kpi", "judgement"),
    [("mrr", "better"), ("churned_mrr", "better"), ("new_mrr", "worse"), ("odd", "")],
)
def test_better_and_worse_follow_the_direction(kpi: str, judgement: str) -> None:
    reading = read(VALUES, kpi)
    assert reading.verdict_on(reading.before) == judgement


@pytest.mark.parametrize(("now", "unusual"), [(60.0, False), (90.0, True), (20.0, True)])
def test_a_move_is_unusual_outside_its_natural_limits(now: float, unusual: bool) -> None:
    assert read(with_figures({("nps", PERIOD, ""): now}), "nps").is_unusual == unusual


def test_what_reads_like_the_end_of_its_range_is_not_outside() -> None:
    limits = read(VALUES, "nps").normal
    assert limits is not None
    just_outside = limits.high + 0.001
    assert not limits.holds(just_outside)
    assert not read(with_figures({("nps", PERIOD, ""): just_outside}), "nps").is_unusual


def test_members_stand_in_order_with_the_unknown_last() -> None:
    frame = VALUES.frame.copy()
    frame.loc[frame["dims"] == "segment=enterprise", "dims"] = "segment=(unknown)"
    values = Values(frame, VALUES.report, VALUES.kpis)
    found = [member for member, _ in member_readings(values, "mrr", "segment")]
    assert found == ["mid_market", "smb", "(unknown)"]


@pytest.mark.parametrize(
    ("figures", "kpi", "said"),
    [
        (
            {},
            "mrr",
            "Enterprise explains $51.7K of the $103K by which Monthly Recurring Revenue rose",
        ),
        (
            {("mrr", PERIOD, "segment=smb"): 800_000.0},
            "mrr",
            "Monthly Recurring Revenue rose by $103K: SMB rose by $268K,"
            " the others together went the other way",
        ),
        (
            {},
            "nps",
            "Net promoter score is highest in Enterprise at 63.0 and lowest in SMB at 47.3",
        ),
        ({}, "gross_margin", ""),
        ({("mrr", PERIOD, ""): None}, "mrr", ""),
    ],
)
def test_explanation(
    figures: dict[tuple[str, str, str], float | None], kpi: str, said: str
) -> None:
    assert plain(explanation(with_figures(figures), kpi, "segment")) == said


def test_a_weekday_is_normal_against_its_own_kind() -> None:
    """A quiet Sunday after busy days is no news; a quiet Wednesday is."""
    week = [100.0, 104, 98, 101, 99, 20, 18]
    noise = (0, 1, -1, 2, -2)
    days = [figure + noise[i % 5] for i, figure in enumerate(week * 4)]
    normal = seasonal_range(days, 7)
    assert normal is not None
    assert normal.holds(101)
    assert not normal.holds(30)
    sunday = seasonal_range(days[:-1], 7)
    assert sunday is not None
    assert sunday.holds(18)
    assert seasonal_range(days[:12], 7) is None
