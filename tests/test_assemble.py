from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from boardpack.blocks import Shown, Text
from boardpack.errors import BoardpackError, ReportError, StorageError, UnknownNameError
from boardpack.frontpage import facts_list, warnings_of
from boardpack.qmd import labels_used
from report_fixture import FACTS, HOSTILE, Desk, chart, svg, text

EMBED = "{{< embed ../notebooks/revenue.ipynb#fig-mrr >}}"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.notebook("revenue", fig_mrr=chart(), words=text("Revenue **grew**."), silent=None)
    return desk


def test_a_chart_stands_in_the_document_once_for_each_target(desk: Desk) -> None:
    assembled = desk.assemble(f"## Revenue\n\n{EMBED}")
    document = assembled.document.read_text()
    assert "::: {#revenue-fig-mrr .chart}" in document
    assert r"[MRR grew to \$1.92M]{.chart-title}" in document
    assert '::: {.content-visible when-format="html"}' in document
    assert '<script type="application/json" class="vega-spec">' in document
    assert "![](figures/revenue-fig-mrr.svg){fig-alt=" in document
    assert assembled.charts == 1
    assert json.loads((desk.target / "charts.json").read_text())["revenue-fig-mrr"]["alt"]


def test_what_a_cell_carries_besides_its_block_stays_behind(desk: Desk) -> None:
    document = desk.assemble(EMBED).document.read_text()
    for leftover in ("papermill", "kernelspec", "bp.show()", "{{<", "```{python"):
        assert leftover not in document


def test_ids_of_two_drawings_do_not_collide(desk: Desk) -> None:
    desk.notebook("growth", fig_a=chart(), fig_b=chart())
    desk.assemble(
        "{{< embed ../notebooks/growth.ipynb#fig-a >}}\n\n"
        "{{< embed ../notebooks/growth.ipynb#fig-b >}}\n\n"
        "{{< embed ../notebooks/growth.ipynb#fig-a >}}"
    )
    drawings = sorted(path.name for path in (desk.target / "figures").iterdir())
    assert drawings == ["growth-fig-a-2.svg", "growth-fig-a.svg", "growth-fig-b.svg"]
    drawn = (desk.target / "figures" / "growth-fig-b.svg").read_text()
    assert 'id="growth-fig-b-clip0"' in drawn
    assert "url(#growth-fig-b-clip0)" in drawn
    assert not drawn.startswith("<?xml")


def test_text_brings_its_pictures_along(desk: Desk) -> None:
    spark = '![](figures/spark.svg){fig-alt="rising" width=2cm}'
    one, other = ({"spark.svg": svg(name)} for name in "ab")
    desk.notebook("cards", a=text(spark, figures=one), b=text(spark, figures=other))
    document = desk.assemble(
        "{{< embed ../notebooks/cards.ipynb#a >}}\n\n{{< embed ../notebooks/cards.ipynb#b >}}"
    ).document.read_text()
    assert "](figures/cards-a-spark.svg)" in document
    assert "](figures/cards-b-spark.svg)" in document
    assert ">b</text>" in (desk.target / "figures" / "cards-b-spark.svg").read_text()


def test_numbers_shown_are_collected_once_each_from_blocks_and_text(desk: Desk) -> None:
    number = r"[1,234]{.n data-kpi=mau data-period=2025-12 data-member=segment=smb}"
    assembled = desk.assemble(f"{EMBED}\n\nActive: {number}.\n\n{EMBED}")
    mrr = {"kpi": "mrr", "period": "2025-12", "member": "", "text": "$1.92M", "what": "value"}
    mau = {"kpi": "mau", "period": "2025-12", "member": "segment=smb", "text": "1,234"}
    assert list(assembled.numbers) == [mrr, {**mau, "what": "value"}]


def test_includes_and_meta_are_put_in_place(desk: Desk) -> None:
    desk.write("A note for {{< meta company >}}, {{< meta period-name >}}.", "_note.qmd", header="")
    facts = dataclasses.replace(FACTS, company="A & B *Co*")
    document = desk.assemble(
        "{{< include _note.qmd >}}", facts, header="title: Report of {{< meta company >}}"
    ).document.read_text()
    assert r"A note for A \& B \*Co\*, December 2025." in document
    header = yaml.safe_load(document.split("---")[1])
    assert header["title"] == r"Report of A \& B \*Co\*"
    assert header["lang"] == "en-US"


