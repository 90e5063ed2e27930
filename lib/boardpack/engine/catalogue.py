"""The catalogue: every KPI definition, read from YAML and checked before anything is computed."""

from __future__ import annotations

import graphlib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from boardpack.calendars import PLAIN, Calendar
from boardpack.engine import composites, units
from boardpack.engine.columns import changes_with_event, check_panels, column_sql, dimensions
from boardpack.engine.definitions import Identity, Kpi, Measure
from boardpack.engine.entries import IdentityEntry, KpiEntry, MeasureEntry
from boardpack.engine.expressions import (
    ExpressionError,
    Formula,
    Resolve,
    aggregate,
    formula,
    indispensable,
    scalar,
)
from boardpack.engine.functions import COUNTING, Goal
from boardpack.engine.goals import Goals, lacks
from boardpack.engine.intervals import Interval, parse_interval
from boardpack.engine.kinds import check_kinds
from boardpack.engine.members import check_members
from boardpack.engine.replacements import Claim, standing
from boardpack.engine.windows import parse_window
from boardpack.errors import DefinitionError, UnknownNameError
from boardpack.periods import Period
from boardpack.sources import Source, Sources
from boardpack.workspace import Workspace
from boardpack.yamlfile import Document, Key, Place, parse

Found = TypeVar("Found")

#: What every formula may name beside measures and KPIs: the days of the period and of window month,
#: and those of the period that are worked on; of an open one those up to the as-of.
BUILT_IN = ("period_days", "month_days", "business_days")
#: Of what is wanted of a KPI, that which each function of a formula reads.
_OF_GOAL = {
    "target": {"comparator", "value", "path", "steps"},
    "met": {"comparator", "value", "path", "steps"},
    "baseline": {"baseline"},
    "threshold": {"thresholds"},
    "weight": {"weights"},
    "on_target": {"comparator", "value", "path", "steps", "grains"},
    "with_target": {"comparator", "value", "path", "steps", "grains"},
    "progress": {"comparator", "value", "path", "steps", "grains"},
}
#: What is said of a KPI and changes none of its values.
_SAID_OF_IT = {"tests", "owner", "notes", "why", "actions", "risks"}


