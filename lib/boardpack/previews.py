"""Previews: a report as it would be now, made again in the steps that a change touches.

Nothing is published: a preview has a folder of its own, and a copy of the ledger that it may write.
Its page is the HTML of the built-in renderer.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType

import pandas as pd

from boardpack import (
    edition_folders,
    glossary,
    mart_files,
    orders,
    quality_section,
    remarks,
)
from boardpack import model as models
from boardpack.assemble import assemble, lacking_notes
from boardpack.basis import Basis, seen_by
from boardpack.blocks import Text
from boardpack.brand import brand_file, read_brand
from boardpack.engine.compute import compute
from boardpack.errors import BoardpackError, NotebookError, RunError, StorageError
from boardpack.executions import Job, NotebookProcess
from boardpack.explore import RUN
from boardpack.facts import ReportFacts
from boardpack.gate_results import GateResult
from boardpack.kept_checks import by_day
from boardpack.ledger import Ledger
from boardpack.listed import Listed
from boardpack.markup import Paragraph, text
from boardpack.model import Model
from boardpack.notebooks import Notebook, examine, validate
from boardpack.orders import Order
from boardpack.qmd import read_report
from boardpack.quality import quality_of
from boardpack.render import KnownParts, html_page
from boardpack.sections import Section
from boardpack.tables import not_available
from boardpack.theme import DRAWINGS, use_brand
from boardpack.values import Values
from boardpack.watches import Progress, Watch
from boardpack.workspace import Kind, Workspace

#: Folders with what a report is made of.
_DEFINED: tuple[Kind, ...] = ("kpis", "scorecards", "sources", "listings")
_READ: tuple[Kind, ...] = (*_DEFINED, "expectations", "notebooks", "reports")
# Names of files in the selects of a workspace: '...'
_QUOTED = re.compile(r"'([^'\n]+)'")


@dataclass(frozen=True)
class Asked:
    """What is to be previewed: as `boardpack.orders.order` takes it."""

    report: str
    period: str = ""
    as_of: str = ""
    segment: str = ""


@dataclass(frozen=True)
class Refreshed:
    """What one look at the files led to.

    ``page`` is the HTML, None where it is the same as before; ``seconds`` are those of the steps
    that were made again, ``again`` what they made: notebooks and KPIs. ``error`` says what is wrong
    in the files; the page of before stands then.
    """

    page: bytes | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    again: dict[str, tuple[str, ...]] = field(default_factory=dict)
    error: BoardpackError | None = None


class Preview:
    """A report that is made again as its files change; a context manager.

    ``folder`` receives what is made, and is emptied first. ``process`` executes notebooks and stays
    the caller's.
    """

    def __init__(
        self,
        root: Path,
        asked: Asked,
        folder: Path,
        process: NotebookProcess,
        now: Callable[[], datetime],
        progress: Progress = lambda step: None,
    ) -> None:
        self.root, self.asked, self.folder = root, asked, folder
        self._process, self._now, self._progress = process, now, progress
        self._known: dict[str, str] = {}
        self._model: Model | None = None
        self._ground: _Ground | None = None
        self._order: Order | None = None
        self._executed: dict[str, str] = {}
        self._before: _Valued | None = None
        self._parts = KnownParts()
        self._opened = ExitStack()
        # A chart takes longer than all else in a cell, so drawings outlive the preview.
        self._drawings = folder.parent / ".drawings"

    def __enter__(self) -> Preview:
        try:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self._drawings.mkdir(exist_ok=True)
            _keep_newest(self._drawings)
            self._copy_ledger()
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"a preview cannot be made: {error}.", file=self.folder) from None
        self._ledger = self._opened.enter_context(Ledger(self.folder / "ledger.sqlite"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ground is not None:
            self._ground.close()
        self._opened.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        use_brand(None)

    def refresh(self) -> Refreshed:
        """Look at the files, and make again what follows from those that changed."""
        watch = Watch(self._progress)
        again: dict[str, tuple[str, ...]] = {}
        try:
            made = self._make(watch, again)
        except BoardpackError as error:
            return Refreshed(None, watch.seconds, again, error)
        except OSError as error:
            told = StorageError(f"a preview cannot be made: {error}.", file=self.folder)
            return Refreshed(None, watch.seconds, again, told)
        return Refreshed(made, watch.seconds, again)

    def watched(self) -> tuple[frozenset[Path], frozenset[Path]]:
        """The folders in which any file counts, and the files that count wherever they are."""
        try:
            workspace = self._model.workspace if self._model else Workspace.open(self.root)
        except BoardpackError:
            return frozenset(), frozenset((self.root / "boardpack.yml",))
        inside = [
            path
            for kind in _READ
            for folder in workspace.folders(kind)
            for path in (folder, *folder.rglob("*"))
            if path.is_dir() and not any(part.startswith(".") for part in path.parts[-2:])
        ]
        return frozenset(inside), frozenset((self.root / "boardpack.yml", *_data_files(workspace)))

    def _make(self, watch: Watch, again: dict[str, tuple[str, ...]]) -> bytes | None:
        model = self._defined(watch)
        if self._order is None:
            order = orders.order(
                model, self.asked.report, self.asked.period, self.asked.as_of, self.asked.segment
            )
        else:
            # The period of the first page stands, also where newer data come in.
            before = self._order
            order = orders.order(
                model, before.report, before.period.label, before.as_of.isoformat(), before.segment
            )
        ground = self._on_ground(model, order, watch)
        values = self._valued(model, order, ground, watch, again)
        executed = self._run(model, order, values, watch, again)
        self._order = order
        values = replace(
            values,
            report=replace(
                values.report, lacks_notes=lacking_notes(order.document, executed, values)
            ),
        )
        looks = _hash_of((order.document, *read_report(order.document).files()))
        seen = json.dumps(
            [looks, self._executed, self._known["brand"], repr(values.report), ground.key,
             sorted((kpi, repr(facts)) for kpi, facts in values.kpis.items())]
        )  # fmt: skip
        if not self._is_new("page", seen):
            return None
        try:
            with watch.stage("assemble"):
                for name in ("report.qmd", "figures", "charts.json"):
                    _remove(self.folder / name)
                assembled = assemble(
                    order.document, executed, values.report, self.folder,
                    self._sections(model, values, ground),
                )  # fmt: skip
            with watch.stage("page"):
                return html_page(assembled, self._parts)
        except BaseException:
            del self._known["page"]
            raise

    def _defined(self, watch: Watch) -> Model:
        suite = Workspace.open(self.root)
        written = [path for kind in _DEFINED for folder in suite.folders(kind)
                   for path in sorted(folder.glob("*.yml"))]  # fmt: skip
        if self._is_new("definitions", _hash_of((self.root / "boardpack.yml", *written))):
            try:
                with watch.stage("definitions"):
                    self._model = Model.open(self.root)
            except BaseException:
                del self._known["definitions"]
                raise
        assert self._model is not None
        # New reports and notebooks are found although no definition changed.
        return replace(self._model, workspace=suite)

    def _on_ground(self, model: Model, order: Order, watch: Watch) -> _Ground:
        """The slice and the verdict on it, those of before where data and checks are the same."""
        workspace = model.workspace
        read = (*workspace.folders("sources"), *workspace.folders("expectations"))
        checks = [path for folder in read for path in sorted(folder.glob("*.*"))]
        key = json.dumps(
            [mart_files.stamp(workspace), _facts_of(_data_files(workspace)), _hash_of(checks),
             _hash_of([workspace.root / "boardpack.yml"]), order.as_of.isoformat(), order.segment,
             sorted(model.tables(order.kpis, order.listings))]
        )  # fmt: skip
        if self._ground is not None and self._ground.key == key:
            return self._ground
        if self._ground is not None:
            self._ground.close()
            self._ground = None
        with watch.stage("data"):
            basis = Basis(model, [order], keep_marts=False)
        try:
            if not basis.has_data(order):
                raise RunError(
                    f"no source of report {order.report!r} is connected.",
                    hint="`boardpack doctor` shows which sources each KPI lacks",
                )
            spans = basis.slice.reach(basis.sources(order))
            models.check_period(order.period, order.as_of.isoformat(), spans)
            with watch.stage("gate"):
                found = basis.judge(order, self._ledger, self._now)
            basis.allow(order)
        except BaseException:
            basis.slice.close()
            raise
        self._ground = _Ground(key, basis, found)
        return self._ground

    def _valued(
        self, model: Model, order: Order, ground: _Ground, watch: Watch,
        again: dict[str, tuple[str, ...]],
    ) -> Values:  # fmt: skip
        facts = self._facts(model, order, ground)
        written = self._ledger.latest_notes(facts.period)
        key = repr((facts, order.kpis, order.listings, written))
        before = self._before
        if before and before.model is self._model and before.ground is ground and before.key == key:
            return before.values
        names = dict.fromkeys(order.kpis)
        hashes = {kpi: model.catalogue.definition_hash(kpi) for kpi in names}
        new = [kpi for kpi in names if ground.frames.get(kpi, ("",))[0] != hashes[kpi]]
        rows = {name: model.listings.definition_hash(name) for name in order.listings}
        unread = [name for name in rows if ground.rows.get(name, ("",))[0] != rows[name]]
        slice_ = ground.basis.slice
        if new or unread:
            with watch.stage("values"):
                periods = models.history(order.period, as_of=order.as_of)
                by = model.workspace.settings.dimensions
                if new:
                    frame = compute(
                        model.catalogue, slice_, new, periods, by, marts=ground.basis.marts()
                    )
                    parts = dict(list(frame.groupby("kpi", sort=False)))
                    nothing = frame.iloc[:0]
                    ground.frames.update(
                        {kpi: (hashes[kpi], parts.get(kpi, nothing)) for kpi in new}
                    )
                listed = models.listed(model, slice_, unread, order.period, order.segment)
                ground.rows.update({name: (rows[name], listed[name]) for name in listed})
            again["kpis"] = tuple(new)
        whole = pd.concat([ground.frames[kpi][1] for kpi in names], ignore_index=True)
        values = models.values(model, slice_, names, facts, order.segment, frame=whole).judged()
        listings = {name: ground.rows[name][1] for name in rows if name in ground.rows}
        own = {kpi: values.kpi(kpi).name for kpi in names}
        report = remarks.for_report(values.report, written, own)
        values = replace(values, listings=listings, report=report)
        assert self._model is not None
        self._before = _Valued(self._model, ground, key, values)
        return values

    def _facts(self, model: Model, order: Order, ground: _Ground) -> ReportFacts:
        facts = model.report_facts(order.period, order.as_of.isoformat(), order.report, order.title)
        report, period, segment = order.key
        root = model.workspace.var / "editions"
        revision = edition_folders.next_revision(root, self._ledger, report, period, segment)
        found = ground.found
        return replace(
            facts, revision=revision, run_id="preview", segment=segment,
            verdict=found.verdict, reasons=found.reasons, findings=found.findings,
        )  # fmt: skip

    def _run(
        self, model: Model, order: Order, values: Values, watch: Watch,
        again: dict[str, tuple[str, ...]],
    ) -> dict[str, Path]:  # fmt: skip
        """Execute the notebooks whose cells, or what they look at, are other than before."""
        brand = brand_file(*model.workspace.folders("reports"))
        self._is_new("brand", _hash_of((brand,)))
        read_brand(brand).copy_to(self.folder)
        policy = model.workspace.settings.policy
        given = {
            "workspace": str(model.workspace.root),
            "period": order.period.label,
            "as_of": order.as_of.isoformat(),
            "grain": order.period.grain,
            "segment": order.segment,
        }
        outputs: dict[str, Path] = {}
        jobs: dict[str, tuple[str, Job]] = {}
        for notebook in order.notebooks:
            own = {name: value for name, value in given.items() if name in notebook.parameters}
            validate(notebook, own)
            name, output = notebook.path.stem, self.folder / "notebooks" / notebook.path.name
            outputs[name] = output
            seen = self._seen(notebook, own, values) + self._known["brand"]
            if self._executed.get(name) != seen or not output.is_file():
                jobs[name] = (seen, Job(notebook.path, output, own, self._environment()))
        self._executed = {n: seen for n, seen in self._executed.items() if n in outputs}
        if not jobs:
            return outputs
        again["notebooks"] = tuple(jobs)
        for name in jobs:
            self._executed.pop(name, None)
        with watch.stage("notebooks"):
            values.save(self.folder)
            try:
                self._process.run(
                    [job for _, job in jobs.values()],
                    timeout=policy.cell_timeout,
                    notebook_timeout=policy.notebook_timeout,
                )
            finally:
                # One that fails does not cost those that came to their end.
                for name, (seen, job) in jobs.items():
                    if _is_whole(job):
                        self._executed[name] = seen
        return outputs

    def _seen(self, notebook: Notebook, own: dict[str, str], values: Values) -> str:
        """All that the outputs of a notebook depend on, found once for values that stay."""
        known = self._before.seen if self._before and self._before.values is values else {}
        key = f"{_hash_of((notebook.path,))} {own}"
        if key not in known:
            seen = seen_by(notebook, own, values)
            known[key] = seen or _hash_of((notebook.path,)) + _frozen(values)
        return known[key]

    def _sections(self, model: Model, values: Values, ground: _Ground) -> dict[str, Section]:
        def quality(shown: frozenset[str]) -> Text:
            kept = by_day(self._ledger.kept_checks(values.report.as_of))
            found = quality_of(model, values.report, ground.found.results, kept)
            return quality_section.section(found)

        told = "A preview is compared with no edition; the report lists what it restates."
        return {
            "definitions": lambda shown: glossary.definitions(
                values, [kpi for kpi in values.kpis if kpi in shown]
            ),
            "not-available": lambda shown: not_available(values),
            "restatements": lambda shown: text(Paragraph((told,))),
            "data-quality": quality,
        }

    def _environment(self) -> dict[str, str]:
        return {RUN: str(self.folder), DRAWINGS: str(self._drawings)}

    def _is_new(self, what: str, key: str) -> bool:
        """Whether something is other than it was when it was last made; it is known then."""
        if self._known.get(what) == key:
            return False
        self._known[what] = key
        return True

    def _copy_ledger(self) -> None:
        own = self.root / "var" / "ledger.sqlite"
        if own.is_file():
            # Not the file alone: what is in its write-ahead log belongs to it.
            with (
                closing(sqlite3.connect(f"{own.as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(self.folder / "ledger.sqlite")) as target,
            ):
                source.backup(target)


@dataclass
class _Ground:
    """The data as they were read, the verdict on them, and what was computed from them so far."""

    key: str
    basis: Basis
    found: GateResult
    #: KPI -> hash of its definition, rows
    frames: dict[str, tuple[str, pd.DataFrame]] = field(default_factory=dict)
    #: listing -> hash of its definition, rows
    rows: dict[str, tuple[str, Listed]] = field(default_factory=dict)

    def close(self) -> None:
        self.basis.slice.close()


@dataclass(frozen=True)
class _Valued:
    """The values of a page, and all that they follow from."""

    model: Model
    ground: _Ground
    key: str
    values: Values
    #: what notebooks see of them
    seen: dict[str, str] = field(default_factory=dict)


def _keep_newest(drawings: Path, most: int = 1000) -> None:
    """Delete what was drawn first where too many drawings are kept."""
    known = sorted(drawings.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for path in known[:-most]:
        path.unlink(missing_ok=True)


def _is_whole(job: Job) -> bool:
    if not job.output.is_file():
        return False
    try:
        examine(job.output, job.path)
    except (NotebookError, BoardpackError):
        return False
    return True


def _frozen(values: Values) -> str:
    digest = hashlib.sha256(repr((values.report, sorted(values.kpis.items()))).encode())
    for frame in (values.frame, *(listed.frame for listed in values.listings.values())):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _hash_of(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        found = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path}\0{len(found)}\0".encode() + found)
    return digest.hexdigest()


def _facts_of(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(paths) if p.exists()]


def _data_files(workspace: Workspace) -> Iterator[Path]:
    """The files of the workspace that its tables come from, as far as its settings name them."""
    warehouse, root = workspace.settings.warehouse, workspace.root
    named = [*warehouse.files.values(), *([warehouse.duckdb] if warehouse.duckdb else [])]
    selects = [*warehouse.views.values()]
    selects += [path.read_text("utf-8", "replace") for path in (root / "sources").glob("*.yml")]
    named += [name for select in selects for name in _QUOTED.findall(select) if "." in name]
    for name in dict.fromkeys(named):
        try:
            found = list(root.glob(name))
        except (ValueError, OSError, NotImplementedError):
            continue
        yield from (path for path in found if path.is_file() and path.is_relative_to(root))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
