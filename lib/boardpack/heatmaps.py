"""Heatmaps: figures in cells of one hue, darker for more, each with its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardpack import cautions
from boardpack.blocks import Block, Chart, Plot, Series, Shown
from boardpack.formats import DASH, Formatter, member_name
from boardpack.markup import numbers, plain
from boardpack.plots import (
    Board,
    Row,
    category,
    cell,
    fitted,
    layer,
    lookup,
    named,
    nothing,
    raw,
    text_width,
    tips,
    wrapped,
)
from boardpack.readings import explanation, member_readings
from boardpack.theme import palette
from boardpack.values import Value, Values

_ROW = 28.0
_LONGEST = 170.0


@dataclass(frozen=True)
class _Grid:
    """Values in rows and columns; ``groups`` says which rows share their darkness."""

    heads: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Value, ...], ...]
    is_shared: bool


def heatmap(
    values: Values, kpis: str | Sequence[str], dimension: str, last: int | None = None
) -> Block:
    """The members of a dimension in cells of one hue, each with its number.

    Of one KPI the periods run to the right and all cells share their hue; of several each KPI is a
    row, a column is a member, and each row has its own: darker is more within the row.
    """
    asked = [kpis] if isinstance(kpis, str) else list(kpis)
    known = [kpi for kpi in asked if values.is_available(kpi)]
    formatter = Formatter(values)
    split = [kpi for kpi in known if member_readings(values, kpi, dimension)]
    if not split:
        why = f"none can be split by {dimension}" if len(asked) > 1 else ""
        return nothing(values, asked, why or f"it cannot be split by {dimension}" if known else "")
    if len(asked) == 1:
        grid = _through_time(formatter, split[0], dimension, last)
        said = explanation(values, split[0], dimension)
    else:
        grid, said = _by_kpi(formatter, split, dimension), ()
    names = ", ".join(values.kpi(kpi).name for kpi in split)
    title = plain(said) or f"{names} by {dimension.replace('_', ' ')}"
    on, rows, left_out = _laid(formatter, grid)
    shown = [
        figure
        for cells in grid.cells
        for figure in numbers(tuple(formatter.figure(value) for value in cells[left_out:]))
    ]
    darker = "in all cells" if grid.is_shared else "within its row"
    return Chart(
        title=title + cautions.caption(values, split),
        alt=f"Heatmap of {names} by {dimension}, darker for more {darker}. "
        + _ends(formatter, grid),
        spec=on.spec(_layers(grid, on, rows, left_out)),
        columns=("Member" if grid.is_shared else "KPI", *grid.columns),
        rows=tuple(
            (head, *(cell(formatter, value) for value in cells))
            for head, cells in zip(grid.heads, grid.cells, strict=True)
        ),
        numbers=(*numbers(said), *shown, *_end_numbers(formatter, grid)),
        plot=_plot(formatter, grid, names),
    )


def _plot(formatter: Formatter, grid: _Grid, name: str) -> Plot:
    """Through time a line a member; else a small plot a KPI, a bar a member."""
    if grid.is_shared:
        series = (
            Series(head, "member", tuple(value.value for value in cells))
            for head, cells in zip(grid.heads, grid.cells, strict=True)
        )
        return Plot("lines", grid.columns, tuple(series), name)
    return Plot(
        "panels",
        panels=tuple(
            Plot(
                "bars", grid.columns,
                (
                    Series(
                        head, "actual", tuple(value.value for value in cells),
                        tuple(
                            "" if value.value is None else plain((formatter.figure(value),))
                            for value in cells
                        ),
                    ),
                ),
                head,
            )
            for head, cells in zip(grid.heads, grid.cells, strict=True)
        ),
    )  # fmt: skip


def _through_time(formatter: Formatter, kpi: str, dimension: str, last: int | None) -> _Grid:
    values = formatter.values
    members = [member for member, _ in member_readings(values, kpi, dimension)]
    series = [values.series(kpi, last, f"{dimension}={member}") for member in members]
    begins = min(
        (i for one in series for i, value in enumerate(one) if value.value is not None), default=0
    )
    periods = values.period.last(last or values.period.look_back)[begins:]
    return _Grid(
        tuple(member_name(member) for member in members),
        tuple(category(formatter, period) for period in periods),
        tuple(tuple(one[begins:]) for one in series),
        True,
    )


def _by_kpi(formatter: Formatter, kpis: Sequence[str], dimension: str) -> _Grid:
    values = formatter.values
    members = [member for member, _ in member_readings(values, kpis[0], dimension)]
    for kpi in kpis[1:]:
        more = (member for member, _ in member_readings(values, kpi, dimension))
        members += [member for member in more if member not in members]
    return _Grid(
        tuple(values.kpi(kpi).name for kpi in kpis),
        tuple(member_name(member) for member in members),
        tuple(
            tuple(values.value(kpi, dims=f"{dimension}={member}") for member in members)
            for kpi in kpis
        ),
        False,
    )


def _laid(formatter: Formatter, grid: _Grid) -> tuple[Board, list[Row], int]:
    """The board, its cells, and how many columns had to be left out for the others to be read."""
    left = min(max(text_width(head) for head in grid.heads), _LONGEST) + 10
    texts = [
        [plain((formatter.figure(value),)) if value.value is not None else DASH for value in cells]
        for cells in grid.cells
    ]
    on = Board("full", _ROW * len(grid.heads), left, 8, bottom=34, top=6, whole=True)
    widest = max(text_width(text, 11) for row in texts for text in row) + 6
    fits = max(int(on.width / widest), 1)
    # Through time the latest are kept, of members the first, which are the largest.
    out = max(len(grid.columns) - fits, 0)
    kept = range(out, len(grid.columns)) if grid.is_shared else range(fits)
    look, rows = palette(), []
    for i, cells in enumerate(grid.cells):
        around = grid.cells if grid.is_shared else (cells,)
        known = [v.value for row in around for v in row if v.value is not None]
        low, high = (min(known), max(known)) if known else (0.0, 0.0)
        for j, value in enumerate(cells):
            if j not in kept:
                continue
            share = 0.5 if high == low else ((value.value or 0.0) - low) / (high - low)
            fill = look.heat(share) if value.value is not None else look.paper
            rows.append(
                {
                    "row": i, "column": j, "text": texts[i][j], "color": fill,
                    "ink": look.on(fill) if value.value is not None else look.muted,
                    "Row": grid.heads[i], "Column": grid.columns[j],
                    "Figure": texts[i][j],
                }
            )  # fmt: skip
    return on, rows, out if grid.is_shared else 0


def _layers(grid: _Grid, on: Board, rows: list[Row], out: int) -> list[dict[str, object]]:
    look = palette()
    keys = list(dict.fromkeys(row["column"] for row in rows))
    slot = on.width / len(keys)
    heads = [wrapped(head, on.left - 8, 2) for head in grid.heads]
    columns = [_lines(grid.columns[key], slot - 2) for key in keys]
    y = {
        "field": "row", "type": "ordinal",
        "scale": {"domain": list(range(len(grid.heads))), "padding": 0.03},
        "axis": {
            "labelExpr": lookup(list(range(len(grid.heads))), heads), "labelColor": look.ink,
            "grid": False, "labelLimit": 0,
        },
    }  # fmt: skip
    x = {
        "field": "column", "type": "ordinal", "scale": {"domain": keys, "padding": 0.03},
        "axis": {"labelExpr": lookup(keys, columns), "labelOverlap": False, "labelFontSize": 11},
    }  # fmt: skip
    cells = layer(rows, {"type": "rect"}, x=x, y=y, color=raw())
    cells["encoding"]["tooltip"] = tips("Row", "Column", "Figure")
    text = {"type": "text", "fontSize": 11, "baseline": "middle"}
    return [cells, layer(rows, text, x=x, y=y, text=named(), color=raw("ink"))]


def _lines(head: str, width: float) -> list[str]:
    """The head of a column, on two lines where it is too wide for one."""
    if text_width(head, 11) <= width:
        return [head]
    first, _, rest = head.partition(" ")
    return [fitted(line, width, 11) for line in (first, rest) if line]


def _extremes(grid: _Grid) -> list[tuple[str, tuple[int, Value], tuple[int, Value]]]:
    """Of all cells, or of each row, the least and the most."""
    groups = (
        [("", [(j, value) for cells in grid.cells for j, value in enumerate(cells)])]
        if grid.is_shared
        else [
            (f"{head}: ", list(enumerate(cells)))
            for head, cells in zip(grid.heads, grid.cells, strict=True)
        ]
    )
    found = []
    for name, cells in groups:
        known = [cell for cell in cells if cell[1].value is not None]
        if known:
            found.append(
                (
                    name,
                    min(known, key=lambda cell: cell[1].value or 0.0),
                    max(known, key=lambda cell: cell[1].value or 0.0),
                )
            )
    return found


def _ends(formatter: Formatter, grid: _Grid) -> str:
    def at(cell: tuple[int, Value]) -> str:
        j, value = cell
        member = member_name(value.dims.partition("=")[2])
        where = f"{member} in {grid.columns[j]}" if grid.is_shared else member
        return f"{plain((formatter.figure(value),))} ({where})"

    told = "; ".join(
        f"{name}lowest {at(low)}, highest {at(high)}" for name, low, high in _extremes(grid)
    )
    return f"{told[:1].upper()}{told[1:]}."


def _end_numbers(formatter: Formatter, grid: _Grid) -> tuple[Shown, ...]:
    return tuple(
        shown
        for _, low, high in _extremes(grid)
        for shown in numbers((formatter.figure(low[1]), formatter.figure(high[1])))
    )
