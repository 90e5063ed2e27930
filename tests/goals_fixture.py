"""Frozen values made of a few figures, for what a company wants of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from boardpack import scorecards
from boardpack.engine.catalogue import Catalogue
from boardpack.facts import KpiFacts
from boardpack.model import Model
from boardpack.objectives import Objectives
from boardpack.periods import Period
from boardpack.scorecard_entries import ScorecardEntry
from boardpack.scorecards import Scorecard
from boardpack.values import COLUMNS, Values
from boardpack.workspace import SUITE
from boardpack.yamlfile import parse, read
from values_fixture import report_facts

Figures = Mapping[str, float | Sequence[float | None] | None]


def of_suite(name: str, **changes: Any) -> tuple[Scorecard, Catalogue]:
    """A scorecard of the suite over its catalogue, for a plan that began in January 2025."""
    from datetime import date

    catalogue = Model.open(SUITE).catalogue
    document = read(SUITE / "lib" / "scorecards" / f"{name}.yml")
    entry = parse(document, ScorecardEntry)
    scorecards.check(entry, document, catalogue)
    start = changes.pop("start", date(2025, 1, 1))
    objectives = scorecards.objectives_of(entry, catalogue, start)
    card = Scorecard(
        entry.scorecard, entry.title, entry.currency, entry.kpis, start, objectives, **changes
    )
    return card, catalogue


def made(
    figures: Figures,
    *,
    period: str = "2025-12",
    objectives: Objectives | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    parts: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    status: str = "final",
) -> Values:
    """Values of KPIs by their figures, the last of them that of the period, and no others.

    A key such as ``nps segment=smb`` is of a member. ``facts`` gives what else is known of a KPI;
    ``parts`` its numerators and denominators.
    """
    about = Period.parse(period)
    rows: list[tuple[object, ...]] = []
    known: dict[str, KpiFacts] = {}
    for key, given in figures.items():
        kpi, _, dims = key.partition(" ")
        said: dict[str, Any] = {"unit": "count", "direction": "higher", "owner": "CFO"}
        said |= (facts or {}).get(kpi, {})
        name = said.pop("name", kpi.replace("_", " ").capitalize())
        known[kpi] = KpiFacts(kpi, name, f"What {kpi} says.", **said)
        series = list(given) if isinstance(given, Sequence) else [given]
        of = list((parts or {}).get(key, [(None, None)] * len(series)))
        for at, figure, (above, below) in zip(about.last(len(series)), series, of, strict=True):
            last = at == about
            state = ("no_value" if figure is None else status if last else "final",)
            reason = "nobody answered" if figure is None else ""
            rows.append((kpi, at.label, at.start, at.end, at.grain, dims, figure, above, below,
                         known[kpi].unit, *state, reason))  # fmt: skip
    report = replace(
        report_facts(), period=period, grain=about.grain, objectives=objectives, not_available={},
        as_of=about.last_day.isoformat(), status="provisional" if status != "final" else "final",
    )  # fmt: skip
    return Values(pd.DataFrame(rows, columns=list(COLUMNS)), report, known)
