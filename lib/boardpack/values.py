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
from boardpack.listed import Listed
from boardpack.listed import load as load_listings
from boardpack.listed import save as save_listings
from boardpack.objectives import Benchmark, Milestone, Objectives, most_specific
from boardpack.objectives import Target as Target
from boardpack.periods import Period, parse_day

Status = Literal["final", "provisional", "maturing", "approximate", "no_value", "not_available"]

Verdict = Literal["publish", "banner", "hold", "not checked"]

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
class KpiFacts:
    """What a page may say of a KPI beside its figures."""

    id: str
    name: str
    definition: str
    unit: str  # currency | percent | ratio | count | score | milliseconds | hours | months | ...
    direction: Literal["higher", "lower", "range"]
    category: str = ""
    owner: str = ""
    formula: str = ""
    notes: str = ""
    #: why it matters, what helps it and what may go wrong, from its definition
    why: str = ""
    actions: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    additive: bool = False
    sources: tuple[str, ...] = ()
    #: period label -> target, only for periods that have one
    targets: dict[str, Target] = field(default_factory=dict)
    #: the same by member: ``segment=smb``, or ``segment=*`` for each that has no own
    member_targets: dict[str, dict[str, Target]] = field(default_factory=dict)
    #: what the path of its targets leads over, before and after the report's period
    milestones: tuple[Milestone, ...] = ()
    #: whether the path between milestones is a straight line, and not a step at each
    straight: bool = False
    benchmark: Benchmark | None = None
    baseline: float | None = None
    #: what would be more than the target
    stretch: float | None = None


@dataclass(frozen=True)
class Finding:
    """A check of the data that did not pass, and what follows from it for a report.

    All texts are plain, on one line. ``sentence`` is what should be so, ``found`` what is; ``note``
    says why it leads to something else than usual.
    """

    source: str
    check: str
    sentence: str
    found: str
    at_stake: str
    leads_to: Literal["hold", "banner", "record"]
    #: whom to ask
    owner: str = ""
    #: the first as-of at which it did not pass, and since when it never passed in between
    since: str = ""
    note: str = ""
    is_waived: bool = False
    #: the KPIs concerned, where it is not all that rest on the source
    kpis: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(filter(None, (self.what, self.at_stake, self.whom, self.note)))

    @property
    def what(self) -> str:
        """Source, check, rows and share."""
        of = f"{self.source}: " if self.source else ""
        return f"{of}{self.sentence}: {self.found}."

    @property
    def whom(self) -> str:
        """Since when, and whom to ask."""
        parts = (f"since {self.since}" * bool(self.since), f"ask {self.owner}" * bool(self.owner))
        said = "; ".join(filter(None, parts))
        return f"{said[0].upper()}{said[1:]}." if said else ""


def concerning(
    findings: Iterable[Finding], kpi: str, sources: Iterable[str]
) -> tuple[Finding, ...]:
    """Those of the findings that a reader of a KPI must know; ``sources`` are all it rests on."""
    rests_on = set(sources)
    return tuple(
        found
        for found in findings
        if found.leads_to != "record"
        and (kpi in found.kpis or (not found.kpis and found.source in rests_on))
    )


def verdict_of(findings: Iterable[Finding]) -> Literal["publish", "banner", "hold"]:
    """The verdict that follows from all of these together.

    >>> verdict_of([])
    'publish'
    """
    led_to = {found.leads_to for found in findings}
    return "hold" if "hold" in led_to else "banner" if "banner" in led_to else "publish"


@dataclass(frozen=True)
class Note:
    """What somebody wrote on a figure: plain text, a paragraph a line; ``at`` is UTC, ISO.

    ``member`` is ``""`` or ``segment=smb``; ``version`` counts from 1, and a later one replaces
    what earlier ones say. ``name`` is that of the KPI.
    """

    kpi: str
    period: str
    member: str
    text: str
    by: str
    at: str
    version: int = 1
    name: str = ""


