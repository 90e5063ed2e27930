"""Kinds: whether what an expression adds, compares or sums up is a number, a text or a moment.

What an engine would refuse in the middle of a run is refused when the definition is read. A column
whose kind is not declared is taken as right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sqlglot import exp

from boardpack.engine.estimates import ESTIMATES
from boardpack.engine.expressions import ExpressionError, parse
from boardpack.engine.functions import spaced
from boardpack.sources import Source, Sources, resolve

Kind = Literal["number", "text", "truth", "moment", "stretch"]

_OF_TYPE: dict[str, Kind] = {
    "string": "text", "int": "number", "bigint": "number", "decimal": "number", "double": "number",
    "bool": "truth", "date": "moment", "timestamp": "moment",
}  # fmt: skip
#: What is no number, as messages say it; true and false count as one and zero.
_SAID = {"text": "a text", "moment": "a moment", "stretch": "a stretch of time"}
_DOES: dict[type[exp.Expr], str] = {
    exp.Add: "added", exp.Sub: "subtracted", exp.Mul: "multiplied", exp.Div: "divided",
    exp.Neg: "negated",
}  # fmt: skip
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


def check_kinds(sources: Sources, source: Source, text: str) -> None:
    """`ExpressionError` for an expression over rows of ``source`` that no engine could compute."""

    kind(text, lambda name: column_kind(sources, source, name))


def column_kind(sources: Sources, source: Source, name: str) -> Kind | None:
    """The kind of a column of ``source``, own or borrowed; None where it is not declared."""
    if source.panel_of or source.distinct_of:
        return None
    return _OF_TYPE.get(resolve(sources, source, name).type)


def kind(text: str, kind_of: Callable[[str], Kind | None]) -> Kind | None:
    """The kind of an expression's value, None where that is unknown.

    >>> kind("amount > 0", {"amount": "number"}.get), kind("2 * x", {}.get)
    ('truth', None)
    >>> kind("ended - began", dict.fromkeys(["ended", "began"], "moment").get)
    Traceback (most recent call last):
    boardpack.engine.expressions.ExpressionError: moments cannot be subtracted: ended - began
    """
    return _read(parse(spaced(text)), kind_of)


def _read(node: exp.Expr, kind_of: Callable[[str], Kind | None]) -> Kind | None:
    def of(inner: exp.Expr) -> Kind | None:
        return _read(inner, kind_of)

    if isinstance(node, exp.Column):
        return kind_of(".".join(part.name for part in node.parts))
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    if isinstance(node, exp.Interval):
        return "stretch"
    if isinstance(node, exp.Paren):
        return of(node.this)
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div)):
        return _arithmetic(node, of(node.this), of(node.expression))
    if isinstance(node, (exp.Neg, exp.Abs, exp.Round, exp.Sum, exp.Min, exp.Max)):
        return _number(node, node.this, of(node.this))
    if isinstance(node, _COMPARISONS):
        return _comparison(node, of(node.this), of(node.expression))
    if isinstance(node, exp.Anonymous):
        return _call(node, of)
    if isinstance(node, exp.Case):
        for branch in node.args["ifs"]:
            of(branch.this)
        values = [branch.args["true"] for branch in node.args["ifs"]]
        return _first([of(value) for value in [*values, node.args.get("default")] if value])
    if isinstance(node, (exp.Coalesce, exp.Least, exp.Greatest)):
        return _first([of(value) for value in (node.this, *node.expressions)])
    found = [of(inner) for inner in node.iter_expressions()]
    if isinstance(node, exp.Cast):
        return "moment" if node.to.this == exp.DataType.Type.DATE else "number"
    if isinstance(node, exp.Nullif):
        return found[0]
    return "truth" if isinstance(node, (exp.Predicate, exp.Connector, exp.Not)) else None


def _first(found: list[Kind | None]) -> Kind | None:
    return next((kind for kind in found if kind is not None), None)


def _arithmetic(node: exp.Binary, left: Kind | None, right: Kind | None) -> Kind | None:
    if left == right == "moment" and isinstance(node, exp.Sub):
        start, end = _sql(node.expression), _sql(node.this)
        raise ExpressionError(
            f"moments cannot be subtracted: {_sql(node)}",
            f"write hours_between({start}, {end}), which is in hours; divide by 24 for days,"
            " multiply by 60 for minutes",
        )
    shifts = isinstance(node, (exp.Add, exp.Sub))
    if shifts and left in ("moment", None) and right == "stretch":
        return left
    for part, found in ((node.this, left), (node.expression, right)):
        if found in _SAID:
            hint = None
            if shifts and found == "moment":
                hint = f"a stretch of time can be added: {_sql(part)} + interval 30 day"
            raise ExpressionError(
                f"{_sql(part)} is {_SAID[found]}, which cannot be {_DOES[type(node)]}:"
                f" {_sql(node)}",
                hint,
            )
    return "number" if left and right else None


def _number(node: exp.Expr, part: exp.Expr, found: Kind | None) -> Kind | None:
    if found in _SAID:
        name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key
        done = _DOES.get(type(node))
        hint = "of two moments hours_between(start, end) is a number" if found == "moment" else None
        raise ExpressionError(
            f"{_sql(part)} is {_SAID[found]}, "
            + (f"which cannot be {done}" if done else f"and {name}() takes numbers"),
            hint,
        )
    return "number"


def _comparison(node: exp.Binary, left: Kind | None, right: Kind | None) -> Kind:
    if {left, right} == {"moment", "number"}:
        moment = node.this if left == "moment" else node.expression
        raise ExpressionError(
            f"{_sql(moment)} is a moment, which is not compared with a number: {_sql(node)}",
            "compare hours_between(start, end) with it",
        )
    return "truth"


def _call(node: exp.Anonymous, of: Callable[[exp.Expr], Kind | None]) -> Kind | None:
    name, given = node.name.lower(), node.expressions
    if name == "hours_between" or name in ESTIMATES:
        for moment in given[:2]:
            found = of(moment)
            if found not in ("moment", None):
                raise ExpressionError(
                    f"{_sql(moment)} is no moment, and {name}() takes two: columns that are dates"
                    " or timestamps"
                )
        return "number"
    if name in ("percentile", "prorated", "attributed"):
        return _number(node, given[0], of(given[0]))
    return "number"


def _sql(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb", comments=False)
