"""A new workspace: from files to mappings, suites and a report, checked over all rows."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from boardpack import source_files
from boardpack.discovery import Refused, Table, expand
from boardpack.draft_reports import Shown, draft_report
from boardpack.draft_selects import one_line
from boardpack.draft_suites import draft_suite, suite_text
from boardpack.drafts import (
    mapping_text,
    mappings,
    relation_name,
    row_number_column,
    view,
    yaml_text,
)
from boardpack.engine.compute import compute
from boardpack.engine.plans import unavailable
from boardpack.findings import (
    Findings,
    Options,
    TableFound,
    dimensions,
    idle_rows,
    nothing_fits,
    shown,
)
from boardpack.findings import currency as currency_of
from boardpack.findings import read as read_files
from boardpack.model import Model
from boardpack.newfolder import NewFolder
from boardpack.periods import Period
from boardpack.sources import Source
from boardpack.warehouse import Slice, open_slice
from boardpack.workspace import SUITE, Workspace

_FAR = date(9998, 12, 31)
#: Months that a report looks back over.
_MONTHS = 13


@dataclass(frozen=True)
class Drafted:
    """The workspace that was written, and what it gives."""

    folder: str
    tables: tuple[TableFound, ...]
    refused: tuple[Refused, ...]
    files: tuple[str, ...]
    data: tuple[str, ...]
    available: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    checks: int = 0
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def init_empty(folder: Path, options: Options) -> Drafted:
    """A workspace with nothing but settings and comments; `WorkspaceError` when DIR holds one."""
    new = NewFolder.at(folder)
    company = options.company or _title(new.root)
    text = (
        "# A workspace: this folder. What it lacks comes from the suite.\n"
        f"company: {yaml_text(company)}\ncurrency: {options.currency or 'USD'}\nlocale: en_US\n"
        f"zone: {options.zone}\nconfidentiality: Internal\ndimensions: []   # such as [segment,"
        " region], once accounts have them\nwarehouse: {}\n"
        "# Tables come from one of these; paths lie inside this folder:\n"
        "#   duckdb: data/company.duckdb\n"
        "#   files: {orders: data/orders.parquet}\n"
        "#   views:\n#     orders: SELECT * FROM read_csv('data/orders.csv')\n"
        "# and a file of sources/ maps each onto what the KPIs know, e.g. sources/invoices.yml:\n"
        "#   maps: invoices\n#   sql: SELECT id AS invoice_id, ... FROM orders\n"
    )
    new.write({"boardpack.yml": text})
    return Drafted(str(new.root), (), (), ("boardpack.yml",), ())


def init(
    folder: Path,
    patterns: Iterable[str],
    options: Options,
    progress: Callable[[str], None] = lambda stage: None,
    seen: Callable[[tuple[TableFound, ...]], None] = lambda tables: None,
) -> Drafted:
    """Read the files that ``patterns`` name and draft a workspace in ``folder``.

    ``seen`` is told the tables as soon as they are read, before anything can be refused.
    Nothing that is there is overwritten. `WorkspaceError` when the folder holds a workspace,
    `SourceError` when no file is a table, `UserError` when no table is like a source; nothing is
    left behind then.
    """
    new = NewFolder.at(folder, link=options.link)
    progress("look at the files")
    with (
        tempfile.TemporaryDirectory(prefix="boardpack-init-") as scratch,
        duckdb.connect() as con,
    ):
        # What is read means the same whatever the machine's own zone.
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        declared = source_files.load(Workspace.open(SUITE)).declared
        read = read_files(con, expand(patterns), Path(scratch), options, declared)
        seen(shown(read))
        if not read.chosen:
            raise nothing_fits(read)
        try:
            progress("draft the mappings")
            new.write(_drafts(con, new, read, options, declared, Path(scratch)))
            progress("check all rows")
            found = _checked(new)
        except BaseException:
            new.undo()
            raise
    return replace(
        found, tables=shown(read), refused=read.refused, data=tuple(new.data), files=new.places
    )


def _drafts(
    con: duckdb.DuckDBPyConnection, new: NewFolder, read: Findings, options: Options,
    declared: Mapping[str, Source], scratch: Path,
) -> dict[str, str]:  # fmt: skip
    """The files to write, by their place; data that lies elsewhere is copied at once."""
    tables = {g.table: read.tables[g.table] for g in read.chosen}
    warehouse = _one_duckdb(read, tables, declared)
    taken: dict[str, object] = dict.fromkeys(declared)
    if warehouse is not None:
        taken |= {t.name: None for t in read.tables.values() if t.kind == "duckdb"}
    views, files = {}, {}
    own_accounts = any(g.shape == "accounts" for g in read.chosen)
    duckdb_path = ""
    for found in read.chosen:
        table, profiles = tables[found.table], read.profiles[found.table]
        idle = idle_rows(con, found, table)
        if table.kind == "duckdb" and warehouse is None:
            table = new.export(con, table)
            paths = [f"data/{table.name}.parquet"]
        elif table.kind == "duckdb":
            duckdb_path = duckdb_path or new.bring_file(table.files[0])
            table = replace(table, relation="warehouse." + table.relation.partition(".")[2])
            paths = []
        else:
            paths = new.bring(table, scratch)
        relation = relation_name(table.name, taken)
        taken[relation.strip('"')] = None
        views[relation.strip('"')] = (table, view(found, table, profiles, paths, idle))
        line = row_number_column(profiles)
        for mapping in mappings(
            found, relation, line, options.zone, options.as_of, own_accounts, declared
        ):
            place = f"sources/{mapping.source}.yml"
            if place not in files:
                files[place] = mapping_text(mapping)
    files["boardpack.yml"] = _settings(new.root, read, options, views, duckdb_path)
    return files


def _one_duckdb(
    read: Findings, tables: Mapping[str, Table], declared: Mapping[str, Source]
) -> Path | None:
    """The one DuckDB file that can be the warehouse as it is; None when its tables have to be
    written out: another table of it bears the name of a source and would be taken for it."""
    paths = {t.files[0] for t in tables.values() if t.kind == "duckdb"}
    if len(paths) != 1:
        return None
    (path,) = paths
    names = {t.name for t in read.tables.values() if t.kind == "duckdb" and t.files[0] == path}
    mapped = {source for g in read.chosen for source in g.sources}
    return None if names & set(declared) - mapped else path


def _settings(
    root: Path, read: Findings, options: Options, views: Mapping[str, tuple[Table, str]],
    duckdb_path: str,
) -> str:  # fmt: skip
    currency, mark = options.currency, ""
    if not currency:
        currency, mark = currency_of(read)
    text = (
        "# Drafted by `boardpack init`. Comments with `guess` or `question` are yours to settle:\n"
        "# mend the line, or delete the mark. `boardpack doctor` lists what is left.\n"
        f"company: {yaml_text(options.company or _title(root))}\n"
        f"currency: {currency}{mark}\nlocale: en_US\nzone: {options.zone}\n"
        f"confidentiality: Internal\ndimensions: [{', '.join(dimensions(read))}]\nwarehouse:\n"
    )
    if duckdb_path:
        text += f"  duckdb: {yaml_text(duckdb_path)}\n"
    if views:
        text += "  views:\n"
    for name, (table, sql) in views.items():
        told = "; ".join((table.origin, *table.notes))
        text += f"    # {one_line(told)}\n    {yaml_text(name)}: |\n"
        text += "".join(f"      {line}\n" for line in sql.splitlines())
    for name, why in read.left.items():
        text += f"# Not used: {one_line(read.tables[name].origin)} {why}.\n"
    return text


def _title(root: Path) -> str:
    return root.name.replace("_", " ").replace("-", " ").strip().title() or "My company"


def _checked(new: NewFolder) -> Drafted:
    """Open the draft as a run would, over all rows; write suites and report; say the verdict."""
    from boardpack import gate, gate_suites

    model = Model.open(new.root)
    connected = sorted(model.sources.mappings)
    slice_ = open_slice(model.workspace, model.sources, _FAR, connected)
    try:
        names = slice_.sources
        spans = slice_.spans(names)
        day = max((span.last for span in spans.values()), default=None)
        catalogue = model.catalogue
        lacking = {
            kpi: why for kpi in catalogue.kpis if (why := unavailable(catalogue, slice_, kpi))
        }
        available = [kpi for kpi in catalogue.kpis if kpi not in lacking]
        figures = _figures(model, slice_, available, spans, day)
    finally:
        slice_.close()
    report = draft_report(figures, list(lacking), model.workspace.settings.dimensions)
    drafted = {"notebooks/overview.ipynb": report.notebook, "reports/monthly.qmd": report.document}
    new.write(drafted if available else {})
    found = Drafted(str(new.root), (), (), (), (), tuple(available), lacking)
    # As the gate sees them, and not with what lies ahead.
    slice_ = open_slice(model.workspace, model.sources, day or _FAR, connected)
    try:
        known = {name: model.sources[name] for name in names}
        suites = {}
        for name, source in known.items():
            behind = (day - spans[name].last).days if day and name in spans else 0
            suite = draft_suite(slice_, source, known, behind)
            suites[f"expectations/{name}.json"] = suite_text(suite)
        new.write(suites)
        if day is None:
            return found
        read = gate_suites.load_suites(
            model.workspace.folders("expectations"),
            [model.sources[name] for name in connected],
            declared=model.sources.declared,
        )
        result = gate.check(slice_, connected, read)
    finally:
        slice_.close()
    return replace(
        found, verdict=result.verdict, checks=len(result.results), reasons=tuple(result.reasons)
    )


def _figures(
    model: Model, slice_: Slice, available: Sequence[str], spans: Mapping[str, Any],
    day: date | None,
) -> list[Shown]:  # fmt: skip
    """How many of the last 13 months each KPI has a figure in, and members of each dimension."""
    if day is None:
        return []
    by = model.workspace.settings.dimensions
    months = Period.containing(day, "month", model.workspace.calendar).last(_MONTHS)
    frame = compute(model.catalogue, slice_, available, months, by)
    frame = frame[frame["value"].notna()]
    found = []
    for kpi in available:
        own = frame[frame["kpi"] == kpi]
        dims = own.loc[own["dims"] != "", "dims"].drop_duplicates()
        members = Counter(text.partition("=")[0] for text in dims)
        periods = own.loc[own["dims"] == "", "period"].nunique()
        if "month" in model.catalogue[kpi].grains:
            found.append(Shown(model.catalogue[kpi], periods, members))
    return found
