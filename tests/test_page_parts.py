"""A page of which only some parts are converted again: the same, byte for byte, as the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardpack.assemble import Assembled
from boardpack.render import KnownParts, builtin, html_page
from boardpack.render.parts import parts_of
from report_fixture import HOSTILE, Desk, chart, svg, text

BODY = """
The lead, with [MRR]{.kpi data-name="mrr"}.

## Revenue

Words of the first section; see [Cash].

### Cohorts

- one
- two

::: {layout-ncol=2}
{{< embed ../notebooks/revenue.ipynb#fig-mrr >}}

{{< embed ../notebooks/revenue.ipynb#fig-arr >}}
:::

What comes after a div.

::: {.callout-note title="Said: with a colon"}
A callout.
:::

## Cash

### Cohorts

{{< embed ../notebooks/revenue.ipynb#txt-words >}}

| Name | Value |
|:--|--:|
| a | 1 |

## Definitions

::: {.definitions}
::: {#def-mrr .definition}
**MRR** of a month.
:::
:::
"""

EDITS = {
    "nothing": ("", ""),
    "a sentence": ("first section", "first -- and best -- \"section\"..."),
    "what a KPI's name leads to": ("{#def-mrr", "{#def-arr"),
    "a definition": ("of a month", "of a whole month"),
    "a heading that others lead to": ("## Cash", "## Money"),
    "a heading that is there twice": ("### Cohorts\n\n- one", "### Groups\n\n- one"),
    "a part that is there twice": ("### Cohorts\n\n{{<", "### Cohorts\n\n### Cohorts\n\n{{<"),
    "the title": ("title: Monthly", "title: 'Monthly: more'"),
    "an item of a list": ("- two", "- two\n\n- three"),
    "a table": ("| a | 1 |", "| a longer name | 1,000 |"),
    "a heading within a div": ("A callout.", "#### A callout\n\nMore."),
    "words below a heading": ("- one\n- two", "Words\n#### that go on"),
    "a footnote": ("A callout.", "A callout.[^1]\n\n[^1]: Far away."),
    "a link with a target elsewhere": ("see [Cash]", "see [there][x]\n\n[x]: https://example.com"),
    "a part that goes": ("## Cash\n\n### Cohorts\n", ""),
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    cells(desk)
    return desk


def cells(desk: Desk, drawn: str = "Jan", words: str = HOSTILE) -> None:
    spark = text("![](figures/spark.svg){fig-alt='A line'}", figures={"spark.svg": svg(drawn)})
    said = words.replace("\\", "\\\\").replace("*", "\\*").replace("[", "\\[").replace("{", "\\{")
    shown = text(f"{said.replace('`', '').replace('<', '&lt;')}\n\n::: {{.x}}\nIn a div.\n:::\n")
    desk.notebook(
        "revenue", fig_mrr=chart(), fig_arr=chart(HOSTILE, svg=svg(drawn)), txt_words=[spark, shown]
    )


def assembled(desk: Desk, body: str, header: str) -> Assembled:
    return desk.assemble(body, header=header)


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_page_is_that_of_a_whole_conversion(desk: Desk, what: str) -> None:
    known = KnownParts()
    old, new = EDITS[what]
    whole = f"title: Monthly\n---\n{BODY}"
    assert old in whole
    for content in (whole, whole.replace(old, new, 1) if old else whole, whole):
        header, _, body = content.partition("\n---\n")
        made = assembled(desk, body, header)
        assert html_page(made, known) == html_page(made)


def test_what_a_notebook_draws_and_says_anew_is_seen(desk: Desk) -> None:
    known = KnownParts()
    for drawn, words in (("Jan", "Words."), ("Feb", "Words."), ("Feb", HOSTILE), ("Jan", "Words.")):
        cells(desk, drawn, words)
        made = assembled(desk, BODY, "title: Monthly")
        page = html_page(made, known)
        assert page == html_page(made)
        assert f">{drawn}</text>".encode() in page


def test_only_the_part_that_changed_is_converted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    pandoc = builtin._pandoc

    def seen(folder: Path, *options: str, document: str | None = None) -> str:
        given.append(document or "")
        return pandoc(folder, *options, document=document)

    monkeypatch.setattr(builtin, "_pandoc", seen)
    known = KnownParts()
    html_page(assembled(desk, BODY, "title: Monthly"), known)
    html_page(assembled(desk, BODY.replace("- two", "- too"), "title: Monthly"), known)
    first, second = given
    assert "chart-figure" in first
    assert "chart-figure" not in second
    assert "What comes after a div." in first
    assert "- too" in second
    for other in ("The lead", "Words of the first", "What comes after a div.", "**MRR**", "| a |"):
        assert other not in second
    for heading in ("## Revenue", "### Cohorts", "## Cash", "## Definitions"):
        assert heading in second


@pytest.mark.parametrize("body", ["::: {.x}\nopen", ":::\n", "```{=html}\nopen"])
def test_what_does_not_close_has_no_parts(body: str) -> None:
    assert list(parts_of(body)) == []
