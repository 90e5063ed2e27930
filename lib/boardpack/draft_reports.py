"""Drafted report: a notebook and a document for the KPIs that a new workspace has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boardpack.engine.definitions import Kpi

#: Headings of categories, in the order a reader wants them.
_SECTIONS = {
    "revenue": "Revenue",
    "growth_acquisition": "Customers",
    "retention_expansion": "Retention",
    "customer_success": "Satisfaction",
    "engagement": "Engagement",
    "support": "Support",
    "finance": "Finance",
}
#: What leads its section.
_FIRST = (
    "total_revenue", "mrr", "arr", "purchases", "average_order_value", "snapshot_monthly_charge",
    "total_customers", "purchasing_customers", "snapshot_customers", "new_customers",
    "net_revenue_retention", "customer_churn_rate", "snapshot_churn_rate",
)  # fmt: skip
#: Periods with figures from which on a line through time says something.
_COURSE = 3


@dataclass(frozen=True)
class Shown:
    """A KPI that the report shows: how many periods have a figure, which dimensions members."""

    kpi: Kpi
    periods: int
    members: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """The two files of a drafted report."""

    notebook: str
    document: str


@dataclass(frozen=True)
class _Cell:
    label: str
    source: str


def draft_report(
    shown: Sequence[Shown], lacking: Sequence[str], dimensions: Sequence[str]
) -> Report:
    """Cards, what moved, a section a category, definitions; and what is not available, at the end.

    ``lacking`` are the KPIs without values. Verbs leave out what has none, so that a KPI whose
    table is connected later only has to be named.
    """
    ordered = sorted(shown, key=lambda s: _rank(s.kpi))
    with_figures = [s for s in ordered if s.periods]
    names = [s.kpi.id for s in ordered]
    headline = _headline(with_figures)
    cells = [
        _Cell("txt-headline", _call("headline", headline, _columns(len(headline)))),
        _Cell("txt-summary", _call("summary", [s.kpi.id for s in with_figures][:10])),
    ]
    parts = [_embed("txt-headline"), "## What moved", _embed("txt-summary")]
    with_course = [s for s in with_figures if s.periods >= _COURSE]
    if with_course:
        parts.append("{{< pagebreak >}}")
    for category in dict.fromkeys(s.kpi.category for s in with_course):
        section = [s.kpi.id for s in with_course if s.kpi.category == category]
        heading = _SECTIONS.get(category, category.replace("_", " ").capitalize())
        parts.append(f"## {heading}")
        made, placed = _section(category, section)
        cells += made
        parts += placed
    by, placed = _by_member(with_figures, dimensions)
    cells += by
    parts += placed
    if any(s.periods >= 2 for s in with_figures):
        cells.append(_Cell("tbl-history", _call("history", names)))
        parts += ["## Through time", _embed("tbl-history")]
    parts += ["## Definitions", _section_of_run("definitions")]
    if lacking:
        parts += ["## Not available yet", _section_of_run("not-available")]
    return Report(_notebook(cells, names + list(lacking)), _document(parts))


def _rank(kpi: Kpi) -> tuple[int, str, int]:
    """By section, and in it what a board asks for first; a bridge's opening comes last."""
    order = list(_SECTIONS)
    section = order.index(kpi.category) if kpi.category in order else len(order)
    if kpi.id in _FIRST:
        return section, kpi.category, _FIRST.index(kpi.id)
    return section, kpi.category, len(_FIRST) + kpi.id.startswith("opening_")


def _headline(shown: Sequence[Shown]) -> list[str]:
    """Up to six, one a category in turn, so that none fills the page alone."""
    by_category: dict[str, list[str]] = {}
    for entry in shown:
        by_category.setdefault(entry.kpi.category, []).append(entry.kpi.id)
    chosen: list[str] = []
    while len(chosen) < 6 and any(by_category.values()):
        for names in by_category.values():
            chosen += names[:1]
            del names[:1]
    order = [entry.kpi.id for entry in shown]
    # A row of cards that is not full looks torn off.
    return sorted(chosen[: 3 if len(chosen) == 5 else 6], key=order.index)


def _columns(cards: int) -> str:
    """Four cards stand two by two."""
    return ", columns=2" if cards == 4 else ""


def _section(category: str, kpis: Sequence[str]) -> tuple[list[_Cell], list[str]]:
    label = category.replace("_", "-")
    cells = [_Cell(f"fig-{label}", f'bp.trend(values, "{kpis[0]}")')]
    if len(kpis) > 1:
        columns = 3 if (len(kpis) - 1) % 3 == 0 else 2
        more = _call("trends", kpis[1:], f", columns={columns}")
        cells.append(_Cell(f"fig-{label}-more", more))
    return cells, [_embed(cell.label) for cell in cells]


def _by_member(shown: Sequence[Shown], dimensions: Sequence[str]) -> tuple[list[_Cell], list[str]]:
    """A table a dimension, and bars of the first KPI that has members."""
    cells: list[_Cell] = []
    parts: list[str] = []
    for dimension in dimensions:
        split = [s for s in shown if s.members.get(dimension, 0) > 1]
        if not split:
            continue
        # A rate tells members apart better than an amount, which follows their size.
        split.sort(key=lambda s: s.kpi.unit != "percent")
        label, names = dimension.replace("_", "-"), [s.kpi.id for s in split]
        cells.append(_Cell(f"fig-by-{label}", f'bp.ranking(values, "{names[0]}", "{dimension}")'))
        cells.append(_Cell(f"tbl-by-{label}", _call("members", names[:4], f', "{dimension}"')))
        heading = dimension.replace("_", " ")
        parts += [f"## By {heading}", _embed(cells[-2].label), _embed(cells[-1].label)]
    return cells, parts


def _call(verb: str, names: Sequence[str], more: str = "") -> str:
    lines = "".join(f'        "{name}",\n' for name in names)
    return f"bp.{verb}(\n    values,\n    [\n{lines}    ]{more},\n)"


def _embed(label: str) -> str:
    return f"{{{{< embed ../notebooks/overview.ipynb#{label} >}}}}"


def _section_of_run(name: str) -> str:
    """A place that the run fills, from what the report shows."""
    return f"::: {{#{name}}}\n:::"


def _document(parts: Sequence[str]) -> str:
    return "---\ntitle: Monthly report\ngrains: [month]\n---\n\n" + "\n\n".join(parts) + "\n"


def _notebook(cells: Sequence[_Cell], kpis: Sequence[str]) -> str:
    listed = "".join(f'    "{name}",\n' for name in kpis)
    parameters = (
        'workspace = ".."\n'
        'period = ""  # such as 2025-12; empty: the last period closed in the data\n'
        'as_of = ""  # such as 2025-12-31; empty: the end of the period\n'
        'grain = "month"\n'
        'segment = ""  # such as smb; empty: all\n'
        f"kpis = [\n{listed}]"
    )
    opened = (
        "import boardpack as bp\n\nvalues = bp.open(\n"
        "    workspace, period=period, as_of=as_of, grain=grain, segment=segment, kpis=kpis\n)"
    )
    written = [
        _written("0", "markdown", "# Overview\n\nWhat the connected tables tell."),
        _written("1", "code", parameters, {"tags": ["parameters"]}),
        _written("2", "code", opened),
    ]
    for number, cell in enumerate(cells, 3):
        written.append(_written(str(number), "code", f"#| label: {cell.label}\n{cell.source}"))
    notebook = {
        "cells": written,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _written(
    name: str, kind: str, source: str, metadata: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": name,
        "metadata": dict(metadata or {}),
        "source": lines,
    }
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return dict(sorted(cell.items()))
