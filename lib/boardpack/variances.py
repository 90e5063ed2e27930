"""Variances: figures against their target and the year before, absolute and in percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from boardpack import bars, cautions, notation
from boardpack.blocks import Block, Chart, Plot, Series, Shown
from boardpack.formats import DASH, MINUS, Formatter, count, member_name, number
from boardpack.markup import Line, Number, numbers, plain
from boardpack.plots import (
    Board,
    Channel,
    Layer,
    Row,
    cell,
    fitted,
    goal_cell,
    in_currency,
    layer,
    named,
    nothing,
    raw,
    text_width,
    tips,
)
from boardpack.readings import Reading, member_readings, read
from boardpack.theme import palette
from boardpack.values import Values

Base = Literal["before", "year_ago", "target"]
BASES: tuple[Base, ...] = ("year_ago", "target")

_ROW = 30.0
#: A variance beyond this many percent is drawn no longer than this; its text says it all.
_FURTHEST = 100.0
#: The least share of the largest figure that a bar beside it can still be seen at.
_LEAST = 0.03
_NAMES: dict[Base, str] = {"before": "period before", "year_ago": "year before", "target": "target"}


@dataclass(frozen=True)
class _Delta:
    """How far a figure is from what it is set against, and what a page writes of it."""

    amount: float
    percent: float | None
    absolute: Shown | str
    relative: Shown | str
    verdict: Literal["better", "worse", ""]


@dataclass(frozen=True)
class _Entry:
    """One row: a KPI or a member, with what it is set against."""

    name: str
    reading: Reading
    deltas: dict[Base, _Delta]


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
    entries = _entries(values, asked, dimension, against)
    if not entries:
        return nothing(values, asked)
    formatter = Formatter(values)
    used = [base for base in against if any(base in entry.deltas for entry in entries)]
    if not used:
        return nothing(values, asked, "there is nothing to set it against")
    said = _largest(entries, used[0]) if dimension else _message(formatter, entries, used)
    return Chart(
        title=plain(said) + cautions.caption(values, asked),
        alt=f"Variances against the {' and the '.join(_NAMES[base] for base in used)}: "
        + "; ".join(_told(entry, used) for entry in entries)
        + "."
        + in_currency(values, asked),
        spec=_spec(formatter, entries, used),
        columns=(
            "Name", "Actual",
            *(head for base in used for head in (_NAMES[base].capitalize(), "Change", "Percent",
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


def _entries(
    values: Values, kpis: Sequence[str], dimension: str, against: Sequence[Base]
) -> list[_Entry]:
    if dimension:
        found = [(member_name(m), r) for m, r in member_readings(values, kpis[0], dimension)]
    else:
        known = [read(values, kpi) for kpi in kpis if values.is_available(kpi)]
        found = [(reading.name, reading) for reading in known]
    return [
        _Entry(name, r, {b: d for b in against if (d := _delta(r, b)) is not None})
        for name, r in found
        if r.now.value is not None
    ]


def _delta(reading: Reading, base: Base) -> _Delta | None:
    now, formatter = reading.now, reading.formatter
    goal = _base(reading, base)
    if now.value is None or goal is None:
        return None
    kpi, amount = reading.facts.id, now.value - goal
    what = "gap" if base == "target" else "change"
    # Of a rate the points are the percentages: percent of a percentage would be read as points.
    is_rate = reading.facts.unit == "percent"
    percent = 100 * amount / goal if goal > 0 and not is_rate else None
    if not formatter.moved(kpi, now.value, goal):
        verdict: Literal["better", "worse", ""] = "better" if _is_met(reading, base) else ""
        return _Delta(amount, percent, "same", "", verdict)
    sign = "+" if amount > 0 else MINUS
    size = (
        formatter.distance(kpi, now.value, goal) if is_rate else formatter.short(kpi, abs(amount))
    )
    absolute = number(now, sign + size, what).shown
    relative: Shown | str = ""
    if percent is not None:
        relative = number(now, sign + formatter.percentage(abs(percent)), what).shown
    return _Delta(amount, percent, absolute, relative, _verdict(reading, base))


def _base(reading: Reading, base: Base) -> float | None:
    if base == "target":
        goal = reading.target
        return None if goal is None or isinstance(goal.value, tuple) else goal.value
    return (reading.year_ago if base == "year_ago" else reading.before).value


def _verdict(reading: Reading, base: Base) -> Literal["better", "worse", ""]:
    if base == "target":
        return "better" if _is_met(reading, base) else "worse"
    return reading.verdict_on(reading.year_ago if base == "year_ago" else reading.before)


def _is_met(reading: Reading, base: Base) -> bool:
    return base == "target" and reading.standing == "met"


def _message(formatter: Formatter, entries: Sequence[_Entry], used: Sequence[Base]) -> Line:
    """How many are better than what they are set against."""
    said: Line = ()
    for base in used:
        deltas = [entry.deltas[base] for entry in entries if base in entry.deltas]
        better = count(formatter.values, sum(delta.verdict == "better" for delta in deltas))
        of = count(formatter.values, len(deltas))
        what = "target met: " if base == "target" else f"better than the {_NAMES[base]}: "
        said += ("; " + what if said else what[0].upper() + what[1:], better, " of ", of)
    return said


def _largest(entries: Sequence[_Entry], base: Base) -> Line:
    """Which member is furthest from what it is set against."""
    entry = max(
        (entry for entry in entries if base in entry.deltas),
        key=lambda entry: abs(entry.deltas[base].amount),
    )
    change = entry.deltas[base].absolute
    said = Number(change) if isinstance(change, Shown) else change
    name = entry.reading.name
    return (f"{name}: {entry.name} is furthest from the {_NAMES[base]}, ", said)


def _told(entry: _Entry, used: Sequence[Base]) -> str:
    reading = entry.reading
    said = f"{entry.name} {plain((reading.formatter.figure(reading.now),))}"
    for base in used:
        delta = entry.deltas.get(base)
        if delta is None:
            continue
        parts = (_text(delta.absolute), _text(delta.relative), delta.verdict)
        said += f", {_NAMES[base]} " + " ".join(filter(None, parts))
    return said


def _row(formatter: Formatter, entry: _Entry, used: Sequence[Base]) -> tuple[str | Shown, ...]:
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


def _plot(entries: Sequence[_Entry], used: Sequence[Base]) -> Plot:
    """Figures of one unit beside one another; else how far each is off, in percent."""
    names = tuple(entry.name for entry in entries)
    if _comparable(entries):
        series = [
            Series(
                "Actual", "actual", tuple(entry.reading.now.value for entry in entries),
                tuple(_figure(entry) for entry in entries),
            )
        ]  # fmt: skip
        for base in used:
            figures = tuple(_base(entry.reading, base) for entry in entries)
            role: Literal["target", "last_year"] = "target" if base == "target" else "last_year"
            series.append(Series(_NAMES[base].capitalize(), role, figures))
        return Plot("bars", names, tuple(series))
    series = []
    for base in used:
        deltas = [entry.deltas.get(base) for entry in entries]
        series.append(
            Series(
                f"Against the {_NAMES[base]} in percent",
                "target" if base == "target" else "last_year",
                tuple(delta.percent if delta else None for delta in deltas),
                tuple(_text(delta.relative) if delta else "" for delta in deltas),
            )
        )
    return Plot("bars", names, tuple(series))


def _spec(
    formatter: Formatter, entries: Sequence[_Entry], used: Sequence[Base]
) -> dict[str, object]:
    names = [entry.name for entry in entries]
    keys = [str(i) for i in range(len(entries))]
    on = bars.board("full", [fitted(name, 150) for name in names], [], top=40)
    on = Board("full", _ROW * len(entries), min(on.left, 170), 10, 8, 40, whole=True)
    y = bars.rows_axis(keys, names, on)
    zones = _Zones(on, entries, used)
    layers: list[Layer] = list(zones.actual(keys, y))
    for base in used:
        layers += zones.variance(keys, y, base)
    return on.spec(layers)


class _Zones:
    """Where on the board the figures stand and where each of their variances, in pixels."""

    def __init__(self, on: Board, entries: Sequence[_Entry], used: Sequence[Base]) -> None:
        self._on, self._entries = on, entries
        self._comparable = _comparable(entries)
        figure = max(text_width(_figure(entry)) for entry in entries) + 6
        drawn = 0.17 * on.width if self._comparable else 0.0
        self._figure_end = drawn + figure
        rest = (on.width - self._figure_end) / len(used)
        self._starts = {base: self._figure_end + i * rest for i, base in enumerate(used)}
        self._rest, self._drawn = rest, drawn
        deltas = [delta for entry in entries for delta in entry.deltas.values()]
        self._amounts = _reach([delta.amount for delta in deltas])
        self._percents = _reach([_cut(delta.percent) for delta in deltas])
        self._absolute = max(text_width(_text(delta.absolute)) for delta in deltas) + 4
        self._relative = max(text_width(_text(delta.relative)) for delta in deltas) + 4

    def _x(self, field: str) -> Channel:
        scale = {"domain": [0, self._on.width], "nice": False}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": None}

    def actual(self, keys: Sequence[str], y: Channel) -> list[Layer]:
        """The figures, as bars with last year's and the outlined target where units agree."""
        rows = [
            {"row": key, "at": self._figure_end - 2, "text": _figure(entry)}
            for key, entry in zip(keys, self._entries, strict=True)
        ]
        look = palette()
        right = {"type": "text", "align": "right", "baseline": "middle", "fontWeight": 600}
        layers = [
            layer(rows, right, x=self._x("at"), y=y, text=named()),
            self._head(rows[0], y, self._figure_end - 2, "Actual", align="right"),
        ]
        if not self._comparable:
            return layers
        goals, before, own = [], [], []
        for key, entry in zip(keys, self._entries, strict=True):
            reading = entry.reading
            own.append((key, reading.now.value))
            before.append((key, reading.year_ago.value))
            goals.append((key, _base(reading, "target")))
        known = [v for part in (own, before, goals) for _, v in part if v is not None]
        low, high = _reach(known)
        factor = (self._drawn - 4) / ((high - low) or 1.0)

        def drawn(
            part: list[tuple[str, float | None]], mark: dict[str, object], band: float
        ) -> Layer:
            found = [
                {"row": key, "from": -low * factor, "to": (value - low) * factor}
                for key, value in part
                if value is not None
            ]
            sized = {**mark, "height": {"band": band}}
            return layer(found, sized, x=self._x("from"), x2={"field": "to"}, y=y)

        is_open = any(entry.reading.is_open for entry in self._entries)
        layers += [
            drawn(goals, notation.bar("target"), 0.8),
            drawn(before, notation.bar("last_year"), 0.6),
            drawn(own, notation.bar("actual", is_open=is_open), 0.34),
        ]
        zero = {"type": "rule", "color": look.muted, "strokeWidth": 1}
        layers.append(layer([{"at": -low * factor}], zero, x=self._x("at")))
        return layers

    def variance(self, keys: Sequence[str], y: Channel, base: Base) -> list[Layer]:
        """The amounts by which figures differ as bars, the percentages as pins."""
        start, look = self._starts[base] + 18, palette()
        room = max(self._rest - self._absolute - self._relative - 46, 20)
        widths = (room / 2, room / 2) if self._comparable else (0.0, room)
        ends = (start + widths[0] + self._absolute, self._starts[base] + self._rest)
        pins_from = ends[0] + 18
        amounts = _Axis(start, widths[0], *self._amounts)
        percents = _Axis(pins_from, widths[1], *self._percents)
        rows = []
        for key, entry in zip(keys, self._entries, strict=True):
            delta = entry.deltas.get(base)
            if delta is None:
                continue
            color = {"better": look.good, "worse": look.bad}.get(delta.verdict, look.muted)
            cut = _cut(delta.percent)
            rows.append(
                {
                    "row": key, "color": color, "text": _text(delta.absolute),
                    "percent": _text(delta.relative), "zero": amounts.at(0),
                    "amount": amounts.at(delta.amount), "pin": percents.at(cut),
                    "pinned": percents.at(0),
                    "shape": "diamond" if delta.verdict == "worse" else "circle",
                    "at": ends[0], "end": ends[1],
                    "Against": _NAMES[base], "Name": entry.name,
                    "Change": f"{_text(delta.absolute)}  {_text(delta.relative)}".strip(),
                    "Is": delta.verdict or "neither",
                }
            )  # fmt: skip
        if not rows:
            return []
        right = {"type": "text", "align": "right", "baseline": "middle"}
        head = {"before": "against the period before", "year_ago": "against the year before",
                "target": "against the target"}[base]  # fmt: skip
        pinned = [row for row in rows if row["percent"]]
        pin = layer(
            pinned, {"type": "rule", "strokeWidth": 2}, x=self._x("pinned"), x2={"field": "pin"},
            y=y, color=raw(),
        )  # fmt: skip
        points = layer(
            pinned, {"type": "point", "filled": True, "opacity": 1, "size": 50},
            x=self._x("pin"), y=y, color=raw(),
        )  # fmt: skip
        points["encoding"]["shape"] = {"field": "shape", "type": "nominal", "scale": None}
        points["encoding"]["tooltip"] = tips("Name", "Against", "Change", "Is")
        zero = {"type": "rule", "color": look.muted, "strokeWidth": 1}
        layers = [
            pin,
            points,
            layer(rows, right, x=self._x("at"), y=y, text=named(), color=raw()),
            layer(rows, right, x=self._x("end"), y=y, text=named("percent"), color=raw()),
            layer([{"at": percents.at(0)}], zero, x=self._x("at")),
            self._head({"row": keys[0]}, y, start if widths[0] else ends[0] - self._absolute, head,
                       dy=-30),
            self._head({"row": keys[0]}, y, ends[0], "amount", align="right"),
            self._head({"row": keys[0]}, y, ends[1], "percent", align="right"),
        ]  # fmt: skip
        if self._comparable:
            bar = layer(
                rows, {"type": "bar", "height": {"band": 0.42}}, x=self._x("zero"),
                x2={"field": "amount"}, y=y, color=raw(),
            )  # fmt: skip
            layers = [bar, layer([{"at": amounts.at(0)}], zero, x=self._x("at")), *layers]
        return layers

    def _head(
        self, first: Row, y: Channel, at: float, text: str, *, align: str = "left", dy: float = -15
    ) -> Layer:
        mark = {"type": "text", "align": align, "baseline": "bottom", "fontSize": 11,
                "color": palette().muted, "dy": dy + 3}  # fmt: skip
        row = {"at": at, "text": text}
        return layer([row], mark, x=self._x("at"), y={"value": 12}, text=named())


