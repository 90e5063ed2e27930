"""A report that holds one of everything a page may hold, and what tests ask of pages and sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

from boardpack.blocks import Shown, Text
from boardpack.markup import (
    Box,
    Bullets,
    Callout,
    Column,
    Line,
    Name,
    Number,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.render import Rendered, render
from report_fixture import FACTS, HOSTILE, Desk, chart

#: A name of two hundred letters with no place to break it.
LONG = "Donaudampfschifffahrt" * 9 + "sgesellschaft"[:11]
HEBREW, ARABIC, EMOJI = "חברת הנתונים", "شركة البيانات", "Rocket 🚀 Ltd"
NAMES = (LONG, "Long names " * 18, HEBREW, ARABIC, EMOJI, "Київ Ωμέγα", HOSTILE)

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: The rules whose answer depends on the colours of a page.
OF_COLOURS = ("color-contrast", "link-in-text-block")
# The drawing inside a chart is one image with words of its own.
_RUN = """only => axe.run(
  {exclude: [[".chart-view svg"]]},
  {resultTypes: ["violations"], runOnly: only},
).then(found => found.violations.map(v => `${v.id}: ${v.nodes[0].html}`))"""


def money(text: str, kpi: str = "mrr", member: str = "") -> Number:
    return Number(Shown(kpi, "2025-12", member, text))


def heatmap() -> Table:
    columns = (Column("Cohort", 20), *(Column(f"Month {i}", 10, "right") for i in range(6)))
    rows = tuple(
        (
            (f"2025-0{7 + row}",),
            *(
                (Span(f"heat-{5 - step}", (money(f"{100 - 9 * step - row}%"),)),)
                if step < 6 - row
                else ()
                for step in range(6)
            ),
        )
        for row in range(3)
    )
    return Table(columns, rows)


def tree() -> Box:
    def node(name: str, figure: str, *below: Piece) -> Box:
        return Box("node", (Paragraph((Strong((name,)), " ", money(figure))), *below))

    users = node("Active users", "954", node("New", "68"), node("Kept", "886"))
    return Box("tree", (node("Value", "157K", users, node("Dashboards", "4.3")),))


def scorecard() -> Table:
    columns = (Column("KPI", 26), Column("Dec 2025", 10, "right"), Column("Status", 10))
    return Table(
        columns,
        (
            ((Strong(("Growth",)),), (), ()),
            ((Name("mrr", "Recurring revenue"),), (money("$2.09M"),), (Span("met", ("met",)),)),
            (("Net revenue retention",), (money("111.7%", "nrr"),), (Span("missed", ("missed",)),)),
            ((Strong(("Total",)),), (Strong((money("$9"),)),), (Strong(("met",)),)),
        ),
    )


def groups(count: int) -> Table:
    """So many groups of two rows."""
    rows: list[tuple[Line, ...]] = []
    for i in range(1, count + 1):
        rows.append(((Strong((f"Group {i}",)),), (), ()))
        rows += [((f"Row {i}{end}",), (money("$1"),), ("none",)) for end in "ab"]
    return Table((Column("Name", 30), Column("MRR", 10, "right"), Column("State", 12)), tuple(rows))


def customers(count: int) -> Table:
    columns = (Column("Customer", 30), Column("MRR", 10, "right"), Column("", 12))
    names = (NAMES[i] if i < len(NAMES) else f"Customer {i + 1}" for i in range(count))
    return Table(
        columns,
        tuple(((name,), (money(f"${i + 1},234"),), ("none",)) for i, name in enumerate(names)),
    )


def definitions() -> Box:
    entry = Box(
        "definition",
        (Paragraph((Strong(("Recurring revenue",)),)), Paragraph((Span("formula", ("a × b",)),))),
        id="def-mrr",
    )
    return Box("definitions", (entry,))


def block(*pieces: Piece) -> dict[str, Any]:
    made: Text = text(*pieces)
    return {
        "kind": "text",
        "markdown": made.markdown,
        "figures": made.figures,
        "numbers": [asdict(number) for number in made.numbers],
    }


_CARDS = Box(
    "cards",
    tuple(
        Box(
            "card",
            (
                Paragraph((Span("card-name", (Name(kpi, name),)),)),
                Paragraph((Span("card-value", (money(figure, kpi),)),)),
                Paragraph((Span("card-note", (Span("good", ("+1%",)), " so far")),)),
            ),
        )
        for kpi, name, figure in (
            ("mrr", "Recurring revenue", "$2.09M"),
            ("total_customers", "Customers", "982"),
        )
    ),
    columns=2,
)
_SAID = (
    Box("remark", (Paragraph((f"Two losses. {LONG}",)), Paragraph((Span("remark-by", ("Ann",)),)))),
    Box("decision", (Paragraph((Span("decision-label", ("Decision",)), " Raise the price.")),)),
    Box("unheard-of", (Box("register", (scorecard(),)), Paragraph((Span("odd", ("odd",)),)))),
    Callout("warning", "Mind this", (Bullets((("One",), (HEBREW,))),)),
)

BODY = """
{{< embed ../notebooks/all.ipynb#cards >}}

## What moved

Words before a chart.

{{< embed ../notebooks/all.ipynb#fig >}}

### Side by side

::: {layout-ncol=2}
{{< embed ../notebooks/all.ipynb#fig >}}

{{< embed ../notebooks/all.ipynb#fig >}}
:::

## Scorecard

{{< embed ../notebooks/all.ipynb#scorecard >}}

## North Star

{{< embed ../notebooks/all.ipynb#tree >}}

{{< embed ../notebooks/all.ipynb#said >}}

## Cohorts

{{< embed ../notebooks/all.ipynb#heatmap >}}

## Customers

{{< embed ../notebooks/all.ipynb#customers >}}

## Sign-off

::: {.sign-off}
| Role | Name | Signature |
|:-----|:-----|:----------|
| Chair | | |
:::

## Definitions

{{< embed ../notebooks/all.ipynb#definitions >}}
"""


def gallery(root: Path, header: str = "title: Board report\ncover: true\ntoc: true") -> Rendered:
    """One of everything, rendered."""
    desk = Desk(root)
    desk.notebook(
        "all",
        cards=block(_CARDS),
        fig=chart(),
        scorecard=block(scorecard()),
        tree=block(tree()),
        said=block(*_SAID),
        heatmap=block(Box("triangle", (heatmap(),))),
        customers=block(customers(60)),
        definitions=block(definitions()),
    )
    assembled = desk.assemble(BODY, FACTS, header=header, name="board.qmd")
    return render(assembled, assembled.folder, renderer="builtin")


def axe(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds wrong with an open page, by these rules or by all: the rule and its first place."""
    # The page's own policy lets no other script in; the browser's own channel does.
    page.context.new_cdp_session(page).send(
        "Runtime.evaluate", {"expression": _AXE.read_text(encoding="utf-8")}
    )
    only = {"type": "rule", "values": [*rules]} if rules else {"type": "tag", "values": _TAGS}
    found: list[str] = page.evaluate(_RUN, only)
    return found


def orphaned_headings(sheets: list[str], headings: set[str]) -> list[str]:
    """Headings that end a sheet but for its foot; of a long one the last line ends it."""
    found = []
    for sheet in sheets:
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        body = [line for line in lines if " · as of " not in line]
        body = [line for line in body if not line.replace(" ", "").replace("/", "").isdigit()]
        if body and any(_ends(heading, body[-1]) for heading in headings):
            found.append(body[-1])
    return found


def _ends(heading: str, line: str) -> bool:
    return line == heading or (len(line) > 12 and heading.endswith(line))
