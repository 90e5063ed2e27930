"""The rows of a listing: one statement, over the same as-of slice that the KPIs read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from boardpack.engine.columns import column_sql, dimensions
from boardpack.engine.listings import GROUP, ROW, Expression, Listing, Listings
from boardpack.engine.rows import apart
from boardpack.engine.rows import rows as row_stage
from boardpack.engine.windows import Buckets
from boardpack.errors import DefinitionError, RunError
from boardpack.periods import Period
from boardpack.sql_texts import quoted_text
from boardpack.warehouse import Slice

#: What stands where a column is about a person and the listing does not say that it is shown.
MASKED = "masked"

_NUMBERS = ("number", "percent", "currency")


def unavailable(listings: Listings, slice_: Slice, name: str, segment: str = "") -> str:
    """Why a listing has no rows here: a table or column is not connected; "" when it has."""
    listing = listings[name]
    lacking = sorted(slice_.missing(listing.source))
    if not lacking:
        lacking = sorted(f"{t}.{c}" for t, c in listings.needs(name) if c in slice_.lacks(t))
    if lacking:
        return f"not connected: {', '.join(lacking)}"
    if segment and "segment" not in dimensions(slice_.declared, listing.source):
        return "cannot be split by segment"
    return ""


def statement(slice_: Slice, listing: Listing, period: Period, segment: str = "") -> str:
    """SQL for all rows of a listing in DuckDB's dialect: key, columns, group, order, no order yet.

    Rows are sorted when they are there, so that every engine gives them in the same order.
    """
    sources = slice_.declared
    source = sources[listing.source]
    split = ["segment"] if segment else []
    first, after = listing.window.days(period)
    time = str(source.time)
    used = {time, *source.key, *listing.latest_of}
    for expression in listing.expressions:
        used.update(expression.columns)

    def column(name: str) -> str:
        return apart(column_sql(sources, source, name), split)

    def written(expression: Expression) -> str:
        return expression.sql(column, slice_.as_of.isoformat())

    stage = row_stage(
        slice_, source, used, split, Buckets.of([first, after]), open_start=first is None,
        others=split,
    )  # fmt: skip
    conditions = []
    if segment:
        stage = f'SELECT * FROM (\n{stage}\n) AS members WHERE "segment" = {quoted_text(segment)}'
    if listing.latest_of:
        of = ", ".join(column(name) for name in listing.latest_of)
        newest = ", ".join(f"{column(name)} DESC" for name in (time, *source.key))
        stage = (
            f"SELECT *, ROW_NUMBER() OVER (PARTITION BY {of} ORDER BY {newest}) AS place"
            f" FROM (\n{stage}\n) AS all_of_them"
        )
        conditions.append("place = 1")
    if listing.where is not None:
        conditions.append(f"({written(listing.where)})")
    selected = [f"{column(name)} AS key{i}" for i, name in enumerate(source.key)]
    for i, shown in enumerate(listing.columns):
        sql = written(shown.value)
        if shown.is_masked:
            sql = f"CASE WHEN ({sql}) IS NULL THEN NULL ELSE '{MASKED}' END"
        elif shown.kind in _NUMBERS:
            sql = f"CAST({sql} AS DOUBLE)"
        selected.append(f"{sql} AS cell{i}")
    selected.append(f"{written(listing.group) if listing.group else 'NULL'} AS heading")
    selected += [f"{written(by)} AS order{i}" for i, (by, _) in enumerate(listing.order)]
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {', '.join(selected)}\nFROM (\n{stage}\n) AS listed{where}"


def rows(slice_: Slice, listing: Listing, period: Period, segment: str = "") -> pd.DataFrame:
    """All rows of a listing as of the slice's day, in their order: `ROW`, its columns, `GROUP`.

    Texts are text, days ``date``, numbers float; None where there is nothing. Raises `RunError`
    with the engine's own words, and `DefinitionError` for what its dialect cannot say exactly.
    """
    try:
        found = slice_.rows(statement(slice_, listing, period, segment))
    except (RunError, DefinitionError) as error:
        raise type(error)(
            f"listing {listing.id!r}: {error.message}", file=listing.file, line=listing.line
        ) from None
    source = slice_.declared[listing.source]
    keys, cells = len(source.key), len(listing.columns)
    heading = keys + cells
    found.sort(key=lambda row: tuple(map(_comparable, row[:keys])))
    for i, (_, is_down) in reversed(list(enumerate(listing.order, start=heading + 1))):
        _sort(found, i, down=is_down)
    if listing.group is not None:
        # Groups come in the order of their first rows, each whole.
        places: dict[object, int] = {}
        for row in found:
            places.setdefault(row[heading], len(places))
        found.sort(key=lambda row: places[row[heading]])
    named: dict[str, list[Any]] = {
        ROW: [" / ".join(str(_plain(part, slice_.zone)) for part in row[:keys]) for row in found]
    }
    for i, shown in enumerate(listing.columns, start=keys):
        named[shown.name] = [_cell(row[i], slice_.zone) for row in found]
    named[GROUP] = [_cell(row[heading], slice_.zone) for row in found]
    return _frame(listing, named)


def empty(listing: Listing) -> pd.DataFrame:
    """The frame of a listing without rows."""
    names = (ROW, *(column.name for column in listing.columns), GROUP)
    return _frame(listing, {name: [] for name in names})


def _frame(listing: Listing, named: Mapping[str, list[Any]]) -> pd.DataFrame:
    kinds = {column.name: column.kind for column in listing.columns if not column.is_masked}
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype="float64" if kinds.get(name) in _NUMBERS else "object")
            for name, values in named.items()
        }
    )


def _sort(found: list[tuple[Any, ...]], i: int, *, down: bool) -> None:
    """Sort by a column, what has nothing in it last, whichever way the others go."""
    there = [row for row in found if row[i] is not None]
    there.sort(key=lambda row: _comparable(row[i]), reverse=down)
    found[:] = [*there, *(row for row in found if row[i] is None)]


def _comparable(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value


def _plain(value: Any, zone: ZoneInfo) -> Any:
    """A moment as the company's day."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(zone).date()
    return value


def _cell(value: Any, zone: ZoneInfo) -> Any:
    plain = _plain(value, zone)
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    return plain if plain is None or isinstance(plain, (str, date, float)) else str(plain)


def facts(listing: Listing) -> Mapping[str, object]:
    """What a page says of a listing beside its rows; see `listed.Listed`."""
    return {
        "id": listing.id,
        "title": listing.title,
        "window": listing.window.kind,
        "limit": listing.limit,
        "owner": listing.owner,
        "notes": listing.notes,
        "source": listing.source,
        "columns": [
            {
                "name": column.name,
                "head": column.head,
                "kind": "text" if column.is_masked else column.kind,
                "moods": dict(column.moods),
            }
            for column in listing.columns
        ],
    }
