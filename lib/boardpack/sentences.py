"""Sentences written from the data by rule: what happened, is it unusual, how does it stand."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack.blocks import Text
from boardpack.formats import count, number
from boardpack.markup import Box, Bullets, Line, Paragraph, Strong, text
from boardpack.readings import Reading, explanation, message, read
from boardpack.urgency import crossing, gravity
from boardpack.values import Values

#: More bullets than this are no summary.
_MOST = 5
#: On a quiet day this many are told all the same, so that the reader knows where things stand.
_FEWEST = 3


def summary(values: Values, kpis: Sequence[str], *, dimension: str = "", most: int = _MOST) -> Text:
    """The answer first: one line on how many targets are met, then what matters most, in sentences.

    Off target and moved beyond its normal variation comes first, then the other targets missed,
    unusual moves; what is neither is told only where there are few others. With ``dimension`` a KPI
    that adds up also says which member explains its move.
    """
    readings = [read(values, kpi) for kpi in kpis if values.is_available(kpi)]
    if not readings:
        return Text("")
    # The order of ``kpis`` is kept among equals: a report lists what it cares for first.
    ranked = sorted(readings, key=gravity)
    news = sum(r.standing == "missed" or r.is_unusual for r in readings)
    chosen = ranked[: min(most, max(news, _FEWEST))]
    bullets = tuple(_sentence(values, reading, dimension) for reading in chosen)
    return text(Box("lead", (Paragraph(_verdict(values, readings)),)), Bullets(bullets))


def finding(values: Values, kpi: str, dimension: str) -> Text:
    """Which member explains most of a movement, as one sentence, or nothing."""
    said = explanation(values, kpi, dimension) if values.is_available(kpi) else ()
    return text(Paragraph((*said, "."))) if said else Text("")


def sentence(values: Values, kpi: str) -> Text:
    """What one KPI says, as the message above a table or a list; nothing where it is not there."""
    if not values.is_available(kpi):
        return Text("")
    return text(Box("message", (Paragraph(message(read(values, kpi))),)))


def _verdict(values: Values, readings: Sequence[Reading]) -> Line:
    when = readings[0].formatter.period(values.period)
    judged = [r for r in readings if r.standing in ("met", "missed")]
    unusual = sum(r.is_unusual for r in readings)
    so_far = " so far" if values.report.status == "provisional" else ""
    moved: Line = ("no figure moved more than usual",)
    if unusual:
        moved = (count(values, unusual), f" {_noun(unusual, 'figure')} moved more than usual")
    if (part := readings[0].before.period).cut:
        moved = (f"moves are against {readings[0].formatter.period(part)}",)
    if not judged:
        return (f"{when}{so_far}: ", *moved, ".")
    met = sum(r.standing == "met" for r in judged)
    targets: Line = (
        count(values, met), " of ", count(values, len(judged)),
        f" {_noun(len(judged), 'target')} met{so_far}",
    )  # fmt: skip
    return (f"{when}: ", Strong(targets), "; ", *moved, ".")


def _sentence(values: Values, reading: Reading, dimension: str) -> Line:
    line: Line = (*_said(reading), *_unusual(reading), *_last_year(reading), *_pace(reading), ".")
    if dimension and reading.facts.additive:
        said = explanation(values, reading.facts.id, dimension)
        if said:
            line = (*line, " ", *said, ".")
    return line


def _said(reading: Reading) -> Line:
    first, *rest = message(reading)
    # The name stands out, so that the eye finds its KPI.
    assert isinstance(first, str)
    name = reading.name
    return (Strong((name,)), first[len(name) :], *rest)


def _unusual(reading: Reading) -> Line:
    if not reading.is_unusual or reading.normal is None:
        return ()
    write = reading.formatter.short
    low, high = (write(reading.facts.id, end) for end in (reading.normal.low, reading.normal.high))
    return (
        ", outside its normal range of ",
        number(reading.now, low, "limit"),
        " to ",
        number(reading.now, high, "limit"),
    )


def _last_year(reading: Reading) -> Line:
    said = reading.change_from(reading.year_ago)
    if not said:
        return ()
    when = reading.formatter.period(reading.year_ago.period)
    if said == "unchanged":
        return (f"; the same as in {when}",)
    side = "above" if said[0] == "+" else "below"
    return ("; ", number(reading.now, said[1:], "change"), f" {side} {when}")


def _pace(reading: Reading) -> Line:
    """When the target would be reached at the pace of the last three periods, if ever."""
    found = crossing(reading)
    if reading.standing != "missed" or found is None or found.periods is None:
        return ()
    grain, whole = reading.now.period.grain, max(1, round(found.periods))
    return (
        f"; at the pace of the last three {grain}s about ",
        number(reading.now, str(whole), "count"),
        f" {grain}" + ("" if whole == 1 else "s") + " from this target",
    )


def _noun(n: int, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"
