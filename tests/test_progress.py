from __future__ import annotations

import pytest

from boardpack.markup import plain
from boardpack.objectives import Bands, Milestone, Objectives, Target
from boardpack.periods import Period
from boardpack.progress import nearness, pace, pace_words, progress, status
from boardpack.readings import Reading, read
from boardpack.tables import change
from goals_fixture import made
from values_fixture import small_values


@pytest.mark.parametrize(
    ("value", "comparator", "figures"),
    [
        (10.0, ">=", {10: 100, 12: 100, 9: 90, 7: 70, 0: 0, -5: 0}),
        (10.0, ">", {10: 100, 8: 80}),
        # A limit: churn of 6 % against 2 % is a third, and not far beyond its goal.
        (2.0, "<", {2: 100, 1: 100, 0: 100, 6: 100 / 3, 2.5: 80}),
        (0.0, "<=", {0: 100, 1: 0}),
        (0.0, ">=", {0: 100, 5: 100, -1: 0}),
        (-5.0, ">=", {-5: 100, -4: 100, -10: 0, -6: 80}),
        ((15.0, 20.0), "between", {15: 100, 20: 100, 12: 80, 25: 80, 0: 0}),
    ],
)
def test_progress_goes_by_the_direction_of_the_target(
    value: float | tuple[float, float], comparator: str, figures: dict[float, float]
) -> None:
    target = Target(value, comparator)  # type: ignore[arg-type]
    found = {figure: progress(target, figure) for figure in figures}
    assert found == {figure: pytest.approx(share) for figure, share in figures.items()}


def reading(
    figures: list[float | None], target: Target | None = None, *, bands: Bands | None = None,
    period: str = "2025-12", state: str = "final", **facts: object,
) -> Reading:  # fmt: skip
    if target is not None:
        labels = [p.label for p in Period.parse(period).last(30)]
        facts["targets"] = dict.fromkeys(labels, target)
    objectives = Objectives(bands=bands) if bands else None
    values = made({"mau": figures}, facts={"mau": facts}, objectives=objectives, period=period,
                  status=state)  # fmt: skip
    return read(values, "mau")


@pytest.mark.parametrize(
    ("figure", "said", "standing"),
    [
        (100, "on track", "met"),
        # On track and yet not met: only what is met has a tick.
        (99, "on track", "missed"),
        (90, "on track", "missed"),
        (89.9, "at risk", "missed"),
        (70, "at risk", "missed"),
        (69.9, "off track", "missed"),
        (None, "no value", "no value"),
    ],
)
def test_status_by_90_and_70_percent(figure: float | None, said: str, standing: str) -> None:
    found = reading([50.0, figure], Target(100, ">="))
    assert (status(found), found.standing) == (said, standing)


def test_eight_percent_growth_is_not_met_where_ten_were_wanted() -> None:
    found = reading([8.0], Target(10, ">="), unit="percent")
    assert (found.standing, status(found)) == ("missed", "at risk")
    assert found.target is not None
    assert not found.target.met_by(8.0)


def test_a_figure_at_a_strict_limit_is_not_met_and_on_track() -> None:
    found = reading([2.0], Target(2, "<"), direction="lower")
    assert (found.standing, status(found)) == ("missed", "on track")


def test_the_bands_are_those_of_the_scorecard() -> None:
    found = reading([96.0], Target(100, ">="), bands=Bands(100, 95))
    assert status(found) == "at risk"
    assert status(found, Bands()) == "on track"
    assert status(reading([96.0])) == "no target"


@pytest.mark.parametrize(
    ("figure", "said"),
    [(100, "on target"), (95, "near target"), (94.9, "below target"), (None, "no value")],
)
def test_the_matrix_has_a_near_band_of_its_own(figure: float | None, said: str) -> None:
    assert nearness(reading([1.0, figure], Target(100, ">="))) == said


MILESTONES = (Milestone("2025-06-30", 100, "month 6"), Milestone("2026-03-31", 400, "month 15"))


def test_the_pace_to_the_next_milestone() -> None:
    found = pace(reading([70.0, 80, 90, 100], Target(300, ">="), milestones=MILESTONES))
    assert found is not None
    assert (found.goal, found.due) == (400, Period.parse("2026-03"))
    # 300 are lacking in three months, and ten come in each: thirty months.
    assert (found.needs, found.goes) == (100, 10)
    assert found.reached == Period.parse("2028-06")
    assert found.is_enough is False


