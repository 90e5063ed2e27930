"""The allow-listed SQL that a KPI may be written in, read by a pinned sqlglot.

Expressions are data, not code: they are parsed, every node is looked up in a list, every column in
the source, and only what was understood is written out again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

Aggregate = Literal["sum", "count", "min", "max", "distinct", "percentile", "histogram_percentile"]


class ExpressionError(ValueError):
    """An expression that is not allowed; the message says which part and what would be."""


#: Node types that may stand in an expression over rows or over other KPIs.
_ALLOWED: tuple[type[exp.Expr], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is,
    exp.And, exp.Or, exp.Not, exp.Case, exp.If, exp.Coalesce, exp.Nullif,
    exp.Least, exp.Greatest, exp.Abs, exp.Round, exp.Interval, exp.Var,
    exp.Cast, exp.DataType,
)  # fmt: skip

ALLOWED_NAMES = (
    "arithmetic, comparisons, and/or/not, in, between, is null, case, coalesce, nullif, least, "
    "greatest, abs, round, interval, cast, hours_between(start, end)"
)

Resolve = Callable[[str], str]


@dataclass(frozen=True)
class Measured:
    """One aggregate over rows: ``kind`` of ``argument`` (SQL), or ``count(*)`` when None."""

    kind: Aggregate
    argument: str | None = None
    prorated: bool = False
    quantile: float | None = None


@lru_cache(maxsize=4096)
def parse(text: str) -> exp.Expr:
    """Read an expression, not to be changed; `ExpressionError` for what is none at all.

    Kept, since planning asks again and again for the texts of the same definitions.
    """
    try:
        found = sqlglot.parse(text, read="duckdb")
    except SqlglotError as error:
        raise ExpressionError(f"cannot be read as SQL: {str(error).splitlines()[0]}") from None
    if len(found) != 1 or not isinstance(found[0], exp.Expr):
        raise ExpressionError("must be one expression")
    return found[0]


def scalar(text: str, resolve: Resolve) -> str:
    """An expression without aggregates, as SQL with its columns resolved.

    ``resolve`` turns a column as written (``amount``, ``account.segment``) into SQL, or raises.

    >>> scalar("amount > 0 and kind in ('a', 'b')", lambda name: f't."{name}"')
    't."amount" > 0 AND t."kind" IN (\\'a\\', \\'b\\')'
    """
    return _write(parse(text), resolve)


def aggregate(text: str, resolve: Resolve) -> Measured:
    """One aggregate: sum, count, count(distinct), min, max, percentile or histogram_percentile.

    ``percentile(column, 0.5)`` is exact, between two values in proportion.

    >>> aggregate("count(distinct user_id)", lambda name: name)
    Measured(kind='distinct', argument='user_id', prorated=False, quantile=None)
    """
    node = parse(text)
    if isinstance(node, exp.Count):
        inner = node.this
        if isinstance(inner, exp.Star):
            return Measured("count")
        if isinstance(inner, exp.Distinct):
            if len(inner.expressions) != 1:
                raise ExpressionError("count(distinct ...) takes one column")
            return Measured("distinct", _write(inner.expressions[0], resolve))
        return Measured("count", _write(inner, resolve))
    if isinstance(node, exp.Sum):
        inner = node.this
        if isinstance(inner, exp.Anonymous) and inner.name.lower() == "prorated":
            if len(inner.expressions) != 1:
                raise ExpressionError("prorated(...) takes one amount")
            return Measured("sum", _write(inner.expressions[0], resolve), prorated=True)
        return Measured("sum", _write(inner, resolve))
    if isinstance(node, exp.Min):
        return Measured("min", _write(node.this, resolve))
    if isinstance(node, exp.Max):
        return Measured("max", _write(node.this, resolve))
    if isinstance(node, exp.Anonymous) and node.name.lower() == "histogram_percentile":
        quantile = _share(node.expressions, "histogram_percentile takes a share")
        return Measured("histogram_percentile", quantile=quantile)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "percentile":
        quantile = _share(node.expressions[1:], "percentile takes a column and a share")
        return Measured("percentile", _write(node.expressions[0], resolve), quantile=quantile)
    raise ExpressionError(
        f"must be one aggregate, found {node.sql(dialect='duckdb')!r}: "
        "sum, count, count(distinct ...), min, max, sum(prorated(...)), percentile(...) or "
        "histogram_percentile(...)"
    )


def _share(arguments: Sequence[exp.Expr], takes: str) -> float:
    """The one argument, a number between 0 and 1."""
    try:
        (argument,) = arguments
        share = float(argument.name if isinstance(argument, exp.Literal) else "")
    except ValueError:
        raise ExpressionError(f"{takes}, such as 0.95") from None
    if not 0 < share < 1:
        raise ExpressionError(f"{takes} between 0 and 1")
    return share


@dataclass(frozen=True)
class Formula:
    """A formula over measures and KPIs, with the ratio it is, if it is one.

    ``value`` divides as double and gives null for a zero denominator, on every engine. For
    ``100 * a / b`` the numerator is ``a``, the denominator ``b`` and the scale 100.
    """

    value: str
    names: tuple[str, ...]
    numerator: str | None = None
    denominator: str | None = None
    scale: float = 1.0


def formula(text: str) -> Formula:
    """Read a formula.

    >>> found = formula("100 * (won - lost) / answers")
    >>> found.numerator, found.denominator, found.scale
    ('("won" - "lost")', '"answers"', 100.0)
    """
    node = parse(text)
    names: list[str] = []

    def remember(name: str) -> str:
        if "." in name:
            raise ExpressionError(f"a formula names measures and KPIs, not columns: {name!r}")
        names.append(name)
        return f'"{name}"'

    for inner in node.find_all(exp.Literal):
        if inner.is_string:
            raise ExpressionError(f"a formula is made of numbers, not of text: {inner.sql()}")
    value = _write(node, remember)
    numerator = denominator = None
    scale = 1.0
    top = _unwrap(node)
    if isinstance(top, exp.Div):
        left = _unwrap(top.this)
        if isinstance(left, exp.Mul) and isinstance(left.this, exp.Literal):
            scale = float(left.this.name)
            left = left.expression
        numerator = _write(left, remember)
        denominator = _write(top.expression, remember)
    return Formula(value, tuple(dict.fromkeys(names)), numerator, denominator, scale)


@lru_cache(maxsize=4096)
def indispensable(text: str) -> frozenset[str]:
    """The columns that an expression cannot do without: those that no ``coalesce`` stands in for.

    >>> sorted(indispensable("errors + coalesce(timeouts, 0) + account.seats"))
    ['account.seats', 'errors']
    """
    return frozenset(
        ".".join(part.name for part in column.parts)
        for column in parse(text).find_all(exp.Column)
        if column.find_ancestor(exp.Coalesce) is None
    )


def _unwrap(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _write(node: exp.Expr, resolve: Resolve) -> str:
    node = node.copy()
    for inner in list(node.walk()):
        # A type alone, such as `null[]`, is no value.
        if _is_hours(inner):
            continue
        stray = isinstance(inner, exp.DataType) and not isinstance(inner.parent, exp.Cast)
        if stray or not isinstance(inner, _ALLOWED):
            raise ExpressionError(_refusal(inner))
        if isinstance(inner, exp.Cast) and inner.to.this not in (
            exp.DataType.Type.DOUBLE,
            exp.DataType.Type.DATE,
            exp.DataType.Type.INT,
            exp.DataType.Type.BIGINT,
        ):
            raise ExpressionError(
                f"cast to {inner.to.sql()} is not allowed; double, date, int, bigint are"
            )

    # A Var is written as it stands: what is resolved becomes one.
    def columns(inner: exp.Expr) -> exp.Expr:
        if isinstance(inner, exp.Column):
            parts = [part.name for part in inner.parts]
            if len(parts) > 2:
                raise ExpressionError(f"{inner.sql()!r} names a table; columns and joins only")
            return exp.Var(this=resolve(".".join(parts)))
        if _is_hours(inner):
            start, end = (_write_done(moment) for moment in inner.expressions)
            return exp.Var(this=f"((EPOCH_US({end}) - EPOCH_US({start})) / 3600000000.0)")
        if isinstance(inner, exp.Div):
            # One meaning on every engine: double division, null for a zero denominator.
            return exp.Var(
                this=f"(CAST({_write_done(inner.this)} AS DOUBLE)"
                f" / NULLIF({_write_done(inner.expression)}, 0))"
            )
        return inner

    written = _write_done(_bottom_up(node, columns))
    try:
        # The parser is laxer than the engine: `a is b` ends here and not in the middle of a run.
        duckdb.extract_statements(f"SELECT {written}")
    except duckdb.Error as error:
        raise ExpressionError(f"cannot be read as SQL: {str(error).splitlines()[0]}") from None
    return written


def _is_hours(node: exp.Expr) -> bool:
    """Whether this is ``hours_between(start, end)``: hours of two moments, whatever the zone."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "hours_between":
        return False
    if len(node.expressions) != 2:
        raise ExpressionError("hours_between takes two moments, the earlier one first")
    return True


def _write_done(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb", comments=False)


def _bottom_up(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    for inner in list(node.iter_expressions()):
        changed = _bottom_up(inner, change)
        if changed is not inner:
            inner.replace(changed)
    return change(node) if not isinstance(node, exp.Var) else node


def _refusal(node: exp.Expr) -> str:
    if isinstance(node, exp.Window):
        return "window functions are not allowed"
    if isinstance(node, (exp.Subquery, exp.Select, exp.Query)):
        return "sub-queries are not allowed"
    if isinstance(node, exp.AggFunc):
        return f"{node.sql_name().lower()}() cannot stand inside an expression; make it a measure"
    if isinstance(node, (exp.Func, exp.Anonymous)):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        return f"function {name.lower()}() is not allowed; allowed are {ALLOWED_NAMES}"
    return f"{type(node).__name__} ({node.sql()[:40]}) is not allowed; allowed are {ALLOWED_NAMES}"
