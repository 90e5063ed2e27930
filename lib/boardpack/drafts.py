"""Drafts: the mappings of a new workspace, written from guesses, each guess marked in the SQL.

A mark is a comment of SQL: ``-- guess 0.88: why`` for what is likely, ``-- question: what`` for
what only a person can say. `boardpack doctor` lists the marks until they are deleted.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boardpack.discovery import Table
from boardpack.draft_selects import Out, in_cents, one_line, product_name, select
from boardpack.draft_shapes import direct, purchases, snapshots, subscriptions
from boardpack.guesses import Guess
from boardpack.profiles import Profile
from boardpack.sources import Source
from boardpack.sql_texts import quoted


@dataclass(frozen=True)
class Draft:
    """A file of ``sources/`` to be written."""

    source: str
    sql: str
    notes: str
    head: str


def view(
    found: Guess, table: Table, profiles: Sequence[Profile], paths: Sequence[str], idle: int = 0
) -> str:
    """SQL that reads a table with every column as what it holds; ``line`` numbers its rows.

    ``idle`` is the number of rows with neither a date nor an amount, which are left out.

    What several mappings share is here alone, so that a question is answered in one place.
    """
    outs = [Out("row_number() OVER ()", "line")]
    taken = {profile.name for profile in profiles}
    if "line" in taken:
        outs = [Out("row_number() OVER ()", "line_number")]
    money = {
        match.column.name for role, match in found.matches.items()
        if role in ("amount", "unit_price", "mrr", "monthly_charge", "total_charge")
    }  # fmt: skip
    for profile in profiles:
        ask = profile.question or (in_cents(profile) if profile.name in money else "")
        mark = f"question: {ask}" if ask else "; ".join(profile.notes)
        outs.append(Out(profile.sql, profile.name, mark))
    sql = f"{select(outs)}\nFROM (\n{textwrap.indent(table.select(paths), '  ')}\n)"
    price, quantity = found.column("unit_price"), found.column("quantity")
    if idle:
        date, amount = found.matches["date"].column.name, found.matches["amount"].column.name
        mark = f"guess 0.80: {idle:,} rows have neither, such as further lines of an order"
        sql = (
            f"SELECT *\nFROM (\n{textwrap.indent(sql, '  ')}\n)\n"
            f"WHERE {date} IS NOT NULL  -- {mark}\n  OR {amount} IS NOT NULL"
        )
    if price is None or quantity is None:
        return sql
    product = Out(
        f"{quantity.name} * {price.name}", product_name(found),
        f"guess {found.matches['unit_price'].score:.2f}: {price.raw} is the price of one piece,"
        f" so that {quantity.raw} times it is the amount",
    )  # fmt: skip
    return f"{select([Out('*', '*'), product])}\nFROM (\n{textwrap.indent(sql, '  ')}\n)"


def mappings(
    found: Guess, relation: str, line: str, zone: str, as_of: str, own_accounts: bool,
    declared: Mapping[str, Source],
) -> list[Draft]:  # fmt: skip
    """The mappings that a guess leads to.

    ``relation`` is the table's view and ``line`` its column with the number of the row;
    ``own_accounts`` says that another table is the accounts. ``as_of`` is the day of a snapshot.
    """
    head = (
        f"Drafted from {relation}, which looks like {found.shape.replace('_', ' ')}"
        f" (score {found.score:.2f} of 1)."
    )
    if found.shape == "purchases":
        drafted = purchases(found, relation, line, zone)
    elif found.shape == "subscriptions":
        drafted = subscriptions(found, relation, zone)
    elif found.shape == "customer_snapshots":
        drafted = snapshots(found, relation, as_of)
    else:
        drafted = [direct(found, relation, line, zone, declared[found.shape])]
    return [
        Draft(source, sql, notes, head)
        for source, sql, notes in drafted
        if source != "accounts" or not own_accounts or found.shape == "accounts"
    ]


def mapping_text(mapping: Draft) -> str:
    """The file of a mapping.

    >>> print(mapping_text(Draft("accounts", "SELECT 1 AS account_id", "One.", "Drafted.")))
    # Drafted. Marks `guess` and `question` are yours to settle: mend the line, or delete the mark.
    maps: accounts
    notes: "One."
    sql: |
      SELECT 1 AS account_id
    <BLANKLINE>
    """
    return (
        f"# {one_line(mapping.head)} Marks `guess` and `question` are yours to settle:"
        " mend the line, or delete the mark.\n"
        f"maps: {mapping.source}\nnotes: {yaml_text(mapping.notes)}\nsql: |\n"
        + textwrap.indent(mapping.sql, "  ")
        + "\n"
    )


def yaml_text(text: str) -> str:
    """A text that YAML reads as a text, whatever is in it."""
    return json.dumps(one_line(text), ensure_ascii=False)


def row_number_column(profiles: Sequence[Profile]) -> str:
    """The column of a view that numbers its rows."""
    return "line_number" if any(p.name == "line" for p in profiles) else "line"


def relation_name(table: str, taken: Mapping[str, object]) -> str:
    """The name of a table's view: none of a source, since that would connect it as it is."""
    name = table
    while name in taken:
        name += "_table"
    return quoted(name) if not re.fullmatch(r"[a-z_][a-z0-9_]*", name) else name