@dataclass(frozen=True)
class Catalogue:
    """All KPIs and identities of a workspace, over its sources."""

    kpis: Mapping[str, Kpi]
    identities: tuple[Identity, ...]
    sources: Sources
    calendar: Calendar = PLAIN
    goals: Goals | None = None

    def __getitem__(self, kpi: str) -> Kpi:
        try:
            return self.kpis[kpi]
        except KeyError:
            raise UnknownNameError.near("KPI", kpi, self.kpis) from None

    def order(self, kpis: Iterable[str], *, counted: bool = True) -> list[Kpi]:
        """These KPIs and all they depend on, inputs before what is made of them.

        ``counted`` brings what is only counted (`Catalogue.counted`), whose values may be missing.
        """
        graph: dict[str, tuple[str, ...]] = {}
        todo = list(kpis)
        while todo:
            kpi = self[todo.pop()]
            if kpi.id not in graph:
                graph[kpi.id] = (*kpi.inputs, *(self.counted(kpi) if counted else ()))
                todo.extend(graph[kpi.id])
        return [self.kpis[name] for name in graphlib.TopologicalSorter(graph).static_order()]

    def counted(self, kpi: Kpi) -> tuple[str, ...]:
        """The KPIs with a target, for one that counts how many meet theirs; none for others.

        One that itself rests on the count is left out.
        """
        if self.goals is None or not any(g.what in COUNTING for g in kpi.formula.goals):
            return ()
        return tuple(
            name
            for name, goal in self.goals.goals.items()
            if goal.comparator is not None
            and name in self.kpis
            and kpi.id not in {part.id for part in self.order([name], counted=False)}
        )

    def source_ids(self, kpi: str, *, counted: bool = True) -> tuple[str, ...]:
        """Every source (tables and derived) that a KPI rests on, joins included."""
        found: list[str] = []
        for part in self.order([kpi], counted=counted):
            for measure in part.measures.values():
                found.append(measure.source)
        return tuple(dict.fromkeys(found))

    def tables(self, kpis: Iterable[str]) -> tuple[str, ...]:
        """The tables to connect and to check for these KPIs."""
        found = [
            table
            for kpi in kpis
            for source in self.source_ids(kpi)
            for table in self.sources.tables(source)
        ]
        return tuple(dict.fromkeys(found))

    def definition_hash(self, kpi: str) -> str:
        """SHA-256 over a definition, all it depends on and the sources below it."""
        digest = hashlib.sha256()
        names = sorted(part.id for part in self.order([kpi]))
        for name in names:
            digest.update(self.kpis[name].text.encode())
            digest.update(self._wanted(name).encode())
        for source in sorted({s for name in names for s in self._below(name)}):
            digest.update(self.sources[source].text.encode())
        digest.update(self._calendar_text(names).encode())
        return digest.hexdigest()

    def _wanted(self, kpi: str) -> str:
        """What the scorecard says of what a formula names of it: another target, another KPI."""
        goals = self.goals.goals if self.goals else {}
        found = {
            f"{goal} {about}": goals[about].model_dump_json(include=_OF_GOAL[goal.what])
            for goal in self.kpis[kpi].formula.goals
            for about in self._about(kpi, goal)
            if about in goals
        }
        return json.dumps(found, sort_keys=True) if found else ""

    def _about(self, kpi: str, goal: Goal) -> tuple[str, ...]:
        """The KPIs whose entry in the scorecard a function of a formula reads."""
        if goal.what in COUNTING:
            return self.counted(self.kpis[kpi])
        return (kpi if goal.what == "weight" else goal.kpi,)

    def weights(self, kpi: str) -> Mapping[str, float]:
        """How much each part of a composite counts, of 100: by the scorecard, else by itself."""
        goals = self.goals.goals if self.goals else {}
        return (goals[kpi].weights if kpi in goals else {}) or self[kpi].weights

    def lacks_goal(self, kpi: str) -> str:
        """What the scorecard does not say and the KPI cannot do without; "" when it has all."""
        for part in self.order([kpi], counted=False):
            for goal in part.formula.goals:
                if reason := lacks(self.goals, goal):
                    return reason
        return ""

    def needs(self, kpi: str) -> set[tuple[str, str]]:
        """The (table, column) pairs that a KPI cannot do without; see `indispensable`."""
        return {
            pair
            for part in self.order([kpi], counted=False)
            for measure in part.measures.values()
            for pair in _needed(self.sources, measure)
        }

    def _calendar_text(self, kpis: Iterable[str]) -> str:
        """What these KPIs rest on of the calendar: its periods; days off where they count."""
        found = self.calendar.as_dict()
        if not any("business_days" in self.kpis[kpi].formula.names for kpi in kpis):
            found = {k: v for k, v in found.items() if k not in ("weekend", "holidays")}
        return json.dumps(found, sort_keys=True) if found else ""

    def _below(self, kpi: str) -> set[str]:
        found: set[str] = set()
        for source in self.source_ids(kpi):
            found |= {source, *self.sources[source].also, *self.sources.tables(source)}
        return found


def load(workspace: Workspace, sources: Sources) -> Catalogue:
    """Every definition, the suite's and the workspace's own; the first thing wrong is the error."""
    claims: dict[str, list[Claim[KpiEntry]]] = {}
    identities: dict[str, list[Claim[IdentityEntry]]] = {}
    for document, own in workspace.documents("kpis"):
        if not isinstance(document.data, list):
            raise document.error("expected a list of KPIs, each starting with `- kpi:`.")
        for index, data in enumerate(document.data):
            key: Key = (index,)
            at = Place(document, key)
            if isinstance(data, dict) and "identity" in data:
                said = parse(document, IdentityEntry, key)
                identities.setdefault(said.identity, []).append(
                    Claim(said.identity, said.replaces, own, said, at)
                )
            else:
                entry = parse(document, KpiEntry, key)
                claims.setdefault(entry.kpi, []).append(
                    Claim(entry.kpi, entry.replaces, own, entry, at)
                )
    entries = standing(claims, "KPI")
    kpis = {
        name: _kpi(claim.entry, claim.place.document, claim.place.key, sources, set(entries))
        for name, claim in entries.items()
    }
    _refuse_cycles(kpis)
    check_panels(sources)
    for name, claimed in entries.items():
        document, key = claimed.place.document, claimed.place.key
        _check_unit(kpis[name], claimed.entry, kpis, sources)
        _check_grains(kpis[name], claimed.entry)
        _check_dimensions(kpis[name], kpis, sources, document, (*key, "dimensions"))
    checked = []
    for agreed in standing(identities, "identity").values():
        entry_, document, key = agreed.entry, agreed.place.document, agreed.place.key
        left = _read_formula(entry_.left, document, (*key, "left"))
        right = _read_formula(entry_.right, document, (*key, "right"))
        for side, read in (("left", left), ("right", right)):
            if read.shifts or read.goals:
                raise document.error(
                    f"{side}: an identity is about one period and no target.", (*key, side)
                )
        for name in (*left.names, *right.names):
            if name not in kpis:
                raise UnknownNameError.near(
                    "KPI", name, kpis, file=document.path, line=document.line(key)
                )
        identity = Identity(
            entry_.identity, entry_.title, left, right, entry_.tolerance,
            entry_.holds == "at_least", entry_.rows,
        )  # fmt: skip
        _check_rows(identity, kpis, sources, document, key)
        checked.append(identity)
    return Catalogue(kpis, tuple(checked), sources, workspace.calendar)


