"""Findings: what was found in a person's files, and what each table is taken as."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from boardpack.discovery import Refused, Table, discover, drop_repeated_headers, source_error
from boardpack.errors import UnknownNameError, UserError
from boardpack.guesses import Guess, choose, evidence, guess, roles
from boardpack.profiles import Profile, profile
from boardpack.sources import Source
from boardpack.sql_texts import quoted

_DIMENSIONS = ("contract", "segment", "region", "service", "payment_method")
_CURRENCY_NAMES = ("currency", "currency_code", "waehrung", "devise", "moneda", "ccy")
#: Percent of the customers that a table of accounts has to know.
_JOINS = 50
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
class Findings:
    """The tables that were found, with their profiles and what they were taken as."""

    tables: Mapping[str, Table]
    profiles: Mapping[str, Sequence[Profile]]
    chosen: Sequence[Guess]
    left: Mapping[str, str]
    refused: tuple[Refused, ...]


def read(
    con: duckdb.DuckDBPyConnection, files: Sequence[Path], scratch: Path, options: Options,
    declared: Mapping[str, Source],
) -> Findings:  # fmt: skip
    """Open the files, profile their columns and guess what each table is.

    `SourceError` when no file is a table, `UnknownNameError` for a column or role that
    ``options.columns`` names and that is not there.
    """
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
    return Findings(tables, profiles, chosen, left, found.refused)


def idle_rows(con: duckdb.DuckDBPyConnection, found: Guess, table: Table) -> int:
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


def dimensions(findings: Findings) -> list[str]:
    """The dimensions that a table has members for, few enough to be shown."""
    found = []
    for dimension in _DIMENSIONS:
        for chosen in findings.chosen:
            column = chosen.column(dimension)
            if column is not None and 2 <= len(column.values) <= _MOST_MEMBERS:
                found.append(dimension)
    return list(dict.fromkeys(found))


def currency(findings: Findings) -> tuple[str, str]:
    """The currency that the data name, and the mark to set beside it."""
    words = {"eur": "EUR", "euro": "EUR", "usd": "USD", "dollar": "USD", "dollars": "USD",
             "gbp": "GBP", "chf": "CHF"}  # fmt: skip
    for chosen in findings.chosen:
        codes = _currencies(findings.profiles[chosen.table])
        if codes and re.fullmatch("[A-Z]{3}", codes[0]):
            return codes[0], ""
        for match in chosen.matches.values():
            if match.column.currency:
                return match.column.currency, f"   # guess 0.90: the signs in {match.column.raw}"
            for token in match.column.name.split("_"):
                if token in words:
                    return words[token], f"   # guess 0.80: the name of {match.column.raw}"
    return "USD", "   # question: in which currency are the amounts?"


def shown(findings: Findings) -> tuple[TableFound, ...]:
    """The tables as a person is shown them."""
    chosen = {g.table: g for g in findings.chosen}
    found = []
    for name, table in findings.tables.items():
        profiles, taken = findings.profiles[name], chosen.get(name)
        columns = tuple(
            ColumnFound(p.name, p.kind, evidence(p), (*p.notes, *filter(None, [p.question])))
            for p in profiles
        )
        entry = TableFound(
            name, table.origin, profiles[0].rows, columns, left=findings.left.get(name, ""),
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


def nothing_fits(findings: Findings) -> UserError:
    """The error for tables of which none is like a source."""
    told = "; ".join(f"{findings.tables[name].origin} {why}" for name, why in findings.left.items())
    return UserError(
        f"no table is like a source that KPIs know: {told}.",
        hint="say what a column is for, as --column 'MemberNo=customer'; or map the table by hand:"
        " `boardpack init DIR` without --from writes an empty workspace",
    )


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
