"""Target paths: what a plan asks for from milestone to milestone, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from boardpack import cautions, notation
from boardpack.blocks import Block, Chart, Plot, Series, Shown, Text
from boardpack.formats import DASH, Formatter, count
from boardpack.markup import Line, numbers, plain
from boardpack.objectives import Milestone, Target
from boardpack.periods import Period
from boardpack.plots import (
    Board,
    Channel,
    Label,
    Layer,
    Scale,
    beside,
    finished,
    layer,
    named,
    tips,
    x_axis,
)
from boardpack.progress import pace_words
from boardpack.readings import message, read
from boardpack.theme import WIDTHS, legible, palette
from boardpack.values import Values

#: Pixels around several paths.
_EDGE = 8


def paths(values: Values, kpis: Sequence[str] | None = None) -> Block:
    """The target path of each KPI with its milestones, its actual figures, and the benchmark.

    By default of the scorecard's North Stars. KPIs without a path are left out; when none is left
    the block is empty. The path is drawn to its last milestone, the actual figures as far as they
    are frozen.
    """
    objectives = values.report.objectives
    star = objectives.north_star if objectives else None
    asked = list(kpis) if kpis is not None else list(star.kpis if star else ())
    told = [
        found
        for kpi in asked
        if kpi in values.kpis and (found := _Course.of(values, kpi)) is not None
    ]
    if not told:
        return Text("")
    return told[0].chart() if len(told) == 1 else _panels(values, told)


class _Course:
    """A KPI's actual figures and its target path over the periods of both."""

    def __init__(self, values: Values, kpi: str, periods: Sequence[Period]) -> None:
        self.values, self.kpi, self.periods = values, kpi, tuple(periods)
        self.reading, self.formatter = read(values, kpi), Formatter(values)
        facts = values.kpi(kpi)
        self.milestones = facts.milestones
        self.actual = [values.value(kpi, period) for period in self.periods]
        self.path = [_on_path(facts.milestones, facts.straight, period) for period in self.periods]
        #: what stands beside the path: the stretch goal, the benchmark, each by its name
        self.beyond: dict[str, float] = {}
        if facts.stretch is not None:
            self.beyond["stretch"] = facts.stretch
        if facts.benchmark is not None:
            value = facts.benchmark.value
            self.beyond["benchmark"] = value[0] if isinstance(value, tuple) else value

    @classmethod
    def of(cls, values: Values, kpi: str) -> _Course | None:
        """None for a KPI without a path, or without a figure in the report."""
        facts, period = values.kpi(kpi), values.period
        if not facts.milestones or not values.is_available(kpi):
            return None
        days = [date.fromisoformat(milestone.day) for milestone in facts.milestones]
        ends = [Period.containing(day, period.grain, period.calendar) for day in days]
        seen = [p for p in period.last(2 * period.look_back - 1)
                if values.value(kpi, p).value is not None]  # fmt: skip
        if not seen:
            return None
        first, last = min(ends[0], seen[0]), max(ends[-1], period)
        found = [first]
        while found[-1] < last and len(found) < 120:
            found.append(found[-1].shift(1))
        return cls(values, kpi, found)

    @property
    def figures(self) -> list[float]:
        """Everything that the value axis must hold."""
        known = [value.value for value in self.actual if value.value is not None]
        known += [value for value in self.path if value is not None]
        return [*known, *self.beyond.values()]

    @property
    def ends(self) -> list[tuple[Milestone, Period]]:
        """Each milestone with the period that it falls in."""
        grain, calendar = self.values.period.grain, self.values.calendar
        return [
            (m, Period.containing(date.fromisoformat(m.day), grain, calendar))
            for m in self.milestones
        ]

    def written(self, figure: float) -> str:
        """A milestone or benchmark as a target is written."""
        return self.formatter.target(self.kpi, Target(figure, ">="))

    def shown(self, figure: float, period: Period, what: str) -> Shown:
        """The same as a number of the page."""
        return Shown(self.kpi, period.label, "", self.written(figure), what)

    @property
    def message(self) -> Line:
        """What the KPI says, and the pace to its next milestone."""
        said, more = message(self.reading), pace_words(self.reading)
        return (*said, "; ", *more) if more else said

    def layers(self, x: Channel, scale: Scale) -> list[Layer]:
        """Benchmark, path with its milestones, and the actual figures on top."""
        look, y = palette(), scale.y()
        labels = [period.label for period in self.periods]
        dotted = {"type": "line", "color": look.muted, "strokeWidth": 1.2, "strokeDash": [1, 3]}
        layers = [
            layer([{"period": label, "value": figure} for label in labels], dotted, x=x, y=y)
            for figure in self.beyond.values()
        ]
        rows = [{"period": label, "value": v} for label, v in zip(labels, self.path, strict=True)]
        straight = self.values.kpi(self.kpi).straight
        course = "linear" if straight else "step-after"
        layers.append(notation.line(rows, x, scale, "target", strokeWidth=1.6, interpolate=course))
        marks = [
            {"period": period.label, "value": m.value, "text": self.written(m.value)}
            for m, period in self.ends
        ]
        marks[-1]["text"] = f"target {marks[-1]['text']}"
        diamond = {"type": "point", "shape": "diamond", "size": 70, "opacity": 1,
                   "fill": look.paper, "stroke": look.target, "strokeWidth": 1.6}  # fmt: skip
        name = {"type": "text", "dy": -12, "align": "right", "dx": 2,
                "color": legible(look.target)}  # fmt: skip
        layers += [layer(marks, diamond, x=x, y=y), layer(marks, name, x=x, y=y, text=named())]
        seen = [
            {"period": value.period.label, "value": value.value, "Period": row[0], "Actual": row[1],
             "Path": row[2]}
            for value, row in zip(self.actual, self.rows(), strict=True)
            if value.value is not None
        ]  # fmt: skip
        if self.periods[-1] != self.values.period and self.reading.now.value is not None:
            # The path runs on beyond the figures: the last of them is named where it stands.
            last = {"type": "text", "text": plain((self.formatter.figure(self.reading.now),)),
                    "dy": -13, "fontWeight": 700, "color": look.accent}  # fmt: skip
            layers.append(layer(seen[-1:], last, x=x, y=y))
        hover = layer(seen, {"type": "point", "opacity": 0, "size": 200}, x=x, y=y)
        hover["encoding"]["tooltip"] = tips("Period", "Actual", "Path")
        is_doubtful = bool(cautions.word(self.values, self.kpi))
        return [
            *layers,
            notation.line(seen, x, scale, "actual"),
            hover,
            notation.end(seen[-1], x, scale, is_open=self.reading.is_open, is_doubtful=is_doubtful),
        ]

    def rows(self) -> list[tuple[str, str, str]]:
        """Period, actual and path, written in full."""
        return [
            (
                self.formatter.period(value.period),
                self.formatter.written(value),
                DASH if goal is None else self.formatter.full(self.kpi, goal),
            )
            for value, goal in zip(self.actual, self.path, strict=True)
        ]

    def cells(self) -> tuple[tuple[str | Shown, ...], ...]:
        """The same for the data table behind the chart: each number says which it is."""
        found = []
        for value, (name, actual, goal) in zip(self.actual, self.rows(), strict=True):
            label = value.period.label
            found.append(
                (
                    name,
                    actual if value.value is None else Shown(self.kpi, label, "", actual),
                    goal if goal == DASH else Shown(self.kpi, label, "", goal, "path"),
                    *self._beyond(label),
                )
            )
        return tuple(found)

    def _beyond(self, label: str) -> tuple[Shown, ...]:
        return tuple(
            Shown(self.kpi, label, "", self.written(figure), name)
            for name, figure in self.beyond.items()
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The heads of `cells`."""
        return ("Period", "Actual", "Target path", *(name.capitalize() for name in self.beyond))

    @property
    def plot(self) -> Plot:
        """The same figures for programs that draw charts themselves."""
        ends = {period.label: m for m, period in self.ends}
        labels = tuple(
            self.written(ends[p.label].value) if p.label in ends else "" for p in self.periods
        )
        series = [
            Series("Actual", "actual", tuple(value.value for value in self.actual)),
            Series("Target path", "target", tuple(self.path), labels),
        ]
        for name, figure in self.beyond.items():
            series.append(Series(name.capitalize(), "target", (figure,) * len(self.periods)))
        names = tuple(" ".join(self.formatter.tick(period)).strip() for period in self.periods)
        return Plot("lines", names, tuple(series), self.reading.name)

    @property
    def numbers(self) -> tuple[Shown, ...]:
        """What the drawing writes."""
        marks = tuple(self.shown(m.value, period, "milestone") for m, period in self.ends)
        figure = numbers((self.formatter.figure(self.reading.now),))
        beyond = self._beyond(self.values.period.label)
        return (*marks, *figure, *beyond)

    @property
    def alt(self) -> str:
        """How path and figures run, for those who do not see them."""
        by = ", ".join(
            f"{self.written(m.value)} by {self.formatter.period(period)}" for m, period in self.ends
        )
        seen = [value for value in self.actual if value.value is not None]
        write = self.formatter.short
        ran = (
            f" Actual figures run from {write(self.kpi, seen[0].value or 0.0)} in"
            f" {self.formatter.period(seen[0].period)} to {write(self.kpi, seen[-1].value or 0.0)}"
            f" in {self.formatter.period(seen[-1].period)}."
        )
        beyond = "".join(
            f" The {name} is {self.written(figure)}." for name, figure in self.beyond.items()
        )
        return f"Target path of {self.reading.name}: {by}.{ran}{beyond}"

    def labels(self) -> list[Label]:
        """What stands at the end of the lines."""
        look, found = palette(), []
        now = self.reading.now
        last = self.periods[-1]
        if now.value is not None and last == self.values.period:
            figure = self.formatter.figure(now)
            found.append(Label(plain((figure,)), now.value, look.accent, True, numbers((figure,))))
        for name, goal in self.beyond.items():
            found.append(Label(f"{name} {self.written(goal)}", goal, look.muted))
        return found

    def chart(self) -> Chart:
        """One chart over the width of the page."""
        scale = Scale.fitting(self.formatter, self.kpi, self.figures, zero=self.is_from_zero)
        labels = self.labels()
        right = max((label.width for label in labels), default=0) + 16
        board = Board("full", 200, scale.room, right)
        x = x_axis(self.formatter, self.periods, board.width)
        layers = self.layers(x, scale)
        if labels:
            layers += beside(scale, labels, board.height, x, self.periods[-1].label)
        said = self.message
        return Chart(
            title=plain(said) + cautions.caption(self.values, [self.kpi]),
            alt=self.alt,
            spec=board.spec(layers),
            columns=self.columns,
            rows=self.cells(),
            numbers=(*numbers(said), *self.numbers),
            plot=self.plot,
        )

    @property
    def is_from_zero(self) -> bool:
        """A path that multiplies starts at zero; a rate that hardly moves would be flat there."""
        return min(self.figures) < 0.7 * max(self.figures)


def _panels(values: Values, told: Sequence[_Course]) -> Chart:
    """Several paths below each other, each with its own scale and its name."""
    look = palette()
    scales = [
        Scale.fitting(
            course.formatter, course.kpi, course.figures, zero=course.is_from_zero, ticks=3
        )
        for course in told
    ]
    ends = [course.labels() for course in told]
    left = max(scale.room for scale in scales)
    right = max((label.width for labels in ends for label in labels), default=0) + 18
    width = WIDTHS["full"] - left - right - 2 * _EDGE
    drawn = []
    for course, scale, labels in zip(told, scales, ends, strict=True):
        x = x_axis(course.formatter, course.periods, width)
        layers = course.layers(x, scale)
        layers += beside(scale, labels, 110, x, course.periods[-1].label) if labels else []
        head = {"type": "text", "color": look.ink, "align": "left", "baseline": "bottom",
                "fontSize": 13, "fontWeight": 600}  # fmt: skip
        name = [{"text": course.reading.name}]
        layers.append(layer(name, head, x={"value": 8 - left}, y={"value": -12}, text=named()))
        drawn.append({"layer": layers, "width": width, "height": 110})
    spec = finished(
        {"concat": drawn, "columns": 1, "bounds": "flush", "spacing": {"row": 76},
         "padding": _EDGE}
    )  # fmt: skip
    said = _heading(values, told)
    rows: list[tuple[str | Shown, ...]] = []
    heads = tuple(dict.fromkeys(name for course in told for name in course.columns))
    for course in told:
        for cells in course.cells():
            known = dict(zip(course.columns, cells, strict=True))
            rows.append((course.reading.name, *(known.get(head, DASH) for head in heads)))
    return Chart(
        title=plain(said) + cautions.caption(values, [course.kpi for course in told]),
        alt=" ".join(course.alt for course in told),
        spec=spec,
        columns=("KPI", *heads),
        rows=tuple(rows),
        numbers=(*numbers(said), *(shown for course in told for shown in course.numbers)),
        plot=Plot("panels", title=plain(said), panels=tuple(course.plot for course in told)),
    )


def _heading(values: Values, told: Sequence[_Course]) -> Line:
    met = [c for c in told if c.reading.standing == "met"]
    behind = [c.reading.name for c in told if c.reading.standing == "missed"]
    line: Line = (
        count(values, len(met)),
        " of ",
        count(values, len(told)),
        " on their target path",
    )
    return (*line, f"; behind: {', '.join(behind)}") if behind else line


def _on_path(milestones: Sequence[Milestone], straight: bool, period: Period) -> float | None:
    """Where the path is when a period ends, counted in months of the company's calendar."""
    number_of = period.calendar.month_number
    at = number_of(period.last_day)
    known = [(number_of(date.fromisoformat(m.day)), m.value) for m in milestones]
    past = [pair for pair in known if pair[0] <= at]
    ahead = [pair for pair in known if pair[0] > at]
    if not past:
        return None
    if not straight or not ahead:
        return past[-1][1]
    (n0, low), (n1, high) = past[-1], ahead[0]
    return low + (high - low) * (at - n0) / (n1 - n0)
