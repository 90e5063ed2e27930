from __future__ import annotations

import re
from dataclasses import replace

import pytest

from boardpack.blocks import Text
from boardpack.formats import Formatter
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.sentences import finding, sentence, summary
from boardpack.values import Values
from values_fixture import PERIOD, open_values, small_values

VALUES = small_values()


def changed(figures: dict[tuple[str, str], float | None]) -> Values:
    """The small company with other totals of a KPI in a period."""
    frame = VALUES.frame.copy()
    for (kpi, period), figure in figures.items():
        at = (frame["kpi"] == kpi) & (frame["period"] == period) & (frame["dims"] == "")
        assert at.any()
        frame.loc[at, "value"] = figure
    return replace(VALUES, frame=frame)


def said(block: Text) -> list[str]:
    """The sentences as a reader sees them: the verdict, then one a bullet."""
    text = re.sub(r"\[((?:[^\]\\]|\\.)*)\]\{\.[^}]*\}", r"\1", block.markdown)
    text = re.sub(r"\\(.)", r"\1", text.replace("**", "")).replace("\u00a0", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(":::")]
    return [line.removeprefix("- ") for line in lines]


def test_the_verdict_counts_targets_and_unusual_moves() -> None:
    verdict, *_ = said(summary(VALUES, ["mrr", "gross_margin", "nps", "mau"]))
    assert verdict == "December 2025: 1 of 3 targets met; no figure moved more than usual."
    verdict, *_ = said(summary(changed({("mau", PERIOD): 30_000.0}), ["mau", "nps"]))
    assert verdict == "December 2025: 0 of 1 target met; 1 figure moved more than usual."
    verdict, *_ = said(summary(open_values(), ["nps", "mau"]))
    assert verdict.startswith("December 2025: 0 of 1 target met so far;")
    verdict, *_ = said(summary(VALUES, ["mau"]))
    assert verdict == "December 2025: no figure moved more than usual."


@pytest.mark.parametrize(
    ("figures", "kpi", "sentence"),
    [
        (
            {},
            "mrr",
            "Monthly Recurring Revenue rose 3.9% to $2.76M, 4.8% below the target of $2.9M;"
            " 67.1% above December 2024; at the pace of the last three months about 1 month"
            " from this target.",
        ),
        (
            {},
            "odd",
            "Odd <b>name</b> | *x* $y$ #z was unchanged at 1,234; the same as in December 2024.",
        ),
        (
            {},
            "runway",
            "Cash runway has no value for December 2025: the company burns no cash.",
        ),
        (
            {("mau", PERIOD): 30_000.0},
            "mau",
            "Monthly active users rose 102% to 30K, outside its normal range of 13.9K to 16.2K;"
            " 146% above December 2024.",
        ),
        (
            {("customer_churn_rate", PERIOD): 4.0},
            "customer_churn_rate",
            "Customer churn rate rose 1.9 pp to 4.0%, 2.0 pp above the limit of 2%, outside its"
            " normal range of 1.6% to 2.6%; 1.6 pp above December 2024.",
        ),
        (
            {("nps", f"2025-{month:02d}"): 60.0 - month for month in range(1, 13)},
            "nps",
            "Net promoter score fell 1.0 to 48.0, 22.0 below the target of 70;"
            " 7.4 below December 2024.",
        ),
    ],
)
def test_a_sentence(figures: dict[tuple[str, str], float], kpi: str, sentence: str) -> None:
    assert said(summary(changed(figures), [kpi]))[1] == sentence


def test_what_matters_most_comes_first() -> None:
    values = changed({("gross_margin", PERIOD): 60.0, ("mau", PERIOD): 30_000.0})
    sentences = said(
        summary(values, ["odd", "nps", "mau", "ltv_cac_ratio", "gross_margin", "runway"])
    )
    first_words = [" ".join(sentence.split()[:2]) for sentence in sentences[1:]]
    assert first_words == ["Gross margin", "Monthly active", "Net promoter"]
    beside = said(summary(values, ["odd", "runway", "nps", "mau"]))[1:]
    assert [" ".join(sentence.split()[:2]) for sentence in beside] == [
        "Monthly active", "Net promoter", "Cash runway",
    ]  # fmt: skip


def test_a_summary_is_short_and_shorter_on_a_quiet_day() -> None:
    assert len(said(summary(VALUES, list(VALUES.kpis)))) == 1 + 3
    assert len(said(summary(VALUES, list(VALUES.kpis), most=2))) == 1 + 2
    known = [kpi for kpi in VALUES.kpis if VALUES.value(kpi).value is not None]
    moved = {(kpi, PERIOD): 3 * (VALUES.value(kpi).value or 0.0) for kpi in known}
    assert len(said(summary(changed(moved), list(VALUES.kpis)))) == 1 + 5


def test_a_pace_that_leads_away_or_takes_years_is_not_told() -> None:
    slow = {("gross_margin", f"2025-{m:02d}"): 80.0 + 0.01 * m for m in range(1, 13)}
    assert "pace" not in said(summary(changed(slow), ["gross_margin"]))[1]
    falling = {("gross_margin", f"2025-{m:02d}"): 82.0 - 0.2 * m for m in range(1, 13)}
    assert "pace" not in said(summary(changed(falling), ["gross_margin"]))[1]
    assert "pace" not in said(summary(open_values(), ["mrr"]))[1]


def test_a_target_may_be_a_range() -> None:
    facts = VALUES.kpi("mau")
    targets = {PERIOD: Target((20_000, 30_000), "between")}
    values = replace(VALUES, kpis={"mau": replace(facts, targets=targets, direction="range")})
    assert "26.1% below the target of 20K – 30K" in said(summary(values, ["mau"]))[1]


def test_the_member_behind_a_move_is_named() -> None:
    sentence = said(summary(VALUES, ["mrr"], dimension="segment"))[1]
    assert sentence.endswith(
        " Enterprise explains $51.7K of the $103K by which Monthly Recurring Revenue rose."
    )
    assert said(finding(VALUES, "mrr", "segment")) == [
        "Enterprise explains $51.7K of the $103K by which Monthly Recurring Revenue rose."
    ]
    assert finding(VALUES, "gross_margin", "segment") == Text("")


def test_a_sentence_stands_above_a_table() -> None:
    assert said(sentence(VALUES, "mrr")) == [
        "Monthly Recurring Revenue rose 3.9% to $2.76M, 4.8% below the target of $2.9M"
    ]
    assert sentence(VALUES, "backlog") == Text("")


def test_every_number_is_the_one_of_the_frame() -> None:
    formatter = Formatter(VALUES)
    blocks = [summary(VALUES, [kpi], dimension="segment") for kpi in VALUES.kpis]
    told = [shown for block in blocks for shown in block.numbers if shown.what == "value"]
    assert len(told) > 15
    for shown in told:
        value = VALUES.value(shown.kpi, Period.parse(shown.period), shown.member).value
        assert value is not None
        assert shown.text == formatter.short(shown.kpi, value)


def test_what_is_not_available_is_not_spoken_of() -> None:
    assert summary(VALUES, ["backlog"]) == Text("")
    assert finding(VALUES, "backlog", "segment") == Text("")
    assert len(said(summary(VALUES, ["backlog", "mau"]))) == 2


def test_equal_values_give_equal_sentences() -> None:
    kpis = list(VALUES.kpis)
    assert summary(small_values(), kpis) == summary(small_values(), kpis)
