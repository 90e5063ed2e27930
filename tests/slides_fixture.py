"""Reports made into slides for tests, and what is on them."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pptx import Presentation

from boardpack.blocks import Plot, Series
from boardpack.facts import KpiFacts
from boardpack.markup import Column, Span
from boardpack.markup import text as written
from boardpack.render.slides import render_slides
from report_fixture import FACTS, Desk, chart

MONTHS = ("Nov 2024", "Dec 2024", "Jan 2025", "Feb 2025", "Mar 2025")
LINES = Plot(
    "lines",
    MONTHS,
    (
        Series("Actual", "actual", (1.0, 2.0, None, 4.0, 5.5), ("", "", "", "", "$5.5M")),
        Series("Year before", "last_year", (1.0, 1.5, 2.0, 2.5, 5.4), ("", "", "", "", "$5.4M")),
        Series("Target", "target", (2.0, 3.0, 4.0, 5.0, 5.6), ("", "", "", "", "$5.6M")),
    ),
    "MRR",
)
COLUMNS = Plot("columns", ("Nov", "Dec"), (Series("Actual", "actual", (3.0, 4.0), ("$3M", "$4M")),))
STACK = Plot(
    "stack",
    ("Nov", "Dec"),
    (
        Series("New", "gain", (3.0, 4.0)),
        Series("Churned", "loss", (-1.0, -2.0)),
        Series("Net", "balance", (2.0, 2.0)),
    ),
)
BRIDGE = Plot(
    "bridge",
    ("Nov", "New", "Churned", "Dec"),
    (
        Series("Balance", "balance", (100.0, None, None, 120.0), ("$100", "", "", "$120")),
        Series("Gain", "gain", (None, 30.0, None, None), ("", "+$30", "", "")),
        Series("Loss", "loss", (None, None, -10.0, None), ("", "", "−$10", "")),
    ),
)
BARS = Plot(
    "bars",
    ("ARR", "NPS"),
    (
        Series("Share of the target", "actual", (110.0, 64.0), ("$11M: met", "45: missed")),
        Series("Target", "target", (100.0, 100.0)),
    ),
)
PANELS = Plot("panels", panels=(replace(LINES, title="ARR"), replace(LINES, title="NPS")))


def block(plot: Plot | None, title: str = "MRR rose to $5.5M", **more: Any) -> dict[str, Any]:
    return chart(title, plot=json.loads(json.dumps(asdict(plot))) if plot else None, **more)


def words(*pieces: Any) -> dict[str, Any]:
    found: dict[str, Any] = written(*pieces).payload()
    return found


def made(desk: Desk, body: str, facts: Any = FACTS, **kpis: KpiFacts) -> Any:
    """The presentation of a report, read again from its file."""
    assembled = desk.assemble(body, facts, header="title: Monthly\nslides: true")
    if kpis:
        frozen = {"report": asdict(facts), "kpis": {kpi: asdict(f) for kpi, f in kpis.items()}}
        (desk.target / "facts.json").write_text(json.dumps(frozen), encoding="utf-8")
    return Presentation(str(render_slides(assembled, desk.target)))


def titles(deck: Any) -> list[str]:
    return [slide.shapes.title.text_frame.text for slide in deck.slides]


def titled(deck: Any, title: str) -> Any:
    return next(slide for slide in deck.slides if slide.shapes.title.text_frame.text == title)


def charts_of(slide: Any) -> list[Any]:
    return [shape.chart for shape in slide.shapes if shape.has_chart]


def tables_of(slide: Any) -> list[Any]:
    return [shape.table for shape in slide.shapes if shape.has_table]


def texts(slide: Any) -> str:
    found = []
    for shape in slide.shapes:
        if shape.has_text_frame:
            found.append(shape.text_frame.text)
        elif shape.has_table:
            found += [cell.text_frame.text for row in shape.table.rows for cell in row.cells]
        elif shape.has_chart:
            found += [t.text or "" for t in shape.chart._chartSpace.iter("{*}t")]
    return "\n".join(found)


def label_texts(held: Any) -> list[str]:
    return [t.text for t in held._chartSpace.iter("{*}t")]


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def rows(n: int) -> tuple[tuple[Any, ...], ...]:
    return tuple(
        ((f"KPI {i}",), (Span(verdict, (verdict,)),), (f"{i}%",))
        for i in range(n)
        for verdict in ("met" if i % 2 else "missed",)
    )


COLUMNS_OF_TABLE = (Column("Name", 30), Column("Status", 12), Column("Share", 12, "right"))
