"""The message above a table: how its KPIs stand, what explains a move, how much is listed."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack.blocks import Shown
from boardpack.formats import Formatter, count, member_name
from boardpack.listed import Listed
from boardpack.markup import Box, Line, Number, Paragraph, Piece
from boardpack.readings import Reading, explanation
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


def of_members(values: Values, kpi: str, dimension: str) -> Line:
    """Which member explains most of a KPI's move; for a rate, where it is highest and lowest."""
    return explanation(values, kpi, dimension)


def of_listing(values: Values, found: Listed) -> Line:
    """How many rows a listing has, and how many of them need attention by each status.

    ``Open actions: 177, of these 41 overdue``; a status whose words have no colour is not counted.
    """

    def counted(n: int, what: str) -> Number:
        written = Formatter(values).cell("number", n)
        return Number(Shown("", values.period.label, f"{found.id}/{what}", written, "count"))

    line: Line = (f"{found.title}: ", counted(len(found.frame), "rows"))
    joined = ", of these "
    for column in found.columns:
        for mood in ("bad", "warn"):
            for word in (word for word, is_of in column.moods.items() if is_of == mood):
                if many := int((found.frame[column.name] == word).sum()):
                    line = (
                        *line, joined, counted(many, f"{column.name}={word}"),
                        f" {column.names.get(word, member_name(word)).lower()}",
                    )  # fmt: skip
                    joined = ", "
    return line
