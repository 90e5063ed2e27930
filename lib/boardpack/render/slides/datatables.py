"""A table of the figures behind a chart, where the chart cannot be drawn natively."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boardpack.render.slides.pieces import Column, Line, Run, Sheet, clean

#: The column that says how a change is to be judged, and the words for it.
_JUDGED = "Is"
_ROLES = {"better": "good", "worse": "bad"}
#: A table of more rows would be no picture of anything.
_MOST = 16


def table_of(entry: Mapping[str, Any]) -> Sheet | None:
    """What ``charts.json`` holds behind a chart as a table; None where there is nothing to show.

    A change is written in the colour of what is said of it.
    """
    data = entry.get("data") or {}
    heads, rows = list(data.get("columns") or ()), list(data.get("rows") or ())
    if not rows or len(rows) > _MOST or _JUDGED not in heads:
        return None
    kept = [i for i, head in enumerate(heads) if head != _JUDGED]
    columns = tuple(Column(clean(heads[i]), 0.0, "left" if i == 0 else "right") for i in kept)
    return Sheet(columns, tuple(tuple(_cell(row, i, heads) for i in kept) for row in rows))


def _cell(row: list[Any], i: int, heads: list[str]) -> Line:
    cell = row[i]
    if not isinstance(cell, Mapping):
        return (Run(clean(str(cell))),)
    role = ""
    if cell.get("what") in ("change", "gap"):
        after = next((j for j in range(i, len(heads)) if heads[j] == _JUDGED), None)
        role = _ROLES.get(str(row[after]), "") if after is not None else ""
    return (
        Run(clean(cell["text"]), role, kpi=clean(cell["kpi"]), member=clean(cell["member"])),
    )  # fmt: skip
