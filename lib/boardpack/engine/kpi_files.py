"""The files of ``kpis/``: each KPI and identity read, and refused where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping

from boardpack.engine import composites
from boardpack.engine.catalogue import Catalogue
from boardpack.engine.columns import check_panels
from boardpack.engine.definition_checks import (
    check_dimensions,
    check_grains,
    check_rows,
    check_unit,
    refuse_cycles,
)
from boardpack.engine.definitions import BUILT_IN, Identity, Kpi
from boardpack.engine.entries import IdentityEntry, KpiEntry
from boardpack.engine.expressions import ExpressionError, Formula, formula
from boardpack.engine.functions import COUNTING
from boardpack.engine.intervals import Interval, parse_interval
from boardpack.engine.measures import read_measure
from boardpack.engine.replacements import Claim, standing
from boardpack.errors import UnknownNameError
from boardpack.sources import Sources
from boardpack.workspace import Workspace
from boardpack.yamlfile import Document, Key, Place, parse

#: What is said of a KPI and changes none of its values.
_SAID_OF_IT = {"tests", "owner", "notes", "why", "actions", "risks"}


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
    refuse_cycles(kpis)
    check_panels(sources)
    for name, claimed in entries.items():
        document, key = claimed.place.document, claimed.place.key
        check_unit(kpis[name], claimed.entry, kpis, sources)
        check_grains(kpis[name], claimed.entry)
        check_dimensions(kpis[name], kpis, sources, document, (*key, "dimensions"))
    agreed = [
        _identity(claim.entry, claim.place, kpis, sources)
        for claim in standing(identities, "identity").values()
    ]
    return Catalogue(kpis, tuple(agreed), sources, workspace.calendar)


def _kpi(entry: KpiEntry, document: Document, key: Key, sources: Sources, known: set[str]) -> Kpi:
    measures = {
        name: read_measure(sources, measure, document, (*key, "measures", name))
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


def _identity(
    entry: IdentityEntry, at: Place, kpis: Mapping[str, Kpi], sources: Sources
) -> Identity:
    document, key = at.document, at.key
    left = _read_formula(entry.left, document, (*key, "left"))
    right = _read_formula(entry.right, document, (*key, "right"))
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
        entry.identity, entry.title, left, right, entry.tolerance, entry.holds == "at_least",
        entry.rows,
    )  # fmt: skip
    check_rows(identity, kpis, sources, document, key)
    return identity


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


def _read_formula(text: str, document: Document, key: Key) -> Formula:
    try:
        return formula(text)
    except ExpressionError as error:
        raise document.error(f"{text!r}: {error}.", key, error.hint) from None
