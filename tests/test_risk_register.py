from __future__ import annotations

import pytest

import boardpack as bp
from boardpack.objectives import Objectives, Risk
from boardpack.risk_register import RiskResult, register
from goals_fixture import Figures, made, of_suite
from values_fixture import HOSTILE, titles


def row(
    name: str, kpi: str, figures: Figures, period: str = "2025-12", **more: object
) -> RiskResult:
    card, _ = of_suite(name)
    values = made(figures, period=period, objectives=card.objectives, **more)  # type: ignore[arg-type]
    (found,) = [result for result in register(values) if result.risk.kpi == kpi]
    return found


def quarter_parts(rates: list[float]) -> list[tuple[float, float]]:
    return [(rate, 100.0) for rate in rates]


#: Of each early warning figures at its boundary, just before it and just beyond: ok, then breached.
LAUNCH = [
    ("health_degradation_rate", [14.9], [15.0]),
    ("pipeline_coverage", [3.0], [2.99]),
    # A fall by 20 % against the mean of three months: 40, 50 and 60 have one of 50.
    ("trial_to_paid_conversion", [40, 50, 60, 40.1], [40, 50, 60, 40.0]),
    ("mql_to_sql_conversion", [40, 50, 60, 40.1], [40, 50, 60, 40.0]),
    ("sql_to_customer_conversion", [40, 50, 60, 40.1], [40, 50, 60, 40.0]),
    ("website_conversion_rate", [40, 50, 60, 40.1], [40, 50, 60, 40.0]),
    ("funnel_conversion_rate", [40, 50, 60, 40.1], [40, 50, 60, 40.0]),
    ("opportunity_progression_rate", [40, 50, 60, 40.1], [40, 50, 60, 40.0]),
    ("burn_vs_budget", [20.0], [20.1]),
    ("ltv_cac_ratio", [5.0], [4.99]),
    ("customer_concentration", [10.0], [10.1]),
    ("revenue_concentration", [70.0], [70.1]),
    ("technology_commoditisation", [2.9], [3.0]),
    ("pipeline_budget_cut_share", [20.0], [20.1]),
    ("tam_change", [-14.9], [-15.0]),
    ("new_entrant_share", [5.0], [5.1]),
]


@pytest.mark.parametrize(("kpi", "ok", "breached"), LAUNCH, ids=[kpi for kpi, _, _ in LAUNCH])
def test_a_warning_of_the_launch_fires_exactly_at_its_boundary(
    kpi: str, ok: list[float], breached: list[float]
) -> None:
    quiet, loud = (row("gtm_launch", kpi, {kpi: figures}) for figures in (ok, breached))
    assert (quiet.state, quiet.first) == ("ok", None)
    assert (loud.state, str(loud.first), str(loud.since)) == ("breached", "2025-12", "2025-12")
    assert loud.risk.owner
    # A financial one is critical, any other a warning.
    assert loud.risk.severity == ("critical" if loud.risk.family == "financial" else "warning")


def test_what_the_report_does_not_have_is_not_measurable_and_its_limit_stands() -> None:
    found = row("gtm_launch", "tam_change", {"nps": 1.0})
    assert (found.state, found.risk.limit) == ("not measurable", -15.0)
    assert found.reason
    assert [found.risk.fires_at(figure) for figure in (-15.0, -14.9)] == [True, False]


def test_the_win_rate_of_a_quarter_against_the_one_before_in_a_monthly_report() -> None:
    # 50 % in the third quarter, of many deals in its last month; 45 % in the fourth is a tenth less.
    before = [(10, 100), (20, 100), (370, 600)]
    for decided, state, change in ((450, "breached", -10.0), (451, "ok", -9.8)):
        now = [(100, 300), (100, 300), (decided - 200, 400)]
        parts = [(float(a), float(b)) for a, b in (*before, *now)]
        rates = [100 * above / below for above, below in parts]
        found = row("gtm_launch", "win_rate", {"win_rate": rates}, parts={"win_rate": parts})
        assert (found.state, found.figure) == (state, pytest.approx(change))


def test_within_a_quarter_the_last_whole_one_is_looked_at() -> None:
    rates = [50.0, 50, 50, 50, 50, 50, 20]
    found = row("gtm_launch", "win_rate", {"win_rate": rates}, "2025-10",
                parts={"win_rate": quarter_parts(rates)})  # fmt: skip
    assert (found.state, found.figure) == ("ok", 0.0)
    assert found.value is not None
    assert found.value.period.label == "2025-Q3"


def test_a_quarter_of_figures_that_do_not_pool_is_not_measurable() -> None:
    found = row("gtm_launch", "win_rate", {"win_rate": [50.0] * 6})
    assert (found.state, found.reason) == ("not measurable", "a quarter is no mean of its months")


