from __future__ import annotations

import re
from dataclasses import replace

import pytest

from boardpack import executive
from boardpack.blocks import Text
from boardpack.formats import Formatter
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.readings import read
from boardpack.urgency import (
    crossing,
    gravity,
    is_slipping,
    missed_in_a_row,
    needs_decision,
    worse_in_a_row,
)
from boardpack.values import Values
from values_fixture import PERIOD, in_locale, open_values, small_values, titles

VALUES = small_values()
MONTHS = [period.label for period in Period.parse(PERIOD).last(25)]


def with_course(kpi: str, figures: list[float], **facts: object) -> Values:
    """The small company with other last figures of a KPI, the newest last."""
    frame = VALUES.frame.copy()
    for label, figure in zip(MONTHS[-len(figures) :], figures, strict=True):
        at = (frame["kpi"] == kpi) & (frame["period"] == label) & (frame["dims"] == "")
        assert at.any()
        frame.loc[at, "value"] = figure
    known = {**VALUES.kpis, kpi: replace(VALUES.kpi(kpi), **facts)}  # type: ignore[arg-type]
    return replace(VALUES, frame=frame, kpis=known)


def bare(block: Text) -> str:
    """What a reader sees of a text, cells of a table parted by bars."""
    words = re.sub(r"\[((?:[^\]\\]|\\.)*)\]\{[^}]*\}", r"\1", block.markdown)
    words = re.sub(r"\[((?:[^\]\\]|\\.)*)\]\{[^}]*\}", r"\1", words)
    words = re.sub(r"\\(.)", r"\1", words.replace("**", "")).replace("\u00a0", " ")
    lines = (line.strip() for line in words.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith((":::", "|:")))


def rows(block: Text) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in bare(block).splitlines()
        if line.startswith("|")
    ]


def flat(goal: float, comparator: str = ">=") -> dict[str, Target]:
    return {label: Target(goal, comparator) for label in [*MONTHS, "2026-01"]}  # type: ignore[arg-type]


def test_key_metrics_tick_only_what_meets_its_target() -> None:
    table = rows(executive.key_metrics(VALUES, ["mrr", "customer_churn_rate", "mau", "runway"]))
    assert table[0] == ["KPI", "Dec 2025", "vs Dec 2024", "Target", "Met"]
    assert table[1:] == [
        ["Monthly Recurring Revenue", "$2.76M", "▲ +67.1%", "$2.9M", "missed"],
        ["Customer churn rate", "1.9%", "▼ −0.5 pp", "< 2%", "✓ met"],
        ["Monthly active users", "14.8K", "▲ +21.3%", "none", "no target"],
        ["Cash runway", "—", "—", "none", "—"],
    ]


def test_growth_below_its_target_has_no_tick() -> None:
    # A rise of 8 % where 10 % were wanted is no success, whatever the direction.
    values = with_course("mau", [108.0], targets=flat(110))
    assert rows(executive.key_metrics(values, ["mau"]))[1][-1] == "missed"
    values = with_course("mau", [110.0], targets=flat(110))
    assert rows(executive.key_metrics(values, ["mau"]))[1][-1] == "✓ met"


def test_the_baseline_may_be_the_period_before() -> None:
    table = rows(executive.key_metrics(VALUES, ["mrr"], against="before"))
    assert table[0][2] == "vs Nov 2025"
    assert table[1][2] == "▲ +3.9%"


@pytest.mark.parametrize(
    ("kpis", "says"),
    [
        (["mau"], "No target is set for these KPIs: nothing can be recommended."),
        (["customer_churn_rate"], "In good shape: 1 of 1 targets met. Hold the course."),
        (
            ["customer_churn_rate", "nps"],
            "Mostly on target: 1 of 2 targets met. First to mend: Net promoter score at 52.5,"
            " 17.5 below the target of 70.",
        ),
        (
            ["nps", "mrr", "gross_margin"],
            "Off target: 1 of 3 targets met. First to mend: Net promoter score at 52.5, 17.5 below"
            " the target of 70; then Monthly Recurring Revenue.",
        ),
    ],
)
def test_a_recommendation(kpis: list[str], says: str) -> None:
    assert bare(executive.recommendation(VALUES, kpis)) == says


