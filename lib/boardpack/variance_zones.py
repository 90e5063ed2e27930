"""The drawing of variances: a zone for the figures, and one for each that they are set against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardpack import bars, notation
from boardpack.deltas import NAMES, Base, Entry, base_of, comparable, figure_of
from boardpack.formats import Formatter
from boardpack.plots import (
    Board,
    Channel,
    Layer,
    Row,
    fitted,
    layer,
    named,
    raw,
    text_of,
    text_width,
    tips,
)
from boardpack.theme import palette

_ROW = 30.0


#: A variance beyond this many percent is drawn no longer than this; its text says it all.
_FURTHEST = 100.0


def spec(formatter: Formatter, entries: Sequence[Entry], used: Sequence[Base]) -> dict[str, object]:
    """The spec of the whole drawing, a row an entry."""
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

    def __init__(self, on: Board, entries: Sequence[Entry], used: Sequence[Base]) -> None:
        self._on, self._entries = on, entries
        self._comparable = comparable(entries)
        figure = max(text_width(figure_of(entry)) for entry in entries) + 6
        drawn = 0.17 * on.width if self._comparable else 0.0
        self._figure_end = drawn + figure
        rest = (on.width - self._figure_end) / len(used)
        self._starts = {base: self._figure_end + i * rest for i, base in enumerate(used)}
        self._rest, self._drawn = rest, drawn
        deltas = [delta for entry in entries for delta in entry.deltas.values()]
        self._amounts = _reach([delta.amount for delta in deltas])
        self._percents = _reach([_cut(delta.percent) for delta in deltas])
        self._absolute = max(text_width(text_of(delta.absolute)) for delta in deltas) + 4
        self._relative = max(text_width(text_of(delta.relative)) for delta in deltas) + 4

    def _x(self, field: str) -> Channel:
        scale = {"domain": [0, self._on.width], "nice": False}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": None}

    def actual(self, keys: Sequence[str], y: Channel) -> list[Layer]:
        """The figures, as bars with last year's and the outlined target where units agree."""
        rows = [
            {"row": key, "at": self._figure_end - 2, "text": figure_of(entry)}
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
            goals.append((key, base_of(reading, "target")))
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
                    "row": key, "color": color, "text": text_of(delta.absolute),
                    "percent": text_of(delta.relative), "zero": amounts.at(0),
                    "amount": amounts.at(delta.amount), "pin": percents.at(cut),
                    "pinned": percents.at(0),
                    "shape": "diamond" if delta.verdict == "worse" else "circle",
                    "at": ends[0], "end": ends[1],
                    "Against": NAMES[base], "Name": entry.name,
                    "Change": f"{text_of(delta.absolute)}  {text_of(delta.relative)}".strip(),
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
