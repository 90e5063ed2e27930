"""Blocks: what a labelled cell shows in JupyterLab and what a report places."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from boardpack.theme import draw

#: The key under which a cell's output holds its block.
MIME = "application/vnd.boardpack.block+json"


@dataclass(frozen=True)
class Shown:
    """One number as a reader sees it: ``member`` is ``""`` or ``segment=smb``.

    ``what`` is ``value`` for the KPI itself, else ``target``, ``change``, ``share`` or ``limit``.
    """

    kpi: str
    period: str
    member: str
    text: str
    what: str = "value"


@dataclass(frozen=True)
class Chart:
    """A chart: its message, a sentence that stands for it, a Vega-Lite spec with its data inside.

    ``title`` and ``alt`` are plain text; ``rows`` are the drawn figures, written in full, under
    ``columns``.
    """

    title: str
    alt: str
    spec: dict[str, Any]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    numbers: tuple[Shown, ...] = ()

    @cached_property
    def svg(self) -> str:
        """The drawing, made on first use."""
        return draw(self.spec)

    def payload(self) -> dict[str, Any]:
        """What the assembler reads."""
        return {
            "kind": "chart",
            "title": self.title,
            "alt": self.alt,
            "spec": self.spec,
            "svg": self.svg,
            "data": {"columns": list(self.columns), "rows": [list(row) for row in self.rows]},
            "numbers": [asdict(shown) for shown in self.numbers],
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

    def payload(self) -> dict[str, Any]:
        """What the assembler reads."""
        return {
            "kind": "text",
            "markdown": self.markdown,
            "figures": self.figures,
            "numbers": [asdict(shown) for shown in self.numbers],
        }

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        return {MIME: self.payload(), "text/html": self.html, "text/plain": self.markdown}


#: What a verb returns.
Block = Chart | Text