def test_actions_are_those_of_the_definitions_of_what_is_missed() -> None:
    facts = {kpi: VALUES.kpi(kpi) for kpi in VALUES.kpis}
    facts["nps"] = replace(facts["nps"], actions=("Call every critic.", "Other"))
    facts["customer_churn_rate"] = replace(facts["customer_churn_rate"], actions=("Call",))
    values = replace(VALUES, kpis=facts)
    block = executive.priority_actions(values, ["customer_churn_rate", "mrr", "nps"])
    assert bare(block) == (
        "- Call every critic. Net promoter score at 52.5, 17.5 below the target of 70. CFO."
    )
    none = executive.priority_actions(values, ["customer_churn_rate"])
    assert bare(none) == "No target is missed: no action has priority."


def test_a_target_missed_for_long_needs_a_decision() -> None:
    wanted = {"targets": flat(70), "actions": ("Ask the critics.",)}
    values = with_course("nps", [50.0] * 25, **wanted)
    reading = read(values, "nps")
    assert missed_in_a_row(reading) == 13
    assert needs_decision(reading)
    assert bare(executive.decisions(values, ["nps", "customer_churn_rate"])) == (
        "Net promoter score (CFO) at 50.0, 20.0 below the target of 70, missed 13 months in a row;"
        " the pace of the last three months does not lead there. To decide: ask the critics, or"
        " set another target."
    )


@pytest.mark.parametrize(
    ("figures", "decides"),
    [
        ([80.0] * 12 + [60.0], True),  # once, but beyond its normal range
        ([70.0, 71.0, 70.5, 72.0, 71.0, 70.0, 71.0, 72.0, 70.0, 71.0, 70.2, 70.3, 69.9], False),
        ([50.0] * 9 + [55.0, 60.0, 65.0, 69.0], False),  # the pace is there next month
        ([80.0] * 13, False),
    ],
)
def test_what_passes_or_mends_itself_needs_none(figures: list[float], decides: bool) -> None:
    values = with_course("nps", figures, targets=flat(70))
    assert needs_decision(read(values, "nps")) is decides


def test_no_decision_is_said() -> None:
    assert bare(executive.decisions(VALUES, ["customer_churn_rate"])).startswith("Nothing needs")
    assert not needs_decision(read(open_values(), "nps"))


def test_more_decisions_than_a_page_wants_are_named() -> None:
    kpis = ["nps", "gross_margin", "mrr"]
    values = replace(
        VALUES,
        kpis={**VALUES.kpis, **{k: replace(VALUES.kpi(k), targets=flat(1e9)) for k in kpis}},
    )
    said = bare(executive.decisions(values, kpis, most=1))
    assert said.splitlines()[0].startswith("Net promoter score (CFO)")
    assert said.splitlines()[1] == "Also to decide: Gross margin, Monthly Recurring Revenue."


@pytest.mark.parametrize(
    ("figures", "step", "periods"),
    [
        ([60.0, 62.0, 64.0, 66.0], 2.0, 2.0),
        ([66.0, 64.0, 62.0, 60.0], -2.0, None),
        ([60.0, 60.0, 60.0, 60.0], 0.0, None),
        ([60.0, 60.03, 60.06, 60.09], 0.03, None),  # years
    ],
)
def test_pace(figures: list[float], step: float, periods: float | None) -> None:
    found = crossing(read(with_course("nps", figures, targets=flat(70)), "nps"))
    assert found is not None
    assert found.step == pytest.approx(step)
    assert found.periods == (None if periods is None else pytest.approx(periods))


def test_a_target_about_to_be_missed_is_a_concern() -> None:
    values = with_course("nps", [80.0, 78.0, 76.0, 74.0, 72.0], targets=flat(70))
    assert is_slipping(read(values, "nps"))
    assert bare(executive.concerns(values, ["nps"])) == (
        "- Net promoter score fell 2.0 to 72.0, 2.0 above the target of 70; at the pace of the last"
        " three months it is missed in about 1 month."
    )


