"""The definitions at the end of a report: what each KPI says and how it is computed."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack.blocks import Text
from boardpack.facts import KpiFacts
from boardpack.markup import Box, Line, Paragraph, Span, Strong, text
from boardpack.values import Values

_BETTER = {"higher": "higher is better", "lower": "lower is better", "range": "within its range"}

#: So many characters of a formula can be read; a longer one is for programs.
_LONGEST = 180


def definitions(values: Values, kpis: Sequence[str]) -> Text:
    """What each KPI means, how and from what it is computed, who owns it, how to read it.

    An entry a KPI, by name as one looks it up, with the id ``def-mrr``: its name beside a figure
    leads there. A formula that is too long to be read is cut, with the place of the whole.
    """
    if not kpis:
        return Text("")
    found = sorted(map(values.kpi, kpis), key=lambda facts: facts.name.casefold())
    return text(Box("definitions", tuple(map(_entry, found))))


def _entry(facts: KpiFacts) -> Box:
    about = " · ".join(part for part in (facts.unit, _BETTER[facts.direction], facts.owner) if part)
    said: Line = (facts.definition,)
    if facts.notes:
        said = (*said, " ", Span("muted", (facts.notes,)))
    parts = [Paragraph((Strong((facts.name,)), " ", Span("muted", (about,)))), Paragraph(said)]
    if how := _how(facts):
        parts.append(Paragraph((Span("formula", (how,)),)))
    return Box("definition", tuple(parts), id=f"def-{facts.id}")


def _how(facts: KpiFacts) -> str:
    # A KPI of one measure has no formula beyond what its definition says.
    formula = "" if facts.formula == "value" else facts.formula.replace(" * ", " × ")
    if len(formula) > _LONGEST:
        formula = formula[:_LONGEST].rsplit(" ", 1)[0] + " … (whole in facts.json of this edition)"
    sources = f"from {', '.join(facts.sources)}" if facts.sources else ""
    return " ".join(part for part in (formula, sources) if part)
