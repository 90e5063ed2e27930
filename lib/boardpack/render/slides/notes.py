"""The speaker's notes: how to read the figures of a slide, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from boardpack.facts import KpiFacts, ReportFacts
from boardpack.formats import day_name, period_name
from boardpack.frontpage import period_of
from boardpack.periods import parse_day
from boardpack.render.slides.pieces import Figure, Row, clean
from boardpack.render.slides.plan import Slide

_BETTER = {"higher": "Higher is better.", "lower": "Lower is better.", "range": "Within its range."}


def notes_of(
    slide: Slide, facts: ReportFacts, kpis: Mapping[str, KpiFacts], charts: Mapping[str, Any]
) -> Iterator[str]:
    """What stands in the notes of a slide: its charts in words, its KPIs defined, its source."""
    for piece in slide.body:
        for part in piece.parts if isinstance(piece, Row) else (piece,):
            if isinstance(part, Figure):
                yield str(charts.get(part.name, {}).get("alt", ""))
    yield from (definition(kpis[kpi]) for kpi in slide.kpis if kpi in kpis)
    as_of = day_name(parse_day(facts.as_of), facts.locale) if facts.as_of else ""
    known = f", as known by the end of {as_of}" if as_of else ""
    period = period_name(period_of(facts), facts.locale)
    yield f"{facts.company}, {period}{known}. Revision {facts.revision}."


def definition(facts: KpiFacts) -> str:
    """What a KPI is, how it is computed, from what, whose it is and which way is better."""
    formula = "" if facts.formula in ("", "value") else f" Computed as {facts.formula}."
    source = f" Source: {', '.join(facts.sources)}." if facts.sources else ""
    owner = f" Owner: {facts.owner}." if facts.owner else ""
    ended = facts.definition if facts.definition.endswith(".") else f"{facts.definition}."
    notes = f" {facts.notes}" if facts.notes else ""
    return f"{facts.name}: {ended}{notes}{formula}{source}{owner} {_BETTER[facts.direction]}"


def write_notes(slide: Any, lines: Iterator[str] | list[str]) -> None:
    """Put lines into the notes of a slide, without those that are empty."""
    slide.notes_slide.notes_text_frame.text = "\n".join(clean(line) for line in lines if line)
