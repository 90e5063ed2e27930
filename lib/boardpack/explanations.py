"""What a KPI means, whole: its definition page, its graph, its figures and its SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from boardpack import published
from boardpack.engine.compute import compute
from boardpack.engine.plans import make_plan, unavailable
from boardpack.formats import Formatter
from boardpack.model import Model, values
from boardpack.notebooks import read as read_notebook
from boardpack.periods import GRAINS, Period
from boardpack.qmd import labels_used
from boardpack.values import Values
from boardpack.warehouse import Slice

#: The days after which a definition page states what is wanted.
_AHEAD = (("30 days", 30), ("90 days", 90), ("1 year", 365))
#: Headings that nobody owes: most KPIs need no note, and without a target there is no timeline.
_MAY_LACK = ("Notes", "Timeline")


@dataclass(frozen=True)
class Explanation:
    """A definition page: ``fields`` by heading in reading order, ``missing`` those without a text.

    ``tree`` is the dependency graph below the KPI as lines, ``history`` its figures (period, text,
    status), ``sql`` the statements by source.
    """

    kpi: str
    name: str
    fields: dict[str, str | list[str]]
    missing: list[str]
    tree: list[str]
    feeds: list[str]
    shown_in: list[str]
    history: Sequence[tuple[str, str, str]]
    published: list[dict[str, Any]]
    sql: dict[str, str]
    facts: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        fields = {name.lower().replace(" ", "_"): text for name, text in self.fields.items()}
        return {
            **self.facts,
            **fields,
            "missing": self.missing,
            "tree": self.tree,
            "feeds": self.feeds,
            "shown_in": self.shown_in,
            "history": [
                {"period": period, "value": text, "status": status}
                for period, text, status in self.history
            ],
            "published": self.published,
            "sql": self.sql,
        }

    def as_text(self) -> str:
        """The page as a terminal shows it."""
        lines = [f"{self.name} ({self.kpi})", ""]
        for heading, text in self.fields.items():
            shown = [text] if isinstance(text, str) else text
            for i, line in enumerate(filter(None, shown)):
                lines.append(f"{heading if i == 0 else '':20}{line}")
        if self.missing:
            lines.append(f"{'Not given':20}{', '.join(self.missing)}")
        lines += ["", "Rests on", *(f"  {line}" for line in self.tree)]
        lines += ["", f"{'Feeds':20}{', '.join(self.feeds) or 'no other KPI'}"]
        lines.append(f"{'Shown in':20}{', '.join(self.shown_in) or 'no report'}")
        lines += ["", "History"]
        lines += [f"  {at:12}{text:>14}  {status}" for at, text, status in self.history]
        if self.published:
            last = self.published[-1]
            lines.append(
                f"  published {len(self.published)} times for {self.history[-1][0]}, last in"
                f" {last['report']} {last['edition']} r{last['revision']};"
                " `boardpack kpi history` lists them"
            )
        lines += ["", f"{'Defined in':20}{self.facts['defined_in']}"]
        lines.append(f"{'Definition hash':20}{self.facts['definition_hash']}")
        for source, statement in self.sql.items():
            lines += ["", f"SQL over {source}", *(f"  {line}" for line in statement.splitlines())]
        return "\n".join(lines) + "\n"


def explain(model: Model, slice_: Slice, kpis: Sequence[str], period: Period) -> list[Explanation]:
    """The definition pages of KPIs, with their figures up to ``period`` as of the slice's day.

    Raises `UnknownNameError` for a KPI that is not in the catalogue.
    """
    seen = _values(model, slice_, kpis, period)
    told = published.histories(model.workspace, kpis, period.label)
    shown = shown_in(model)
    return [
        _explained(model, slice_, seen, kpi, told.get(kpi, []), shown.get(kpi, [])) for kpi in kpis
    ]


def _explained(
    model: Model,
    slice_: Slice,
    seen: Values,
    kpi: str,
    told: list[dict[str, Any]],
    shown: list[str],
) -> Explanation:
    entry = model.catalogue[kpi]
    fields = headings(model, seen, kpi)
    planned = make_plan(model.catalogue, slice_, [kpi], [seen.period])
    formatter = Formatter(seen)
    history = [
        (value.period.label, formatter.written(value), value.status) for value in seen.series(kpi)
    ]
    return Explanation(
        kpi=kpi,
        name=entry.name,
        fields={name: fields[name] for name in fields if fields[name]},
        missing=[name for name, text in fields.items() if not text and name not in _MAY_LACK],
        tree=tree(model, kpi),
        feeds=sorted(k.id for k in model.catalogue.kpis.values() if kpi in k.inputs),
        shown_in=shown,
        history=history,
        published=told,
        sql={s.source: slice_.sent(s.sql, approximate=True) for s in planned.statements},
        facts={
            "kpi": kpi,
            "name": entry.name,
            "category": entry.category,
            "unit": entry.unit,
            "direction": entry.direction,
            "dimensions": list(entry.dimensions),
            "grains": list(entry.grains),
            "inputs": [k.id for k in model.catalogue.order([kpi]) if k.id != kpi],
            "sources": list(model.catalogue.tables([kpi])),
            "not_available": unavailable(model.catalogue, slice_, kpi),
            "defined_in": f"{entry.file}:{entry.line}",
            "definition_hash": model.catalogue.definition_hash(kpi),
        },
    )


def tree(model: Model, kpi: str) -> list[str]:
    """What a KPI rests on, as lines: its inputs and theirs, and the source of each measure.

    >>> from boardpack.workspace import SUITE
    >>> print("\\n".join(tree(Model.open(SUITE), "arr")))
    arr = 12 * mrr
    └─ mrr = value
       └─ value: sum(amount) over mrr_movements, to_date
    """
    entry = model.catalogue[kpi]
    lines = [f"{kpi} = {entry.formula_text}"]
    branches = [[_measure(model, kpi, name)] for name in entry.measures]
    branches += [tree(model, name) for name in entry.inputs]
    for i, (first, *rest) in enumerate(branches):
        last = i == len(branches) - 1
        lines.append(f"{'└─' if last else '├─'} {first}")
        lines += [f"{'  ' if last else '│ '} {line}" for line in rest]
    return lines


def shown_in(model: Model) -> dict[str, list[str]]:
    """KPI to the reports that have a notebook which names it."""
    named = {name: read_notebook(path).kpis for name, path in model.workspace.notebooks.items()}
    found: dict[str, list[str]] = {}
    for report, document in sorted(model.workspace.reports.items()):
        for kpi in {kpi for name in labels_used(document) for kpi in named.get(name, ())}:
            found.setdefault(kpi, []).append(report)
    return found


def _measure(model: Model, kpi: str, name: str) -> str:
    written = model.catalogue[kpi].written[name]
    text = f"{name}: {written.value} over {written.source}, {written.window}"
    text += f", where {written.where}" if written.where else ""
    return text + (f", mature after {written.mature_after}" if written.mature_after else "")


def _values(model: Model, slice_: Slice, kpis: Sequence[str], period: Period) -> Values:
    """The figures, with the targets that lie ahead beside those of the periods shown."""
    report = model.report_facts(period, slice_.as_of.isoformat())
    shown = period.last(period.look_back)
    seen = values(model, slice_, kpis, report, frame=compute(model.catalogue, slice_, kpis, shown))
    ahead = [
        Period.containing(day, period.grain, period.calendar) for _, day in _days_ahead(period)
    ]
    facts = {kpi: model.facts(kpi, [*shown, *ahead]) for kpi in kpis}
    return Values(seen.frame, seen.report, facts)


def _days_ahead(period: Period) -> list[tuple[str, date]]:
    return [(name, period.last_day + timedelta(days=days)) for name, days in _AHEAD]


def headings(model: Model, seen: Values, kpi: str) -> dict[str, str | list[str]]:
    """The headings of a definition page in their order, each with its text or nothing.

    ``seen`` has the KPI's figure of the report's period, and its facts with the targets ahead.
    """
    entry, facts, formatter = model.catalogue[kpi], seen.kpi(kpi), Formatter(seen)
    now = seen.value(kpi)
    goal = model.scorecard.goals.get(kpi) if model.scorecard else None
    target = facts.targets.get(seen.period.label)
    ahead = []
    for name, day in _days_ahead(seen.period):
        then = Period.containing(day, seen.period.grain, seen.calendar)
        wanted = facts.targets.get(then.label)
        if wanted is not None:
            ahead.append(f"{name}: {formatter.target(kpi, wanted)}")
    shown = formatter.written(now)
    baseline = f"{shown} in {seen.period.label}, {now.reason or now.status}"
    return {
        "Definition": entry.definition,
        "Formula": entry.formula_text,
        "Components": [_measure(model, kpi, name) for name in entry.measures]
        + [
            f"{name}: {model.catalogue[name].name}"
            for name in (*entry.inputs, *model.catalogue.counted(entry))
        ],
        "Data sources": [
            f"{table}: {model.sources[table].title}" for table in model.catalogue.tables([kpi])
        ],
        "Baseline": baseline,
        "Target": formatter.target(kpi, target) if target else _no_target(model, ahead),
        "Timeline": ahead,
        "Owner": facts.owner,
        "Frequency": goal.cadence if goal else "",
        "Usage": _usage(model, kpi),
        "Why it matters": entry.why,
        "Actions to improve": _numbered(entry.actions),
        "Risks": list(entry.risks),
        "Notes": entry.notes,
    }


def _no_target(model: Model, ahead: Sequence[str]) -> str:
    """A target that is not set is a decision, where somebody wrote a scorecard to set it in."""
    if model.scorecard is None:
        return ""
    return "none set yet" if ahead else "none set"


def _usage(model: Model, kpi: str) -> str:
    entry = model.catalogue[kpi]
    read = {
        "higher": "More is better",
        "lower": "Less is better",
        "range": "Best inside its range",
    }[entry.direction]
    split = f"; splits by {', '.join(entry.dimensions)}" if entry.dimensions else ""
    adds = ", which add up to the total" if split and entry.additive else ""
    grains = "" if entry.grains == GRAINS else f"; for a {' or '.join(entry.grains)} alone"
    return f"{read}{split}{adds}{grains}."


def _numbered(texts: Sequence[str]) -> list[str]:
    return [f"{i}. {text}" for i, text in enumerate(texts, 1)]