def test_what_is_watched_by_month_is_not_seen_in_a_report_of_a_quarter() -> None:
    found = row("datainsight_pro", "customer_churn_rate", {"customer_churn_rate": [9.0]}, "2025-Q4")
    assert found.state == "not measurable"
    assert "watched by month" in found.reason


#: What the demo's plan states: the limit itself is allowed, beyond it is not.
DEMO = [
    ("customer_churn_rate", [4.0], [4.1], "critical"),
    ("trial_to_paid_conversion", [15.0], [14.9], "critical"),
    ("mrr_growth_rate", [7.0, 8.0], [7.9, 7.9], "critical"),
    ("system_uptime", [99.0], [98.9], "critical"),
    ("page_load_time", [5.0], [5.1], "high"),
    ("nps", [45.0], [44.9], "warning"),
    ("tickets_per_100_customers", [35.0], [35.1], "warning"),
]


@pytest.mark.parametrize(("kpi", "ok", "breached", "severity"), DEMO, ids=[kpi for kpi, *_ in DEMO])
def test_a_warning_of_the_demo_fires_beyond_its_limit(
    kpi: str, ok: list[float], breached: list[float], severity: str
) -> None:
    assert row("datainsight_pro", kpi, {kpi: ok}).state == "ok"
    loud = row("datainsight_pro", kpi, {kpi: breached})
    assert (loud.state, loud.risk.severity) == ("breached", severity)


@pytest.mark.parametrize(
    ("figures", "state", "first", "since"),
    [
        # Two months in a row: it fires at the close of the second, and ends with one above.
        ([9, 7, 9, 7], "ok", None, None),
        ([9, 7, 7, 9], "ok", "2025-11", None),
        ([7, 7, 9, 7, 7], "breached", "2025-09", "2025-12"),
        ([9, 7, 7, 7], "breached", "2025-11", "2025-11"),
        ([7, None, 7], "ok", None, None),
        ([7, 7, None], "not measurable", None, None),
    ],
)
def test_first_breach_and_since_when(
    figures: list[float | None], state: str, first: str | None, since: str | None
) -> None:
    found = row("datainsight_pro", "mrr_growth_rate", {"mrr_growth_rate": figures})
    told = (found.state, found.first and str(found.first), found.since and str(found.since))
    assert told == (state, first, since)


def test_too_few_months_to_compare_with_are_said() -> None:
    found = row("gtm_launch", "mql_to_sql_conversion", {"mql_to_sql_conversion": [50, 10]})
    assert (found.state, found.reason) == (
        "not measurable",
        "too few months before it to compare with",
    )


def test_the_page_of_the_register() -> None:
    card, _ = of_suite("gtm_launch")
    figures: dict[str, object] = {kpi: breached for kpi, _, breached in LAUNCH[:2]}
    figures |= {"ltv_cac_ratio": [4.0, 4.5, 5.5], "mql_to_sql_conversion": [40, 50, 60, 30.0]}
    units = {"ltv_cac_ratio": "ratio", "mql_to_sql_conversion": "percent",
             "health_degradation_rate": "percent", "pipeline_coverage": "ratio"}  # fmt: skip
    values = made(
        figures,
        objectives=card.objectives,  # type: ignore[arg-type]
        facts={kpi: {"unit": unit} for kpi, unit in units.items()},
    )
    block = bp.risks(values)
    counts = [shown.text for shown in block.numbers if shown.what == "count"]
    assert counts == ["3", "17", "13"]
    limits = {shown.kpi: shown.text for shown in block.numbers if shown.what == "limit"}
    assert limits == {"health_degradation_rate": "≥\u00a015%", "pipeline_coverage": "<\u00a03",
                      "ltv_cac_ratio": "<\u00a05×", "mql_to_sql_conversion": "≤\u00a0−20.0%"}  # fmt: skip
    assert "−40.0%" in [shown.text for shown in block.numbers if shown.what == "change"]
    text = block.markdown
    assert all(head in text for head in ("Leading indicators", "Financial risks", "Market risks"))
    (title,) = titles(block)
    assert title.startswith("3 of 17 early warnings breached: ")
    assert title.endswith("; 13 not measurable")
    # It fired in October and November, and no longer does.
    (line,) = [line for line in text.splitlines() if "Unit economics deteriorate" in line]
    assert "Oct 31, 2025" in line.replace("\\", "")
    assert "[ok]{.good}" in line
    assert "| CFO |" in line


def test_without_risks_there_is_no_register() -> None:
    assert bp.risks(made({"mau": 1.0})).markdown == ""
    assert bp.risks(made({"mau": 1.0}, objectives=Objectives())).markdown == ""


def test_names_are_text_and_an_open_period_is_marked() -> None:
    risk = Risk(HOSTILE, "mau", "leading", "info", ">", 5, owner=HOSTILE)
    values = made({"mau": 6.0}, objectives=Objectives(risks=(risk,)), status="provisional")
    block = bp.risks(values)
    assert "<b>name</b>" not in block.html
    assert "so\u00a0far" in block.markdown
