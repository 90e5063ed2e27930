"""The quality of a report's data: what its page and its section tell of what the gate found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from boardpack.facts import ReportFacts
from boardpack.formats import period_name
from boardpack.frontpage import period_of
from boardpack.gate_results import CheckResult
from boardpack.gate_scores import WEIGHTS
from boardpack.kept_checks import KeptCheck
from boardpack.model import Model


@dataclass(frozen=True)
class Quality:
    """What the page tells. ``kept`` are all checks by day, the report's own day among them.

    ``titles`` and ``private`` are of each source: what it is called, and its columns marked
    ``pii``. ``note`` stands under the verdict: why a report is a draft, or that it is held.
    """

    company: str
    title: str
    period: str
    as_of: str
    verdict: str
    results: tuple[CheckResult, ...]
    kept: Mapping[str, Sequence[KeptCheck]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    note: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    private: Mapping[str, frozenset[str]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    locale: str = "en_US"


def quality_of(
    model: Model,
    facts: ReportFacts,
    results: Iterable[CheckResult],
    kept: Mapping[str, Sequence[KeptCheck]],
) -> Quality:
    """What the page about a run tells: its facts, what the gate found, what was found before.

    A report that is held has no readers: its page is for whoever runs the reports.
    """
    found = tuple(results)
    tables = {name: model.sources[name] for name in {result.source for result in found}}
    note = ""
    if facts.forced:
        note = f"DRAFT, not for distribution, published by {facts.forced_by}: {facts.forced}"
    elif facts.verdict == "hold":
        note = "Held: readers see neither the report nor this page."
    return Quality(
        company=facts.company,
        title=facts.title,
        period=period_name(period_of(facts), facts.locale),
        as_of=facts.as_of,
        verdict=facts.verdict,
        results=found,
        kept=kept,
        reasons=facts.reasons,
        note=note,
        titles={name: table.title for name, table in tables.items()},
        private={
            name: frozenset(c.name for c in table.columns.values() if c.pii)
            for name, table in tables.items()
        },
        weights=model.workspace.settings.policy.gate.weights.as_dict(),
        locale=facts.locale,
    )
