"""The basis of runs: what reports at one as-of rest on, read, checked and computed once for all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType

import pandas as pd

from boardpack import (
    judging,
    mart_builds,
    mart_files,
    mart_grounds,
    own_sources,
    vanished,
    verdicts,
)
from boardpack import model as models
from boardpack.engine import identities, listing_rows
from boardpack.engine import marts as marts_
from boardpack.engine.compute import compute
from boardpack.engine.plans import unavailable
from boardpack.engine.traces import traced
from boardpack.facts import ReportFacts
from boardpack.gate_results import GateResult, verdict_key
from boardpack.gate_suites import reads
from boardpack.ledger import Ledger, stamp
from boardpack.listed import Listed
from boardpack.model import Model
from boardpack.notebooks import Notebook
from boardpack.orders import Order
from boardpack.periods import Grain, Period
from boardpack.values import Values

#: The grain whose figures are added up to check those of another.
_FINER: dict[str, Grain] = {"week": "day", "month": "day", "quarter": "month", "year": "month"}

#: Facts that tell one report from another: a notebook that does not look at the report sees none.
_OF_THE_REPORT = (
    "report", "title", "run_id", "revision", "restated", "verdict", "reasons", "findings",
    "forced", "forced_by", "lacks_notes", "signatures",
)  # fmt: skip


class Basis:
    """An as-of slice, what the gate said of it, and values, for the reports that are to be made.

    A context manager, since it holds the slice open. All ``orders`` have the same as-of; each asks
    in its turn, and what another has asked for is not done twice. ``keep_marts`` brings the marts
    of large tables to this as-of before values are computed; those that hold it are read anyway.
    """

    def __init__(self, model: Model, orders: Sequence[Order], *, keep_marts: bool = True) -> None:
        self.model, self.orders = model, tuple(orders)
        (self.as_of,) = {order.as_of for order in orders}
        used = tables = model.tables(
            (kpi for order in orders for kpi in order.kpis),
            (name for order in orders for name in order.listings),
        )
        if own_sources.RESULTS in tables:
            # Figures that rest on what checks found rest on all checks, not on those of one report.
            tables = tuple(s.id for s in model.sources.declared.values() if not s.derived_from)
        self.suites = judging.load_suites(model, tables)
        # The gate also looks at what the sources refer to.
        seen = reads(self.suites, tables)
        self._stamp = mart_files.stamp(model.workspace)
        self.policy = judging.policy(model)
        self._known = judging.known_columns(model)
        needed = reads(self.suites, used)
        self.slice, broken = judging.open_known(model, self.as_of, seen, self._known, needed)
        self._changed = vanished.changes(
            tables, self.slice, broken, self._known, self.policy.retired, self.suites
        )
        self._keep_marts = keep_marts
        self._marts: dict[tuple[str, ...], marts_.Marts] = {}
        #: what executed notebooks may be taken again for, by what they saw
        self.executed: dict[str, Path] = {}
        self._fingerprints: dict[str, str] = {}
        self._completed = False
        self._passed: list[Order] = []
        self._frames: dict[tuple[str, str, str], pd.DataFrame] = {}
        self._finer: dict[Period, pd.DataFrame] = {}
        self._rows: dict[tuple[str, str, str], Listed] = {}

    def __enter__(self) -> Basis:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.slice.close()

    def sources(self, order: Order) -> list[str]:
        """The connected tables that an order's KPIs and listings rest on."""
        return [t for t in self._tables(order) if t in self.slice.sources]

    def _tables(self, order: Order) -> tuple[str, ...]:
        return self.model.tables(order.kpis, order.listings)

    def has_data(self, order: Order) -> bool:
        """Whether any table of the company is there to make an order of.

        What Boardpack fills itself is none, save for an order that rests on nothing else.
        """
        own = set(self.slice.own)
        theirs = set(self._tables(order)) - own
        there = set(self.slice.sources) - own
        return bool(there & theirs if theirs else there)

    def used(self, order: Order) -> list[str]:
        """The connected tables that the KPIs and listings rest on which are available."""
        lacks = partial(listing_rows.unavailable, self.model.listings, self.slice)
        rows = [name for name in order.listings if not lacks(name, order.segment)]
        tables = self.model.tables(self.available(order), rows)
        return [table for table in tables if table in self.slice.sources] or self.sources(order)

    def available(self, order: Order) -> list[str]:
        """The KPIs of an order that have values here."""
        catalogue = self.model.catalogue
        return [kpi for kpi in order.kpis if not unavailable(catalogue, self.slice, kpi)]

    def gone(self, order: Order) -> list[str]:
        """The tables that the last gate knew and that cannot be read now.

        Of KPIs and listings alone that lack nothing else: one that was never available is not
        missed.
        """
        found: dict[str, None] = {}
        rest_on = [self.model.catalogue.tables([kpi]) for kpi in order.kpis]
        rest_on += [self.model.listings.tables([name]) for name in order.listings]
        for tables in rest_on:
            lacking = [table for table in tables if table not in self.slice.sources]
            if all(
                vanished.is_gone(table, self.slice, self._known, self.policy.retired)
                for table in lacking
            ):
                found |= dict.fromkeys(lacking)
        return list(found)

    def fingerprints(self, order: Order) -> dict[str, str]:
        """The hash of every table that an order's KPIs, listings or their checks look at."""
        seen = reads(self.suites, self._tables(order))
        wanted = {table for name in seen for table in self.model.sources.tables(name)}
        return self._hashes(sorted(wanted))

    def judge(self, order: Order, ledger: Ledger, now: Callable[[], datetime]) -> GateResult:
        """The gate's verdict on the sources of an order; what was checked before is known.

        The ledger then remembers the columns of every table.
        """
        self._complete(ledger, now)
        used = self.used(order)
        found = judging.judge(
            self.slice, [*used, *self.gone(order)], self.suites, ledger, self._hashes, now,
            self._changed,
        )  # fmt: skip
        columns = vanished.remembered(self.slice, self._known, used)
        ledger.remember_columns(columns, stamp(now()))
        since = verdicts.since(ledger, self.as_of)
        found = verdicts.ruled(found, self.policy, self.as_of, since)
        if found.verdict != "hold":
            self.allow(order)
        return found

    def _complete(self, ledger: Ledger, now: Callable[[], datetime]) -> None:
        """Fill the sources of Boardpack's own, once, with what is known after all other checks.

        So no figure depends on which report was made first.
        """
        if self._completed or not self.slice.own:
            return
        filled = judging.complete(
            self.model, self.slice, self.suites, ledger, self._hashes, now, self._changed
        )
        for name in filled:
            self._fingerprints.pop(name, None)
        self._completed = True

    def gate_key(self, order: Order) -> str:
        """All that the verdict on an order rests on, as a hash: data, as-of, suites and policy."""
        parts = [
            verdict_key(self.fingerprints(order), self.suites, self.as_of),
            self.policy.model_dump_json(),
            *self.gone(order),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def allow(self, order: Order) -> None:
        """Let an order's KPIs be computed: its sources passed, or nobody wants them checked."""
        if order not in self._passed:
            self._passed.append(order)

    def values(self, order: Order, report: ReportFacts) -> Values:
        """The values of an order that may be computed, with those its identities need."""
        if order.key not in self._frames:
            # Reports of other periods look at other windows: nothing of theirs would come cheaper.
            together = [
                other
                for other in self._passed
                if other.key not in self._frames and other.period == order.period
            ]
            kpis = dict.fromkeys(kpi for other in together for kpi in self._kpis(other))
            by = self.model.workspace.settings.dimensions
            periods = models.history(order.period, as_of=self.as_of)
            marts = self.marts()
            frame = compute(self.model.catalogue, self.slice, kpis, periods, by, marts=marts)
            self._frames.update({other.key: frame for other in together})
        kpis_of = self._kpis(order)
        periods = models.history(order.period, as_of=self.as_of)
        frame = _part(self._frames[order.key], kpis_of, periods)
        found = models.values(self.model, self.slice, kpis_of, report, order.segment, frame=frame)
        return replace(found, listings=self._listed(order))

    def _listed(self, order: Order) -> dict[str, Listed]:
        """The rows of an order's listings, each read once for all orders about the same period."""

        def key(name: str) -> tuple[str, str, str]:
            return name, order.period.label, order.segment

        new = [name for name in order.listings if key(name) not in self._rows]
        found = models.listed(self.model, self.slice, new, order.period, order.segment)
        self._rows.update({key(name): listed for name, listed in found.items()})
        return {name: self._rows[key(name)] for name in order.listings}

    def breaks(self, order: Order, values: Values) -> list[identities.Break]:
        """Every sum that does not agree in an order's values, those of its period first.

        Also whether the days of a month (the months of a quarter) add up to it: a second, small
        statement over the period's own rows, which no page shows and which is sent for that alone.
        """
        catalogue, period = self.model.catalogue, order.period
        found = identities.check(catalogue, values.frame)
        if order.segment:
            found = [replace(cell, dims=f"segment={order.segment}") for cell in found]
        found += self._parts(order)
        found.sort(key=lambda cell: (cell.period == period.label, cell.period), reverse=True)
        return [traced(catalogue, self.slice, cell) for cell in found[: verdicts.TOLD]] + found[
            verdicts.TOLD :
        ]

    def _parts(self, order: Order) -> list[identities.Break]:
        grain, catalogue = _FINER.get(order.period.grain), self.model.catalogue
        if grain is None:
            return []

        def added_up(of: Order) -> list[str]:
            return [
                kpi
                for kpi in identities.parts(catalogue, self._kpis(of))
                if grain in catalogue[kpi].grains and not unavailable(catalogue, self.slice, kpi)
            ]

        wanted = added_up(order)
        known = self._finer.get(order.period, pd.DataFrame({"kpi": []}))
        if not set(wanted) <= set(known["kpi"]):
            # Of all orders about the period that may be computed, so that it is asked once.
            together = [o for o in self._passed if o.period == order.period]
            kpis = list(dict.fromkeys(kpi for o in together for kpi in added_up(o)))
            days = order.period.within(grain)
            known = compute(catalogue, self.slice, kpis, days, marts=self.marts())
            self._finer[order.period] = known
        finer = known[known["kpi"].isin(wanted)]
        return identities.check_parts(catalogue, self._frames[order.key], order.period, finer)

    def marts(self) -> marts_.Marts:
        """The marts that hold what the slice does, of the tables of orders that passed the gate."""
        tables = tuple(dict.fromkeys(t for order in self._passed for t in self.sources(order)))
        if tables not in self._marts:
            ground = mart_grounds.Ground(
                self.model.workspace, self.model.catalogue, self.slice, self._stamp, self._hashes
            )
            if self._keep_marts:
                mart_builds.refresh(ground, tables)
            self._marts[tables] = mart_grounds.ready(ground)
        return self._marts[tables]

    def _kpis(self, order: Order) -> list[str]:
        catalogue = self.model.catalogue
        more = [
            kpi
            for kpi in identities.inputs(catalogue, order.kpis)
            if not unavailable(catalogue, self.slice, kpi)
        ]
        return list(dict.fromkeys((*order.kpis, *more)))

    def _hashes(self, tables: Iterable[str]) -> dict[str, str]:
        wanted = [table for table in tables if table in self.slice.sources]
        new = [table for table in wanted if table not in self._fingerprints]
        self._fingerprints.update(self.slice.fingerprints(new))
        return {table: self._fingerprints[table] for table in wanted}


def seen_by(notebook: Notebook, parameters: Mapping[str, object], values: Values) -> str:
    """A hash of all that a notebook's outputs can depend on; "" for one that may see more.

    Two reports that give a notebook the same need it executed once. One that looks at
    ``values.report`` is executed for each.
    """
    text = notebook.path.read_text(encoding="utf-8")
    if re.search(r"\.report\b", text):
        return ""
    own = values.named(notebook.kpis, notebook.listings)
    report = {k: v for k, v in asdict(own.report).items() if k not in _OF_THE_REPORT}
    facts = {"path": str(notebook.path), "text": text, "parameters": dict(parameters),
             "report": report, "kpis": {k: asdict(v) for k, v in own.kpis.items()},
             "listings": {name: listed.facts for name, listed in own.listings.items()},
             "findings": {k: [str(f) for f in own.findings(k)] for k in own.kpis}}  # fmt: skip
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for frame in (own.frame, *(listed.frame for listed in own.listings.values())):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _part(frame: pd.DataFrame, kpis: Sequence[str], periods: Iterable[Period]) -> pd.DataFrame:
    """The rows of these KPIs and periods, the KPIs in their order."""
    labels = {period.label for period in periods}
    part = frame[frame["kpi"].isin(kpis) & frame["period"].isin(labels)]
    order = part["kpi"].map({kpi: i for i, kpi in enumerate(kpis)})
    return part.iloc[order.argsort(kind="stable")].reset_index(drop=True)
