"""A run: one attempt to make one report for one period, from the definitions to the edition."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from boardpack import editions, files, gate, site
from boardpack import model as models
from boardpack.assemble import Assembled, assemble
from boardpack.brand import brand_file, read_brand
from boardpack.engine import identities
from boardpack.engine.compute import unavailable
from boardpack.errors import BoardpackError, RunError, StorageError
from boardpack.executions import Job, NotebookProcess
from boardpack.explore import RUN
from boardpack.ledger import EditionRow, Ledger, RunEnded, RunStarted
from boardpack.model import Model
from boardpack.notebooks import validate
from boardpack.orders import Order
from boardpack.qmd import read_report
from boardpack.render import render
from boardpack.values import ReportFacts, Values
from boardpack.warehouse import Slice, open_slice

Progress = Callable[[str], None]
Renderer = Literal["auto", "builtin", "quarto"]
Suites = dict[str, gate.Suite]


@dataclass(frozen=True)
class RunResult:
    """What became of a run; `as_dict` is the object that ``boardpack run --json`` prints."""

    report: str
    period: str
    as_of: str
    run_id: str
    status: Literal["published", "held", "failed"]
    verdict: str
    reasons: tuple[str, ...]
    revision: int | None = None
    edition: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    kpis: tuple[str, ...] = ()
    not_available: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    renderer: str = ""
    error: BoardpackError | None = None

    @property
    def exit_code(self) -> int:
        """0 published, 1 the user's mistake, 3 held by the gate, 4 the run failed."""
        if self.error is not None:
            return self.error.exit_code
        return 3 if self.status == "held" else 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found: dict[str, Any] = {
            "report": self.report,
            "period": self.period,
            "as_of": self.as_of,
            "run_id": self.run_id,
            "revision": self.revision,
            "status": self.status,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "edition": str(self.edition) if self.edition else None,
            "files": dict(self.files),
            "kpis": list(self.kpis),
            "not_available": dict(self.not_available),
            "seconds": {stage: round(spent, 3) for stage, spent in self.seconds.items()},
            "renderer": self.renderer,
        }
        if self.error is not None:
            found["error"] = self.error.as_dict()
        return found


