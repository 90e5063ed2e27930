"""A table of the figures behind a chart, where the chart cannot be drawn natively."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from boardpack.render.slides.pieces import Column, Line, Run, Sheet, clean

#: The column that says how a change is to be judged, and the words for it.
_JUDGED = "Is"
_ROLES = {"better": "good", "worse": "bad"}
#: A table of more rows would be no picture of anything.
_MOST = 16


def as_drawn(charts: Mapping[str, Any], shown: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """The charts with the figures behind them written as the report writes them elsewhere.

    Behind a chart stand full amounts, which only a page shows that is pointed at; one that the
    report writes nowhere else is left empty.
    """
    short: dict[tuple[str, ...], str] = {}
    for one in shown:
        if "only" not in one:
            key = (one["kpi"], one["period"], one["member"], one["what"])
            short[key] = min(short.get(key, one["text"]), one["text"], key=len)
    return {name: {**entry, "data": _shortened(entry, short)} for name, entry in charts.items()}


def _shortened(entry: Mapping[str, Any], short: Mapping[tuple[str, ...], str]) -> dict[str, Any]:
    data = entry.get("data") or {}

    def cell(of: Any) -> Any:
        if not isinstance(of, Mapping):
            return of
        return {**of, "text": short.get((of["kpi"], of["period"], of["member"], of["what"]), "")}

    return {**data, "rows": [[cell(of) for of in row] for row in data.get("rows") or ()]}


def table_of(entry: Mapping[str, Any]) -> Sheet | None:
    """What ``charts.json`` holds behind a chart as a table; None where there is nothing to show.

    A change is written in the colour of what is said of it.
    """
    data = entry.get("data") or {}
    heads, rows = list(data.get("columns") or ()), list(data.get("rows") or ())
    if not rows or len(rows) > _MOST or _JUDGED not in heads:
        return None
    kept = [
        i for i, head in enumerate(heads) if head != _JUDGED and all(_text(row[i]) for row in rows)
    ]
    columns = tuple(Column(clean(heads[i]), 0.0, "left" if i == 0 else "right") for i in kept)
    return Sheet(columns, tuple(tuple(_cell(row, i, heads) for i in kept) for row in rows))


def _cell(row: list[Any], i: int, heads: list[str]) -> Line:
    cell = row[i]
    if not isinstance(cell, Mapping):
        return (Run(_text(cell)),)
    role = ""
    if cell.get("what") in ("change", "gap"):
        after = next((j for j in range(i, len(heads)) if heads[j] == _JUDGED), None)
        role = _ROLES.get(str(row[after]), "") if after is not None else ""
    return (
        Run(_text(cell), role, kpi=clean(cell["kpi"]), member=clean(cell["member"])),
    )  # fmt: skip


def _text(cell: Any) -> str:
    return clean(str(cell["text"] if isinstance(cell, Mapping) else cell))
