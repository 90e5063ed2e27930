"""``report.pptx``: the report as slides with charts and tables that can be edited."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from boardpack.assemble import Assembled
from boardpack.brand import read_brand
from boardpack.errors import RenderError, StorageError
from boardpack.facts import read_kpis
from boardpack.periods import parse_day
from boardpack.render.builtin import pandoc_tree
from boardpack.render.slides.datatables import as_drawn
from boardpack.render.slides.tree import pieces

__all__ = ["SLIDES", "render_slides"]

#: The file of an edition.
SLIDES = "report.pptx"
#: The time of every file within it: equal reports are equal bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)


def render_slides(assembled: Assembled, folder: Path) -> Path:
    """Render an assembled report into ``report.pptx`` of ``folder``.

    Charts, texts and tables are those of ``report.qmd``; a chart without a plot becomes a picture.
    `RenderError` says what refused it, `StorageError` what could not be written.
    """
    # Loaded when slides are made: a report without them does not wait for python-pptx.
    from boardpack.render.slides.deck import Deck
    from boardpack.render.slides.measures import Ruler
    from boardpack.render.slides.plan import plan

    brand = read_brand(assembled.folder / "_brand.yml")
    ruler = Ruler.of(brand)
    charts = as_drawn(_charts(assembled.folder), assembled.numbers)
    tree = pandoc_tree(assembled.folder, Path(__file__).with_name("slides.lua"))
    facts = assembled.facts
    planned = plan(pieces(tree), charts, ruler, assembled.title)
    day = parse_day(facts.as_of) if facts.as_of else parse_day("2000-01-01")
    deck = Deck(
        facts, assembled.title, brand, ruler, charts, read_kpis(assembled.folder),
        assembled.folder, datetime(day.year, day.month, day.day),
    )  # fmt: skip
    data = settled(deck.make(planned))
    path = folder / SLIDES
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(f"The slides cannot be written ({error.strerror}).", file=path) from None
    return path


def settled(presentation: Any) -> bytes:
    """A presentation as bytes that depend on nothing but what is in it."""
    written, out = io.BytesIO(), io.BytesIO()
    presentation.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return out.getvalue()


def _charts(folder: Path) -> Mapping[str, Any]:
    path = folder / "charts.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RenderError(f"The charts of the report cannot be read: {error}.", file=path) from None
    return found
