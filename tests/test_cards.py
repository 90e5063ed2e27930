from __future__ import annotations

from dataclasses import replace

import pytest

from boardpack.blocks import Text
from boardpack.cards import factors, headline
from boardpack.values import Values
from values_fixture import HOSTILE, open_values, small_values

VALUES = small_values()
FACTORS = ["mau", "dashboards_per_user", "business_value_score"]


def test_a_card_answers_in_one_look() -> None:
    block = headline(VALUES, ["mrr"])
    assert block.markdown == "\n".join(
        [
            ":::: {.cards layout-ncol=1}",
            "::: {.card}",
            '[[Monthly Recurring Revenue]{.kpi data-name="mrr"}]{.card-name}',
            "",
            '[[\\$2.76M]{.n data-kpi="mrr" data-period="2025-12" data-member=""}]{.card-value}',
            "",
            '![](figures/spark-mrr-200.svg){fig-alt="Monthly Recurring Revenue:'
            ' \\$1.65M in December 2024, \\$2.76M in December 2025" width=100%}',
            "",
            "[[Target]{.card-label} "
            '[\\$2.9M]{.n data-kpi="mrr" data-period="2025-12" data-member="" data-what="target"}'
            " [missed]{.missed}, "
            '[4.8%]{.n data-kpi="mrr" data-period="2025-12" data-member="" data-what="gap"}'
            " below]{.card-note}\\",
            "[[Nov 2025]{.card-label} "
            '[\\$2.66M]{.n data-kpi="mrr" data-period="2025-11" data-member=""} '
            '[[\\+3.9%]{.n data-kpi="mrr" data-period="2025-12" data-member=""'
            ' data-what="change"}]{.good}]{.card-note}\\',
            "[[Dec 2024]{.card-label} "
            '[\\$1.65M]{.n data-kpi="mrr" data-period="2024-12" data-member=""} '
            '[[\\+67.1%]{.n data-kpi="mrr" data-period="2025-12" data-member=""'
            ' data-what="change"}]{.good}]{.card-note}',
            ":::",
            "::::",
        ]
    )


def test_six_cards_stand_in_three_columns() -> None:
    kpis = ["mrr", "nps", "gross_margin", "runway", "mau", "odd", "backlog"]
    markdown = headline(VALUES, kpis).markdown
    assert "{.cards layout-ncol=3}" in markdown
    assert markdown.count("{.card}") == 6
    assert HOSTILE not in markdown


def test_a_card_without_a_figure_says_why() -> None:
    markdown = headline(VALUES, ["runway"]).markdown
    assert '[—]{.no-value title="the company burns no cash"}' in markdown
    assert "[the company burns no cash]{.card-note}" in markdown
    assert "[No target]{.card-label}" in markdown


def test_a_card_of_an_open_period_says_so_far() -> None:
    assert "{.card-value} [so\u00a0far]{.warn}" in headline(open_values(), ["mrr"]).markdown


def test_nothing_available_is_no_card() -> None:
    assert headline(VALUES, ["backlog"]) == Text("")
    assert factors(VALUES, "mabv", ["mau", "backlog"]) == Text("")


def test_factors_add_up_to_the_change_of_their_product() -> None:
    block = factors(VALUES, "mabv", FACTORS)
    shares = [shown for shown in block.numbers if shown.what == "share"]
    assert [shown.kpi for shown in shares] == FACTORS
    points = [float(s.text.replace("−", "-").rstrip("%")) for s in shares]
    now, before = (
        VALUES.value("mabv", p).value or 0 for p in (VALUES.period, VALUES.period.shift(-1))
    )
    assert sum(points) == pytest.approx(100 * (now / before - 1), abs=0.15)
    names = [line for line in block.markdown.splitlines() if "{.card-name}" in line]
    assert names == [
        '[[Monthly Active Business Value]{.kpi data-name="mabv"} \\=]{.card-name}',
        '[[Monthly active users]{.kpi data-name="mau"} ×]{.card-name}',
        '[[Dashboards per user]{.kpi data-name="dashboards_per_user"} ×]{.card-name}',
        '[[Business value score]{.kpi data-name="business_value_score"}]{.card-name}',
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda v: _without(v, "mau"),
        lambda v: replace(v, frame=v.frame[v.frame["period"] == "2025-12"]),
    ],
    ids=["no figure", "nothing before"],
)
def test_factors_without_a_comparison_only_show_their_cards(change: object) -> None:
    assert callable(change)
    block = factors(change(VALUES), "mabv", FACTORS)
    assert block.markdown.count("{.card}") == 4
    assert not [shown for shown in block.numbers if shown.what == "share"]


def test_parts_that_do_not_multiply_to_the_whole_are_not_split() -> None:
    block = factors(VALUES, "mabv", FACTORS[:2])
    assert not [shown for shown in block.numbers if shown.what == "share"]


def _without(values: Values, kpi: str) -> Values:
    frame = values.frame.copy()
    frame.loc[(frame["kpi"] == kpi) & (frame["period"] == "2025-12"), "value"] = None
    return replace(values, frame=frame)
