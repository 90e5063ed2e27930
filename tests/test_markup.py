from __future__ import annotations

import json
from typing import Any

import pypandoc
import pytest

from boardpack.blocks import Shown
from boardpack.markup import (
    Box,
    Break,
    Bullets,
    Callout,
    Column,
    Line,
    NoValue,
    Number,
    Paragraph,
    Picture,
    Span,
    Strong,
    Table,
    escape_attribute,
    escape_markdown,
    plain,
    text,
)

HOSTILE = [
    "a|b *c* _d_ `e` ~f~ ^g^",
    "<script>alert(1)</script> &amp; &lt;",
    "$x$ $$y$$ \\frac",
    "[link](http://x) ![i](y) [s]{.c}",
    "# heading",
    "1. one",
    "a) two",
    "(b) three",
    "- item + plus",
    ": definition",
    "::: {.div}",
    "@fig-x [@cite] -@x",
    "{{< include secret.md >}}",
    "dots ... dashes -- --- 'quotes' \"double\"",
    "http://example.org <http://x.y>",
    "back\\slash \\",
    ":smile: = >quote",
    "non\u00a0breaking",
    "Odd <b>name</b> | *x* $y$ #z",
    "---",
    "+--+",
]


def read(markdown: str) -> list[dict[str, Any]]:
    """What pandoc makes of a text, as its blocks."""
    blocks: list[dict[str, Any]] = json.loads(
        pypandoc.convert_text(markdown, "json", format="markdown")
    )["blocks"]
    return blocks


def words(node: Any) -> str:
    """The text of pandoc's pieces."""
    if isinstance(node, list):
        return "".join(words(part) for part in node)
    if not isinstance(node, dict):
        return ""
    if node["t"] == "Str":
        return str(node["c"])
    if node["t"] in ("Space", "SoftBreak"):
        return " "
    if node["t"] in ("Span", "Link"):
        return words(node["c"][1])
    return words(node.get("c", []))


def number(text_: str, **more: str) -> Number:
    return Number(Shown("mrr", "2025-12", more.pop("member", ""), text_, **more))


def test_any_text_reads_the_same_after_pandoc() -> None:
    blocks = read("\n\n".join(escape_markdown(written) for written in HOSTILE))
    assert [block["t"] for block in blocks] == ["Para"] * len(HOSTILE)
    assert [words(block["c"]) for block in blocks] == HOSTILE


def test_any_text_stays_in_its_cell() -> None:
    rows = tuple(((written,), (number(written),)) for written in HOSTILE)
    (table,) = read(text(Table((Column("A|b"), Column("*n*", 10, "right")), rows)).markdown)
    assert table["t"] == "Table"
    _, _, _, head, bodies, _ = table["c"]
    assert [words(cell[4]) for cell in head[1][0][1]] == ["A|b", "*n*"]
    cells = [[words(cell[4]) for cell in row[1]] for row in bodies[0][3]]
    assert cells == [[written, written] for written in HOSTILE]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_any_text_is_an_attribute(hostile: str) -> None:
    (paragraph,) = read(f'[x]{{title="{escape_attribute(hostile)}"}}')
    ((span,),) = [paragraph["c"]]
    assert dict(span["c"][0][2]) == {"title": hostile}


def test_line_ends_and_control_characters_do_not_break_a_line() -> None:
    assert escape_markdown("a\n\n# b\r\n\tc\x00\x1bd\u2028e") == "a \\# b cd e"


def test_a_number_says_what_it_is() -> None:
    block = text(
        Paragraph((number("$1.9M"), " ", number("+4%", member="segment=smb", what="change")))
    )
    (paragraph,) = read(block.markdown)
    first, _, second = paragraph["c"]
    assert first["c"][0][1:] == [
        ["n"],
        [["data-kpi", "mrr"], ["data-period", "2025-12"], ["data-member", ""]],
    ]
    assert dict(second["c"][0][2])["data-what"] == "change"
    assert [shown.text for shown in block.numbers] == ["$1.9M", "+4%"]


def test_numbers_and_pictures_are_found_wherever_they_stand() -> None:
    picture = Picture("s.svg", "<svg/>", "a line", "2cm")
    line: Line = (Strong((Span("good", (number("1"),)),)), picture)
    block = text(
        Box("cards", (Box("card", (Paragraph(line),)),), columns=2),
        Callout("warning", "Care", (Bullets(((number("2"),),)),)),
        Table((Column("x"),), (((number("3"),),),)),
    )
    assert [shown.text for shown in block.numbers] == ["1", "2", "3"]
    assert block.figures == {"s.svg": "<svg/>"}


def test_the_writing_of_every_piece() -> None:
    block = text(
        Box(
            "cards",
            (
                Box("card", (Paragraph(("a", Break(), Span("good", ("b",)))),)),
                Box("card", (Paragraph((Picture("s.svg", "<svg/>", 'say "x"', "2cm"),)),)),
            ),
            columns=2,
        ),
        Callout("note", "So", (Paragraph((NoValue("no data"),)),)),
    )
    assert block.markdown == "\n".join(
        [
            ":::: {.cards layout-ncol=2}",
            "::: {.card}",
            "a\\",
            "[b]{.good}",
            ":::",
            "",
            "::: {.card}",
            '![](figures/s.svg){fig-alt="say \\"x\\"" width=2cm}',
            ":::",
            "::::",
            "",
            '::: {.callout-note title="So"}',
            '[—]{.no-value title="no data"}',
            ":::",
        ]
    )
    assert '<span class="no-value" title="no data">—</span>' in block.html
    assert "<svg/>" in block.html


@pytest.mark.parametrize("hostile", ["<b>x</b>", "a & b", 'q " q'])
def test_html_is_escaped(hostile: str) -> None:
    html = text(
        Paragraph((hostile, number(hostile), NoValue(hostile), Span("good", (hostile,)))),
        Table((Column(hostile),), (((hostile,),),)),
        Callout("note", hostile),
    ).html
    assert "<b>x" not in html
    assert "a & b" not in html
    assert html.count("</p>") == 1


def test_plain_text_of_a_line() -> None:
    line: Line = ("a ", number("1"), Break(), Strong(("b", Span("x", ("c",)))), NoValue("r"))
    assert plain(line) == "a 1 bcno value"