class Watch:
    """How long each stage takes; tells ``progress`` when one begins."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        self.progress(name)
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


def run(
    model: Model,
    wanted: Order,
    *,
    now: Callable[[], datetime],
    progress: Progress = lambda stage: None,
    renderer: Renderer = "auto",
    check: bool = True,
    process: NotebookProcess | None = None,
) -> RunResult:
    """Make the report and publish it, or say why not; the ledger records either.

    ``check=False`` leaves the gate out, for measurements alone: nothing is then published as
    checked. ``process`` is a preloaded notebook process to share between reports. What is the
    user's mistake is raised before anything is recorded; later failures come back in the result.
    """
    workspace = model.workspace
    root = workspace.var / "editions"
    run_id = f"{now():%Y%m%dT%H%M%SZ}-{wanted.report}-{wanted.period}-{secrets.token_hex(3)}"
    folder = workspace.var / "runs" / run_id
    watch = Watch(progress)
    try:
        for place in (workspace.var / "runs", root):
            files.make_folders(workspace.root, place)
    except OSError as error:
        raise _storage(workspace.var, error) from None
    with Ledger(workspace.var / "ledger.sqlite") as ledger:
        mended = editions.reconcile(root, ledger)
        with (
            editions.running(root, wanted.report, wanted.period.label),
            _shared(process) as notebooks,
        ):
            with watch.stage("plan"):
                tables = model.catalogue.tables(wanted.kpis)
                suites = load_suites(model, tables)
                # The gate also looks at what the report's sources refer to.
                seen = gate.reads(suites, tables)
                slice_ = open_slice(workspace, model.sources, wanted.as_of, seen)
            try:
                models.check_period(
                    wanted.period, wanted.as_of.isoformat(), slice_.spans(slice_.sources)
                )
                ledger.start(
                    RunStarted(
                        run_id, wanted.report, wanted.period.label, wanted.period.grain,
                        wanted.as_of.isoformat(), _stamp(now()), version=version("boardpack"),
                    )
                )  # fmt: skip
                attempt = _Attempt(model, wanted, run_id, folder, ledger, watch, renderer, now)
                try:
                    result = attempt.make(slice_, notebooks, suites if check else None)
                except BoardpackError as error:
                    result = attempt.result("failed", error=error)
                except OSError as error:
                    result = attempt.result("failed", error=_storage(folder, error))
                ledger.end(
                    RunEnded(
                        run_id, result.status, _stamp(now()), attempt.facts.verdict,
                        result.reasons, str(result.error or ""), watch.seconds,
                    )
                )  # fmt: skip
            finally:
                slice_.close()
        if result.status == "published" or mended.added:
            result = _with_index(model, root, ledger, result)
    return result


def _with_index(model: Model, root: Path, ledger: Ledger, result: RunResult) -> RunResult:
    """Write the index; an edition stays published where that fails, and the result says so."""
    workspace = model.workspace
    try:
        titles = {
            name: str(read_report(path).header.get("title", name))
            for name, path in workspace.reports.items()
        }
        brand = read_brand(brand_file(*workspace.folders("reports")))
        with editions.publishing(root):
            site.write_index(
                workspace.var / "site",
                ledger.editions(),
                workspace.settings.company,
                brand=brand,
                titles=titles,
                locale=workspace.settings.locale,
            )
    except BoardpackError as error:
        told = f"the index was not written: {error.message}"
        return replace(result, reasons=(*result.reasons, told))
    return result


class _Attempt:
    """The steps of one run, each leaving its result in the run folder."""

    def __init__(
        self,
        model: Model,
        wanted: Order,
        run_id: str,
        folder: Path,
        ledger: Ledger,
        watch: Watch,
        renderer: Renderer,
        now: Callable[[], datetime],
    ) -> None:
        self.model, self.wanted, self.run_id, self.folder = model, wanted, run_id, folder
        self.ledger, self.watch, self.renderer, self.now = ledger, watch, renderer, now
        self.root = model.workspace.var / "editions"
        self.fingerprints: Mapping[str, str] = {}
        facts = model.report_facts(
            wanted.period, wanted.as_of.isoformat(), wanted.report, wanted.title
        )
        self.facts: ReportFacts = replace(facts, run_id=run_id)

    def make(self, slice_: Slice, notebooks: NotebookProcess, suites: Suites | None) -> RunResult:
        files.make_folders(self.model.workspace.root, self.folder)
        # Charts are drawn after it, in the notebooks as on the page.
        brand = brand_file(*self.model.workspace.folders("reports"))
        read_brand(brand).copy_to(self.folder)
        with self.watch.stage("gate"):
            held = self._gate(slice_, suites)
        if held:
            return self.result("held")
        with self.watch.stage("values"):
            values, broken = self._values(slice_)
        if broken:
            # The report's own period first, then the newest: an old break stands at the end.
            broken.sort(
                key=lambda b: (b.period == self.wanted.period.label, b.period), reverse=True
            )
            more = [f"and {len(broken) - 5} more cells"] if len(broken) > 5 else []
            named = [f"an identity does not hold: {cell}" for cell in broken[:5]]
            self._judge("hold", (*named, *more))
            return self.result("held", values)
        with self.watch.stage("notebooks"):
            executed = self._execute(notebooks)
        with self.watch.stage("assemble"):
            assembled = assemble(self.wanted.document, executed, values.report, self.folder)
            self._keep_sources()
        with self.watch.stage("render"):
            rendered = render(assembled, self.folder, renderer=self.renderer)
            self._shown(assembled)
        with self.watch.stage("publish"):
            edition = self._publish(rendered.renderer)
        return self.result("published", values, edition, rendered.renderer)

    def _gate(self, slice_: Slice, suites: Suites | None) -> bool:
        tables = self.model.catalogue.tables(self.wanted.kpis)
        sources = [table for table in tables if table in slice_.sources]
        if not sources:
            raise RunError(
                f"no source of report {self.wanted.report!r} is connected.",
                hint="`boardpack doctor` shows which sources each KPI lacks",
            )
        self.fingerprints = slice_.fingerprints(slice_.sources)
        if suites is None:
            (self.folder / "gate.json").write_text("{}\n", encoding="utf-8")
            return False
        found = judge(slice_, sources, suites, self.ledger, self.fingerprints, self.now)
        _write_json(self.folder / "gate.json", found.to_dict())
        self._judge(found.verdict, found.reasons)
        return found.verdict == "hold"

    def _judge(self, verdict: Literal["publish", "banner", "hold"], reasons: Sequence[str]) -> None:
        self.facts = replace(self.facts, verdict=verdict, reasons=tuple(reasons))

    def _values(self, slice_: Slice) -> tuple[Values, list[identities.Break]]:
        kpis = self.wanted.kpis
        extra = [
            kpi
            for kpi in identities.inputs(self.model.catalogue, kpis)
            if not unavailable(self.model.catalogue, slice_, kpi)
        ]
        period, period_root = self.wanted.period, self.root
        revision = editions.next_revision(
            period_root, self.ledger, self.wanted.report, period.label
        )
        facts = replace(self.facts, revision=revision)
        values = models.values(self.model, slice_, (*kpis, *extra), facts)
        self.facts = values.report
        values.save(self.folder)
        return values, identities.check(self.model.catalogue, values.frame)

    def _execute(self, notebooks: NotebookProcess) -> dict[str, Path]:
        policy = self.model.workspace.settings.policy
        given = {
            "workspace": str(self.model.workspace.root),
            "period": self.wanted.period.label,
            "as_of": self.wanted.as_of.isoformat(),
            "grain": self.wanted.period.grain,
        }
        jobs = []
        for notebook in self.wanted.notebooks:
            own = {name: value for name, value in given.items() if name in notebook.parameters}
            validate(notebook, own)
            output = self.folder / "notebooks" / notebook.path.name
            jobs.append(Job(notebook.path, output, own, {RUN: str(self.folder)}))
        done = notebooks.run(
            jobs, timeout=policy.cell_timeout, notebook_timeout=policy.notebook_timeout
        )
        return {executed.job.path.stem: executed.job.output for executed in done}

    def _keep_sources(self) -> None:
        """The documents beside what they became, for whoever renders either by hand."""
        import shutil

        target = self.folder / "reports"
        target.mkdir(exist_ok=True)
        shutil.copyfile(self.wanted.document, target / self.wanted.document.name)
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
            published_at=_stamp(self.now()),
            verdict=facts.verdict,
            renderer=renderer,
            status=facts.status,
            reasons=facts.reasons,
            revision=facts.revision,
            fingerprints=self.fingerprints,
            definitions={k: self.model.catalogue.definition_hash(k) for k in self.wanted.kpis},
            seconds=self.watch.seconds,
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
        )


def load_suites(model: Model, tables: Sequence[str]) -> Suites:
    """The suites of these tables, the workspace's own before the suite's."""
    return gate.load_suites(
        model.workspace.folders("expectations"),
        [model.sources[table] for table in tables],
        declared=model.sources.declared,
    )


def judge(
    slice_: Slice,
    sources: Sequence[str],
    suites: Suites,
    ledger: Ledger,
    fingerprints: Mapping[str, str],
    now: Callable[[], datetime],
) -> gate.GateResult:
    """The gate's verdict on these sources; one of the same data, as-of and suites is used again."""
    key = gate.verdict_key(fingerprints, suites, slice_.as_of)
    known = ledger.verdict(key)
    if known is not None:
        return gate.GateResult.from_dict(json.loads(known))
    found = gate.check(slice_, sources, suites)
    if not any(entry.outcome == "errored" for entry in found.results):
        ledger.remember_verdict(key, json.dumps(found.to_dict()), _stamp(now()))
    return found


@contextmanager
def _shared(process: NotebookProcess | None) -> Iterator[NotebookProcess]:
    if process is not None:
        yield process
        return
    with NotebookProcess() as own:
        yield own


def _storage(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the run cannot be written: {files.reason(error)}.",
        file=folder,
        hint="editions published before stay as they are",
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
