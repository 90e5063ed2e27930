"""Blocks: what a labelled cell shows in JupyterLab and what a report places."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from boardpack.theme import draw

#: The key under which a cell's output holds its block.
MIME = "application/vnd.boardpack.block+json"


@dataclass(frozen=True)
class Shown:
    """One number as a reader sees it: ``member`` is ``""`` or ``segment=smb``.

    ``what`` is ``value`` for the KPI itself, else ``target``, ``change``, ``gap``, ``share``,
    ``limit``, ``net`` of several movements of which it names one, ``rest`` that they leave
    unexplained, or ``count``; a count of the report itself, such as of targets met, has no ``kpi``.
    """

    kpi: str
    period: str
    member: str
    text: str
    what: str = "value"


#: What a series of a chart is, and so how it is drawn everywhere: actual figures solid, last year's
#: lighter, targets and plans outlined, forecasts hatched, gains and losses by direction of good.
Role = Literal["actual", "last_year", "target", "forecast", "member", "balance", "gain", "loss"]


@dataclass(frozen=True)
class Series:
    """Figures of one kind under the categories of a `Plot`; None where there is none.

    ``labels`` are what the drawing writes at some of them, "" elsewhere; empty for none at all.
    ``still_open`` and ``unusual`` are the places of figures that may still change, and of those
    outside of what was to be expected.
    """

    name: str
    role: Role
    values: tuple[float | None, ...]
    labels: tuple[str, ...] = ()
    still_open: tuple[int, ...] = ()
    unusual: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plot:
    """The figures of a drawing, for programs that draw charts themselves, such as slides.

    A ``panels`` plot holds small plots instead of series, each with its own scale. The series of a
    ``bridge`` hold balances and, with their sign, the gains and losses between them; each has None
    where another has the step. ``ends`` are those of the value axis, None where nobody cares.
    ``normal`` is the lowest and the highest figure to be expected of each category, None where too
    little is known; empty where no band is drawn.
    """

    kind: Literal["lines", "columns", "stack", "bridge", "bars", "panels"]
    categories: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()
    title: str = ""
    panels: tuple[Plot, ...] = ()
    ends: tuple[float, float] | None = None
    normal: tuple[tuple[float, float] | None, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A chart: its message, a sentence that stands for it, a Vega-Lite spec with its data inside.

    ``title`` and ``alt`` are plain text; ``rows`` are the drawn figures, written in full, under
    ``columns``: a cell that is a number says which. ``plot`` has the same figures as numbers.
    """

    title: str
    alt: str
    spec: dict[str, Any]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | Shown, ...], ...] = ()
    numbers: tuple[Shown, ...] = ()
    plot: Plot | None = None

    @cached_property
    def svg(self) -> str:
        """The drawing, made on first use."""
        return draw(self.spec)

    def payload(self) -> dict[str, Any]:
        """What the assembler reads."""
        cells = (cell for row in self.rows for cell in row if isinstance(cell, Shown))
        rows = [
            [asdict(cell) if isinstance(cell, Shown) else cell for cell in row] for row in self.rows
        ]
        return {
            "kind": "chart",
            "title": self.title,
            "alt": self.alt,
            "spec": self.spec,
            "svg": self.svg,
            "data": {"columns": list(self.columns), "rows": rows},
            "numbers": [asdict(shown) for shown in self.numbers],
            "cells": [asdict(shown) for shown in cells],
            "plot": _listed(asdict(self.plot)) if self.plot else None,
        }

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        figure = (
            f'<figure style="margin:0"><figcaption><b>{html.escape(self.title)}</b></figcaption>'
            f"{self.svg}</figure>"
        )
        return {
            MIME: self.payload(),
            "text/html": figure,
            "image/svg+xml": self.svg,
            "text/plain": f"{self.title}\n{self.alt}",
        }


@dataclass(frozen=True)
class Text:
    """Passages, tables and cards, as pandoc Markdown for reports and as HTML for JupyterLab.

    ``figures`` maps the names that the Markdown refers to under ``figures/`` to their SVG. A block
    without Markdown says that there is nothing to show: a report leaves it out.
    """

    markdown: str
    html: str = ""
    figures: dict[str, str] = field(default_factory=dict)
    numbers: tuple[Shown, ...] = ()
    #: of a list of notes: the KPIs it is about, empty for all; a report writes it anew, since notes
    #: may be written after the cell was executed
    notes_on: tuple[str, ...] | None = None

    def payload(self) -> dict[str, Any]:
        """What the assembler reads."""
        found = {
            "kind": "text",
            "markdown": self.markdown,
            "figures": self.figures,
            "numbers": [asdict(shown) for shown in self.numbers],
        }
        return found if self.notes_on is None else {**found, "notes_on": list(self.notes_on)}

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        return {MIME: self.payload(), "text/html": self.html, "text/plain": self.markdown}


def _listed(part: Any) -> Any:
    """The same with lists for tuples, as it comes back from a file."""
    if isinstance(part, dict):
        return {key: _listed(value) for key, value in part.items()}
    return [_listed(value) for value in part] if isinstance(part, tuple | list) else part


#: What a verb returns.
Block = Chart | Text
