"""What a report says of the quality of its data: the standards, and where all checks are."""

from __future__ import annotations

from dataclasses import replace

from boardpack.blocks import Shown, Text
from boardpack.formats import day_name, member_name
from boardpack.frontpage import QUALITY
from boardpack.gate_scores import Standard, percent, scores, standards
from boardpack.markup import Box, Column, Line, Number, Span, Table, text
from boardpack.periods import parse_day
from boardpack.quality import Quality
from boardpack.table_titles import titled

_COLUMNS = (
    Column("Standard", 14),
    Column("What it says", 42),
    Column("Found", 14, "right"),
    Column("Limit", 14, "right"),
    Column("Status", 12),
)


def section(quality: Quality) -> Text:
    """The score in a sentence, the five standards, and a link to the page beside the report.

    Nothing where nothing was checked. The link is for a page alone: what is printed names no file.
    """
    if not quality.results:
        return Text("")
    day = day_name(parse_day(quality.as_of), quality.locale)
    found = scores(quality.results, quality.weights)
    made = [result for result in quality.results if result.outcome != "skipped"]
    passed = sum(result.outcome == "passed" for result in made)
    told: Line = (
        _checked(quality, f"{passed:,}"), " of ", _checked(quality, f"{len(made):,}"),
        f" checks of the data of this report passed as of {day}",
    )  # fmt: skip
    if score := percent(found.overall):
        told = (*told, "; their score is ", _checked(quality, score.replace(" ", "\u00a0")))
    found_of = standards(quality.results, parse_day(quality.as_of))
    rows = tuple(_row(quality, one) for one in found_of)
    written = text(*titled(told), Box("scorecard", (Table(_COLUMNS, rows),)))
    link = (
        '\n\n::: {.content-visible when-format="html"}\n'
        f"[Every check, what failed, and its history]({QUALITY})\n:::"
    )
    return replace(written, markdown=written.markdown + link)


def _checked(quality: Quality, written: str) -> Number:
    """A figure of the checks themselves: it is of no KPI, and of the as-of."""
    return Number(Shown("", quality.as_of, "", written, "check"))


def _row(quality: Quality, standard: Standard) -> tuple[Line, ...]:
    if standard.unit == "percent":
        found, limit = percent(standard.value), f"at least {standard.limit:g} %"
    else:
        found = "" if standard.value is None else f"{standard.value:,.3g} {standard.unit}"
        limit = f"at most {standard.limit:g} {standard.unit}"
    met: Line = (Span("muted", ("not checked",)),)
    if standard.met is not None:
        met = (Span("met", ("met",)),) if standard.met else (Span("missed", ("missed",)),)
    return (
        (member_name(standard.dimension),),
        (standard.sentence,),
        (_checked(quality, found),) if found else (),
        (_checked(quality, limit),),
        met,
    )