@pytest.mark.parametrize(
    ("figures", "more", "said"),
    [
        ([70.0, 80, 90, 100], {"milestones": MILESTONES},
         "needs 100 more a month to reach 400 by March 2026; at the present pace it gets there in"
         " June 2028"),
        ([100.0, 200, 300, 380], {"milestones": MILESTONES},
         "needs 7 more a month to reach 400 by March 2026; at the present pace it gets there in"
         " January 2026"),
        ([130.0, 120, 110, 100], {"milestones": MILESTONES},
         "needs 100 more a month to reach 400 by March 2026; at the present pace it does not get"
         " there"),
        # Without a path the target itself lies ahead; without enough figures there is no pace.
        ([70.0, 80, 90, 100], {}, "at the present pace it reaches 300 in August 2027"),
        ([90.0, 100], {}, ""),
        ([90.0, 100], {"milestones": MILESTONES},
         "needs 100 more a month to reach 400 by March 2026"),
        ([70.0, 80, 90, None], {}, ""),
        ([290.0, 300, 310, 320], {}, ""),
    ],
)  # fmt: skip
def test_the_pace_in_words(figures: list[float | None], more: dict[str, object], said: str) -> None:
    assert plain(pace_words(reading(figures, Target(300, ">="), **more))) == said


def test_a_limit_is_approached_from_above() -> None:
    found = reading([8.0, 7, 6, 5], Target(2, "<"), direction="lower", unit="days")
    told = plain(pace_words(found))
    assert told == "at the present pace it reaches 2 days in March 2026"


def test_an_open_period_and_a_range_have_no_pace() -> None:
    assert pace(reading([70.0, 80, 90, 100], Target(300, ">="), state="provisional")) is None
    assert pace(reading([7.0, 8, 9, 10], Target((15, 20), "between"))) is None


@pytest.mark.parametrize(
    ("kpi", "now", "before", "said", "role"),
    [
        # percent: points; higher is better, then lower is better
        ("gross_margin", 85.0, 84.0, "+1.0\u00a0pp", "good"),
        ("gross_margin", 83.0, 84.0, "−1.0\u00a0pp", "bad"),
        ("customer_churn_rate", 2.5, 2.0, "+0.5\u00a0pp", "bad"),
        ("customer_churn_rate", 1.5, 2.0, "−0.5\u00a0pp", "good"),
        # currency and counts: relative
        ("mrr", 2_200_000.0, 2_000_000.0, "+10.0%", "good"),
        ("churned_mrr", 22_000.0, 20_000.0, "+10.0%", "bad"),
        ("website_visitors", 45_000.0, 50_000.0, "−10.0%", "bad"),
        # ratios and scores of one decimal: their difference
        ("ltv_cac_ratio", 5.5, 5.0, "+0.5", "good"),
        ("tickets_per_100_customers", 18.0, 20.0, "−2.0", "good"),
        ("nps", 55.0, 52.0, "+3.0", "good"),
        # durations: relative, and less is better where the KPI says so; months in months
        ("api_response_time_p95", 440.0, 400.0, "+10.0%", "bad"),
        ("page_load_time", 2.7, 3.0, "−10.0%", "good"),
        ("session_duration", 11.0, 10.0, "+10.0%", "good"),
        ("first_response_time", 1.8, 2.0, "−10.0%", "good"),
        ("sales_cycle_length", 44.0, 40.0, "+10.0%", "bad"),
        ("runway", 19.0, 18.0, "+1.0", "good"),
    ],
)
def test_sign_unit_and_colour_of_a_trend_follow_the_kpi(
    kpi: str, now: float, before: float, said: str, role: str
) -> None:
    known = small_values().kpis
    own = made({kpi: [before, before, now]}, facts={kpi: {"unit": known[kpi].unit, "direction":
               known[kpi].direction}})  # fmt: skip
    found = read(own, kpi)
    (span,) = change(found, found.before)
    assert (plain((span,)), span.role) == (said, role)  # type: ignore[union-attr]
