"""A table of the figures behind a chart, where the chart cannot be drawn natively."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from boardpack.render.slides.pieces import Column, Line, Run, Sheet, clean

#: The column that says how a change is to be judged, and the words for it.
_JUDGED = "Is"
#: The column of a change, which stands behind that of what it is against.
_CHANGE = "Change"
_ROLES = {"better": "good", "worse": "bad"}
#: A table of more rows would be no picture of anything.
_MOST = 16
#: Names and a single column say less than a picture.
_LEAST = 3


def as_drawn(charts: Mapping[str, Any], shown: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """The charts with the figures behind them written as the report writes them elsewhere.

    Behind a chart stand full amounts, which only a page shows that is pointed at; one that the
    report writes nowhere else is left empty.
    """
    written: dict[tuple[str, ...], set[str]] = {}
    for one in shown:
        if "only" not in one:
            written.setdefault(_key(one), set()).add(one["text"])
    return {name: {**entry, "data": _rewritten(entry, written)} for name, entry in charts.items()}


def _rewritten(
    entry: Mapping[str, Any], written: Mapping[tuple[str, ...], set[str]]
) -> dict[str, Any]:
    data = entry.get("data") or {}

    def cell(of: Any) -> Any:
        texts = written.get(_key(of), set()) if isinstance(of, Mapping) else set()
        if not isinstance(of, Mapping) or of["text"] in texts:
            return of
        # A change may be against this period or that one: only a figure is the same wherever it is.
        same = texts if of["what"] in ("value", "target") else set()
        return {**of, "text": min(same, key=lambda text: (len(text), text), default="")}

    return {**data, "rows": [[cell(of) for of in row] for row in data.get("rows") or ()]}


def _key(one: Mapping[str, str]) -> tuple[str, ...]:
    return one["kpi"], one["period"], one["member"], one["what"]


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
    if len(kept) < _LEAST:
        return None
    columns = tuple(Column(_head(heads, i), 0.0, "left" if i == 0 else "right") for i in kept)
    return Sheet(columns, tuple(tuple(_cell(row, i, heads) for i in kept) for row in rows))


def _head(heads: list[str], i: int) -> str:
    """What a column is called; a change says against what."""
    if heads[i] != _CHANGE:
        return clean(heads[i])
    return f"vs {clean(heads[i - 1]).lower()}"


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
