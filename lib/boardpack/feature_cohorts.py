"""The spread of features among the users of one month, week by week of their seats' life."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from boardpack.blocks import Text
from boardpack.formats import Formatter, count, member_name
from boardpack.markup import (
    Box,
    Bullets,
    Column,
    Line,
    NoValue,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.periods import Period
from boardpack.plots import nothing
from boardpack.table_titles import titled
from boardpack.values import Value, Values

#: The weeks of a seat's life at which the use of features is looked at.
WEEKS = (1, 4, 12, 24, 52)

#: The darkest shade of a cell; the lightest is 0.
_DARKEST = 5

Cell = TypeVar("Cell", bound=Hashable)
#: (feature, week) -> its share; None where it is not over
Uses = Mapping[tuple[str, int], Value | None]


def features(values: Values, label: str, *, cumulative: bool) -> Text:
    """The share of one month's new users that uses each feature, week by week."""
    kpis = {week: f"feature_use_{'by_' if cumulative else ''}w{week}" for week in WEEKS}
    if lacking := [kpi for kpi in kpis.values() if not values.is_available(kpi)]:
        return nothing(values, lacking[:1])
    cohort = Period.parse(label, values.calendar) if label else values.period.year_ago()
    formatter = Formatter(values)
    names = values.members(kpis[WEEKS[0]], "feature")
    cells = {
        (name, week): _mature(values.value(kpi, cohort, f"feature={name}"))
        for name in names
        for week, kpi in kpis.items()
    }
    closed = [week for week in WEEKS if any(cells[name, week] is not None for name in names)]
    if not closed:
        return text(
            Paragraph((f"No week of the users new in {formatter.period(cohort)} is over yet.",))
        )
    order = sorted(names, key=lambda name: -_of(cells[name, closed[-1]]))
    shade = scaled({key: _of(cell) for key, cell in cells.items() if cell is not None})
    columns = (Column("Feature", 24), *(Column(f"Week {week}", 12, "right") for week in WEEKS))
    rows = tuple(
        (
            (member_name(name),),
            *(_share(formatter, cells[name, week], shade.get((name, week))) for week in WEEKS),
        )
        for name in order
    )
    does = (
        "have used a feature by the end of the week" if cumulative else "use a feature in the week"
    )
    note = (
        f"Share of the users new in {formatter.period(cohort)} who {does}; weeks are those of each"
        " seat's life, and a cell is empty until the week is over for all of them."
    )
    title = titled(_ends(formatter, order, cells, closed[-1]))
    pieces: list[Piece] = [*title, Box("triangle", (Table(columns, rows),))]
    if gained := _gained(formatter, order, cells, (closed[0], closed[-1])):
        pieces.append(Bullets((gained,)))
    return text(*pieces, Box("note", (Paragraph((note,)),)))


def scaled(found: Mapping[Cell, float]) -> dict[Cell, int]:
    """How dark each cell is, from 0 to 5: one scale between the least and the most.

    >>> scaled({"a": 10.0, "b": 20.0, "c": 15.0})
    {'a': 0, 'b': 5, 'c': 3}
    """
    low, high = min(found.values(), default=0.0), max(found.values(), default=0.0)
    width = high - low
    return {
        key: min(_DARKEST, int((_DARKEST + 1) * (value - low) / width)) if width else 0
        for key, value in found.items()
    }


def _mature(value: Value) -> Value | None:
    """A figure whose week is over for all users of the cohort; None for one that may yet rise."""
    return None if value.status in ("maturing", "provisional") else value


def _of(value: Value | None) -> float:
    return (value.value or 0.0) if value is not None else 0.0


def _share(formatter: Formatter, value: Value | None, shade: int | None) -> Line:
    if value is None:
        return ()
    if value.value is None:
        return (NoValue(value.reason),)
    return (Span(f"heat-{shade or 0}", (formatter.figure(value, full=True),)),)


def _ends(formatter: Formatter, order: Sequence[str], cells: Uses, week: int) -> Line:
    """The most and the least used feature at the last closed week."""
    ends = [cell for name in (order[0], order[-1]) if (cell := cells[name, week]) is not None]
    if len(order) > 1 and len(ends) == 2 and all(cell.value is not None for cell in ends):
        return (
            f"{member_name(order[0])} is used most in week ", count(formatter.values, week),
            ", by ", formatter.figure(ends[0], full=True), f"; {member_name(order[-1])} least, by ",
            formatter.figure(ends[1], full=True),
        )  # fmt: skip
    return ()


def _gained(
    formatter: Formatter, order: Sequence[str], cells: Uses, weeks: tuple[int, int]
) -> Line:
    """The largest gain from the first week to the last closed one."""
    first, week = weeks
    gains = [
        (_of(late) - _of(early), name, early, late)
        for name in order
        if (early := cells[name, first]) is not None
        and (late := cells[name, week]) is not None
        and early.value is not None
    ]
    if week != first and gains:
        gain, name, early, late = max(gains, key=lambda found: found[0])
        if gain > 0:
            return (
                Strong((member_name(name),)), " gains most from week ",
                count(formatter.values, first), " to week ", count(formatter.values, week),
                ", from ", formatter.figure(early, full=True),
                " to ", formatter.figure(late, full=True), ".",
            )  # fmt: skip
    return ()
