"""A small workspace with executed notebooks, so that assembling and rendering need no kernel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boardpack.assemble import Assembled, assemble
from boardpack.blocks import MIME
from boardpack.facts import ReportFacts
from boardpack.sections import Section

#: Every character that means something to HTML, Markdown, Typst or a shortcode.
HOSTILE = 'Smith & <b>Sons</b> #1 $x$ *y* @z \\n | _u_ `c` [l](m) {{< meta company >}} "q" ~t~ ^s^'

FACTS = ReportFacts(
    company="DataInsight Pro",
    currency="USD",
    locale="en_US",
    zone="UTC",
    confidentiality="Confidential",
    report="monthly",
    title="Monthly report",
    period="2025-12",
    as_of="2025-12-31",
    grain="month",
    run_id="run-1",
    verdict="publish",
)


def svg(text: str = "Jan") -> str:
    """A drawing with an id that collides with that of the next."""
    return (
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="320" height="120" '
        'viewBox="0 0 320 120"><clipPath id="clip0"><rect width="320" height="120"/></clipPath>'
        f'<g clip-path="url(#clip0)"><rect x="10" y="20" width="80" height="90" fill="#1D5FA6"/>'
        f'<text x="10" y="14" font-family="Source Sans Pro" font-size="12">{text}</text></g></svg>'
    )


def chart(title: str = "MRR grew to $1.92M", **changes: Any) -> dict[str, Any]:
    """A block of a chart; its spec is real Vega-Lite."""
    block = {
        "kind": "chart",
        "title": title,
        "alt": 'Bars over two months, "MRR" from $1.88M to $1.92M.',
        "spec": {
            "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "width": 320,
            "height": 120,
            "data": {"values": [{"month": "Nov", "mrr": 1.88}, {"month": "Dec", "mrr": 1.92}]},
            "mark": {"type": "bar", "tooltip": True},
            "encoding": {
                "x": {"field": "month", "type": "nominal"},
                "y": {"field": "mrr", "type": "quantitative"},
            },
        },
        "svg": svg(),
        "data": {"columns": ["Month", "MRR"], "rows": [["Nov", "$1.88M"], ["Dec", "$1.92M"]]},
        "numbers": [{"kpi": "mrr", "period": "2025-12", "member": "", "text": "$1.92M"}],
    }
    return {**block, **changes}


def text(markdown: str, **more: Any) -> dict[str, Any]:
    """A block of text."""
    return {"kind": "text", "markdown": markdown, "figures": {}, "numbers": [], **more}


@dataclass
class Desk:
    """A workspace's reports and notebooks in a temporary folder."""

    root: Path
    executed: dict[str, Path] = field(default_factory=dict)

    @property
    def target(self) -> Path:
        return self.root / "var" / "run"

    def notebook(self, name: str, **cells: Any) -> None:
        """An executed notebook: label (``_`` for ``-``) to the block that its cell shows."""
        shown = [
            {
                "cell_type": "code",
                "source": f"#| label: {label.replace('_', '-')}\nbp.show()\n",
                "metadata": {"papermill": {"duration": 0.1}},
                "outputs": _outputs(block),
            }
            for label, block in cells.items()
        ]
        path = self.root / "executed" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"cells": shown, "metadata": {"kernelspec": {"name": "x"}}}))
        self.executed[name] = path

    def write(self, body: str, name: str = "monthly.qmd", header: str = "title: Monthly") -> Path:
        path = self.root / "reports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\n{header}\n---\n\n{body}\n" if header else body, encoding="utf-8")
        return path

    def assemble(
        self,
        body: str,
        facts: ReportFacts = FACTS,
        target: Path | None = None,
        sections: Mapping[str, Section] | None = None,
        **more: Any,
    ) -> Assembled:
        written = self.write(body, **more)
        return assemble(written, self.executed, facts, target or self.target, sections)


def _outputs(block: Any) -> list[dict[str, Any]]:
    if block is None:
        return [{"output_type": "stream", "name": "stdout", "text": "only words"}]
    blocks = block if isinstance(block, list) else [block]
    return [
        {"output_type": "display_data", "metadata": {}, "data": {MIME: one, "text/plain": "shown"}}
        for one in blocks
    ]
