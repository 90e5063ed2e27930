"""Boardpack: KPI reports from tables, gated, executed, rendered and kept.

What a notebook says with ``import boardpack as bp``: `open` the values, then one verb a cell.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boardpack.bridges import bridge, movements
    from boardpack.cards import factors, headline
    from boardpack.charts import by_member, chart, trend, trends
    from boardpack.comparisons import bullet, funnel, ranking
    from boardpack.explore import open
    from boardpack.remarks import notes
    from boardpack.sentences import finding, summary
    from boardpack.tables import definitions, history, members, not_available, scorecard

__all__ = [
    "bridge",
    "bullet",
    "by_member",
    "chart",
    "definitions",
    "factors",
    "finding",
    "funnel",
    "headline",
    "history",
    "members",
    "movements",
    "not_available",
    "notes",
    "open",
    "ranking",
    "scorecard",
    "summary",
    "trend",
    "trends",
]

_HOMES = {
    "bridges": ("bridge", "movements"),
    "cards": ("factors", "headline"),
    "charts": ("by_member", "chart", "trend", "trends"),
    "comparisons": ("bullet", "funnel", "ranking"),
    "explore": ("open",),
    "remarks": ("notes",),
    "sentences": ("finding", "summary"),
    "tables": ("definitions", "history", "members", "not_available", "scorecard"),
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the command line does not wait for charts, nor a chart for DuckDB.
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"boardpack.{module}"), name)
    raise AttributeError(f"module 'boardpack' has no attribute {name!r}")