def test_words_for_a_picture_may_hold_braces_and_quotes(desk: Desk) -> None:
    spark = r'![](figures/a.svg){fig-alt="say \"{x}\" | y" width=2cm}'
    desk.notebook("words", a=text(spark, figures={"a.svg": svg()}))
    document = desk.assemble("{{< embed ../notebooks/words.ipynb#a >}}").document.read_text()
    assert r'![](figures/words-a-a.svg){fig-alt="say \"{x}\" | y" width=2cm}' in document


def test_a_section_stands_where_the_report_has_its_place(desk: Desk) -> None:
    """It is told which KPIs are shown above it, and its own numbers count as shown."""
    asked = []

    def definitions(shown: frozenset[str]) -> Text:
        asked.append(shown)
        return Text("Defined: MRR", numbers=(Shown("mrr", "2025-12", "", "$2M", "target"),))

    body = f"{EMBED}\n\n::: {{#definitions}}\n:::\n\n::: {{#others}}\n:::"
    assembled = desk.assemble(body, sections={"definitions": definitions, "unused": definitions})
    document = assembled.document.read_text()
    assert asked == [frozenset({"mrr"})]
    assert "::: {#definitions}\n\nDefined: MRR\n\n:::" in document
    assert "::: {#others}\n:::" in document
    assert "$2M" in [number["text"] for number in assembled.numbers]


def test_a_page_break_stays_for_the_renderer(desk: Desk) -> None:
    assert (
        "\n{{< pagebreak >}}\n"
        in desk.assemble("One\n\n{{< pagebreak >}}\n\nTwo").document.read_text()
    )


def test_a_picture_of_the_workspace_is_copied(desk: Desk) -> None:
    desk.write("", "logo.svg", header="")
    (desk.root / "reports" / "logo.svg").write_text(svg())
    document = desk.assemble('![](logo.svg){fig-alt="our logo"}').document.read_text()
    assert '![](figures/logo.svg){fig-alt="our logo"}' in document
    assert (desk.target / "figures" / "logo.svg").is_file()


def test_the_brand_and_the_project_file_lie_beside_the_document(desk: Desk) -> None:
    desk.assemble("Text")
    for name in ("_brand.yml", "_quarto.yml", "fonts/SourceSansPro-Regular.ttf"):
        assert (desk.target / name).is_file()


def test_data_cannot_become_a_shortcode_or_close_a_script(desk: Desk) -> None:
    values = [{"month": "</script><script>alert(1)</script>{{< include /etc/passwd >}}", "mrr": 1}]
    spec = {**chart()["spec"], "data": {"values": values}}
    desk.notebook(
        "revenue",
        fig_mrr=chart(title=HOSTILE, alt=HOSTILE, spec=spec),
        words=text("{{< include x >}}"),
    )
    document = desk.assemble(
        f"{EMBED}\n\n{{{{< embed ../notebooks/revenue.ipynb#words >}}}}"
    ).document.read_text()
    assert "{{<" not in document
    assert document.count("</script>") == 1
    assert "alert(1)</script>" not in document


def test_labels_used_needs_no_executed_notebook(desk: Desk) -> None:
    desk.write("{{< embed ../notebooks/growth.ipynb#fig-mau >}}", "_growth.qmd", header="")
    path = desk.write(
        f"{EMBED}\n\n{{{{< embed ../notebooks/revenue.ipynb#words >}}}}\n\n"
        f"{{{{< include _growth.qmd >}}}}\n\n{EMBED}"
    )
    assert labels_used(path) == {"revenue": ["fig-mrr", "words"], "growth": ["fig-mau"]}


def test_what_a_report_may_use_passes(desk: Desk) -> None:
    desk.assemble(
        f"""
## Section

Words with *emphasis*, `code`, $5 and $6, a\\@b, mail@example.com and [a link](https://example.com).

- item
- [back](#section)

### Part

::: {{.callout-warning title="Careful"}}
Text
:::

:::: {{layout="[[2,1],[1]]"}}
::: {{.content-visible when-format="typst"}}
{EMBED}
:::
::::

<!-- a comment with ```{{python}} in it -->

| A | B |
|---|--:|
| 1 | 2 |

```{{=html}}
<table><tr><td>raw</td></tr></table>
```
"""
    )
    assert (desk.target / "report.qmd").is_file()


