"""Scores: what share of what was checked is as expected, by quality dimension, and in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from math import floor
from types import MappingProxyType
from typing import Any, Protocol

from boardpack import gatefile
from boardpack.gate_controls import controls, limit_hours

#: How much each dimension counts of 100, unless ``policy: gate: weights:`` says otherwise.
WEIGHTS: Mapping[str, float] = MappingProxyType(gatefile.WEIGHTS.as_dict())

#: Checks of the KPI registry that two of the standards read.
METHOD = "kpi_registry.method"
LINEAGE = "kpi_registry.lineage"
#: Sources whose newest row may be so many hours old are loaded every day.
_DAILY = 72.0


class Scored(Protocol):
    """What is read here of a result of the gate, or of one that was kept."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def dimension(self) -> str: ...  # noqa: D102
    @property
    def evaluated(self) -> int: ...  # noqa: D102
    @property
    def unexpected(self) -> int: ...  # noqa: D102


class Told(Scored, Protocol):
    """What the standards read beside."""

    @property
    def control(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def limit(self) -> str: ...  # noqa: D102
    @property
    def observed(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Scores:
    """Percent by dimension; None where nothing was checked. ``overall`` weighs those there are."""

    by_dimension: Mapping[str, float | None]
    overall: float | None

    def to_dict(self) -> dict[str, float | None]:
        """As JSON holds it: the dimensions, and ``overall``."""
        return {**self.by_dimension, "overall": self.overall}


@dataclass(frozen=True)
class Standard:
    """One of the five standards: what was found, what it is held to, and whether that is met.

    ``value`` and ``met`` are None where nothing was found to tell.
    """

    dimension: str
    sentence: str
    value: float | None
    limit: float
    unit: str
    met: bool | None


def scores(results: Iterable[Scored], weights: Mapping[str, float] = WEIGHTS) -> Scores:
    """Per dimension 1 - sum of unexpected / sum of evaluated; the overall score weighs them.

    A dimension in which nothing was evaluated has no score, and the others weigh more.

    >>> scores([]).overall is None
    True
    """
    evaluated: dict[str, int] = dict.fromkeys(WEIGHTS, 0)
    unexpected: dict[str, int] = dict.fromkeys(WEIGHTS, 0)
    for result in results:
        evaluated[result.dimension] += result.evaluated
        unexpected[result.dimension] += result.unexpected
    found = {
        dimension: 100 * (1 - unexpected[dimension] / rows) if rows else None
        for dimension, rows in evaluated.items()
    }
    known = {d: score for d, score in found.items() if score is not None and weights.get(d, 0)}
    weight = sum(weights[dimension] for dimension in known)
    overall = sum(weights[d] * score for d, score in known.items()) / weight if weight else None
    return Scores(found, overall)


def by_source(
    results: Iterable[Scored], weights: Mapping[str, float] = WEIGHTS
) -> dict[str, Scores]:
    """The scores of each source, the sources by name."""
    of: dict[str, list[Scored]] = {}
    for result in results:
        of.setdefault(result.source, []).append(result)
    return {source: scores(of[source], weights) for source in sorted(of)}


def trend(
    kept: Mapping[str, Sequence[Scored]], weights: Mapping[str, float] = WEIGHTS
) -> dict[str, Scores]:
    """The scores as of each day that was checked, oldest first."""
    return {as_of: scores(kept[as_of], weights) for as_of in sorted(kept)}


def standards(results: Sequence[Told], as_of: date) -> tuple[Standard, ...]:
    """The five standards: accuracy, completeness, timeliness, consistency of method, auditability.

    Accuracy and completeness are the scores of these dimensions in percent. Timeliness is the age
    in hours, at the end of the as-of day, of the newest row of what is loaded every day, of the
    oldest such source. Consistency is the number of KPIs whose formula changed and whose version
    did not, auditability the share of KPIs with lineage and a full definition.
    """
    found = scores(results).by_dimension
    ages = [age for result in results if (age := _age(result, as_of)) is not None]
    method = next((r for r in results if r.id == METHOD and r.evaluated), None)
    lineage = next((r for r in results if r.id == LINEAGE and r.evaluated), None)
    documented = None if lineage is None else 100 * (1 - lineage.unexpected / lineage.evaluated)
    return (
        _at_least("accuracy", "rows agree with their rules and with other sources",
                  found["accuracy"], 99),
        _at_least("completeness", "what is required is there", found["completeness"], 100),
        _at_most("timeliness", "what is loaded daily is no older at the end of the day",
                 max(ages, default=None), 24, "hours"),
        _at_most("consistency", "formulas that changed without a new version",
                 None if method is None else float(method.unexpected), 0, "KPIs"),
        _at_least("auditability", "KPIs have their lineage and a full definition", documented, 100),
    )  # fmt: skip


def told(
    results: Sequence[Told], as_of: date, weights: Mapping[str, float] = WEIGHTS
) -> dict[str, Any]:
    """``scores``, ``standards`` and ``controls``, in all and by source, as JSON holds them."""
    of: dict[str, list[Told]] = {}
    for result in results:
        of.setdefault(result.source, []).append(result)
    apart = by_source(results, weights)
    return {
        "scores": {
            "overall": scores(results, weights).to_dict(),
            "sources": {source: found.to_dict() for source, found in apart.items()},
        },
        "standards": [asdict(standard) for standard in standards(results, as_of)],
        "controls": {
            "overall": controls(results),
            "sources": {source: controls(of[source]) for source in sorted(of)},
        },
    }


def line(found: Scores) -> str:
    """The scores in one line; what was not checked is left out.

    >>> line(scores([]))
    'score: none, nothing was checked'
    """
    if found.overall is None:
        return "score: none, nothing was checked"
    parts = [f"{d} {percent(s)}" for d, s in found.by_dimension.items() if s is not None]
    return f"score {percent(found.overall)}: {', '.join(parts)}"


def percent(score: float | None) -> str:
    """A score with two digits, never rounded up to 100; "" for none.

    >>> percent(99.9999), percent(100.0), percent(None)
    ('99.99 %', '100 %', '')
    """
    if score is None:
        return ""
    return "100 %" if score == 100 else f"{floor(score * 100) / 100:.2f} %"


def _at_least(dimension: str, sentence: str, value: float | None, limit: float) -> Standard:
    met = None if value is None else value >= limit
    return Standard(dimension, sentence, value, limit, "percent", met)


def _at_most(
    dimension: str, sentence: str, value: float | None, limit: float, unit: str
) -> Standard:
    met = None if value is None else value <= limit
    return Standard(dimension, sentence, value, limit, unit, met)


def _age(result: Told, as_of: date) -> float | None:
    """Hours from the newest row to the end of the as-of day; a date is the whole of its day."""
    hours = limit_hours(result.limit)
    if result.control != "data_freshness_requirements" or hours is None or hours > _DAILY:
        return None
    try:
        newest = datetime.fromisoformat(str(result.observed))
    except ValueError:
        return None
    if len(str(result.observed)) == len("2025-12-31"):
        newest += timedelta(days=1)
    end = datetime.combine(as_of + timedelta(days=1), datetime.min.time())
    return max(0.0, (end - newest.replace(tzinfo=None)) / timedelta(hours=1))
