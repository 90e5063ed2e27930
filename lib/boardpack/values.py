"""The values of a run: every KPI, period and member it may show, frozen, with their facts.

The engine computes them once; charts, tables and sentences only read. Nothing here touches a table
of the company, so a notebook cell costs a look-up and not a query.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from boardpack.calendars import Calendar
from boardpack.errors import UnknownNameError
from boardpack.facts import Finding, KpiFacts, ReportFacts, Verdict, concerning, verdict_of
from boardpack.listed import Listed
from boardpack.listed import load as load_listings
from boardpack.listed import save as save_listings
from boardpack.objectives import Target, most_specific
from boardpack.periods import Period, parse_day

Status = Literal["final", "provisional", "maturing", "approximate", "no_value", "not_available"]

#: Columns of the frame, one row a KPI, period and member. ``dims`` is ``""`` or ``segment=smb``.
COLUMNS = (
    "kpi",
    "period",
    "period_start",
    "period_end",
    "grain",
    "dims",
    "value",
    "numerator",
    "denominator",
    "unit",
    "status",
    "reason",
)

#: Columns that frozen values have since answers of some stand for all: 95 % lie between them.
INTERVAL = ("low", "high")

#: The column that frozen values have beside them: what each follows from (`Values.marked`).
FINGERPRINT = "fingerprint"

#: The columns that say what the gate found of the sources of a KPI (`Values.judged`): ``publish``,
#: ``banner`` or ``hold``, and the checks that did not pass.
JUDGED = ("kpi_verdict", "checks")


@dataclass(frozen=True)
class Value:
    """One figure. ``value`` is None when there is none, and ``reason`` then says why."""

    kpi: str
    period: Period
    dims: str
    value: float | None
    unit: str
    status: Status
    numerator: float | None = None
    denominator: float | None = None
    reason: str = ""
    #: between which figures the answer of all would lie, where some have answered (95 %)
    low: float | None = None
    high: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.status in ("provisional", "maturing")

    @property
    def is_approximate(self) -> bool:
        """Whether the engine had no exact form of it, and the KPI allows a near one."""
        return self.value is not None and "approximate: " in self.reason


@dataclass(frozen=True)
class Values:
    """The frozen figures of one run and the facts to set beside them.

    ``frame`` has the columns `COLUMNS`; percent is in percentage points.
    """

    frame: pd.DataFrame
    report: ReportFacts
    kpis: dict[str, KpiFacts]
    #: the rows that the report names one by one, by listing
    listings: Mapping[str, Listed] = field(default_factory=dict)

    @property
    def period(self) -> Period:
        """The period the report is about."""
        return Period.parse(self.report.period, self.calendar)

    @cached_property
    def calendar(self) -> Calendar:
        """The company's calendar, in which periods are named."""
        return Calendar.from_dict(self.report.calendar)

    @cached_property
    def compared(self) -> tuple[Period, Period]:
        """What the report's period is read against: the period before and that of last year.

        Of an open period like for like: as many days of them as it has had by the as-of.
        """
        if self.report.status == "final":
            return self.period.before(), self.period.year_ago()
        return self.period.compared(parse_day(self.report.as_of))

    @cached_property
    def _rows(self) -> dict[tuple[str, str, str], tuple[Any, ...]]:
        wanted = ["kpi", "period", "dims", "value", "numerator", "denominator", "status", "reason"]
        # What was frozen before intervals were thought of has none.
        frame = self.frame.reindex(columns=[*wanted, *INTERVAL])
        rows = frame.itertuples(index=False, name=None)
        return {(row[0], row[1], row[2]): row for row in rows}

    @cached_property
    def sizes(self) -> dict[str, float]:
        """The middle size of a KPI's totals in periods of the report's grain; 0.0 without any."""
        frame = self.frame
        known = (frame["dims"] == "") & frame["value"].notna()
        own = frame["grain"] == self.report.grain
        totals = frame[known & own] if own.any() else frame[known]
        middles = totals["value"].astype(float).abs().groupby(totals["kpi"]).median()
        return {kpi: float(middles.get(kpi, 0.0)) for kpi in self.kpis}

    def kpi(self, kpi: str) -> KpiFacts:
        """The facts of one KPI; `UnknownNameError` when the run does not name it."""
        try:
            return self.kpis[kpi]
        except KeyError:
            raise UnknownNameError.near("KPI", kpi, self.kpis) from None

    def listing(self, name: str) -> Listed:
        """The rows of one listing; `UnknownNameError` when the run does not name it."""
        try:
            return self.listings[name]
        except KeyError:
            raise UnknownNameError.near("listing", name, self.listings) from None

    def is_available(self, kpi: str) -> bool:
        """Whether this KPI can have values here: its sources are connected, its grain fits."""
        return not self._lacks(self.kpi(kpi).id)

    def value(self, kpi: str, period: Period | None = None, dims: str = "") -> Value:
        """One figure; a cell that was not computed comes back without one and with the reason."""
        facts = self.kpi(kpi)
        at = period or self.period
        row = self._rows.get((kpi, at.label, dims))
        if row is None:
            lacks = self._lacks(kpi)
            if lacks:
                return Value(kpi, at, dims, None, facts.unit, "not_available", reason=lacks)
            return Value(
                kpi, at, dims, None, facts.unit, "no_value", reason="not computed for this cell"
            )
        _, _, _, value, numerator, denominator, status, reason, low, high = row
        return Value(
            kpi, at, dims, _number(value), facts.unit, status,
            _number(numerator), _number(denominator), reason or "", _number(low), _number(high),
        )  # fmt: skip

    def comparisons(self, kpi: str, dims: str = "") -> tuple[Value, Value]:
        """What the figure of the report's period is read against; see `compared`.

        Where only whole periods were computed, these.
        """
        before, year_ago = (
            self.value(kpi, period if self._has(kpi, period, dims) else period.shift(0), dims)
            for period in self.compared
        )
        return before, year_ago

    def _has(self, kpi: str, period: Period, dims: str) -> bool:
        return (kpi, period.label, dims) in self._rows

    def _lacks(self, kpi: str) -> str:
        return self.report.not_available.get(kpi, "") or self.report.not_defined.get(kpi, "")

    def series(self, kpi: str, last: int | None = None, dims: str = "") -> list[Value]:
        """The figures of the ``last`` periods up to the report's, oldest first.

        By default as many as a page looks back over (`Period.look_back`).
        """
        return [
            self.value(kpi, period, dims)
            for period in self.period.last(last or self.period.look_back)
        ]

    def target(self, kpi: str, period: Period | None = None, dims: str = "") -> Target | None:
        """The target for the period, if the scorecard sets one; of a member the most specific.

        What is wanted of the total is not wanted of its parts.
        """
        facts, label = self.kpi(kpi), (period or self.period).label
        if not dims:
            return facts.targets.get(label)
        rows = most_specific(facts.member_targets, dims)
        return next((row[label] for row in rows if label in row), None)

    def members(self, kpi: str, dimension: str) -> list[str]:
        """The members of a dimension that this KPI was computed for, ``(unknown)`` last."""
        prefix = dimension + "="
        found = {
            dims[len(prefix) :] for k, _, dims in self._rows if k == kpi and dims.startswith(prefix)
        }
        return sorted(found, key=lambda member: (member == "(unknown)", member))

    def named(self, kpis: Iterable[str], listings: Iterable[str] | None = None) -> Values:
        """The same values, restricted to these KPIs and listings: asking for another is an error.

        What is not available keeps its name, since a report lists it in one place. Without
        ``listings`` all of them stay.
        """
        rows = {
            name: self.listing(name) for name in (self.listings if listings is None else listings)
        }
        kept = {kpi: self.kpi(kpi) for kpi in kpis}
        frame = self.frame[self.frame["kpi"].isin(list(kept))]
        missing = {kpi: self.kpis[kpi] for kpi in self.report.not_available if kpi in self.kpis}
        return replace(self, frame=frame, kpis={**missing, **kept}, listings=rows)

    def marked(self, fingerprints: Mapping[str, str]) -> Values:
        """The same values, each with the fingerprint of its KPI in the column `FINGERPRINT`."""
        return replace(
            self, frame=self.frame.assign(**{FINGERPRINT: self.frame["kpi"].map(fingerprints)})
        )

    def findings(self, kpi: str) -> tuple[Finding, ...]:
        """What the checks found that a reader of this KPI must know, the gravest first."""
        return concerning(self.report.findings, kpi, self.kpi(kpi).sources)

    def verdict(self, kpi: str) -> Verdict:
        """The gate's verdict on the sources that this KPI rests on."""
        if self.report.verdict == "not checked":
            return "not checked"
        return verdict_of(self.findings(kpi))

    def judged(self) -> Values:
        """The same values, each with the verdict on its KPI in the columns `JUDGED`."""
        verdicts = {kpi: self.verdict(kpi) for kpi in self.kpis}
        checks = {kpi: " ".join(f.check for f in self.findings(kpi)) for kpi in self.kpis}
        verdict, named = JUDGED
        frame = self.frame.copy(deep=False)
        frame[verdict] = frame["kpi"].map(verdicts)
        frame[named] = frame["kpi"].map(checks)
        return replace(self, frame=frame)

    def save(self, folder: Path) -> None:
        """Freeze into ``values.parquet``, ``facts.json`` and ``listings/`` of a run folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.frame.to_parquet(folder / "values.parquet", index=False)
        save_listings(self.listings.values(), folder)
        self.save_facts(folder)

    def save_facts(self, folder: Path) -> None:
        """Freeze the facts anew, of figures that stay as they are."""
        facts = {
            "report": asdict(self.report),
            "kpis": {kpi: asdict(facts) for kpi, facts in self.kpis.items()},
        }
        text = json.dumps(facts, indent=1, ensure_ascii=False, default=_json)
        (folder / "facts.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Values:
        """Read what `save` froze."""
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        report = ReportFacts.from_dict(facts["report"])
        kpis = {kpi: KpiFacts.from_dict(entry) for kpi, entry in facts["kpis"].items()}
        frame = pd.read_parquet(folder / "values.parquet")
        return cls(frame, report, kpis, load_listings(folder))


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _json(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be frozen")
