"""The kind of every expression of a statement: what another dialect's form of it depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from sqlglot import exp

Kind = Literal[
    "int", "decimal", "double", "text", "bool", "date", "timestamp", "zoned", "time", "interval"
]
Columns = Mapping[str, Kind | None]

#: Numbers, the narrowest first: what several make together is of the widest kind.
NUMBERS: tuple[Kind, ...] = ("int", "decimal", "double")
_OF_TYPE: Mapping[str, Kind] = {
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "INT", "BIGINT", "HUGEINT", "INT128", "UTINYINT",
         "USMALLINT", "UINTEGER", "UBIGINT", "UINT"), "int"),
    **dict.fromkeys(("DECIMAL", "NUMERIC"), "decimal"),
    **dict.fromkeys(("DOUBLE", "FLOAT"), "double"),
    **dict.fromkeys(("VARCHAR", "TEXT", "CHAR", "UUID", "ENUM"), "text"),
    "BOOLEAN": "bool",
    "DATE": "date",
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATETIME"), "timestamp"),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"), "zoned"),
    "TIME": "time",
}  # fmt: skip
_CONDITIONS = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is, exp.And,
    exp.Or, exp.Not, exp.Boolean, exp.Exists, exp.NullSafeEQ, exp.NullSafeNEQ, exp.LogicalOr,
    exp.LogicalAnd, exp.RegexpLike,
)  # fmt: skip
_LIKE_ITS_ARGUMENT = (
    exp.Paren, exp.Neg, exp.Abs, exp.Min, exp.Max, exp.Sum, exp.Lead, exp.Lag, exp.Ceil, exp.Floor,
    exp.Window, exp.Alias,
    exp.Distinct, exp.Round, exp.Nullif,
)  # fmt: skip


def of_type(name: str) -> Kind | None:
    """The kind of a DuckDB type; None for one that no expression may use.

    >>> of_type("DECIMAL(18,2)"), of_type("INTEGER[]")
    ('decimal', None)
    """
    return None if name.endswith("]") else _OF_TYPE.get(name.partition("(")[0].upper())


def kind(node: exp.Expr | None) -> Kind | None:
    """What `annotate` found of a node."""
    return None if node is None else node.meta.get("kind")


def together(kinds: Iterable[Kind | None]) -> Kind | None:
    """The kind of a value that is one of several."""
    known = set(kinds) - {None}
    if known <= set(NUMBERS):
        return next((number for number in reversed(NUMBERS) if number in known), None)
    return known.pop() if len(known) == 1 else None


def annotate(
    query: exp.Expr, tables: Mapping[str, Columns], outer: Mapping[str, Columns] | None = None
) -> dict[str, Kind | None]:
    """Note the kind of every expression of a query on its nodes; returns those of its columns.

    ``tables`` are the tables it reads, by name, and ``outer`` what the query around it reads.

    >>> import sqlglot
    >>> annotate(sqlglot.parse_one("SELECT day + 1 AS day, 2.5 * n AS x FROM t", read="duckdb"),
    ...          {"t": {"day": "date", "n": "int"}})
    {'day': 'date', 'x': 'decimal'}
    """
    if isinstance(query, exp.Subquery):
        return annotate(query.this, tables, outer)
    known = dict(tables)
    ctes: Any = query.ctes if isinstance(query, exp.Query) else ()
    for cte in ctes:
        known[cte.alias] = annotate(cte.this, known)
    if isinstance(query, exp.SetOperation):
        left, right = annotate(query.left, known, outer), annotate(query.right, known, outer)
        pairs = zip(left.items(), right.values(), strict=True)
        return {name: together((a, b)) for (name, a), b in pairs}
    if not isinstance(query, exp.Select):
        raise TypeError(f"{type(query).__name__} is no query")
    joins = query.args.get("joins") or ()
    first = query.args.get("from_")
    own: dict[str, Columns] = {}
    for source in [*([first.this] if first else []), *(join.this for join in joins)]:
        own[source.alias_or_name] = _columns(source, known)
    sources = {**(outer or {}), **own}
    for part in [*query.expressions, *(j.args["on"] for j in joins if j.args.get("on")),
                 *(query.args[k] for k in ("where", "group", "having") if query.args.get(k)),
                 *(query.args.get("windows") or ())]:  # fmt: skip
        expression(part, sources, known)
    found: dict[str, Kind | None] = {}
    for part in query.expressions:
        if isinstance(part, exp.Star):
            for columns in own.values():
                found.update(columns)
        elif isinstance(part, exp.Column) and isinstance(part.this, exp.Star):
            found.update(sources.get(part.table, {}))
        else:
            found[part.alias_or_name or f"column{len(found)}"] = kind(part)
    return found


def expression(
    node: exp.Expr,
    sources: Mapping[str, Columns],
    tables: Mapping[str, Columns] | None = None,
) -> Kind | None:
    """Note the kind of an expression and of all its parts, queries over ``tables`` among them."""
    if isinstance(node, exp.Query):
        columns = annotate(node, tables or {}, sources)
        node.meta["kind"] = next(iter(columns.values()), None)
        return kind(node)
    for child in node.iter_expressions():
        expression(child, sources, tables)
    found = _kind(node, sources)
    node.meta["kind"] = found
    return found


def _columns(source: exp.Expr, known: Mapping[str, Columns]) -> Columns:
    if isinstance(source, exp.Table):
        return known.get(source.name, {})
    if isinstance(source, exp.Values):
        names = source.args["alias"].columns
        for row in source.expressions:
            expression(row, {})
        return {
            name.name: together(kind(row.expressions[place]) for row in source.expressions)
            for place, name in enumerate(names)
        }
    return annotate(source, known)


def _kind(node: exp.Expr, sources: Mapping[str, Columns]) -> Kind | None:
    if isinstance(node, exp.Column):
        if node.table:
            return sources.get(node.table, {}).get(node.name)
        found = {columns[node.name] for columns in sources.values() if node.name in columns}
        return found.pop() if len(found) == 1 else None
    if isinstance(node, exp.Literal):
        if node.is_string:
            return "text"
        return "double" if "e" in node.name.lower() else "decimal" if "." in node.name else "int"
    if isinstance(node, exp.Cast):
        return of_type(node.to.sql(dialect="duckdb"))
    if isinstance(node, _CONDITIONS):
        return "bool"
    if isinstance(node, exp.Case):
        return together(kind(part) for part in (*(i.args["true"] for i in node.args["ifs"]),
                                                node.args.get("default")))  # fmt: skip
    if isinstance(node, (exp.Coalesce, exp.Least, exp.Greatest)):
        return together(kind(part) for part in (node.this, *node.expressions))
    if isinstance(node, (exp.Add, exp.Sub)):
        return _moved(node)
    if isinstance(node, exp.Mul):
        return together((kind(node.this), kind(node.expression)))
    if isinstance(node, (exp.Div, exp.PercentileCont)):
        return "double"
    if isinstance(node, (exp.Count, exp.Grouping, exp.RowNumber, exp.Extract, exp.StrPosition)):
        return "int"
    if isinstance(node, (exp.Trim, exp.Lower)):
        return "text"
    if isinstance(node, exp.LastDay):
        return "date"
    if isinstance(node, (exp.TimestampTrunc, exp.DateTrunc)):
        return "timestamp"
    if isinstance(node, exp.Interval):
        return "interval"
    if isinstance(node, exp.AtTimeZone):
        return "timestamp"
    if isinstance(node, exp.Anonymous) and node.name.upper() == "EPOCH_US":
        return "int"
    if isinstance(node, _LIKE_ITS_ARGUMENT):
        inner = node.expressions[0] if isinstance(node, exp.Distinct) else node.this
        return kind(inner)
    return None


def _moved(node: exp.Add | exp.Sub) -> Kind | None:
    """Numbers make a number, a day moved by days a day, a moment moved by a stretch a moment."""
    left, right = kind(node.this), kind(node.expression)
    if "interval" in (left, right):
        return "timestamp"
    if left == right == "date" and isinstance(node, exp.Sub):
        return "int"
    if left == "date" or (right == "date" and isinstance(node, exp.Add)):
        return "date"
    return together((left, right))
