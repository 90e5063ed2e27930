"""The allow-listed SQL that a KPI may be written in, read by a pinned sqlglot.

Expressions are data, not code: they are parsed, every node is looked up in a list, every column in
the source, and only what was understood is written out again.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from boardpack.engine.estimates import ESTIMATES, HOURS
from boardpack.engine.functions import Calls, Goal, near, spaced
from boardpack.engine.shifts import Shift

Aggregate = Literal[
    "sum", "count", "min", "max", "distinct", "percentile", "histogram_percentile", "rolling",
    "estimate",
]  # fmt: skip


class ExpressionError(ValueError):
    """An expression that is not allowed; the message says which part and what would be."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


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
    #: of a rolling distinct count: for how many days a row counts
    days: int = 0
    #: of an estimate: its name, the moment that ends a wait, the unit it is counted in
    estimate: str = ""
    until: str | None = None
    per: str = ""
    #: whether a row counts by its share of the credit
    attributed: bool = False


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

    >>> found = aggregate("count(distinct user_id)", lambda name: name)
    >>> found.kind, found.argument
    ('distinct', 'user_id')
    """
    node = parse(spaced(text))
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
        if isinstance(inner, exp.Anonymous) and inner.name.lower() == "trailing_distinct":
            return _rolling(inner, resolve)
        if isinstance(inner, exp.Anonymous) and inner.name.lower() == "attributed":
            return _attributed(inner, resolve)
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
    if isinstance(node, exp.Anonymous) and node.name.lower() in ESTIMATES:
        return _estimate(node, resolve)
    if other := _written_otherwise(node):
        raise ExpressionError(f"must be one aggregate, and {node.key}() is none", other)
    close = difflib.get_close_matches(
        node.name.lower() if isinstance(node, exp.Anonymous) else "",
        [*ESTIMATES, "percentile", "histogram_percentile"],
        n=1,
        cutoff=0.6,
    )
    raise ExpressionError(
        f"must be one aggregate, found {node.sql(dialect='duckdb')!r}: "
        "sum, count, count(distinct ...), min, max, sum(prorated(...)), percentile(...), "
        "histogram_percentile(...), sum(trailing_distinct(...)), sum(attributed(...)) "
        "or an estimate: "
        f"{', '.join(e.form for e in ESTIMATES.values())}"
        + (f"; did you mean {close[0]}?" if close else "")
    )


def _as_measure(node: exp.Expr) -> str:
    other = _written_otherwise(node)
    return f": {other}" if other else ""


def _written_otherwise(node: exp.Expr) -> str:
    """How an aggregate of other dialects is written here; "" for any other expression."""
    if isinstance(node, exp.Median):
        return f'a median is value: "percentile({_write_done(node.this)}, 0.5)"'
    if isinstance(node, (exp.Quantile, exp.PercentileCont, exp.PercentileDisc, exp.ApproxQuantile)):
        return 'a percentile is value: "percentile(x, 0.95)"'
    if isinstance(node, exp.Avg):
        x = _write_done(node.this)
        return (
            f"a mean is a formula over two measures: sum({x}) in one, count({x}) in the other,"
            " and formula: one / other"
        )
    return ""


def _estimate(node: exp.Anonymous, resolve: Resolve) -> Measured:
    """``km_median(created_at, first_value, hours)``: two moments of a row and the unit."""
    name = node.name.lower()
    given = [part for part in node.expressions if isinstance(part, exp.Column)]
    if len(node.expressions) != 3 or len(given) != 3:
        raise ExpressionError(f"write it as {ESTIMATES[name].form}")
    start, end, unit = given
    if unit.name not in HOURS:
        raise ExpressionError(f"{unit.sql()} is no unit of a wait; {' and '.join(HOURS)} are")
    return Measured(
        "estimate", _write(start, resolve), estimate=name, until=_write(end, resolve), per=unit.name
    )


#: How the touches that led to a row share the credit for it -> SQL over place and count.
CREDITS = {
    "first": "CASE WHEN {place} = 1 THEN 1.0 ELSE 0.0 END",
    "last": "CASE WHEN {place} = {count} THEN 1.0 ELSE 0.0 END",
    "linear": "1.0 / {count}",
}


def _attributed(node: exp.Anonymous, resolve: Resolve) -> Measured:
    """``attributed(acv, linear)``: an amount by each touch's share of the credit for it."""
    if len(node.expressions) != 2 or not isinstance(node.expressions[1], exp.Column):
        raise ExpressionError("write it as sum(attributed(acv, linear))")
    amount, model = node.expressions
    if model.name not in CREDITS:
        near = difflib.get_close_matches(model.name, CREDITS, n=1, cutoff=0.5)
        close = f"; did you mean {near[0]}?" if near else ""
        raise ExpressionError(f"{model.name!r} shares no credit; {', '.join(CREDITS)} do{close}")
    share = CREDITS[model.name].format(place=resolve("touch_place"), count=resolve("touch_count"))
    value = f"CAST({_write(amount, resolve)} AS DOUBLE) * ({share})"
    return Measured("sum", value, attributed=True)


