"""The model of a workspace: its sources, catalogue and scorecard, loaded together and checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd

from boardpack import scorecards, source_files
from boardpack.calendars import PLAIN, Calendar
from boardpack.engine import kpi_files, listing_rows
from boardpack.engine import listings as listing_files
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.compute import compute
from boardpack.engine.listings import Listings
from boardpack.engine.marts import NONE, Marts
from boardpack.engine.plans import unavailable
from boardpack.errors import PeriodError, SourceError, UnknownNameError, UserError
from boardpack.facts import KpiFacts, ReportFacts
from boardpack.listed import Listed
from boardpack.objectives import Target, most_specific
from boardpack.own_sources import own_sources
from boardpack.periods import Grain, Period, beside_weeks
from boardpack.scorecards import Scorecard
from boardpack.sources import Sources
from boardpack.values import COLUMNS, INTERVAL, Values
from boardpack.warehouse import Slice, Span, data_span
from boardpack.workspace import Workspace


@dataclass(frozen=True)
class Model:
    """Everything a workspace defines; nothing here has read a row of data yet."""

    workspace: Workspace
    sources: Sources
    catalogue: Catalogue
    scorecard: Scorecard | None
    listings: Listings

    @classmethod
    def open(cls, folder: str | Path) -> Model:
        """Load a workspace and all its definitions; the first thing wrong is the error.

        >>> from boardpack.workspace import SUITE
        >>> Model.open(SUITE).catalogue["mrr"].unit
        'currency'
        """
        workspace = Workspace.open(folder)
        sources = source_files.load(workspace)
        catalogue = kpi_files.load(workspace, sources)
        listings = listing_files.load(workspace, sources)
        card = scorecards.load(workspace, catalogue)
        catalogue = replace(catalogue, goals=card)
        weights = workspace.settings.policy.gate.weights.as_dict()
        own = own_sources(workspace, catalogue, weights)
        return cls(workspace, replace(sources, own=own), catalogue, card, listings)

    def tables(self, kpis: Iterable[str], listings: Iterable[str] = ()) -> tuple[str, ...]:
        """The tables to connect and to check for these KPIs and listings."""
        found = (*self.catalogue.tables(kpis), *self.listings.tables(listings))
        return tuple(dict.fromkeys(found))

    def facts(self, kpi: str, periods: Iterable[Period]) -> KpiFacts:
        """What a page may say of a KPI: its definition, its owner, its target in each period."""
        found = self.catalogue[kpi]
        card, asked = self.scorecard, list(periods)
        goal = card.goals.get(kpi) if card else None
        return KpiFacts(
            id=found.id,
            name=found.name,
            definition=found.definition,
            unit=found.unit,
            direction=found.direction,
            category=found.category,
            owner=(card.owner(kpi) if card else "") or found.owner,
            formula=found.formula_text,
            notes=found.notes,
            why=found.why,
            actions=found.actions,
            risks=found.risks,
            additive=found.additive,
            sources=self.catalogue.tables([kpi]),
            targets=card.targets(kpi, asked) if card else {},
            member_targets=card.member_targets(kpi, asked) if card else {},
            milestones=card.milestones(kpi, asked[-1]) if card and asked else (),
            straight=goal is not None and goal.path is not None,
            benchmark=card.benchmark(kpi) if card else None,
            baseline=goal.baseline if goal else None,
            stretch=goal.stretch if goal else None,
        )

    def report_facts(
        self, period: Period, as_of: str, report: str = "", title: str = ""
    ) -> ReportFacts:
        """What page one says, before a gate or a revision is known."""
        settings = self.workspace.settings
        open_ = pd.Timestamp(period.last_day) > pd.Timestamp(as_of)
        return ReportFacts(
            company=settings.company,
            currency=settings.currency,
            locale=settings.locale,
            zone=settings.zone,
            confidentiality=settings.confidentiality,
            report=report,
            title=title,
            period=period.label,
            as_of=as_of,
            grain=period.grain,
            status="provisional" if open_ else "final",
            calendar=period.calendar.as_dict(),
            objectives=self.scorecard.objectives if self.scorecard else None,
        )


def history(period: Period, last: int | None = None, as_of: date | None = None) -> list[Period]:
    """The periods that a page about ``period`` may show, each with its year before; oldest first.

    With ``as_of`` also what a period that is open by then is set against, like for like. Beside
    weeks stand the months, quarter and year that they are part of (`beside_weeks`).

    >>> [p.label for p in history(Period.parse("2025"), last=2)]
    ['2023', '2024', '2025']
    >>> [p.label for p in history(Period.parse("2025"), last=1, as_of=date(2025, 2, 1))]
    ['2024', '2024/32d', '2025']
    """
    shown = period.last(last or period.look_back)
    if period.grain == "week" and as_of is not None:
        closed, to_date = beside_weeks(period)
        shown += [*closed, *to_date]
    compared = period.compared(as_of) if as_of is not None else ()
    ago = (p.year_ago().first(p.cut) if p.cut else p.year_ago() for p in shown)
    return sorted({*shown, *ago, *compared})


def values(
    model: Model,
    slice_: Slice,
    kpis: Iterable[str],
    report: ReportFacts,
    segment: str = "",
    *,
    frame: pd.DataFrame | None = None,
    marts: Marts = NONE,
) -> Values:
    """Compute the KPIs over the history of the report's period, with every fact beside them.

    ``segment`` restricts everything to one member; a KPI that it cannot split is not available.
    ``frame`` holds what `compute` gives for them, where that is there already; ``marts`` stand in
    for rows otherwise.
    """
    names = list(dict.fromkeys(kpis))
    period = Period.parse(report.period, model.workspace.calendar)
    periods = history(period, as_of=slice_.as_of)
    if frame is None:
        by = model.workspace.settings.dimensions
        frame = compute(model.catalogue, slice_, names, periods, by, marts=marts)
    missing = {
        kpi: reason for kpi in names if (reason := unavailable(model.catalogue, slice_, kpi))
    }
    undefined = {
        kpi: f"not defined for a {period.grain}"
        for kpi in names
        if kpi not in missing and period.grain not in model.catalogue[kpi].grains
    }
    if segment:
        frame, split = _of_segment(model, frame, segment)
        unsplit = (kpi for kpi in names if kpi not in split and kpi not in missing)
        undefined |= dict.fromkeys(unsplit, "cannot be split by segment")
    # What is wanted next is known already; a page that looks ahead says so.
    ahead = [*periods, *(period.shift(n) for n in range(1, period.look_back))]
    facts = {kpi: model.facts(kpi, ahead) for kpi in names}
    about = replace(report, not_available=missing, not_defined=undefined, segment=segment)
    if segment:
        facts = {kpi: _of_member(found, f"segment={segment}") for kpi, found in facts.items()}
        # Stages and early warnings are those of the company, and a part of it says nothing of them.
        if about.objectives is not None:
            objectives = replace(about.objectives, stages=(), risks=())
            about = replace(about, objectives=objectives)
    return Values(frame, about, facts)


def listed(
    model: Model, slice_: Slice, listings: Iterable[str], period: Period, segment: str = ""
) -> dict[str, Listed]:
    """The rows of these listings for a period, as of the slice's day.

    One whose tables are not connected, or that cannot be of one segment, has none and a reason.
    """
    found = {}
    for name in dict.fromkeys(listings):
        listing = model.listings[name]
        reason = listing_rows.unavailable(model.listings, slice_, name, segment)
        facts = {
            **listing_rows.facts(listing),
            "tables": model.listings.tables([name]),
            "reason": reason,
        }
        rows = (
            listing_rows.empty(listing)
            if reason
            else listing_rows.rows(slice_, listing, period, segment)
        )
        found[name] = _named(model, Listed.of(facts, rows))
    return found


def _of_member(facts: KpiFacts, dims: str) -> KpiFacts:
    """The same with the targets of a member; what is wanted of the whole is not wanted of it."""
    targets: dict[str, Target] = {}
    for row in reversed(most_specific(facts.member_targets, dims)):
        targets |= row
    return replace(facts, targets=targets, member_targets={}, milestones=())


def _named(model: Model, listed: Listed) -> Listed:
    """The listing with the names of the KPIs that its rows speak of."""
    known = model.catalogue.kpis
    columns = tuple(
        replace(
            column,
            names={
                kpi: known[kpi].name for kpi in sorted(set(listed.frame[column.name]) & set(known))
            },
        )
        if column.kind == "kpi"
        else column
        for column in listed.columns
    )
    return replace(listed, columns=columns)


def _of_segment(model: Model, frame: pd.DataFrame, segment: str) -> tuple[pd.DataFrame, set[str]]:
    if "segment" not in model.workspace.settings.dimensions:
        raise UserError(
            f"the workspace has no dimension 'segment' to take {segment!r} from.",
            file=model.workspace.root / "boardpack.yml",
            hint="name it in dimensions:",
        )
    part = frame[frame["dims"] == f"segment={segment}"].assign(dims="")
    known = {dims.partition("=")[2] for dims in frame["dims"] if dims.startswith("segment=")}
    if known and segment not in known:
        raise UnknownNameError.near("segment", segment, known)
    return part[[*COLUMNS, *INTERVAL]].reset_index(drop=True), set(part["kpi"])


def spans(model: Model, kpis: Iterable[str], listings: Iterable[str] = ()) -> dict[str, Span]:
    """The days that the tables of these KPIs, or of listings alone, have rows for."""
    tables = _timed(model, kpis) or [
        table for table in model.listings.tables(listings) if model.sources[table].time
    ]
    if not tables:
        return {}
    # A table that cannot be read keeps no other from saying how far the data reach.
    broken: dict[str, SourceError] = {}
    found = data_span(model.workspace, model.sources, tables, broken=broken)
    return found if found or not broken else data_span(model.workspace, model.sources, tables)


def last_closed(found: dict[str, Span], grain: Grain, calendar: Calendar = PLAIN) -> Period:
    """The last period that the data reach the end of; `PeriodError` when there is none."""
    if not found:
        raise PeriodError(
            "the workspace has no data to find the last closed period in.",
            hint="`boardpack doctor` shows which sources are connected",
        )
    return closed_by(max(span.last for span in found.values()), grain, calendar)


def closed_by(day: date, grain: Grain, calendar: Calendar = PLAIN) -> Period:
    """The last period of the grain that ends with or before ``day``."""
    period = Period.containing(day, grain, calendar)
    return period if period.last_day <= day else period.shift(-1)


def check_period(period: Period, as_of: str, found: dict[str, Span]) -> None:
    """`PeriodError` for a period that begins after the as-of or ends before the data begin."""
    if period.start.isoformat() > as_of:
        raise PeriodError(
            f"period {period} begins after the as-of {as_of}.",
            hint="leave --as-of out to see the period as of its end",
        )
    if not found:
        raise PeriodError(
            f"nothing was known by {as_of}: period {period} lies before the data.",
            hint="`boardpack doctor` shows the days that each source has rows for",
        )
    first = min(span.first for span in found.values())
    if period.end <= first:
        raise PeriodError(f"period {period} lies before the data, which begin on {first}.")


def _timed(model: Model, kpis: Iterable[str]) -> Sequence[str]:
    tables = model.catalogue.tables(kpis)
    return [table for table in tables if model.sources[table].time]
