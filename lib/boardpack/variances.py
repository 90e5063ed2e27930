"""Variances: figures against their target and the year before, absolute and in percent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from boardpack import cautions
from boardpack.blocks import Block, Chart, Plot, Series, Shown
from boardpack.deltas import BASES, NAMES, Base, Entry, base_of, comparable, entries_of, figure_of
from boardpack.formats import DASH, Formatter, count
from boardpack.markup import Line, Number, numbers, plain
from boardpack.plots import cell, goal_cell, in_currency, nothing, text_of
from boardpack.values import Values
from boardpack.variance_zones import spec


def variance(
    values: Values,
    kpis: str | Sequence[str],
    dimension: str = "",
    *,
    against: Sequence[Base] = BASES,
) -> Block:
    """Figures against the year before and their target: how far in amount and in percent.

    The rows are KPIs, or with ``dimension`` the members of one. Green is better and red worse by
    the direction of the KPI. Bars stand for figures of one unit; where units differ the amounts
    are written and only the percentages are drawn; a rate is off by points alone. ``against``
    chooses among ``before``, ``year_ago`` and ``target``.
    """
    asked = [kpis] if isinstance(kpis, str) else list(kpis)
    entries = entries_of(values, asked, dimension, against)
    if not entries:
        return nothing(values, asked)
    formatter = Formatter(values)
    used = [base for base in against if any(base in entry.deltas for entry in entries)]
    if not used:
        return nothing(values, asked, "there is nothing to set it against")
    said = _largest(entries, used[0]) if dimension else _message(formatter, entries, used)
    return Chart(
        title=plain(said) + cautions.caption(values, asked),
        alt=f"Variances against the {' and the '.join(NAMES[base] for base in used)}: "
        + "; ".join(_told(entry, used) for entry in entries)
        + "."
        + in_currency(values, asked),
        spec=spec(formatter, entries, used),
        columns=(
            "Name", "Actual",
            *(head for base in used for head in (NAMES[base].capitalize(), "Change", "Percent",
                                                 "Is")),
        ),
        rows=tuple(_row(formatter, entry, used) for entry in entries),
        numbers=(
            *numbers(said),
            *(s for e in entries for s in numbers((formatter.figure(e.reading.now),))),
            *(
                shown
                for entry in entries
                for delta in entry.deltas.values()
                for shown in (delta.absolute, delta.relative)
                if isinstance(shown, Shown)
            ),
        ),
        plot=_plot(entries, used),
    )  # fmt: skip


def _message(formatter: Formatter, entries: Sequence[Entry], used: Sequence[Base]) -> Line:
    """How many are better than what they are set against."""
    said: Line = ()
    for base in used:
        deltas = [entry.deltas[base] for entry in entries if base in entry.deltas]
        better = count(formatter.values, sum(delta.verdict == "better" for delta in deltas))
        of = count(formatter.values, len(deltas))
        what = "target met: " if base == "target" else f"better than the {NAMES[base]}: "
        said += ("; " + what if said else what[0].upper() + what[1:], better, " of ", of)
    return said


def _largest(entries: Sequence[Entry], base: Base) -> Line:
    """Which member is furthest from what it is set against."""
    entry = max(
        (entry for entry in entries if base in entry.deltas),
        key=lambda entry: abs(entry.deltas[base].amount),
    )
    change = entry.deltas[base].absolute
    said = Number(change) if isinstance(change, Shown) else change
    name = entry.reading.name
    return (f"{name}: {entry.name} is furthest from the {NAMES[base]}, ", said)


def _told(entry: Entry, used: Sequence[Base]) -> str:
    reading = entry.reading
    said = f"{entry.name} {plain((reading.formatter.figure(reading.now),))}"
    for base in used:
        delta = entry.deltas.get(base)
        if delta is None:
            continue
        parts = (text_of(delta.absolute), text_of(delta.relative), delta.verdict)
        said += f", {NAMES[base]} " + " ".join(filter(None, parts))
    return said


def _row(formatter: Formatter, entry: Entry, used: Sequence[Base]) -> tuple[str | Shown, ...]:
    reading = entry.reading
    row: list[str | Shown] = [entry.name, cell(formatter, reading.now)]
    for base in used:
        if base == "target":
            row.append(goal_cell(formatter, reading.now, reading.target))
        else:
            row.append(cell(formatter, reading.year_ago if base == "year_ago" else reading.before))
        delta = entry.deltas.get(base)
        row += [delta.absolute, delta.relative or DASH, delta.verdict] if delta else [DASH] * 3
    return tuple(row)


def _plot(entries: Sequence[Entry], used: Sequence[Base]) -> Plot:
    """Figures of one unit beside one another; else how far each is off, in percent."""
    names = tuple(entry.name for entry in entries)
    if comparable(entries):
        series = [
            Series(
                "Actual", "actual", tuple(entry.reading.now.value for entry in entries),
                tuple(figure_of(entry) for entry in entries),
            )
        ]  # fmt: skip
        for base in used:
            figures = tuple(base_of(entry.reading, base) for entry in entries)
            role: Literal["target", "last_year"] = "target" if base == "target" else "last_year"
            series.append(Series(NAMES[base].capitalize(), role, figures))
        return Plot("bars", names, tuple(series))
    series = []
    for base in used:
        deltas = [entry.deltas.get(base) for entry in entries]
        series.append(
            Series(
                f"Against the {NAMES[base]} in percent",
                "target" if base == "target" else "last_year",
                tuple(delta.percent if delta else None for delta in deltas),
                tuple(text_of(delta.relative) if delta else "" for delta in deltas),
            )
        )
    return Plot("bars", names, tuple(series))