@dataclass(frozen=True)
class Signature:
    """Who released a report, in which role ("" for none), when (UTC, ISO), by which revision."""

    by: str
    role: str
    at: str
    revision: int


@dataclass(frozen=True)
class ReportFacts:
    """What page one says about the report itself."""

    company: str
    currency: str
    locale: str
    zone: str
    confidentiality: str
    report: str
    title: str
    period: str
    as_of: str
    grain: str
    revision: int = 1
    run_id: str = ""
    verdict: Verdict = "not checked"
    reasons: tuple[str, ...] = ()
    status: Literal["final", "provisional"] = "final"
    #: KPI -> why it has no values at all (the sources it lacks)
    not_available: dict[str, str] = field(default_factory=dict)
    #: KPI -> why it has none for a report of this kind: its grain, its segment
    not_defined: dict[str, str] = field(default_factory=dict)
    segment: str = ""
    #: how many figures read otherwise than an earlier edition published them
    restated: int = 0
    #: what the company's calendar has other than the plain one; see `Calendar.as_dict`
    calendar: dict[str, Any] = field(default_factory=dict)
    #: what the checks of its sources found
    findings: tuple[Finding, ...] = ()
    #: why it was published although the data did not pass, and by whom; "" for any other
    forced: str = ""
    forced_by: str = ""
    #: what the scorecard wants beyond a target for each KPI; None where the workspace names none
    objectives: Objectives | None = None
    #: what was written on figures of the period, the last version of each
    notes: tuple[Note, ...] = ()
    #: KPI -> its name, of those that need a note before this is more than a draft
    lacks_notes: dict[str, str] = field(default_factory=dict)
    #: who released it
    signatures: tuple[Signature, ...] = ()

    @property
    def is_draft(self) -> bool:
        """Whether it is not for distribution, and says so on every page."""
        return bool(self.forced or self.lacks_notes)

    @property
    def release(self) -> Literal["draft", "signed"]:
        """Whether somebody released it."""
        return "signed" if self.signatures else "draft"

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> ReportFacts:
        """Read what ``dataclasses.asdict`` made of it."""
        findings = tuple(
            Finding(**{**found, "kpis": tuple(found["kpis"])})
            for found in entry.get("findings", ())
        )
        objectives = entry.get("objectives")
        own = {
            "objectives": Objectives.from_dict(objectives) if objectives else None,
            "reasons": tuple(entry["reasons"]),
            "findings": findings,
            "notes": tuple(Note(**note) for note in entry.get("notes", ())),
            "signatures": tuple(Signature(**name) for name in entry.get("signatures", ())),
        }
        return cls(**{**entry, **own})


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
        kpis = {kpi: _kpi_facts(entry) for kpi, entry in facts["kpis"].items()}
        frame = pd.read_parquet(folder / "values.parquet")
        return cls(frame, report, kpis, load_listings(folder))


def read_kpis(folder: Path) -> dict[str, KpiFacts]:
    """What a run froze of its KPIs beside their figures; nothing where it froze none."""
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {kpi: _kpi_facts(entry) for kpi, entry in facts["kpis"].items()}


def _kpi_facts(entry: dict[str, Any]) -> KpiFacts:
    def targets(of: Mapping[str, Any]) -> dict[str, Target]:
        return {label: Target.from_dict(target) for label, target in of.items()}

    members = entry.get("member_targets", {})
    benchmark = entry.get("benchmark")
    texts = {name: tuple(entry.get(name, ())) for name in ("sources", "actions", "risks")}
    return KpiFacts(
        **{
            **entry,
            **texts,
            "targets": targets(entry["targets"]),
            "member_targets": {dims: targets(of) for dims, of in members.items()},
            "milestones": tuple(Milestone(**m) for m in entry.get("milestones", ())),
            "benchmark": Benchmark.from_dict(benchmark) if benchmark else None,
        }
    )


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _json(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be frozen")