def test_a_long_slide_is_a_concern() -> None:
    values = with_course("mau", [200.0, 300.0, 200.0, 190.0, 180.0, 170.0])
    assert worse_in_a_row(read(values, "mau")) == 4
    said = bare(executive.concerns(values, ["mau"]))
    assert said == "- Monthly active users fell for 4 months in a row, to 170."


def test_a_season_that_comes_is_a_concern() -> None:
    figures = [100.0 + (i % 2) for i in range(25)]
    figures[MONTHS.index("2025-01")] = 60.0
    values = with_course("new_customers", figures)
    said = bare(executive.concerns(values, ["new_customers"]))
    assert said == ("- New customers fell 40.0% in January 2025; January 2026 may bring the same.")


def test_no_concern_is_said() -> None:
    assert bare(executive.concerns(VALUES, ["nps"])).startswith("No target")


def test_messages_are_one_for_each_group() -> None:
    said = bare(executive.messages(VALUES, {"Board": ["mrr", "nps"], "Nobody": []}))
    assert said == (
        "- Board: 0 of 2 targets met. Monthly Recurring Revenue rose 3.9% to $2.76M, 4.8% below the"
        " target of $2.9M."
    )


@pytest.mark.parametrize(("goal", "said"), [(58, "1 more"), (58.1, "no more"), (56, "no more")])
def test_the_outlook_counts_what_the_pace_reaches(goal: float, said: str) -> None:
    values = with_course("nps", [50.0, 52.0, 54.0, 56.0], targets=flat(goal))
    (title,) = titles(executive.outlook(values, ["nps"]))
    assert title.endswith(f"; {said} at the present pace")
    assert title.startswith("1 of 1") is (goal == 56)


def test_the_outlook_says_what_the_next_period_takes() -> None:
    values = with_course("nps", [50.0, 52.0, 54.0, 56.0], targets=flat(70))
    values = replace(
        values,
        kpis={
            **values.kpis,
            "customer_churn_rate": replace(VALUES.kpi("customer_churn_rate"), targets=flat(2, "<")),
        },
    )
    block = executive.outlook(values, ["nps", "customer_churn_rate", "mau"])
    assert titles(block) == [
        "1 of 2 targets of January 2026 are met already; no more at the present pace"
    ]
    table = rows(block)
    assert table[0] == [
        "KPI", "Dec 2025", "Target Jan 2026", "Step it takes", "Mean step lately",
        "Step a year ago",
    ]  # fmt: skip
    assert [row[0] for row in table[1:]] == ["Net promoter score", "Customer churn rate"]
    assert table[1][1:5] == ["56.0", "70", "+14.0", "+2.0"]
    assert table[2][3] == "none"
    assert table[2][4].endswith("pp")


@pytest.mark.parametrize("values", [VALUES, in_locale(VALUES, "de_DE", "EUR")], ids=["en", "de"])
def test_every_number_is_the_one_of_the_frame(values: Values) -> None:
    formatter, kpis = Formatter(values), list(values.kpis)
    blocks = [
        executive.key_metrics(values, kpis),
        executive.recommendation(values, kpis),
        executive.decisions(values, kpis, most=99),
        executive.concerns(values, kpis, most=99),
        executive.messages(values, {"All": kpis}),
        executive.outlook(values, kpis),
    ]
    told = [n for block in blocks for n in block.numbers if n.what == "value"]
    assert told
    for shown in told:
        value = values.value(shown.kpi, Period.parse(shown.period), shown.member).value
        assert value is not None
        assert shown.text in (formatter.short(shown.kpi, value), formatter.full(shown.kpi, value))


def test_a_kpi_that_is_not_available_is_left_out() -> None:
    assert executive.key_metrics(VALUES, ["backlog"]) == Text("")
    assert executive.outlook(VALUES, ["backlog"]) == Text("")


def test_gravity_orders_what_matters() -> None:
    unusual = read(with_course("nps", [80.0] * 12 + [60.0], targets=flat(70)), "nps")
    missed = read(VALUES, "nps")
    none = read(VALUES, "runway")
    fine = read(VALUES, "customer_churn_rate")
    assert [gravity(r) for r in (unusual, missed, none, fine)] == [0, 3, 4, 5]