def _kpi(entry: KpiEntry, document: Document, key: Key, sources: Sources, known: set[str]) -> Kpi:
    measures = {
        name: _measure(sources, measure, document, (*key, "measures", name))
        for name, measure in entry.measures.items()
    }
    text = entry.formula
    if entry.weights:
        composites.check_weights(
            entry.kpi, entry.weights, entry.weights, document, (*key, "weights")
        )
        text = text or composites.NAME
        for name in entry.weights:
            if name not in {*measures, *known}:
                raise UnknownNameError.near(
                    "measure or KPI", name, {*measures, *known},
                    file=document.path, line=document.line((*key, "weights", name)),
                )  # fmt: skip
    if text is None:
        if len(measures) != 1:
            raise document.error(
                f"KPI {entry.kpi!r} needs a formula: it has {len(measures)} measures.", key
            )
        text = next(iter(measures))
    read = _read_formula(composites.written_out(text, entry.weights), document, (*key, "formula"))
    for goal in read.goals:
        if goal.what not in ("weight", *COUNTING) and goal.kpi not in known:
            raise UnknownNameError.near(
                "KPI", goal.kpi, known, file=document.path, line=document.line((*key, "formula"))
            )
    inputs = []
    for name in read.names:
        if name in measures or name in BUILT_IN:
            continue
        if name not in known:
            raise UnknownNameError.near(
                "measure or KPI", name, {*measures, *known},
                file=document.path, line=document.line((*key, "formula")),
            )  # fmt: skip
        inputs.append(name)
    interval = _interval(entry, read, document, (*key, "interval"))
    beside = interval.names if interval else ()
    for name in measures:
        if name not in (*read.names, *beside):
            raise document.error(
                f"measure {name!r} of KPI {entry.kpi!r} is not used by its formula.",
                (*key, "measures", name),
            )
    if entry.additive and read.denominator is not None:
        raise document.error(
            f"KPI {entry.kpi!r} is a ratio, so it cannot be additive.", (*key, "additive")
        )
    for name, measure in measures.items():
        found = measure.aggregate
        whole = "percentile" if found.quantile is not None else found.estimate
        if whole and (entry.additive or entry.each):
            setting = "additive" if entry.additive else "each"
            raise document.error(
                f"measure {name!r} of KPI {entry.kpi!r} is a {whole}: the {whole} of a whole "
                f"does not follow from those of its parts, so there can be no {setting}:.",
                (*key, setting),
            )
    if entry.each is not None and read.denominator is None:
        raise document.error(
            f"each: {entry.each} rolls up numerators and denominators; the formula of "
            f"{entry.kpi!r} has none.",
            (*key, "each"),
        )
    return Kpi(
        entry.kpi, entry.name, entry.definition, entry.category, entry.unit, entry.direction,
        document.path, document.line(key), Place(document, key), read, text, measures,
        tuple(inputs), entry.owner,
        entry.additive, tuple(entry.dimensions), tuple(entry.grains), entry.each,
        entry.no_value or "", entry.notes, tuple(entry.tests),
        _text_of(entry),
        interval, dict(entry.weights), entry.measures, entry.why, tuple(entry.actions),
        tuple(entry.risks), entry.approximate == "allowed",
    )  # fmt: skip


def _text_of(entry: KpiEntry) -> str:
    """All that a value may depend on; a key that is newer and left out changes no hash."""
    left_out = {*_SAID_OF_IT, *(() if entry.approximate else ("approximate",))}
    return json.dumps(entry.model_dump(mode="json", exclude=left_out), sort_keys=True)


def _interval(entry: KpiEntry, read: Formula, document: Document, key: Key) -> Interval | None:
    if entry.interval is None:
        return None
    try:
        interval = parse_interval(entry.interval)
    except ValueError as error:
        raise document.error(f"{error}.", key) from None
    for name in interval.names:
        if name not in entry.measures:
            raise UnknownNameError.near(
                "measure", name, entry.measures, file=document.path, line=document.line(key)
            )
    if read.denominator is None or entry.each is not None:
        raise document.error(
            "an interval is for a ratio of one period's answers: a formula that divides by their"
            " number, without each:.",
            key,
        )
    return interval


