from __future__ import annotations

import re
from dataclasses import replace

import pytest

from boardpack.blocks import Text
from boardpack.formats import Formatter
from boardpack.periods import Period
from boardpack.restatements import Restated, Restatement
from boardpack.sparklines import sparkline
from boardpack.tables import (
    history,
    members,
    not_available,
    restatements,
    scorecard,
)
from boardpack.values import Values
from values_fixture import PERIOD, bare, in_locale, open_values, small_values, titles

VALUES = small_values()
KPIS = ["mrr", "customer_churn_rate", "nps", "mau", "runway"]


def cells(block: Text) -> list[list[str]]:
    """The rows of the table in a block as a reader sees them, the header first."""
    lines = [line for line in block.markdown.splitlines() if line.startswith("| ")]
    return [[bare(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_scorecard() -> None:
    header, *rows = cells(scorecard(VALUES, KPIS))
    assert header == [
        "KPI", "Owner", "Dec 2025", "Target", "Gap", "Status", "vs Nov 2025", "vs Dec 2024", "Course",
    ]  # fmt: skip
    assert rows == [
        [
            "Monthly Recurring Revenue", "CFO", "$2.76M", "$2.9M", "−4.8%", "missed", "+3.9%", "+67.1%",
            "picture",
        ],
        ["Customer churn rate", "CFO", "1.9%", "< 2%", "−0.1 pp", "met", "−0.2 pp", "−0.5 pp", "picture"],
        ["Net promoter score", "CFO", "52.5", "70", "−17.5", "missed", "−2.9", "−2.9", "picture"],
        ["Monthly active users", "CFO", "14.8K", "", "", "no target", "−0.3%", "+21.3%", "picture"],
        ["Cash runway", "CFO", "—", "", "", "no value", "—", "—", "picture"],
    ]  # fmt: skip


def test_a_dash_has_its_reason_in_words() -> None:
    assert (
        "No value — Cash runway\\: the company burns no cash." in scorecard(VALUES, KPIS).markdown
    )
    assert "No value" not in scorecard(VALUES, ["mrr"]).markdown


@pytest.mark.parametrize(
    ("kpis", "says"),
    [
        (["mrr", "nps"], ["0 of 2 targets met; 1 of 2 better than in December 2024"]),
        (["mau", "runway"], ["1 of 1 better than in December 2024"]),
        # Of one KPI the row says as much.
        (["customer_churn_rate"], []),
        (["backlog", "runway"], []),
    ],
)
def test_the_title_of_a_scorecard_says_how_its_kpis_stand(kpis: list[str], says: list[str]) -> None:
    assert titles(scorecard(VALUES, kpis)) == says


def test_the_title_of_members_says_what_explains_the_move() -> None:
    assert titles(members(VALUES, ["mrr", "nps"], "segment")) == [
        "Enterprise explains $51.7K of the $103K by which Monthly Recurring Revenue rose"
    ]
    assert titles(members(VALUES, "nps", "segment")) == [
        "Net promoter score is highest in Enterprise at 63.0 and lowest in SMB at 47.3"
    ]


def test_rows_stand_in_groups() -> None:
    rows = cells(scorecard(VALUES, {"Growth": ["mrr"], "Gone": ["backlog"], "People": ["nps"]}))
    assert [row[0] for row in rows[1:]] == [
        "Growth", "Monthly Recurring Revenue", "People", "Net promoter score",
    ]  # fmt: skip
    assert len({len(row) for row in rows}) == 1


def test_better_and_worse_are_marked_by_direction_and_not_by_sign() -> None:
    markdown = scorecard(VALUES, ["customer_churn_rate"]).markdown
    assert re.search(r"\[\[−0\.2\u00a0pp\]\{\.n [^}]*\}\]\{\.good\}", markdown)
    markdown = scorecard(VALUES, ["nps"]).markdown
    assert re.search(r"\[\[−2\.9\]\{\.n [^}]*\}\]\{\.bad\}", markdown)


def test_an_open_period_says_so_far() -> None:
    (_, row) = cells(scorecard(open_values(), ["mrr"]))
    assert row[5] == "missed so far"


@pytest.mark.parametrize("values", [VALUES, in_locale(VALUES, "de_DE", "EUR")], ids=["en", "de"])
def test_every_number_is_the_one_of_the_frame(values: Values) -> None:
    formatter = Formatter(values)
    blocks = [
        scorecard(values, list(values.kpis)),
        members(values, "mrr", "segment"),
        members(values, ["nps", "customer_churn_rate"], "segment"),
        history(values, KPIS),
    ]
    for shown in [number for block in blocks for number in block.numbers]:
        if shown.what != "value":
            continue
        value = values.value(shown.kpi, Period.parse(shown.period), shown.member).value
        assert value is not None
        assert shown.text in (formatter.short(shown.kpi, value), formatter.full(shown.kpi, value))


def test_members_of_a_kpi_that_adds_up() -> None:
    header, *rows = cells(members(VALUES, "mrr", "segment"))
    assert header == ["Segment", "Monthly Recurring Revenue", "Share", "vs Nov 2025", "vs Dec 2024"]
    assert [row[0] for row in rows] == ["Enterprise", "Mid market", "SMB", "Total"]
    assert [row[2] for row in rows] == ["50.0%", "30.0%", "20.0%", "100%"]
    amounts = [int(re.sub(r"\D", "", row[1])) for row in rows]
    assert abs(sum(amounts[:-1]) - amounts[-1]) <= 1


def test_members_of_a_rate_have_no_share() -> None:
    header, *rows = cells(members(VALUES, "nps", "segment"))
    assert "Share" not in header
    assert rows[-1][:2] == ["Total", "52.5"]


def test_members_of_several_kpis() -> None:
    header, *rows = cells(members(VALUES, ["mrr", "nps", "gross_margin"], "segment"))
    assert header == ["Segment", "Monthly Recurring Revenue", "Net promoter score"]
    assert rows[0] == ["Enterprise", "$1,380,860", "63.0"]


def test_history_ends_with_the_period_of_the_report() -> None:
    header, *rows = cells(history(VALUES, ["mrr", "runway"], last=3))
    assert header == ["KPI", "Oct 2025", "Nov 2025", "Dec 2025"]
    assert rows[0][1:] == ["$2,552,745", "$2,658,298", "$2,761,721"]
    assert rows[1][1:] == ["31.0 months", "31.5 months", "—"]


def test_amounts_too_wide_for_their_column_are_shortened() -> None:
    frame = VALUES.frame.copy()
    frame["value"] *= 100
    (_, row) = cells(history(replace(VALUES, frame=frame), ["mrr"]))
    assert row[-1] == "$276M"


def test_what_is_not_available_is_said_in_one_place() -> None:
    assert not_available(VALUES).markdown == (
        "- **Ticket backlog**\\: needs the source tickets, which is not connected"
    )
    rest = replace(VALUES, report=replace(VALUES.report, not_available={}))
    assert not_available(rest) == Text("")


def test_many_that_are_not_available_stand_by_what_they_lack() -> None:
    facts = VALUES.kpi("mrr")
    kpis = {f"k{i}": replace(facts, id=f"k{i}", name=f"Name {i}") for i in range(30)}
    lacks = {kpi: f"not connected: {'even' if i % 2 == 0 else 'odd'}" for i, kpi in enumerate(kpis)}
    values = replace(VALUES, kpis=kpis, report=replace(VALUES.report, not_available=lacks))
    even, odd = not_available(values).markdown.splitlines()
    assert even.startswith("- **not connected\\: even**\\: Name 0, Name 2, Name 4")
    assert odd.endswith("Name 27, Name 29")
    assert scorecard(VALUES, ["backlog"]) == Text("")
    assert history(VALUES, ["backlog"]) == Text("")
    assert members(VALUES, ["backlog", "gross_margin"], "segment") == Text("")


def test_every_picture_has_words() -> None:
    block = scorecard(VALUES, KPIS)
    assert sorted(block.figures) == sorted(f"spark-{kpi}-76.svg" for kpi in KPIS)
    assert block.markdown.count('fig-alt="') == len(KPIS)
    assert (
        'fig-alt="Net promoter score: 55.4 in December 2024, 52.5 in December 2025"'
        in block.markdown
    )


@pytest.mark.parametrize(
    ("figures", "path"),
    [
        ([1.0, 2.0, 3.0], "M3.5 16.5 L50.0 10.0 L96.5 3.5"),
        ([1.0, None, 3.0], "M3.5 16.5 M96.5 3.5"),
        ([2.0, 2.0], "M3.5 10.0 L96.5 10.0"),
        ([None, 4.0], "M96.5 10.0"),
    ],
)
def test_sparkline(figures: list[float | None], path: str) -> None:
    svg = sparkline(figures, width=100, height=20, color="#123456")
    assert f'd="{path}"' in svg
    assert svg.count("<circle") == 1


def test_sparkline_of_nothing_is_empty() -> None:
    svg = sparkline([None, None], width=100, height=20, color="#123456", goal=1.0)
    assert "<path" not in svg
    assert "<line" not in svg


def test_equal_values_give_equal_tables() -> None:
    assert scorecard(small_values(), KPIS) == scorecard(small_values(), KPIS)
    assert PERIOD in scorecard(VALUES, ["mrr"]).markdown


def restated(**changes: object) -> Restatement:
    given: dict[str, object] = {
        "kpi": "mrr", "period": "2025-11", "dims": "", "before": 1.0, "after": 2.0,
        "before_status": "final", "after_status": "final", "kind": "changed",
        "causes": ("late data",), "name": "MRR", "before_text": "$1", "after_text": "$2",
        "change_text": "+100%",
    }  # fmt: skip
    return Restatement(**{**given, **changes})  # type: ignore[arg-type]


def test_restatements_show_what_was_published_what_is_now_and_why() -> None:
    rows = (
        restated(dims="segment=mid_market", causes=("late data", "definition")),
        restated(before_status="provisional"),
        restated(kpi="nps", name="NPS", after=None, after_text="—", kind="vanished",
                 change_text="vanished"),
        restated(before_text="$2", change_text=""),
        restated(kind="status", before_status="maturing"),
    )  # fmt: skip
    block = restatements(VALUES, [Restated("2025-12", 1, "2025-12-31"),
                                  Restated("2025-11", 2, "2025-11-30", rows)])  # fmt: skip
    assert cells(block) == [
        ["KPI", "Period", "Member", "Published", "Now", "Change", "Cause"],
        ["MRR", "Nov 2025", "Total", "$1 provisional", "$2", "+100%", "late data"],
        ["NPS", "Nov 2025", "Total", "$1", "—", "vanished", "late data"],
        ["MRR", "Nov 2025", "Segment Mid market", "$1", "$2", "+100%", "late data, definition"],
    ]
    said = bare(block.markdown)
    assert (
        "3 figures read otherwise than November 2025, revision 2 published, as of November 30,"
        " 2025." in said
    )
    assert said.endswith("Nothing else was restated: the figures of revision 1 stand.")
    assert "1 differ by less than is shown; 1 are final now and unchanged." in said
    shown = {(n.kpi, n.member, n.what, n.text) for n in block.numbers}
    assert shown == {
        ("mrr", "", "published", "$1"), ("mrr", "", "value", "$2"), ("mrr", "", "change", "+100%"),
        ("mrr", "segment=mid_market", "published", "$1"),
        ("mrr", "segment=mid_market", "value", "$2"),
        ("mrr", "segment=mid_market", "change", "+100%"), ("nps", "", "published", "$1"),
        ("", "", "count", "3"), ("", "", "count", "1"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ((), "No earlier edition shows these figures: nothing was restated."),
        (
            (Restated(PERIOD, 1, "2025-12-31"), Restated("2025-11", 3, "2025-11-30")),
            "Nothing was restated: the figures of revision 1 and November 2025, revision 3 stand.",
        ),
    ],
)
def test_nothing_restated_is_one_line(found: tuple[Restated, ...], says: str) -> None:
    assert bare(restatements(VALUES, found).markdown) == says


def test_many_restatements_are_counted_and_an_edition_without_is_named() -> None:
    rows = tuple(restated(period=f"2025-{month:02}") for month in range(1, 10))
    found = (
        Restated("2025-11", 1, "2025-11-30", rows),
        Restated("2025-12", 4, "2025-12-31", problem="the manifest | is *gone*."),
    )
    block = restatements(VALUES, found, most=4)
    assert len(cells(block)) == 5
    said = bare(block.markdown)
    assert "5 more are in the file restatements.json of this edition." in said
    assert "Not compared with revision 4: the manifest | is *gone*." in said