REFUSED = [
    # body of the report, line within it, words of the message, words of the hint
    ("x\n\n```{python}\n1\n```", 3, "a code cell", "embed the cell"),
    ("```\ncode\n```", 1, "a block", "HTML tables only"),
    ("```{=latex}\n\\newpage\n```", 1, "a block", None),
    ("inline `{python} 1+1`", 1, "runs no code", None),
    ("{{< youtube x >}}", 1, "unknown shortcode 'youtube'", "known: embed"),
    ("{{< inclde x >}}", 1, "unknown shortcode", "did you mean 'include'?"),
    ("text {{< pagebreak >}}", 1, "line of its own", None),
    ("{{< embed ../notebooks/revenue.ipynb >}}", 1, "names no cell", "#fig-mrr"),
    ("{{< embed ../../else/notebooks/revenue.ipynb#a >}}", 1, "not in the folder", None),
    ("{{< embed ../notebooks/revenue.ipynb#a echo=true >}}", 1, "no option", None),
    ("{{< include ../../secret.qmd >}}", 1, "outside the workspace", None),
    ("{{< include monthy.qmd >}}", 1, "does not exist", "did you mean 'monthly.qmd'?"),
    ("{{< include monthly.qmd >}}", 1, "includes itself", None),
    ("a\n\nsee @fig-mrr", 3, "cross-reference", None),
    ("as [@smith2020] says", 1, "a citation", None),
    ("::: {#fig-one}\nx\n:::", 1, "cross-references", None),
    ("the sum $a + b$ is", 1, "math", None),
    ("$$\na\n$$", 1, "math", None),
    (r"so \textbf{bold}", 1, "LaTeX", None),
    ("![](a.png)", 1, "no fig-alt", "fig-alt="),
    ('![](https://x.example/a.png){fig-alt="a"}', 1, "not a file", "network"),
    ('![](../../a.png){fig-alt="a"}', 1, "outside the workspace", None),
    ("[text](other.html)", 1, "leads nowhere", None),
    ("# Title", 1, "`#` is the title", "##"),
    ("## A\n\n#### B", 3, "level 4 follows one of level 2", "###"),
    ("::: {.callout-warnign}\nx\n:::", 1, "unknown callout", "did you mean 'warning'?"),
    ("::: {layout-ncol=nine}\nx\n:::", 1, "layout-ncol", "1 to 6"),
    ('::: {layout="[[1,"}\nx\n:::', 1, "layout is", None),
    ('::: {.content-visible when-format="pdf"}\nx\n:::', 1, "when-format", "html or typst"),
    ("::: {.panel-tabset}\nx\n:::", 1, ".panel-tabset", "layout-ncol"),
    ("::: {.lead}\nx", 1, "has no end", None),
    ("x\n:::", 2, "closes nothing", None),
    ('<script src="x.js"></script>', 1, "not <script>", None),
    ("<img src=x>", 1, "not <img>", None),
    ('```{=html}\n<table onclick="x()"></table>\n```', 2, "may not load or run", None),
    ("{{< meta compny >}}", 1, "Unknown meta key 'compny'", "'company'"),
    ("{{< embed ../notebooks/revenu.ipynb#fig-mrr >}}", 1, "Unknown notebook", "'revenue'"),
    ("{{< embed ../notebooks/revenue.ipynb#fig-mmr >}}", 1, "Unknown label", "'fig-mrr'"),
    ("{{< embed ../notebooks/revenue.ipynb#silent >}}", 1, "shows nothing", "bp.trend"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "line", "message", "hint"), REFUSED, ids=[r[2] for r in REFUSED])
def test_what_a_report_may_not_use(
    desk: Desk, body: str, line: int, message: str, hint: str | None
) -> None:
    with pytest.raises((ReportError, UnknownNameError)) as caught:
        desk.assemble(body)
    error = caught.value
    # The header takes three lines, and a blank one follows it.
    assert (error.file, error.line) == (str(desk.root / "reports" / "monthly.qmd"), line + 4)
    assert message in error.message
    assert hint is None or hint in (error.hint or "")
    assert not desk.target.exists() or not any(desk.target.iterdir())


