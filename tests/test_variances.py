"""Variances in amount and percent, and heatmaps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boardpack.blocks import Chart, Shown, Text
from boardpack.brand import contrast
from boardpack.deltas import Base
from boardpack.formats import Formatter
from boardpack.heatmaps import heatmap
from boardpack.panels import trends
from boardpack.readings import read
from boardpack.theme import palette
from boardpack.values import Values
from boardpack.variances import variance
from test_charts import rows, texts, written
from values_fixture import PERIOD, in_locale, open_values, small_values

VALUES = small_values()


def drawn(block: object) -> Chart:
    assert isinstance(block, Chart)
    return block


def cells(shown: Chart, name: str) -> dict[str, list[str]]:
    """What a row says under each head; heads come again for each base."""
    found: dict[str, list[str]] = {}
    row = next(row for row in shown.rows if row[0] == name)
    for head, text in zip(shown.columns, written(row), strict=True):
        found.setdefault(head, []).append(text.replace("\u00a0", " "))
    return found


@pytest.mark.parametrize(
    ("kpi", "change", "percent", "verdict"),
    [
        ("mrr", "+$1.11M", "+67.1%", "better"),
        ("customer_churn_rate", "−0.5 pp", "", "better"),
        ("nps", "−2.9", "−5.2%", "worse"),
        ("gross_margin", "+1.4 pp", "", "better"),
    ],
)
def test_against_the_year_before(kpi: str, change: str, percent: str, verdict: str) -> None:
    shown = drawn(variance(VALUES, [kpi]))
    row = cells(shown, VALUES.kpi(kpi).name)
    assert (row["Change"][0], row["Percent"][0], row["Is"][0]) == (change, percent or "—", verdict)
    drawn_texts = [text.replace("\u00a0", " ") for text in texts(shown.svg)]
    assert change in drawn_texts
    assert percent in [*drawn_texts, ""]


@pytest.mark.parametrize(
    ("kpi", "gap", "verdict"),
    [("mrr", "−$138K", "worse"), ("customer_churn_rate", "−0.1 pp", "better"),
     ("gross_margin", "+0.6 pp", "better")],
)  # fmt: skip
def test_against_the_target(kpi: str, gap: str, verdict: str) -> None:
    row = cells(drawn(variance(VALUES, kpi)), VALUES.kpi(kpi).name)
    assert (row["Change"][-1], row["Is"][-1]) == (gap, verdict)


def test_green_and_red_follow_the_direction_of_good_and_so_does_the_shape() -> None:
    look = palette()
    kpis = ["mrr", "customer_churn_rate", "nps"]
    shown = drawn(variance(VALUES, kpis, against=["year_ago"]))
    pins = [row for row in rows(shown.spec, field="shape") if row["Against"] == "year before"]
    by_name = {row["Name"]: (row["color"], row["shape"]) for row in pins}
    names = [VALUES.kpi(kpi).name for kpi in kpis]
    assert [by_name[name] for name in names] == [
        (look.good, "circle"), (look.good, "circle"), (look.bad, "diamond"),
    ]  # fmt: skip


def test_what_is_neither_better_nor_worse_is_grey() -> None:
    facts = {**VALUES.kpis, "nps": replace(VALUES.kpi("nps"), direction="range")}
    shown = drawn(variance(replace(VALUES, kpis=facts), "nps", against=["year_ago"]))
    assert {row["color"] for row in rows(shown.spec, field="shape")} == {palette().muted}


def test_amounts_of_one_unit_are_bars_and_of_several_are_written() -> None:
    alike = drawn(variance(VALUES, ["new_mrr", "expansion_mrr"]))
    assert alike.plot is not None
    assert [series.role for series in alike.plot.series] == ["actual", "last_year"]
    unlike = drawn(variance(VALUES, ["mrr", "nps"]))
    assert unlike.plot is not None
    assert [series.name for series in unlike.plot.series] == [
        "Against the year before in percent", "Against the target in percent",
    ]  # fmt: skip
    assert not [row for row in rows(unlike.spec, field="to")]


def test_members_of_one_kpi() -> None:
    shown = drawn(variance(VALUES, "mrr", "segment"))
    assert [row[0] for row in shown.rows] == ["Enterprise", "Mid market", "SMB"]
    assert shown.title == (
        "Monthly Recurring Revenue: Enterprise is furthest from the year before, +$554K"
    )


@pytest.mark.parametrize("against", [["before"], ["year_ago"], ["target"], ["before", "year_ago"]])
def test_the_bases_are_chosen(against: list[Base]) -> None:
    shown = drawn(variance(VALUES, ["mrr", "nps"], against=against))
    assert shown.columns.count("Change") == len(against)


def test_the_title_counts_what_is_better() -> None:
    shown = drawn(variance(VALUES, ["mrr", "nps", "customer_churn_rate"]))
    assert shown.title == "Better than the year before: 2 of 3; target met: 1 of 3"
    counted = [number.text for number in shown.numbers if number.what == "count"]
    assert counted == ["2", "3", "1", "3"]


@pytest.mark.parametrize("make", [small_values, open_values,
                                  lambda: in_locale(small_values(), "de_DE", "EUR")])  # fmt: skip
def test_every_number_is_that_of_a_reading(make: object) -> None:
    values: Values = make()  # type: ignore[operator]
    shown = drawn(variance(values, ["mrr", "mau", "nps"]))
    formatter = Formatter(values)
    said = " ".join([shown.title, shown.alt, *texts(shown.svg)])
    for number in shown.numbers:
        assert number.text in said
        if number.what == "value":
            now = read(values, number.kpi).now.value
            assert now is not None
            assert number.text == formatter.short(number.kpi, now)


def test_nothing_to_compare_says_so() -> None:
    shown = variance(VALUES, "page_load_time")
    assert isinstance(shown, Text)
    alone = variance(VALUES, "dashboards_per_user", against=["target"])
    assert isinstance(alone, Text)
    assert "nothing to set it against" in alone.markdown


def test_a_heatmap_through_time_has_a_cell_a_period_and_member() -> None:
    shown = drawn(heatmap(VALUES, "mrr", "segment", 6))
    found = rows(shown.spec, field="Column")
    assert len(found) == 2 * 3 * 6
    assert shown.columns[-1] == "Dec 2025"
    value = VALUES.value("mrr", dims="segment=smb")
    assert value.value is not None
    assert Formatter(VALUES).short("mrr", value.value) in texts(shown.svg)
    for cell in found:
        assert contrast(cell["ink"], cell["color"]) >= 4.5


def test_the_highest_cell_is_the_darkest() -> None:
    found = rows(drawn(heatmap(VALUES, "mrr", "segment")).spec, field="Column")
    highest = next(c for c in found if (c["Row"], c["Column"]) == ("Enterprise", "Dec 2025"))
    darkest = max(contrast(cell["color"], palette().paper) for cell in found)
    assert contrast(highest["color"], palette().paper) == darkest


def test_a_heatmap_of_several_shades_each_row_for_itself() -> None:
    shown = drawn(heatmap(VALUES, ["mrr", "customer_churn_rate"], "segment"))
    assert shown.columns == ("KPI", "Enterprise", "Mid market", "SMB")
    found = rows(shown.spec, field="Column")
    strongest = {cell["Row"] for cell in found if cell["color"] == palette().heat(1)}
    assert strongest == {"Monthly Recurring Revenue", "Customer churn rate"}


def test_a_cell_without_a_figure_has_a_dash() -> None:
    frame = VALUES.frame.copy()
    gone = (frame["dims"] == "segment=smb") & (frame["period"] == "2025-11")
    shown = drawn(heatmap(replace(VALUES, frame=frame[~gone]), "mrr", "segment", 4))
    cell = next(c for c in rows(shown.spec, field="Column")
                if (c["Row"], c["Column"]) == ("SMB", "Nov 2025"))  # fmt: skip
    assert (cell["text"], cell["color"]) == ("—", palette().paper)


def test_more_columns_than_the_page_has_room_for_are_left_to_the_table() -> None:
    shown = drawn(heatmap(VALUES, "mrr", "segment", 25))
    seen = {cell["Column"] for cell in rows(shown.spec, field="Column")}
    assert "Dec 2025" in seen
    assert len(seen) < len(shown.columns) - 1


@pytest.mark.parametrize("block", [
    lambda: heatmap(VALUES, "gross_margin", "segment"),
    lambda: heatmap(VALUES, "backlog", "segment"),
    lambda: heatmap(VALUES, ["backlog", "gross_margin"], "segment"),
    lambda: variance(VALUES, "backlog"),
    lambda: variance(VALUES, "gross_margin", "segment"),
])  # fmt: skip
def test_where_there_is_nothing_it_says_why(block: object) -> None:
    shown = block()  # type: ignore[operator]
    assert isinstance(shown, Text)
    assert "No figures of" in shown.markdown


@pytest.mark.parametrize("block", [lambda: heatmap(VALUES, [], "segment"),
                                   lambda: variance(VALUES, []), lambda: trends(VALUES, [])])  # fmt: skip
def test_where_nothing_was_asked_for_nothing_is_shown(block: object) -> None:
    assert block() == Text("")  # type: ignore[operator]


def test_cells_say_which_number_they_are() -> None:
    for shown in (
        drawn(heatmap(VALUES, "mrr", "segment")),
        drawn(variance(VALUES, ["mrr", "nps"])),
    ):
        found = [cell for row in shown.rows for cell in row if isinstance(cell, Shown)]
        assert found
        assert all(cell.kpi in VALUES.kpis for cell in found)
        assert {cell.period for cell in found} >= {PERIOD}
