"""Boardpack: KPI reports from tables, gated, executed, rendered and kept.

What a notebook says with ``import boardpack as bp``: `open` the values, then one verb a cell.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boardpack.bridges import bridge
    from boardpack.cards import factors, headline
    from boardpack.charts import by_member, chart, trend
    from boardpack.cohort_tables import cohorts
    from boardpack.comparisons import bullet, funnel, ranking
    from boardpack.executive import (
        concerns,
        decisions,
        key_metrics,
        messages,
        outlook,
        priority_actions,
        recommendation,
    )
    from boardpack.explore import open
    from boardpack.glossary import definitions
    from boardpack.heatmaps import heatmap
    from boardpack.listings import listing
    from boardpack.movement_stacks import movements
    from boardpack.north_stars import north_star
    from boardpack.panels import trends
    from boardpack.profit_and_loss import statement
    from boardpack.remarks import notes
    from boardpack.reviews import six_twelve
    from boardpack.risk_register import risks
    from boardpack.sentences import finding, sentence, summary
    from boardpack.stage_checks import stages
    from boardpack.tables import history, members, not_available, scorecard
    from boardpack.target_paths import paths
    from boardpack.target_proposals import proposals
    from boardpack.variances import variance

__all__ = [
    "bridge",
    "bullet",
    "by_member",
    "chart",
    "cohorts",
    "concerns",
    "decisions",
    "definitions",
    "factors",
    "finding",
    "funnel",
    "headline",
    "heatmap",
    "history",
    "key_metrics",
    "listing",
    "members",
    "messages",
    "movements",
    "north_star",
    "not_available",
    "notes",
    "open",
    "outlook",
    "paths",
    "priority_actions",
    "proposals",
    "ranking",
    "recommendation",
    "risks",
    "scorecard",
    "sentence",
    "six_twelve",
    "stages",
    "statement",
    "summary",
    "trend",
    "trends",
    "variance",
]

_HOMES = {
    "bridges": ("bridge",),
    "cards": (
        "factors",
        "headline",
    ),
    "charts": (
        "by_member",
        "chart",
        "trend",
    ),
    "cohort_tables": ("cohorts",),
    "comparisons": (
        "bullet",
        "funnel",
        "ranking",
    ),
    "executive": (
        "concerns",
        "decisions",
        "key_metrics",
        "messages",
        "outlook",
        "priority_actions",
        "recommendation",
    ),
    "explore": ("open",),
    "glossary": ("definitions",),
    "heatmaps": ("heatmap",),
    "listings": ("listing",),
    "movement_stacks": ("movements",),
    "north_stars": ("north_star",),
    "panels": ("trends",),
    "profit_and_loss": ("statement",),
    "remarks": ("notes",),
    "reviews": ("six_twelve",),
    "risk_register": ("risks",),
    "sentences": (
        "finding",
        "sentence",
        "summary",
    ),
    "stage_checks": ("stages",),
    "tables": (
        "history",
        "members",
        "not_available",
        "scorecard",
    ),
    "target_paths": ("paths",),
    "target_proposals": ("proposals",),
    "variances": ("variance",),
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the command line does not wait for charts, nor a chart for DuckDB.
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"boardpack.{module}"), name)
    raise AttributeError(f"module 'boardpack' has no attribute {name!r}")
