"""Facts: what a page may say of a KPI and of the report itself beside the figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from boardpack.objectives import Benchmark, Milestone, Objectives, Target

Verdict = Literal["publish", "banner", "hold", "not checked"]


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

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> KpiFacts:
        """Read what ``dataclasses.asdict`` made of it."""

        def targets(of: Mapping[str, Any]) -> dict[str, Target]:
            return {label: Target.from_dict(target) for label, target in of.items()}

        members = entry.get("member_targets", {})
        benchmark = entry.get("benchmark")
        texts = {name: tuple(entry.get(name, ())) for name in ("sources", "actions", "risks")}
        return cls(
            **{
                **entry,
                **texts,
                "targets": targets(entry["targets"]),
                "member_targets": {dims: targets(of) for dims, of in members.items()},
                "milestones": tuple(Milestone(**m) for m in entry.get("milestones", ())),
                "benchmark": Benchmark.from_dict(benchmark) if benchmark else None,
            }
        )


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


def read_kpis(folder: Path) -> dict[str, KpiFacts]:
    """What a run froze of its KPIs beside their figures; nothing where it froze none."""
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {kpi: KpiFacts.from_dict(entry) for kpi, entry in facts["kpis"].items()}