def _measure(sources: Sources, entry: MeasureEntry, document: Document, key: Key) -> Measure:
    if entry.source not in sources.declared:
        raise UnknownNameError.near(
            "source", entry.source, sources.declared,
            file=document.path, line=document.line((*key, "source")),
        )  # fmt: skip
    source, at = sources[entry.source], Place(document, key)
    used: list[str] = []

    def column(name: str) -> str:
        used.append(name)
        return column_sql(sources, source, name)

    measured = _checked(sources, source, entry.value, aggregate, column, at, "value")
    where = None
    if entry.where is not None:
        where = _checked(sources, source, entry.where, scalar, column, at, "where")
    try:
        window = parse_window(entry.window)
        mature = 0 if entry.mature_after is None else _days(entry.mature_after)
    except ValueError as error:
        raise document.error(str(error), key) from None
    if measured.prorated and not (source.time and source.time_end):
        raise document.error(
            f"prorated(...) needs a source with time: and time_end:; {source.id!r} has not both.",
            key,
        )
    if entry.empty == "none" and measured.kind != "sum":
        raise document.error(
            f"empty: none is for a sum; {entry.value!r} has its own answer for no rows.",
            (*key, "empty"),
        )
    if measured.kind == "histogram_percentile" and source.histogram is None:
        raise document.error(f"source {source.id!r} declares no histogram:.", key)
    if measured.attributed != (source.touches is not None):
        raise document.error(
            f"{source.id!r} has a row a touch, so that {entry.value!r} would count several times."
            if source.touches
            else f"attributed(...) needs a source with touches:; {source.id!r} has none.",
            (*key, "value"),
            hint="write sum(attributed(acv, linear)): first, last or linear"
            if source.touches
            else None,
        )
    if measured.kind == "rolling":
        if not source.distinct_of:
            raise document.error(
                f"trailing_distinct(...) needs a source with a row a day (distinct_of:);"
                f" {source.id!r} is none.",
                (*key, "value"),
            )
        if window.kind in ("to_date", "opening"):
            raise document.error(
                f"trailing_distinct(...) is summed over the days of a window that begins;"
                f" {entry.window} does not.",
                (*key, "window"),
            )
    if measured.kind == "estimate" and (source.panel_of or source.distinct_of):
        raise document.error(
            f"{measured.estimate}(...) takes the moments of rows; {source.id!r} has none.",
            (*key, "value"),
        )
    if source.panel_of and entry.window != "period":
        raise document.error(
            f"{source.id!r} is a panel: its columns carry the window.", (*key, "window")
        )
    if source.derived_from is None and source.time is None:
        raise document.error(f"source {source.id!r} has no time: nothing places its rows.", key)
    return Measure(
        source.id, measured, window, where, mature, tuple(sorted(set(used))),
        entry.empty == "none",
        frozenset(indispensable(entry.value) | indispensable(entry.where or "true")),
    )  # fmt: skip


def _checked(
    sources: Sources,
    source: Source,
    text: str,
    read: Callable[[str, Resolve], Found],
    column: Resolve,
    at: Place,
    step: str,
) -> Found:
    """An expression of a measure as it is read; what is wrong in it points at its key."""
    try:
        found = read(text, column)
        if not (source.panel_of or source.distinct_of):
            check_members(sources, source, text)
        check_kinds(sources, source, text)
    except ExpressionError as error:
        raise at.error(f"{text!r}: {error}.", step, hint=error.hint) from None
    except UnknownNameError as error:
        raise UnknownNameError(
            error.message, file=at.document.path, line=at.line(step), hint=error.hint
        ) from None
    return found


def _needed(sources: Sources, measure: Measure) -> set[tuple[str, str]]:
    source = sources[measure.source]
    base = sources[source.derived_from] if source.derived_from else source
    needed = {base.id: set(measure.needed) | ({str(source.time)} if source.placed_of else set())}
    if source.panel_of or source.distinct_of:
        needed = {base.id: set(indispensable(source.where or "true"))}
        for entry in (source.panel[name] for name in measure.columns if name in source.panel):
            of = sources[entry.of] if entry.of else base
            texts = filter(None, (entry.value, entry.where, of.time if of.placed_of else None))
            names = {name for text in texts for name in indispensable(text)}
            needed.setdefault(of.placed_of or of.id, set()).update(names)
    return {
        (sources[table].joins[alias].source if alias else table, column)
        for table, names in needed.items()
        for alias, _, column in (name.rpartition(".") for name in names)
    }