@dataclass(frozen=True)
class _Axis:
    """A small axis within the board, from ``start`` on ``width`` pixels wide."""

    start: float
    width: float
    low: float
    high: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + self.width * (value - self.low) / ((self.high - self.low) or 1.0)


def _reach(figures: Sequence[float]) -> tuple[float, float]:
    return min(0.0, *figures, 0.0), max(0.0, *figures, 0.0)


def _cut(percent: float | None) -> float:
    return max(-_FURTHEST, min(percent or 0.0, _FURTHEST))


def _comparable(entries: Sequence[_Entry]) -> bool:
    """Whether all figures are of one unit and may stand on one scale."""
    if len({entry.reading.facts.id for entry in entries}) == 1:
        return True
    units = {entry.reading.facts.unit for entry in entries}
    sizes = [abs(entry.reading.now.value or 0.0) for entry in entries]
    # A score and a ratio are measured each in its own way; what is too small is not seen.
    return (
        len(units) == 1
        and units.isdisjoint({"ratio", "score"})
        and min(sizes) > (_LEAST * max(sizes))
    )


def _figure(entry: _Entry) -> str:
    return plain((entry.reading.formatter.figure(entry.reading.now),))


def _text(shown: Shown | str) -> str:
    return shown.text if isinstance(shown, Shown) else shown
