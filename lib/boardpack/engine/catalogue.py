"""The catalogue: every KPI definition, what each rests on, and a hash that tells two apart."""

from __future__ import annotations

import graphlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from boardpack.calendars import PLAIN, Calendar
from boardpack.engine.definitions import Identity, Kpi
from boardpack.engine.functions import COUNTING, Goal
from boardpack.engine.goals import Goals, lacks
from boardpack.engine.measures import needed
from boardpack.errors import UnknownNameError
from boardpack.sources import Sources

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
            for pair in needed(self.sources, measure)
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
