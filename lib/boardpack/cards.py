"""Cards: the headline figures of page one, and a product with the factors that make it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from boardpack import cautions
from boardpack.blocks import Text
from boardpack.formats import Formatter, number
from boardpack.markup import Box, Break, Line, Name, NoValue, Paragraph, Span, text
from boardpack.readings import Reading, message, read
from boardpack.sparklines import picture
from boardpack.tables import change, status
from boardpack.values import Value, Values


def headline(values: Values, kpis: Sequence[str], *, columns: int = 3) -> Text:
    """One card a KPI: its figure, course and target, the period before and last year's.

    KPIs that are not available have no card.
    """
    readings = [read(values, kpi) for kpi in kpis if values.is_available(kpi)]
    if not readings:
        return Text("")
    cards = tuple(_card(values, reading) for reading in readings)
    return text(Box("cards", cards, columns=min(columns, len(cards))))


def factors(values: Values, product: str, parts: Sequence[str]) -> Text:
    """A KPI that is a product of others: a card each, and what every factor added to its change.

    The change is split by the logarithms of the factors, so that the parts add up to the whole.
    """
    if not all(values.is_available(kpi) for kpi in (product, *parts)):
        return Text("")
    whole, split = read(values, product), [read(values, kpi) for kpi in parts]
    signs = ["=", *["×"] * (len(split) - 1), ""]
    cards = [_card(values, r, sign) for r, sign in zip([whole, *split], signs, strict=True)]
    said = _contributions(whole, split)
    lead = (Paragraph(said),) if said else ()
    return text(Box("cards", tuple(cards), columns=len(cards)), *lead)


def _card(values: Values, reading: Reading, sign: str = "") -> Box:
    figure = reading.formatter.figure(reading.now)
    kpi = reading.facts.id
    so_far: Line = (" ", Span("warn", (reading.mark,))) if reading.mark else ()
    so_far = (*so_far, *cautions.mark(values, kpi))
    parts = [
        Paragraph((Span("card-name", (Name(kpi, reading.name), f" {sign}" if sign else "")),)),
        Paragraph((Span("card-value", (figure,)), *so_far)),
    ]
    course = picture(values, kpi, size=(200, 32), shown_width="100%")
    if course:
        parts.append(Paragraph((course,)))
    if isinstance(figure, NoValue):
        parts.append(Paragraph((Span("card-note", (figure.reason,)),)))
    lines = [
        _answers(reading),
        _target_line(reading),
        *(_other(reading, v) for v in (reading.before, reading.year_ago)),
        cautions.remark(values, kpi),
    ]
    noted: list[Line] = [(Span("card-note", line),) for line in lines if line]
    parts.append(Paragraph(tuple(part for line in noted for part in (*line, Break()))[:-1]))
    return Box("card", tuple(parts))


def _answers(reading: Reading) -> Line:
    """``318 answers, 95% between 42 and 55``: how far a figure of some can be one of all."""
    now = reading.now
    if now.low is None or now.high is None or not now.denominator:
        return ()
    low, high = (reading.formatter.short(now.kpi, edge) for edge in (now.low, now.high))
    return (
        number(now, f"{now.denominator:,.0f}", "answers"),
        " answers, 95% between ",
        number(now, low, "low"),
        " and ",
        number(now, high, "high"),
    )


def _target_line(reading: Reading) -> Line:
    if reading.target is None or reading.goal is None:
        return (Span("card-label", ("No target",)),)
    words: Line = (Span("card-label", ("Target ",)), reading.goal, " ", *status(reading)[:1])
    distance, side = reading.gap
    if not distance or (isinstance(reading.target.value, tuple) and reading.standing == "met"):
        return words
    gap = number(reading.now, distance, "gap")
    return (*words, ", ", gap, f" {side}")


def _other(reading: Reading, other: Value) -> Line:
    name = " ".join(reading.formatter.tick(other.period)).strip()
    label = Span("card-label", (f"{name} ",))
    if other.value is None:
        return (label, NoValue(other.reason or "no figure"))
    figure = reading.formatter.figure(other)
    return (
        (label, figure, " ", *change(reading, other))
        if reading.now.value is not None
        else (label, figure)
    )


def _contributions(whole: Reading, parts: Sequence[Reading]) -> Line:
    """``MABV rose 6.0% to 220K: Monthly active users +4.0%, Dashboards per user +2.0%``."""
    ratios = [_ratio(part) for part in (whole, *parts)]
    if not whole.moved or any(ratio is None for ratio in ratios):
        return ()
    total, *factors = [math.log(ratio) for ratio in ratios if ratio]
    # Rounding aside the factors multiply to the whole; else the split would be of something else.
    if abs(sum(factors) - total) > 1e-6 + 0.001 * abs(total):
        return ()
    now, before = whole.now.value or 0.0, whole.before.value or 0.0
    change_points = 100 * (now - before) / before
    line: Line = (*message(whole), ": ")
    for i, (part, factor) in enumerate(zip(parts, factors, strict=True)):
        points = change_points * factor / total
        sign = "+" if points >= 0 else "−"
        added = sign + Formatter(whole.formatter.values).percentage(abs(points))
        lead = ", " if i else ""
        line = (*line, f"{lead}{part.name} ", number(part.now, added, "share"))
    return (*line, ".")


def _ratio(reading: Reading) -> float | None:
    now, before = reading.now.value, reading.before.value
    return now / before if now and before and now > 0 and before > 0 else None
