"""The series of a chart as slides draw them: in which order and colour, and what stands at them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from boardpack.brand import mixed

#: An axis in a figure of this length or more starts at zero where the least is below this share.
_FLAT = 0.5
#: How far the band of the normal range goes from the accent towards paper.
_BAND = 0.88
#: Series that only carry others; a reader of the data sheet is told so by their names.
_BASE, _ABOVE = "Base (not shown)", "Labels (not shown)"
_MEMBERS = ("accent", "ink", "last_year", "muted", "target")


@dataclass(frozen=True)
class Drawn:
    """A series as it is drawn: ``labels`` by the index of the figure they stand at."""

    name: str
    role: str
    values: tuple[float | None, ...]
    labels: dict[int, str] = field(default_factory=dict)
    color: str = "accent"
    #: where its labels are put beside the figure: r, t, outEnd, inBase, ctr
    place: str = "r"
    label_colors: dict[int, str] = field(default_factory=dict)
    hues: dict[int, str] = field(default_factory=dict)
    #: the places of figures that may still change, and of those that were not to be expected
    still_open: tuple[int, ...] = ()
    unusual: tuple[int, ...] = ()


def is_drawable(plot: Mapping[str, Any]) -> bool:
    """Whether a plot has figures for all that its drawing shows.

    Bars may be of what has no common measure, such as points of a rate beside percent of an amount:
    only the page's own drawing shows these.
    """
    if plot["kind"] == "panels":
        return bool(plot["panels"])
    whole = all(
        any(series["values"][i] is not None for series in plot["series"])
        for i in range(len(plot["categories"]))
    )
    return bool(plot["categories"]) and (whole or plot["kind"] != "bars")


def drawn(plot: Mapping[str, Any], colors: Mapping[str, str]) -> list[Drawn]:
    """The series of a plot, as ``charts.json`` holds it, that is no panels; ``colors`` are the
    palette.
    """
    series = _series(plot)
    if plot["kind"] == "bridge":
        return _bridge(len(plot["categories"]), series)
    if plot["kind"] == "stack":
        return _stack(series, colors)
    if plot["kind"] == "bars":
        return _bars(series, colors)
    if plot["kind"] == "columns":
        return [replace(one, place="outEnd") for one in series]
    if plot["kind"] == "lines":
        return [*_band(plot.get("normal") or (), colors), *series]
    return series


def _band(normal: Sequence[Sequence[float] | None], colors: Mapping[str, str]) -> Iterator[Drawn]:
    """Where figures were to be expected, as columns that stand on a base that is not seen.

    A range that crosses zero is drawn in two parts.
    """
    if not any(normal):
        return
    ends: list[Any] = [(one[0], one[1]) if one else (None, None) for one in normal]
    base = tuple(
        None if low is None or low <= 0 <= high else low if low > 0 else high for low, high in ends
    )
    upper = tuple(
        high - max(low, 0.0) if low is not None and high > 0 else None for low, high in ends
    )
    lower = tuple(
        low - min(high, 0.0) if low is not None and low < 0 else None for low, high in ends
    )
    pale = mixed(colors["accent"], colors["paper"], _BAND)
    yield Drawn("Normal range starts at (not shown)", "hidden", base, color="paper")
    if any(part is not None for part in upper):
        yield Drawn("Normal range", "band", upper, color=pale)
    if any(part is not None for part in lower):
        name = "Normal range" if not any(upper) else "Normal range below zero"
        yield Drawn(name, "band", lower, color=pale)


def _series(plot: Mapping[str, Any]) -> list[Drawn]:
    """The series in the order they are drawn: what stands back first."""
    found = []
    members = 0
    for entry in plot["series"]:
        role = entry["role"]
        color = {"last_year": "last_year", "target": "target", "gain": "good", "loss": "bad",
                 "balance": "accent"}.get(role, "accent")  # fmt: skip
        if role == "member":
            color = _MEMBERS[members % len(_MEMBERS)]
            members += 1
        # What is infinite or no number cannot stand in a data sheet.
        values = tuple(
            float(v) if v is not None and math.isfinite(v) else None for v in entry["values"]
        )
        labels = {i: text for i, text in enumerate(entry.get("labels") or ()) if text}
        labels = {i: text for i, text in labels.items() if values[i] is not None}
        still_open, unusual = (tuple(entry.get(name) or ()) for name in ("still_open", "unusual"))
        one = Drawn(str(entry["name"]), role, values, labels, color)
        found.append(replace(one, still_open=still_open, unusual=unusual))
    if plot["kind"] == "lines":
        found = [_named_at_end(one) for one in found]
        order = {"target": 0, "last_year": 1, "member": 2, "forecast": 3}
        found.sort(key=lambda one: order.get(one.role, 4))
    return found


def _named_at_end(one: Drawn) -> Drawn:
    """A line says at its end what it is; the figures of this year say so by standing out."""
    known = [i for i, v in enumerate(one.values) if v is not None]
    if not known or one.role == "actual":
        return one
    end = known[-1]
    name = one.name if one.role == "member" else one.name[:1].lower() + one.name[1:]
    said = f"{one.labels.get(end, '')} {name}".strip()
    return replace(one, labels={**one.labels, end: said})


def _bridge(count: int, series: Sequence[Drawn]) -> list[Drawn]:
    """Bars that stand on what went before, by a base that is not seen, and room for their labels.

    A bar that crosses zero is drawn in two parts.
    """
    level = 0.0
    base: list[float | None] = [None] * count
    parts = {one.role: [None] * count for one in series}
    under = {one.role: [None] * count for one in series}
    tops: list[float] = [0.0] * count
    ends: list[float] = []
    levels: list[float] = []
    for i in range(count):
        for one in series:
            amount = one.values[i]
            if amount is None:
                continue
            start, end = (0.0, amount) if one.role == "balance" else (level, level + amount)
            level = end
            low, high = min(start, end), max(start, end)
            levels.append(end)
            ends += [low, high]
            tops[i] = max(high, 0.0) if low < 0 < high or low >= 0 else low
            if low < 0 < high:
                parts[one.role][i], under[one.role][i] = high, low  # type: ignore[call-overload]
            else:
                base[i] = low if low >= 0 else high
                parts[one.role][i] = high - low if low >= 0 else low - high  # type: ignore[call-overload]
    found = [Drawn(_BASE, "hidden", tuple(base), color="paper")]
    texts: dict[int, str] = {}
    colors: dict[int, str] = {}
    floor = _floor(levels)
    for one in series:
        # A balance whose bar is cut says so where the page does.
        cut = {i: "≈" for i in one.labels} if one.role == "balance" and floor else {}
        found.append(
            replace(
                one, values=tuple(parts[one.role]), labels=cut, place="inBase",
                label_colors=dict.fromkeys(cut, "paper"),
            )
        )  # fmt: skip
        if any(v is not None for v in under[one.role]):
            name = f"{one.name} below zero"
            found.append(replace(one, name=name, values=tuple(under[one.role]), labels={}))
        texts |= one.labels
        hue = {"gain": "good", "loss": "bad"}.get(one.role, "ink")
        colors |= dict.fromkeys(one.labels, hue)
    room = 0.09 * (max(ends) - (floor or min(ends)) or 1.0)
    # Labels of a bar below zero stand on it as well: above the axis, where there is room.
    above_zero = tuple(room if i in texts and tops[i] >= 0 else None for i in range(count))
    below_zero = tuple(-room if i in texts and tops[i] < 0 else None for i in range(count))
    above = {i: text for i, text in texts.items() if tops[i] >= 0}
    found.append(Drawn(_ABOVE, "hidden", above_zero, above, "paper", "inBase", colors))
    if any(v is not None for v in below_zero):
        rest = {i: text for i, text in texts.items() if tops[i] < 0}
        found.append(
            Drawn(f"{_ABOVE} below", "hidden", below_zero, rest, "paper", "inBase", colors)
        )
    return found


def _floor(levels: Sequence[float]) -> float:
    """Where the bars of a bridge are cut, as the page cuts them; 0 where they start at zero.

    Balances are far larger than what moves them.
    """
    if not levels:
        return 0.0
    spread = max(levels) - min(levels) or abs(levels[0]) * 0.1 or 1.0
    floor = min(levels) - 0.45 * spread
    return floor if floor > 0.3 * max(levels) else 0.0


def _stack(series: Sequence[Drawn], colors: Mapping[str, str]) -> list[Drawn]:
    """Gains in greens and losses in reds, the first of each the strongest."""
    seen = {"gain": 0, "loss": 0}
    found = []
    for one in series:
        color = one.color
        if one.role in seen:
            color = mixed(colors[one.color], colors["paper"], min(0.68, 0.34 * seen[one.role]))
            seen[one.role] += 1
        if one.role == "balance":
            color = "ink"
        found.append(replace(one, color=color, place="ctr"))
    return found


def _bars(series: Sequence[Drawn], colors: Mapping[str, str]) -> list[Drawn]:
    """Bars with their texts at the end; a missed one stands back, and says so in red."""
    goals = next((one for one in series if one.role == "target"), None)
    found = []
    moved: dict[int, str] = {}
    hues: dict[int, str] = {}
    for one in series:
        labels, inks, own = dict(one.labels), dict[int, str](), dict[int, str]()
        for i, text in one.labels.items():
            if text.endswith("missed"):
                inks[i] = "bad"
                own[i] = mixed(colors["accent"], colors["paper"], 0.45)
            if goals is not None and one is not goals:
                goal = goals.values[i]
                if goal is not None and (one.values[i] or 0.0) < goal:
                    moved[i] = labels.pop(i)
                    hues |= {i: inks[i]} if i in inks else {}
        found.append(replace(one, labels=labels, place="outEnd", label_colors=inks, hues=own))
    return [
        replace(one, labels={**one.labels, **moved}, label_colors={**one.label_colors, **hues})
        if one.role == "target"
        else one
        for one in found
    ]


def needs_legend(kind: str, series: Sequence[Drawn]) -> bool:
    """Whether the colours of a chart are said by nothing else."""
    seen = [one for one in series if one.role != "hidden"]
    if kind in ("lines", "bridge"):
        # Lines are named at their ends, and steps by their categories; a band is not.
        return any(one.role == "band" for one in series)
    # The texts of bars say what was wanted.
    said = kind == "bars" and {one.role for one in seen} <= {"actual", "target"}
    return len(seen) > 1 and not said


def ends_of(kind: str, series: Sequence[Drawn], figures: Sequence[float]) -> tuple[float, float]:
    """The ends of the value axis: amounts that vary much start at zero, and so do all columns."""
    if kind in ("stack", "bridge"):
        part_of = [s for s in series if not (kind == "stack" and s.role == "balance")]
        columns = [[s.values[i] or 0.0 for s in part_of] for i in range(len(series[0].values))]
        highs = [sum(v for v in column if v > 0) for column in columns]
        lows = [sum(v for v in column if v < 0) for column in columns]
        high, low = max(highs, default=0.0), min(lows, default=0.0)
        if kind == "bridge":
            base = [v for v in series[0].values if v is not None]
            tops = [highs[i] - (part_of[-1].values[i] or 0.0) for i in range(len(highs))]
            low = low or _floor([*base, *(top for top in tops if top)])
        return low, high or 1.0
    low, high = min(figures), max(figures)
    if kind == "columns" or low < 0 < high or low < _FLAT * high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    air = 0.06 * (high - low)
    return (low - air if low else low), (high + air if high else high)


def short_years(categories: Sequence[str]) -> list[str]:
    """``Dec 2024, Jan 2025, Feb, Mar``: a year is said where it begins and at the end.

    >>> short_years(["Nov 2024", "Dec 2024", "Jan 2025", "Feb 2025", "Mar 2025"])
    ['Nov 2024', 'Dec', 'Jan 2025', 'Feb', 'Mar 2025']
    """
    found, before = [], ""
    for i, category in enumerate(categories):
        name, _, year = category.rpartition(" ")
        is_year = len(year) == 4 and year.isdecimal() and bool(name)
        same = is_year and year == before and i != len(categories) - 1
        found.append(name if same else category)
        before = year if is_year else ""
    return found
