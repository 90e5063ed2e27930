"""The message above a table, as its title; that of a scorecard says how its KPIs stand."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack.formats import count
from boardpack.markup import Box, Line, Paragraph, Piece
from boardpack.readings import Reading
from boardpack.values import Values


def titled(said: Line) -> tuple[Piece, ...]:
    """A message as the title of the table that follows; nothing for an empty one."""
    return (Box("message", (Paragraph(said),)),) if said else ()


def of_scorecard(values: Values, readings: Sequence[Reading]) -> Line:
    """How many of these KPIs meet their target, and how many are better than a year before.

    Empty for a single KPI, which its row says better, and where neither can be told of any.
    """
    judged = [r for r in readings if r.standing in ("met", "missed")]
    known = [r for r in readings if r.change_from(r.year_ago) and r.facts.direction != "range"]
    parts: list[Line] = []
    if judged:
        met = sum(r.standing == "met" for r in judged)
        parts.append((count(values, met), " of ", count(values, len(judged)), " targets met"))
    if known:
        better = sum(r.verdict_on(r.year_ago) == "better" for r in known)
        then = known[0].year_ago.period
        when = f"{'on' if then.grain == 'day' else 'in'} {known[0].formatter.period(then)}"
        parts.append(
            (count(values, better), " of ", count(values, len(known)), f" better than {when}")
        )
    if len(readings) < 2 or not parts:
        return ()
    return parts[0] if len(parts) == 1 else (*parts[0], "; ", *parts[1])