def _rolling(node: exp.Anonymous, resolve: Resolve) -> Measured:
    """``trailing_distinct(user_id, 7 days)``: of each day, who was there in the 7 up to it."""
    form = "write it as sum(trailing_distinct(user_id, 7 days))"
    if len(node.expressions) != 3:
        raise ExpressionError(form)
    column, number, unit = node.expressions
    days = {"day": 1, "week": 7}.get(unit.name.lower().removesuffix("s"), 0)
    if not isinstance(column, exp.Column) or not number.name.isdigit() or not days:
        raise ExpressionError(form)
    n = int(number.name) * days
    if n < 2:
        raise ExpressionError("trailing_distinct goes back over days; of one day it is count(*)")
    return Measured("rolling", _write(column, resolve), days=n)


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
    ``100 * a / b`` the numerator is ``a``, the denominator ``b`` and the scale 100. ``shifts`` are
    names whose figure of an earlier period is needed (``mrr@12m``), ``goals`` figures of the
    scorecard (``mrr$target``); ``names`` holds every measure and KPI once, shifted or not.
    """

    value: str
    names: tuple[str, ...]
    numerator: str | None = None
    denominator: str | None = None
    scale: float = 1.0
    shifts: tuple[tuple[str, Shift], ...] = ()
    goals: tuple[Goal, ...] = ()


@lru_cache(maxsize=4096)
def formula(text: str) -> Formula:
    """Read a formula; what it may call is in `boardpack.engine.functions`.

    >>> found = formula("100 * (won - lost) / answers")
    >>> found.numerator, found.denominator, found.scale
    ('("won" - "lost")', '"answers"', 100.0)
    >>> formula("growth(mrr, 12 months)").denominator
    'CASE WHEN "mrr@12m" > 0 THEN "mrr@12m" END'
    """
    node = parse(spaced(text))
    calls = Calls()
    try:
        # What is parsed is kept for whoever reads the same text, so a copy is rewritten.
        node = calls.written_out(node.copy())
    except ValueError as error:
        raise ExpressionError(str(error)) from None
    names: list[str] = []

    def remember(name: str) -> str:
        if "." in name:
            raise ExpressionError(f"a formula names measures and KPIs, not columns: {name!r}")
        # A target is no figure of the KPI; whether it is met is read off its figure.
        kept, _, of_goal = name.partition("@")[0].partition("$")
        if not of_goal or of_goal == "met":
            names.append(kept)
        elif of_goal == "weight":
            calls.goals[Goal(kept, "weight")] = None
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
    return Formula(
        value, tuple(dict.fromkeys(names)), numerator, denominator, scale,
        tuple(calls.shifts), tuple(calls.goals),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def indispensable(text: str) -> frozenset[str]:
    """The columns that an expression cannot do without: those that no ``coalesce`` stands in for.

    >>> sorted(indispensable("errors + coalesce(timeouts, 0) + account.seats"))
    ['account.seats', 'errors']
    """
    return frozenset(
        ".".join(part.name for part in column.parts)
        for column in parse(spaced(text)).find_all(exp.Column)
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
        name = node.sql_name().lower()
        return f"{name}() cannot stand inside an expression; make it a measure{_as_measure(node)}"
    if isinstance(node, (exp.Func, exp.Anonymous)):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        return (
            f"function {name.lower()}() is not allowed; allowed are {ALLOWED_NAMES}"
            f"{near(name.lower())}"
        )
    return f"{type(node).__name__} ({node.sql()[:40]}) is not allowed; allowed are {ALLOWED_NAMES}"