def test_an_error_within_an_include_names_the_included_file(desk: Desk) -> None:
    included = desk.write("fine\n\n@fig-x", "_part.qmd", header="")
    with pytest.raises(ReportError) as caught:
        desk.assemble("{{< include _part.qmd >}}")
    assert (caught.value.file, caught.value.line) == (str(included), 3)


@pytest.mark.parametrize(
    ("header", "line", "message"),
    [
        ("title: Monthly\njupyter: python3", 3, "may not set 'jupyter'"),
        ("title: Monthly\nexecute:\n  echo: false", 3, "may not set 'execute'"),
        ("title: [1,", 2, "not YAML"),
        ("- a list", 1, "no mapping"),
    ],
)
def test_a_header_that_cannot_be(desk: Desk, header: str, line: int, message: str) -> None:
    with pytest.raises(ReportError, match=message) as caught:
        desk.assemble("text", header=header)
    assert caught.value.line == line


def test_a_report_that_is_not_text(desk: Desk) -> None:
    path = desk.write("")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReportError, match="not UTF-8"):
        labels_used(path)
    with pytest.raises(ReportError, match="cannot be read"):
        labels_used(path.with_name("none.qmd"))


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"kind": "video"}, "unknown kind"),
        (text("```\ncode\n```"), "a block of code"),
        (text('![](figures/none.svg){fig-alt="x"}'), "does not bring along"),
        (text("![](figures/a.svg)", figures={"a.svg": svg()}), "without fig-alt"),
        (text("x", figures={"../../a.svg": svg()}), "names a figure"),
    ],
)
def test_a_block_that_cannot_be_placed(desk: Desk, block: object, message: str) -> None:
    desk.notebook("revenue", fig_mrr=block)
    with pytest.raises(ReportError, match=message) as caught:
        desk.assemble(EMBED)
    assert caught.value.line == 5


def test_a_target_that_cannot_be_written(desk: Desk) -> None:
    desk.target.parent.mkdir(parents=True)
    desk.target.write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        desk.assemble("text")


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"verdict": "banner", "reasons": ("late rows",)}, "warning", "late rows"),
        ({"verdict": "banner", "reasons": ("one", "two")}, "warning", "- two"),
        ({"verdict": "hold", "reasons": ("no rows",)}, "important", "DRAFT"),
        ({"verdict": "not checked"}, "important", "was not checked"),
        ({"status": "provisional"}, "warning", "Provisional: December 2025"),
    ],
)
def test_a_reader_is_warned_of_what_the_run_knows(
    change: dict[str, Any], kind: str, words: str
) -> None:
    shown = "\n".join(warnings_of(dataclasses.replace(FACTS, **change)))
    assert f"callout-{kind}" in shown
    assert words in shown


@pytest.mark.parametrize(("count", "listed", "more"), [(7, 7, False), (8, 6, True)])
def test_many_reasons_leave_room_for_the_answer(count: int, listed: int, more: bool) -> None:
    facts = dataclasses.replace(
        FACTS, verdict="banner", reasons=tuple(f"no {i}" for i in range(count))
    )
    lines = list(warnings_of(facts))
    assert sum(line.startswith("- no ") for line in lines) == listed
    assert (f"- and {count - listed} more, in gate\\.json of this edition" in lines) == more


def test_a_report_that_passed_warns_of_nothing() -> None:
    assert list(warnings_of(FACTS)) == []


def test_page_one_names_what_the_report_rests_on() -> None:
    shown = "\n".join(facts_list(dataclasses.replace(FACTS, segment="smb", revision=3)))
    for value in ("December 2025", "December 31, 2025", "3 · Final", "Passed", "USD", "smb"):
        assert f"[{value}]{{.fact-value}}" in shown


def test_every_error_has_a_message_for_people(desk: Desk) -> None:
    with pytest.raises(BoardpackError) as caught:
        desk.assemble("{{< embed ../notebooks/revenue.ipynb#fig-mmr >}}")
    assert str(caught.value).endswith("Hint: did you mean 'fig-mrr'?")


@pytest.mark.parametrize(
    ("count", "written"), [(0, None), (1, "1 figure"), (1234, "1,234 figures")]
)
def test_the_front_page_counts_what_was_restated(count: int, written: str | None) -> None:
    shown = "\n".join(facts_list(dataclasses.replace(FACTS, restated=count)))
    assert ("[Restated]" in shown) == (written is not None)
    assert f"[{written}]{{.fact-value}}" in shown or written is None