def _check_unit(kpi: Kpi, entry: KpiEntry, kpis: Mapping[str, Kpi], sources: Sources) -> None:
    about = {*kpi.inputs, *(goal.kpi for goal in kpi.formula.goals)}
    text = composites.written_out(kpi.formula_text, kpi.weights)
    try:
        units.check(
            text,
            kpi.unit,
            {name: kpis[name].unit for name in about if name in kpis},
            {name: _unit(sources, kpi, name) for name in kpi.measures},
        )
    except units.UnitError as error:
        # Without a formula its one measure is all there is.
        alone = entry.formula is None and text in kpi.measures
        steps = ("measures", text, "value") if alone else ("formula",)
        raise kpi.place.error(
            f"the formula of {kpi.id!r} cannot be in {kpi.unit}: {error}.", *steps, hint=error.hint
        ) from None


def _unit(sources: Sources, kpi: Kpi, measure: str) -> units.Unit | None:
    """What a measure is in, as far as its expression tells."""
    entry = kpi.written[measure]
    panel = sources[entry.source].panel
    columns = {name: units.of_measure(column.value, {}) for name, column in panel.items()}
    return units.of_measure(entry.value, columns)


def _check_grains(kpi: Kpi, entry: KpiEntry) -> None:
    """A period that is named and can never have a value is a mistake; one that is not is told."""
    for grain in entry.grains if "grains" in entry.model_fields_set else ():
        for _, shift in kpi.formula.shifts:
            if shift.before(Period.containing(date(2025, 1, 1), grain)) is None:
                raise kpi.place.error(
                    f"KPI {kpi.id!r} is for each {grain}, and no {grain} lies {shift} before a"
                    f" {grain}.",
                    "grains",
                    hint="leave it out of grains:, or go back 1 period",
                )


def _check_dimensions(
    kpi: Kpi, kpis: Mapping[str, Kpi], sources: Sources, document: Document, key: Key
) -> None:
    for dimension in kpi.dimensions:
        for measure in kpi.measures.values():
            if dimension not in dimensions(sources, measure.source):
                raise document.error(
                    f"KPI {kpi.id!r} cannot be split by {dimension!r}: "
                    f"source {measure.source!r} has no such dimension.",
                    key,
                    hint=f"it has {', '.join(dimensions(sources, measure.source)) or 'none'}",
                )
            if sources[measure.source].panel_of and changes_with_event(
                sources, measure.source, dimension
            ):
                raise document.error(
                    f"KPI {kpi.id!r} cannot be split by {dimension!r}, which is as of the event:"
                    f" an entity of the panel {measure.source!r} would be in several members and"
                    " count several times in all.",
                    key,
                    hint="split it by what holds now, or measure the rows themselves",
                )
        for name in kpi.inputs:
            if dimension not in kpis[name].dimensions:
                raise document.error(
                    f"KPI {kpi.id!r} cannot be split by {dimension!r}: its input {name!r} is not.",
                    key,
                )


def _check_rows(
    identity: Identity, kpis: Mapping[str, Kpi], sources: Sources, document: Document, key: Key
) -> None:
    """A column to trace by must be one of every source that the identity rests on."""
    if identity.rows is None:
        return
    for kpi in (kpis[name] for name in identity.kpis):
        for measure in kpi.measures.values():
            base = sources[sources[measure.source].derived_from or measure.source]
            if identity.rows not in base.columns:
                raise UnknownNameError.near(
                    f"column of {base.id}", identity.rows, base.columns,
                    file=document.path, line=document.line((*key, "rows")),
                )  # fmt: skip


def _read_formula(text: str, document: Document, key: Key) -> Formula:
    try:
        return formula(text)
    except ExpressionError as error:
        raise document.error(f"{text!r}: {error}.", key, error.hint) from None


def _days(text: str) -> int:
    match = re.fullmatch(r"(\d+) days?", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no number of days; write it as 44 days")
    return int(match.group(1))


def _refuse_cycles(kpis: Mapping[str, Kpi]) -> None:
    try:
        graphlib.TopologicalSorter({name: kpi.inputs for name, kpi in kpis.items()}).prepare()
    except graphlib.CycleError as error:
        path = list(reversed(error.args[1]))
        first = kpis[path[0]]
        raise DefinitionError(
            f"KPIs depend on each other in a circle: {' → '.join(path)}.",
            file=first.file,
            line=first.line,
        ) from None
