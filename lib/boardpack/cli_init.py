"""``boardpack init``: from files of one's own to a workspace, and what to do next."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from boardpack.cli_options import json_option, print_json
from boardpack.errors import UserError

if TYPE_CHECKING:
    from boardpack.findings import TableFound
    from boardpack.inits import Drafted


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "patterns", multiple=True, metavar="FILES",
              help="CSV, Parquet or DuckDB files, such as 'data/*.csv'; repeatable.")  # fmt: skip
@click.option("--company", default="", help="Its name; default: the name of DIR.")
@click.option("--currency", default="", help="Such as EUR; default: guessed from the data.")
@click.option("--zone", default="UTC", show_default=True, help="Time zone, such as Europe/Berlin.")
@click.option("--as-of", default="", metavar="DAY",
              help="The day on which a table of customers without a date was taken.")  # fmt: skip
@click.option("--column", "columns", multiple=True, metavar="COLUMN=ROLE",
              help="What a column is for, such as 'MemberNo=customer'; repeatable.")  # fmt: skip
@click.option("--link", is_flag=True, help="Hard-link data into DIR where it would be copied.")
@json_option
def init(
    folder: Path, patterns: tuple[str, ...], company: str, currency: str, zone: str, as_of: str,
    columns: tuple[str, ...], link: bool, as_json: bool,
) -> None:  # fmt: skip
    """Draft a workspace in DIR from files of your own.

    Says what each table looks like and why, writes mappings, checks and a report, and names the
    KPIs that become available and what the others lack. Data outside DIR is copied into DIR/data.
    Nothing that is there is overwritten. Without --from, writes an empty workspace.

    \b
    Example:
      boardpack init shop --from 'exports/*.csv' --currency EUR
      boardpack doctor --workspace shop
      boardpack run monthly --workspace shop
    """
    from boardpack import findings, inits
    from boardpack.doctors import examine

    options = findings.Options(
        company, _currency(currency), _zone(zone), _day(as_of), link, _columns(columns)
    )
    tables: list[TableFound] = []

    def tell(stage: str) -> None:
        if not as_json:
            click.echo(f"  {stage} ...", err=True)

    if patterns:
        try:
            found = inits.init(folder, patterns, options, tell, tables.extend)
        except UserError:
            # What was seen of the tables helps to mend what is wrong.
            if not as_json:
                click.echo("\n".join(line for t in tables for line in _table(t)), err=True)
            raise
    else:
        found = inits.init_empty(folder, options)
    steps = examine(folder).next
    if as_json:
        print_json({**found.as_dict(), "next": [step.__dict__ for step in steps]})
        return
    for line in _told(found):
        click.echo(line)
    click.echo("\nNext:")
    for number, step in enumerate(steps, 1):
        click.echo(step.text(number))


def _currency(text: str) -> str:
    if text and not re.fullmatch(r"[A-Z]{3}", text):
        raise UserError(f"{text!r} is not a currency.", hint="write it as EUR or USD")
    return text


def _columns(texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        column, sign, role = text.rpartition("=")
        if not (column and sign and role):
            raise UserError(
                f"--column {text!r} does not say what the column is for.",
                hint="write it as --column 'MemberNo=customer'",
            )
        found[column.strip()] = role.strip()
    return found


def _zone(text: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise UserError(f"{text!r} is not a time zone.", hint="write it as Europe/Berlin") from None
    return text


def _day(text: str) -> str:
    from boardpack.periods import parse_day

    day: date | None = parse_day(text) if text else None
    return str(day) if day else ""


def _told(found: Drafted) -> Iterator[str]:
    if found.tables:
        yield f"Found {_count(len(found.tables), 'table')}:"
    for table in found.tables:
        yield from _table(table)
    if found.refused:
        yield "\nNot used:"
    for refused in found.refused:
        at = f":{refused.line}" if refused.line else ""
        yield f"  {refused.origin}{at}: {refused.reason}\n    Hint: {refused.hint}"
    yield f"\nWritten to {found.folder}:"
    yield from (f"  {place}" for place in found.data)
    yield from (f"  {place}" for place in found.files)
    if not found.tables:
        return
    total = len(found.available) + len(found.lacking)
    yield f"\nKPIs: {len(found.available)} of {total} available"
    yield from textwrap.wrap(
        ", ".join(found.available), 96, initial_indent="  ", subsequent_indent="  "
    )
    yield "  Not available, and what each lacks:"
    width = max(map(len, found.lacking), default=0)
    yield from (f"    {kpi:{width}}  {why}" for kpi, why in found.lacking.items())
    if found.verdict:
        yield f"\nAll rows checked: {found.verdict}, {_count(found.checks, 'check')}"
        yield from (f"  {why}" for why in found.reasons)


def _table(table: TableFound) -> Iterator[str]:
    yield f"\n  {table.origin}: {table.rows:,} rows"
    yield from (f"    {note}" for note in table.notes)
    width = min(max(len(column.name) for column in table.columns), 24)
    for column in table.columns:
        notes = "".join(f"; {note}" for note in column.notes)
        yield f"    {column.name:{width}}  {column.kind:9}  {column.holds}{notes}"
    if not table.taken_as:
        yield f"    not used: {table.left}"
        return
    yield (
        f"  looks like {table.taken_as.replace('_', ' ')} (score {table.score:.2f} of 1),"
        f" mapped onto {', '.join(table.sources)}:"
    )
    width = max(len(role) for role in table.reasons)
    for role, reason in table.reasons.items():
        yield f"    {role:{width}}  is {reason}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
