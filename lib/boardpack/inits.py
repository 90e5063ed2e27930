"""A new workspace: from files to mappings, suites and a report, checked over all rows."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from boardpack import sources as source_files
from boardpack.dialects import quoted
from boardpack.discovery import (
    Refused,
    Table,
    discover,
    drop_repeated_headers,
    expand,
    source_error,
)
from boardpack.draft_reports import Shown, draft_report
from boardpack.draft_suites import draft_suite, suite_text
from boardpack.drafts import (
    mapping_text,
    mappings,
    one_line,
    relation_name,
    row_number_column,
    view,
    yaml_text,
)
from boardpack.engine.compute import compute, unavailable
from boardpack.errors import UnknownNameError, UserError
from boardpack.guesses import Guess, choose, evidence, guess, roles
from boardpack.model import Model
from boardpack.newfolder import NewFolder
from boardpack.periods import Period
from boardpack.profiles import Profile, profile
from boardpack.sources import Source
from boardpack.warehouse import Slice, open_slice
from boardpack.workspace import SUITE, Workspace

_FAR = date(9998, 12, 31)
_DIMENSIONS = ("contract", "segment", "region", "service", "payment_method")
_CURRENCY_NAMES = ("currency", "currency_code", "waehrung", "devise", "moneda", "ccy")
#: Percent of the customers that a table of accounts has to know.
_JOINS = 50
#: Months that a report looks back over.
_MONTHS = 13
#: Members up to which a dimension is worth a table.
_MOST_MEMBERS = 12


@dataclass(frozen=True)
class Options:
    """What the person said; ``as_of`` is the day of a snapshot without one of its own."""

    company: str = ""
    currency: str = ""
    zone: str = "UTC"
    as_of: str = ""
    link: bool = False
    #: column -> what it is for, where a person knows better than its name
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnFound:
    """One column: what it holds, and what was noticed."""

    name: str
    kind: str
    holds: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableFound:
    """One table: what it was taken as, by which columns and why; or why it was left."""

    name: str
    origin: str
    rows: int
    columns: tuple[ColumnFound, ...]
    taken_as: str = ""
    score: float = 0.0
    sources: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    left: str = ""
    notes: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class _Read:
    """The tables that were found, with their profiles and what they were taken as."""

    tables: Mapping[str, Table]
    profiles: Mapping[str, Sequence[Profile]]
    chosen: Sequence[Guess]
    left: Mapping[str, str]
    refused: tuple[Refused, ...]


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
        declared = source_files.load(Workspace.open(SUITE)).declared
        read = _read(con, expand(patterns), Path(scratch), options, declared)
        seen(_shown(read))
        if not read.chosen:
            raise _nothing(read)
        try:
            progress("draft the mappings")
            new.write(_drafts(con, new, read, options, declared, Path(scratch)))
            progress("check all rows")
            found = _checked(new)
        except BaseException:
            new.undo()
            raise
    return replace(
        found, tables=_shown(read), refused=read.refused, data=tuple(new.data), files=new.places
    )


def _read(
    con: duckdb.DuckDBPyConnection, files: Sequence[Path], scratch: Path, options: Options,
    declared: Mapping[str, Source],
) -> _Read:  # fmt: skip
    found = discover(con, files, scratch)
    if not found.tables:
        raise source_error(found.refused)
    tables = {t.name: drop_repeated_headers(con, t) for t in found.tables}
    profiles = {}
    for table in tables.values():
        profiles[table.name] = [
            _with_blanks(con, table, p)
            for p in profile(con, table, options.zone)
            if p.raw.isprintable()
        ]
    bare = [t.name for t in tables.values() if t.dialect is not None and not t.dialect.header]
    told = _told(options.columns, profiles)
    chosen, left = choose(guess(profiles, declared.values(), bare, told))
    chosen = _joined(con, chosen, left, tables)
    undated = [
        g for g in chosen
        if g.shape == "customer_snapshots" and "snapshot" not in g.matches and not options.as_of
    ]  # fmt: skip
    for without in undated:
        chosen.remove(without)
        left[without.table] = (
            "looks like a snapshot of customers without a date: give the day it was taken with"
            " --as-of YYYY-MM-DD"
        )
    for mixed in [g for g in chosen if len(_currencies(profiles[g.table])) > 1]:
        chosen.remove(mixed)
        left[mixed.table] = (
            f"has amounts in several currencies ({', '.join(_currencies(profiles[mixed.table]))}):"
            " a workspace has one; split the file by currency"
        )
    return _Read(tables, profiles, chosen, left, found.refused)


def _joined(
    con: duckdb.DuckDBPyConnection, chosen: Sequence[Guess], left: dict[str, str],
    tables: Mapping[str, Table],
) -> list[Guess]:  # fmt: skip
    """The guesses, with the share of customers that a table of accounts knows; one that knows fewer
    than half of them is of other customers, and is left out."""
    accounts = next((g for g in chosen if g.shape == "accounts"), None)
    facts = next((g for g in chosen if "accounts" in g.sources and g is not accounts), None)
    if accounts is None or facts is None:
        return list(chosen)
    key, customer = accounts.matches["account_id"], facts.matches["customer"].column
    row = con.execute(
        f"SELECT 100.0 * count(*) FILTER (c IN (SELECT CAST({key.column.sql} AS VARCHAR)"
        f" FROM {quoted(accounts.table)})) / count(*) FROM (SELECT DISTINCT"
        f" CAST({customer.sql} AS VARCHAR) AS c FROM {quoted(facts.table)}) WHERE c IS NOT NULL"
    ).fetchone()
    share = float(row[0]) if row and row[0] is not None else 0.0
    found = f"{share:.0f} % of the customers of {tables[facts.table].origin} are in it"
    if share < _JOINS:
        left[accounts.table] = f"looks like accounts, but only {found}"
        return [g for g in chosen if g is not accounts]
    known = replace(key, reason=f"{key.reason}; {found}")
    joined = replace(accounts, matches={**accounts.matches, "account_id": known})
    return [joined if g is accounts else g for g in chosen]


def _told(columns: Mapping[str, str], profiles: Mapping[str, Sequence[Profile]]) -> dict[str, str]:
    """What a person said of columns, by the names that SQL has for them."""
    known = {p.raw: p.name for of_table in profiles.values() for p in of_table}
    known |= {name: name for name in known.values()}
    found = {}
    for column, role in columns.items():
        if column not in known:
            raise UnknownNameError.near("column", column, known)
        if role not in roles():
            raise UnknownNameError.near("role of a column", role, roles())
        found[known[column]] = role
    return found


def _idle(con: duckdb.DuckDBPyConnection, found: Guess, table: Table) -> int:
    """How many rows have neither a date nor an amount: there is nothing in them to count."""
    date, amount = found.column("date"), found.column("amount")
    if found.shape != "purchases" or date is None or amount is None:
        return 0
    if not date.nulls or not amount.nulls or found.column("unit_price") is not None:
        return 0
    row = con.execute(
        f"SELECT count(*) FROM {quoted(table.name)}"
        f" WHERE ({date.sql}) IS NULL AND ({amount.sql}) IS NULL"
    ).fetchone()
    return int(row[0]) if row else 0


def _currencies(profiles: Sequence[Profile]) -> list[str]:
    """The codes in a column that names the currency of each row."""
    for found in profiles:
        if found.name in _CURRENCY_NAMES and found.values:
            return [value.upper() for value, _ in found.values]
    return []


def _with_blanks(con: duckdb.DuckDBPyConnection, table: Table, found: Profile) -> Profile:
    """Say in which rows a column is blank, where another column tells them apart."""
    if not 0 < found.blanks <= 0.2 * found.rows:
        return found
    blank = f"trim({quoted(found.raw)}) = ''"
    for name in table.names:
        if name == found.raw:
            continue
        other = quoted(name)
        row = con.execute(
            f"WITH seen AS (SELECT count(DISTINCT {other}) AS number, any_value({other}) AS value"
            f" FROM {quoted(table.name)} WHERE {blank})"
            f" SELECT number, value, (SELECT count(*) FROM {quoted(table.name)} AS t"
            f" WHERE t.{other} = value) FROM seen"
        ).fetchone()
        if row and row[0] == 1 and row[1] and row[2] == found.blanks:
            return replace(
                found, notes=(*found.notes, f"they are the rows in which {name} is {row[1]}")
            )
    return found


def _nothing(read: _Read) -> UserError:
    told = "; ".join(f"{read.tables[name].origin} {why}" for name, why in read.left.items())
    return UserError(
        f"no table is like a source that KPIs know: {told}.",
        hint="say what a column is for, as --column 'MemberNo=customer'; or map the table by hand:"
        " `boardpack init DIR` without --from writes an empty workspace",
    )


def _drafts(
    con: duckdb.DuckDBPyConnection, new: NewFolder, read: _Read, options: Options,
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
        idle = _idle(con, found, table)
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
    read: _Read, tables: Mapping[str, Table], declared: Mapping[str, Source]
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
    root: Path, read: _Read, options: Options, views: Mapping[str, tuple[Table, str]],
    duckdb_path: str,
) -> str:  # fmt: skip
    currency, mark = options.currency, ""
    if not currency:
        currency, mark = _currency(read)
    text = (
        "# Drafted by `boardpack init`. Comments with `guess` or `question` are yours to settle:\n"
        "# mend the line, or delete the mark. `boardpack doctor` lists what is left.\n"
        f"company: {yaml_text(options.company or _title(root))}\n"
        f"currency: {currency}{mark}\nlocale: en_US\nzone: {options.zone}\n"
        f"confidentiality: Internal\ndimensions: [{', '.join(_dimensions(read))}]\nwarehouse:\n"
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


def _dimensions(read: _Read) -> list[str]:
    found = []
    for dimension in _DIMENSIONS:
        for chosen in read.chosen:
            column = chosen.column(dimension)
            if column is not None and 2 <= len(column.values) <= _MOST_MEMBERS:
                found.append(dimension)
    return list(dict.fromkeys(found))


def _currency(read: _Read) -> tuple[str, str]:
    words = {"eur": "EUR", "euro": "EUR", "usd": "USD", "dollar": "USD", "dollars": "USD",
             "gbp": "GBP", "chf": "CHF"}  # fmt: skip
    for chosen in read.chosen:
        codes = _currencies(read.profiles[chosen.table])
        if codes and re.fullmatch("[A-Z]{3}", codes[0]):
            return codes[0], ""
        for match in chosen.matches.values():
            if match.column.currency:
                return match.column.currency, f"   # guess 0.90: the signs in {match.column.raw}"
            for token in match.column.name.split("_"):
                if token in words:
                    return words[token], f"   # guess 0.80: the name of {match.column.raw}"
    return "USD", "   # question: in which currency are the amounts?"


def _title(root: Path) -> str:
    return root.name.replace("_", " ").replace("-", " ").strip().title() or "My company"


def _checked(new: NewFolder) -> Drafted:
    """Open the draft as a run would, over all rows; write suites and report; say the verdict."""
    from boardpack import gate

    model = Model.open(new.root)
    connected = sorted(model.sources.mappings)
    slice_ = open_slice(model.workspace, model.sources, _FAR, connected)
    try:
        known = {name: model.sources[name] for name in slice_.sources}
        spans = slice_.spans(slice_.sources)
        day = max((span.last for span in spans.values()), default=None)
        suites = {}
        for name, source in known.items():
            behind = (day - spans[name].last).days if day and name in spans else 0
            suite = draft_suite(slice_, source, known, behind)
            suites[f"expectations/{name}.json"] = suite_text(suite)
        catalogue = model.catalogue
        lacking = {
            kpi: why for kpi in catalogue.kpis if (why := unavailable(catalogue, slice_, kpi))
        }
        available = [kpi for kpi in catalogue.kpis if kpi not in lacking]
        shown = _figures(model, slice_, available, spans, day)
    finally:
        slice_.close()
    report = draft_report(shown, list(lacking), model.workspace.settings.dimensions)
    new.write(suites)
    drafted = {"notebooks/overview.ipynb": report.notebook, "reports/monthly.qmd": report.document}
    new.write(drafted if available else {})
    found = Drafted(str(new.root), (), (), (), (), tuple(available), lacking)
    if day is None:
        return found
    read = gate.load_suites(
        model.workspace.folders("expectations"),
        [model.sources[name] for name in connected],
        declared=model.sources.declared,
    )
    slice_ = open_slice(model.workspace, model.sources, day, gate.reads(read, connected))
    try:
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
    months = Period.containing(day, "month").last(_MONTHS)
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


def _shown(read: _Read) -> tuple[TableFound, ...]:
    chosen = {g.table: g for g in read.chosen}
    found = []
    for name, table in read.tables.items():
        profiles, taken = read.profiles[name], chosen.get(name)
        columns = tuple(
            ColumnFound(p.name, p.kind, evidence(p), (*p.notes, *filter(None, [p.question])))
            for p in profiles
        )
        entry = TableFound(
            name, table.origin, profiles[0].rows, columns, left=read.left.get(name, ""),
            notes=table.notes,
        )  # fmt: skip
        if taken is not None:
            reasons = {
                role: f"{match.column.name}: {match.reason}"
                for role, match in taken.matches.items()
                if role != "amount" or match != taken.matches.get("unit_price")
            }
            entry = replace(
                entry, taken_as=taken.shape, score=round(taken.score, 2), sources=taken.sources,
                reasons=reasons,
            )  # fmt: skip
        found.append(entry)
    return tuple(found)
