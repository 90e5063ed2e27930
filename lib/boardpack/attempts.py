"""An attempt: the steps of one run, each leaving its result in the run folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from boardpack import (
    edition_folders,
    editions,
    files,
    glossary,
    quality_section,
    remarks,
    revisions,
    tables,
    verdicts,
)
from boardpack.assemble import Assembled, assemble, lacking_notes
from boardpack.basis import Basis, seen_by
from boardpack.brand import brand_file, read_brand
from boardpack.errors import BoardpackError, RunError
from boardpack.executions import Job, NotebookProcess
from boardpack.explore import RUN
from boardpack.facts import Finding, ReportFacts, concerning, verdict_of
from boardpack.frontpage import QUALITY
from boardpack.gate_results import GateResult
from boardpack.kept_checks import by_day
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import EditionRow
from boardpack.manifests import code_hash, fingerprint, versions
from boardpack.model import Model
from boardpack.notebooks import validate
from boardpack.orders import Force, Order
from boardpack.outcomes import RunResult
from boardpack.qmd import read_report
from boardpack.quality import Quality, quality_of
from boardpack.quality_page import quality_html
from boardpack.render import Renderer, render
from boardpack.restatements import Grounds, Restated
from boardpack.values import Values
from boardpack.watches import Watch


@dataclass
class Attempt:
    """One attempt to make one report; `make` takes all the steps, `result` says how it went."""

    model: Model
    wanted: Order
    run_id: str
    folder: Path
    ledger: Ledger
    watch: Watch
    renderer: Renderer
    now: Callable[[], datetime]
    basis: Basis
    facts: ReportFacts
    force: Force | None = None
    gate_key: str = ""
    _found: GateResult | None = None
    _has_slides: bool = False
    #: what the edition holds besides, since its document is made of it
    kept: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """Where editions are."""
        return self.model.workspace.var / "editions"

    @cached_property
    def definitions(self) -> dict[str, str]:
        """The hash of each KPI's definition."""
        return {kpi: self.model.catalogue.definition_hash(kpi) for kpi in self.wanted.kpis}

    def make(self, notebooks: NotebookProcess, check: bool) -> RunResult:
        """Take every step up to the edition, or up to what holds it."""
        files.make_folders(self.model.workspace.root, self.folder)
        # Charts are drawn after it, in the notebooks as on the page.
        brand = brand_file(*self.model.workspace.folders("reports"))
        read_brand(brand).copy_to(self.folder)
        with self.watch.stage("gate"):
            held = self._gate(check)
        if held and not self._forced():
            return self.result("held")
        with self.watch.stage("marts"):
            self.basis.marts()
        with self.watch.stage("values"):
            values, told = self._values()
        if told:
            self._judge("hold", (*told, *self.facts.findings))
            if not self._forced():
                return self.result("held", values)
            values = replace(values, report=self.facts).judged()
            values.save(self.folder)
        with self.watch.stage("restatements"):
            values, restated = self._restated(values)
        with self.watch.stage("notebooks"):
            executed = self._execute(notebooks, values)
            values = self._lacking(values, executed)
        with self.watch.stage("assemble"):
            assembled = assemble(
                self.wanted.document, executed, values.report, self.folder,
                {
                    "definitions": lambda shown: glossary.definitions(
                        values, [kpi for kpi in values.kpis if kpi in shown]
                    ),
                    "not-available": lambda shown: tables.not_available(values),
                    "restatements": lambda shown: tables.restatements(values, restated),
                    "data-quality": lambda shown: quality_section.section(self._quality()),
                },
            )  # fmt: skip
            self._keep_sources()
        with self.watch.stage("render"):
            rendered = render(assembled, self.folder, renderer=self.renderer)
            self._has_slides = rendered.pptx is not None
            self._shown(assembled)
        with self.watch.stage("publish"):
            edition = self._publish(rendered.renderer)
        return self.result("published", values, edition, rendered.renderer)

    def _gate(self, check: bool) -> bool:
        if not self.basis.has_data(self.wanted) and not self.basis.gone(self.wanted):
            raise RunError(
                f"no source of report {self.wanted.report!r} is connected.",
                hint="`boardpack doctor` shows which sources each KPI lacks",
            )
        if not check:
            self.basis.allow(self.wanted)
            (self.folder / "gate.json").write_text("{}\n", encoding="utf-8")
            return False
        found = self.basis.judge(self.wanted, self.ledger, self.now)
        self.gate_key = self.basis.gate_key(self.wanted)
        self._found = found
        self._judge(found.verdict, found.findings)
        return found.verdict == "hold"

    def _judge(
        self, verdict: Literal["publish", "banner", "hold"], findings: Sequence[Finding]
    ) -> None:
        found = tuple(findings)
        told = verdicts.reasons(found)
        self.facts = replace(self.facts, verdict=verdict, reasons=told, findings=found)
        if self._found is not None:
            judged = replace(self._found, verdict=verdict, reasons=told, findings=found)
            entry = {**judged.to_dict(), "kpis": self._kpi_verdicts()}
            _write_json(self.folder / "gate.json", entry)
            self._write_quality()

    def _write_quality(self) -> None:
        """The page about the data, beside the report that will be."""
        brand = read_brand(brand_file(*self.model.workspace.folders("reports")))
        page = quality_html(self._quality(), brand)
        (self.folder / QUALITY).write_text(page, encoding="utf-8")

    def _quality(self) -> Quality:
        """What the gate found in the data of the report, and what it found before."""
        kept = by_day(self.ledger.kept_checks(self.facts.as_of))
        results = self._found.results if self._found else ()
        return quality_of(self.model, self.facts, results, kept)

    def _kpi_verdicts(self) -> dict[str, str]:
        """The verdict on each KPI of the report, by what it rests on.

        One that was never available has none.
        """
        tables, there = self.model.catalogue.tables, set(self.basis.available(self.wanted))
        found = {
            kpi: verdict_of(concerning(self.facts.findings, kpi, tables([kpi])))
            for kpi in self.wanted.kpis
        }
        return {kpi: said for kpi, said in found.items() if kpi in there or said != "publish"}

    def _forced(self) -> bool:
        """Whether somebody wants the report although it is held; it is marked so then."""
        if self.force is None:
            return False
        if not self.basis.has_data(self.wanted):
            raise RunError(
                f"no source of report {self.wanted.report!r} is connected: there is nothing to"
                " publish.",
                hint="`boardpack doctor` shows which sources each KPI lacks",
            )
        self.facts = replace(self.facts, forced=self.force.reason, forced_by=self.force.by)
        self.basis.allow(self.wanted)
        return True

    def _values(self) -> tuple[Values, list[Finding]]:
        """The values, frozen, and the identities that do not hold among them."""
        report, period, segment = self.wanted.key
        revision = edition_folders.next_revision(self.root, self.ledger, report, period, segment)
        values = self.basis.values(self.wanted, replace(self.facts, revision=revision))
        values = values.marked(self._fingerprints(values.kpis)).judged()
        written = self.ledger.latest_notes(values.report.period)
        names = {kpi: values.kpi(kpi).name for kpi in self.wanted.kpis}
        self.facts = remarks.for_report(values.report, written, names)
        values = replace(values, report=self.facts)
        values.save(self.folder)
        broken = verdicts.of_breaks(self.basis.breaks(self.wanted, values), self.model)
        runs = self.ledger.runs(self.wanted.report) if broken else []
        runs = [run for run in runs if run.started.segment == self.wanted.segment]
        since = [verdicts.broken_since(runs, b.sentence, self.wanted.as_of) for b in broken]
        return values, [replace(b, since=day) for b, day in zip(broken, since, strict=True)]

    def _fingerprints(self, kpis: Iterable[str]) -> dict[str, str]:
        """What each KPI's values follow from, as `manifests.fingerprint` has it."""
        catalogue, data = self.model.catalogue, self.basis.fingerprints(self.wanted)
        dialect = self.basis.slice.dialect
        engine = f"{f'{dialect.name} and ' if dialect else ''}duckdb {versions()['duckdb']}"
        return {
            kpi: fingerprint(
                catalogue.definition_hash(kpi),
                {table: data[table] for table in catalogue.tables([kpi]) if table in data},
                self.facts.as_of,
                engine,
            )
            for kpi in kpis
        }

    def _restated(self, values: Values) -> tuple[Values, tuple[Restated, ...]]:
        """The values counting what they restate, and what that is, both frozen."""
        grounds = Grounds(
            self.facts.as_of, self.basis.fingerprints(self.wanted), self.definitions,
            code_hash(), versions(),
        )  # fmt: skip
        found = revisions.restated(self.root, self.ledger, values, grounds)
        revisions.save(self.folder, found)
        count = sum(row.is_seen for against in found for row in against.rows)
        self.facts = replace(self.facts, restated=count)
        values = replace(values, report=self.facts)
        values.save_facts(self.folder)
        return values, found

    def _execute(self, notebooks: NotebookProcess, values: Values) -> dict[str, Path]:
        """Execute what no other report of the basis has executed with the same values."""
        policy = self.model.workspace.settings.policy
        given = {
            "workspace": str(self.model.workspace.root),
            "period": self.wanted.period.label,
            "as_of": self.wanted.as_of.isoformat(),
            "grain": self.wanted.period.grain,
            "segment": self.wanted.segment,
        }
        known = self.basis.executed
        jobs, outputs = {}, {}
        for notebook in self.wanted.notebooks:
            own = {name: value for name, value in given.items() if name in notebook.parameters}
            validate(notebook, own)
            output = self.folder / "notebooks" / notebook.path.name
            outputs[notebook.path.stem] = output
            seen = seen_by(notebook, own, values)
            if seen in known and known[seen].is_file():
                output.parent.mkdir(exist_ok=True)
                shutil.copyfile(known[seen], output)
            else:
                jobs[output] = (seen, Job(notebook.path, output, own, {RUN: str(self.folder)}))
        if jobs:
            notebooks.run(
                [job for _, job in jobs.values()],
                timeout=policy.cell_timeout,
                notebook_timeout=policy.notebook_timeout,
            )
        known.update({seen: output for output, (seen, _) in jobs.items() if seen})
        return outputs

    def _lacking(self, values: Values, executed: dict[str, Path]) -> Values:
        """The values saying which notes the report lacks, if it needs any."""
        lacks = lacking_notes(self.wanted.document, executed, values)
        self.facts = replace(self.facts, lacks_notes=lacks)
        values = replace(values, report=self.facts)
        values.save_facts(self.folder)
        return values

    def _keep_sources(self) -> None:
        """The documents beside what they became, for whoever renders either by hand, and for
        revisions of the same values.
        """
        target = self.folder / "reports"
        target.mkdir(exist_ok=True)
        report = read_report(self.wanted.document)
        shutil.copyfile(self.wanted.document, target / self.wanted.document.name)
        for path in report.files():
            copy = self.folder / path.relative_to(report.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            self.kept.append(copy.relative_to(self.folder).parts[0])
        for name in ("_quarto.yml", "_brand.yml"):
            for reports in self.model.workspace.folders("reports"):
                if (reports / name).is_file():
                    shutil.copyfile(reports / name, target / name)
                    break

    def _shown(self, assembled: Assembled) -> None:
        _write_json(self.folder / "shown.json", list(assembled.numbers))

    def _publish(self, renderer: str) -> EditionRow:
        facts = self.facts
        draft = editions.EditionDraft(
            report=self.wanted.report,
            period=facts.period,
            grain=facts.grain,
            run_id=self.run_id,
            as_of=facts.as_of,
            published_at=stamp(self.now()),
            verdict=facts.verdict,
            renderer=renderer,
            status=facts.status,
            reasons=facts.reasons,
            forced=facts.forced,
            forced_by=facts.forced_by,
            revision=facts.revision,
            segment=self.wanted.segment,
            fingerprints=self.basis.fingerprints(self.wanted),
            definitions=self.definitions,
            listings=self.model.listings.definition_hashes(self.wanted.listings),
            seconds=self.watch.seconds,
            lacks_notes=tuple(facts.lacks_notes),
            optional=(*editions.OPTIONAL, *self.kept),
        )
        return editions.publish(self.folder, self.root, draft, self.ledger)

    def result(
        self,
        status: Literal["published", "held", "failed"],
        values: Values | None = None,
        edition: EditionRow | None = None,
        renderer: str = "",
        error: BoardpackError | None = None,
    ) -> RunResult:
        """The outcome so far."""
        names = {
            "html": "report.html",
            "pdf": "report.pdf",
            "values_csv": "values.csv",
            "values_parquet": "values.parquet",
            "manifest": "manifest.json",
            "shown": "shown.json",
        }
        if self._found is not None:
            names["quality"] = QUALITY
        if self._has_slides:
            names["pptx"] = "report.pptx"
        missing = values.report.not_available if values else {}
        return RunResult(
            report=self.wanted.report,
            period=self.wanted.period.label,
            as_of=self.wanted.as_of.isoformat(),
            run_id=self.run_id,
            status=status,
            verdict=self.facts.verdict,
            reasons=self.facts.reasons,
            revision=edition.revision if edition else None,
            edition=self.root / edition.folder if edition else None,
            files=names if edition else {},
            kpis=tuple(kpi for kpi in self.wanted.kpis if kpi not in missing),
            not_available={k: why for k, why in missing.items() if k in self.wanted.kpis},
            seconds=dict(self.watch.seconds),
            renderer=renderer,
            error=error,
            segment=self.wanted.segment,
            findings=self.facts.findings,
            kpi_verdicts={} if self.facts.verdict == "not checked" else self._kpi_verdicts(),
            forced=self.facts.forced if edition else "",
            forced_by=self.facts.forced_by if edition else "",
            quality=self._page_of_quality(edition),
            lacks_notes=tuple(self.facts.lacks_notes) if edition else (),
        )

    def _page_of_quality(self, edition: EditionRow | None) -> str:
        """Where the page about the data is: of an edition beside it, else in the run's folder."""
        folder = self.folder if edition is None else self.root / edition.folder
        return str(folder / QUALITY) if self._found is not None else ""


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
