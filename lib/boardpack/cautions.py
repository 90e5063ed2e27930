"""Cautions: how a page says of a KPI that a check of its sources did not pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from boardpack.facts import Finding
from boardpack.markup import Box, Line, Paragraph, Piece, Span
from boardpack.values import Values

_WORDS: Mapping[str, str] = {"banner": "data warning", "hold": "data failed"}
#: More KPIs than this are counted, each has its own mark.
_NAMED = 4
_ROLES: Mapping[str, str] = {"banner": "warn", "hold": "bad"}


def word(values: Values, kpi: str) -> str:
    """What stands beside a figure of the KPI: ``data warning``, ``data failed``, or nothing."""
    return _WORDS.get(values.verdict(kpi), "")


def mark(values: Values, kpi: str) -> Line:
    """The same as a piece of a page, which names source and check where one points at it."""
    said = word(values, kpi)
    if not said:
        return ()
    named = "; ".join(f"{found.source or 'identity'}: {found.sentence} ({found.check})"
                      for found in values.findings(kpi))  # fmt: skip
    return (" ", Span(_ROLES[values.verdict(kpi)], (said.replace(" ", "\u00a0"),), title=named))


def note(values: Values, kpis: Iterable[str]) -> tuple[Piece, ...]:
    """The note below a table: source and check, and the KPIs that rest on it."""
    concerned: dict[Finding, list[str]] = {}
    for kpi in dict.fromkeys(kpis):
        for found in values.findings(kpi):
            concerned.setdefault(found, []).append(values.kpi(kpi).name)
    lines = []
    for leads_to, said in _WORDS.items():
        parts = [
            f"{_of(found)} ({_listed(names)})"
            for found, names in concerned.items()
            if found.leads_to == leads_to
        ]
        if parts:
            lines.append(Paragraph((f"{said.capitalize()} — {'; '.join(parts)}.",)))
    return (Box("note", tuple(lines)),) if lines else ()


def remark(values: Values, kpi: str) -> Line:
    """The line within a card that says of which check the mark speaks."""
    found = values.findings(kpi)
    if not found:
        return ()
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return (f"{word(values, kpi).capitalize()}: {_of(found[0])}{more}",)


def caption(values: Values, kpis: Iterable[str]) -> str:
    """The end of a chart's title: which of its KPIs rest on data that did not pass."""
    marked: dict[str, list[str]] = {}
    for kpi in dict.fromkeys(kpis):
        if said := word(values, kpi):
            marked.setdefault(said, []).append(values.kpi(kpi).name)
    told = "; ".join(f"{said}: {_listed(names)}" for said, names in marked.items())
    return f" ({told})" if told else ""


def _listed(names: Sequence[str]) -> str:
    """The KPIs by name, or how many where that would be a paragraph."""
    return ", ".join(names) if len(names) <= _NAMED else f"{len(names)} of these KPIs"


def _of(found: Finding) -> str:
    return f"{found.source}, {found.sentence}" if found.source else found.sentence
