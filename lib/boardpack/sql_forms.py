"""The form of each node of a statement in another dialect: its own, one of its macros, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from boardpack.sql_dialects import Dialect
from boardpack.sql_kinds import kind

#: Writes the form of a node; None for the node as it is.
_Form = Callable[["_Writer", exp.Expr], "exp.Expr | str | None"]


class Untranslatable(ValueError):
    """SQL that has no exact form in a dialect; the message says which part, and why."""


#: Node types that mean the same in every dialect, or that a macro stands for.
_ALLOWED = (
    exp.Identifier, exp.Literal, exp.Column, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Case,
    exp.If, exp.Alias, exp.Tuple, exp.TableAlias, exp.Table, exp.Select, exp.From, exp.Where,
    exp.Join, exp.Group, exp.GroupingSets, exp.CTE, exp.With, exp.Subquery, exp.Union, exp.Values,
    exp.Star, exp.Paren, exp.Null, exp.Boolean, exp.Var, exp.Interval,
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In, exp.Is, exp.And, exp.Or,
    exp.Not, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Abs, exp.Round, exp.Coalesce,
    exp.Nullif, exp.Least, exp.Greatest, exp.AtTimeZone, exp.Sum, exp.Count, exp.Min, exp.Max,
    exp.Distinct, exp.PercentileCont, exp.Grouping, exp.Window, exp.WindowSpec, exp.Lead, exp.Lag,
    exp.RowNumber, exp.Ceil, exp.Floor, exp.Order, exp.Ordered, exp.Having, exp.Exists,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.LogicalOr, exp.LogicalAnd, exp.Extract, exp.TimestampTrunc,
    exp.DateTrunc, exp.LastDay, exp.Trim, exp.Lower, exp.StrPosition, exp.Limit, exp.RegexpLike,
)  # fmt: skip
_TYPES = ("BOOLEAN", "INT", "BIGINT", "DOUBLE", "DECIMAL", "TEXT", "VARCHAR", "DATE", "TIMESTAMP",
          "TIMESTAMPNTZ", "TIME")  # fmt: skip
#: Types of whole numbers.
WHOLE = ("INT", "BIGINT")
_ORDERED = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.Least, exp.Greatest, exp.Min,
            exp.Max)  # fmt: skip
#: Patterns that every engine reads alike: no escape, no dot, no look around.
_SAME_PATTERN = re.compile(r"(?:[A-Za-z0-9_ @,;:=-]|[\[\](){}|+*^$]|(?<!\()\?)*")
_COMPARED = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Min, exp.Max)


def written(tree: exp.Expr, dialect: Dialect) -> str:
    """A tree as SQL of a dialect; `Untranslatable` for what sqlglot has no words for there."""
    try:
        return tree.sql(
            dialect=dialect.reads,
            # Where nothing is ever sent, no server says which of the names it reserves.
            identify=not dialect.tested,
            unsupported_level=sqlglot.ErrorLevel.RAISE,
            comments=False,
        )
    except SqlglotError as error:
        raise Untranslatable(str(error).splitlines()[0]) from None


def rewritten(tree: exp.Expr, dialect: Dialect, approximate: bool) -> exp.Expr:
    """The tree with the dialect's own form of what it says in its own way, inner parts first."""
    write = _Writer(dialect, approximate)
    for node in reversed(list(tree.walk(bfs=True))):
        changed = write.form(node)
        if changed is None:
            continue
        new = changed if isinstance(changed, exp.Expr) else exp.Var(this=changed)
        new.meta.setdefault("kind", kind(node))
        node.replace(new)
    return tree


@dataclass(frozen=True)
class _Writer:
    dialect: Dialect
    approximate: bool

    def form(self, node: exp.Expr) -> exp.Expr | str | None:
        """What stands for a node: a text, another node, or None for the node as it is."""
        if isinstance(node, exp.Anonymous):
            if node.name.upper() != "EPOCH_US" or len(node.expressions) != 1:
                raise Untranslatable(f"{node.name}() has no form in {self.dialect.title}")
            return self._say(self.dialect.epoch_us, node.expressions[0])
        if not isinstance(node, _ALLOWED):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} has no form in {self.dialect.title}"
            )
        if isinstance(node, _ORDERED) and any(
            kind(child) == "text" for child in node.iter_expressions()
        ) and not self._of_moments(node):  # fmt: skip
            if self.dialect.text_order and isinstance(node, _COMPARED):
                return self._compared(node)
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} orders texts, which every engine does its"
                " own way"
            )
        for type_, write in self._forms.items():
            if isinstance(node, type_):
                return write(self, node)
        return None

    @staticmethod
    def _of_moments(node: exp.Expr) -> bool:
        """A moment beside a text that means one: ``day < '2025-01-01'``."""
        kinds = [kind(child) for child in node.iter_expressions()]
        return any(found in ("date", "timestamp", "zoned", "time") for found in kinds)

    def _say(self, form: str, *arguments: exp.Expr | str) -> str:
        return form.format(
            *(a if isinstance(a, str) else written(a, self.dialect) for a in arguments)
        )

    def _compared(self, node: exp.Expr) -> exp.Expr:
        """Texts by their bytes, as DuckDB compares them."""
        compared = node.copy()
        for side in ("this", "expression"):
            if isinstance(part := node.args.get(side), exp.Expr):
                compared.set(side, exp.Var(this=self._say(self.dialect.text_order, part)))
        return compared

    def _of_month(self, node: exp.Expr) -> str:
        start = isinstance(node, exp.TimestampTrunc | exp.DateTrunc)
        form = self.dialect.month_start if start else self.dialect.month_end
        if form is None or (start and node.args["unit"].name != "MONTH"):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} has no form in {self.dialect.title}"
            )
        return self._say(form, node.this)

    def _of_text(self, node: exp.Expr) -> str:
        trim = isinstance(node, exp.Trim)
        form = self.dialect.trimmed if trim else self.dialect.place_of
        parts = [node.this] if trim else [node.this, node.args["substr"]]
        if form is None or any(
            node.args.get(name) for name in ("expression", "position", "occurrence", "collation")
        ):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} has no form in {self.dialect.title}"
            )
        return self._say(form, *parts)

    def _matched(self, node: exp.Expr) -> str:
        pattern = node.expression
        if self.dialect.matches is None or node.args.get("flag"):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} has no form in {self.dialect.title}"
            )
        if not isinstance(pattern, exp.Literal) or not _SAME_PATTERN.fullmatch(pattern.name):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} may match otherwise there: write its pattern"
                " with letters, digits, classes in brackets, groups and repetitions alone"
            )
        return self._say(self.dialect.matches, node.this, pattern)

    def _any(self, node: exp.Expr) -> str:
        form = self.dialect.bool_max
        if isinstance(node, exp.LogicalAnd):
            form = self.dialect.bool_min
        return self._say(form, node.this)

    def _moved(self, node: exp.Expr) -> str | None:
        left, right = kind(node.this), kind(node.expression)
        subtracted = isinstance(node, exp.Sub)
        if subtracted and left == right == "date":
            form = self.dialect.days_between
            return self._say(form, node.this, node.expression) if form else None
        if subtracted and left == right and left in ("timestamp", "zoned", "time"):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} is a stretch of time, which engines count"
                " in units of their own; hours_between(start, end) is the same in all"
            )
        if "date" in (left, right) and "int" in (left, right):
            day, days = (
                (node.this, node.expression) if left == "date" else (node.expression, node.this)
            )
            if not self.dialect.add_days:
                return None
            number = written(days, self.dialect)
            return self._say(self.dialect.add_days, day, f"-({number})" if subtracted else number)
        if {left, right} & {"date", "timestamp"} and None in (left, right):
            raise Untranslatable(
                f"of {node.sql(dialect='duckdb')[:80]!r} it is not known whether it moves a day"
            )
        return None

    def _divided(self, node: exp.Expr) -> exp.Expr:
        """Division of doubles, whatever is divided."""
        top = node.this
        if kind(top) != "double":
            top = exp.cast(top.copy(), "double")
        return exp.Div(this=top.copy(), expression=node.expression.copy(), typed=True, safe=False)

    def _extreme_of_several(self, node: exp.Expr) -> str | None:
        form = self.dialect.least if isinstance(node, exp.Least) else self.dialect.greatest
        if not form:
            node.set("ignore_nulls", True)
            return None
        parts = (node.this, *node.expressions)
        first, *rest = (written(part, self.dialect) for part in parts)
        for other in rest:
            first = form.format(first, other)
        return first

    def _extreme(self, node: exp.Expr) -> str | None:
        if kind(node.this) != "bool":
            return None
        form = self.dialect.bool_min if isinstance(node, exp.Min) else self.dialect.bool_max
        return self._say(form, node.this)

    def _sum(self, node: exp.Expr) -> exp.Expr | None:
        return exp.Sum(this=_counted(node.this)) if kind(node.this) == "bool" else None

    def _cast(self, node: exp.Expr) -> exp.Expr | str | None:
        assert isinstance(node, exp.Cast)
        to, of = node.to.this.name, kind(node.this)
        if to not in _TYPES:
            raise Untranslatable(f"a cast to {node.to.sql(dialect='duckdb')} is not known")
        if of == "bool" and to in (*WHOLE, "DOUBLE", "DECIMAL"):
            return exp.Cast(this=_counted(node.this), to=node.to.copy())
        if of == "text" and to not in ("TEXT", "VARCHAR") and not _constant(node.this):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} reads a text, which every engine does its"
                " own way"
            )
        if to in WHOLE and of in ("double", "decimal"):
            form = self.dialect.whole_double if of == "double" else self.dialect.whole_decimal
            if form:
                return self._say(form, node.this, node.to)
        return None

    def _round(self, node: exp.Expr) -> None:
        if kind(node.this) not in ("int", "decimal"):
            raise Untranslatable(
                f"{node.sql(dialect='duckdb')[:80]!r} rounds a double, where engines disagree on"
                " halves; round in the formula, which is computed in one place"
            )

    def _percentile(self, node: exp.Expr) -> str:
        form = self.dialect.percentile
        if form is None and self.approximate:
            form = self.dialect.approximate_percentile
        if not form:
            raise Untranslatable(f"{self.dialect.title} has no exact percentile of groups")
        return self._say(form, node.this, node.expression)

    def _at_zone(self, node: exp.Expr) -> str:
        if kind(node.this) != "zoned":
            raise Untranslatable("only a moment with a zone is read in another one")
        return self._say(self.dialect.to_utc, node.this)

    def _ordered(self, node: exp.Expr) -> exp.Expr | None:
        """By a text: byte by byte, whatever language the server sorts by."""
        form = self.dialect.text_order
        if not form or kind(node.this) != "text":
            return None
        ordered = node.copy()
        ordered.set("this", exp.Var(this=self._say(form, node.this)))
        return ordered

    def _values(self, node: exp.Expr) -> exp.Expr | None:
        """A small table, as selects where it cannot be written as values."""
        if self.dialect.values:
            return None
        alias = node.args["alias"]
        selects = [
            exp.Select(
                expressions=[
                    exp.alias_(cell.copy(), name.copy()) if not row else cell.copy()
                    for cell, name in zip(cells.expressions, alias.columns, strict=True)
                ]
            )
            for row, cells in enumerate(node.expressions)
        ]
        union: exp.Query = selects[0]
        for select in selects[1:]:
            union = exp.Union(this=union, expression=select, distinct=False)
        return exp.Subquery(this=union, alias=exp.TableAlias(this=alias.this.copy()))

    _forms: ClassVar[Mapping[type[exp.Expr], _Form]] = {
        exp.Add: _moved,
        exp.Sub: _moved,
        exp.Div: _divided,
        exp.Least: _extreme_of_several,
        exp.Greatest: _extreme_of_several,
        exp.Min: _extreme,
        exp.Max: _extreme,
        exp.Sum: _sum,
        exp.Cast: _cast,
        exp.Round: _round,
        exp.PercentileCont: _percentile,
        exp.AtTimeZone: _at_zone,
        exp.Values: _values,
        exp.Ordered: _ordered,
        exp.TimestampTrunc: _of_month,
        exp.DateTrunc: _of_month,
        exp.LastDay: _of_month,
        exp.Trim: _of_text,
        exp.StrPosition: _of_text,
        exp.RegexpLike: _matched,
        exp.LogicalOr: _any,
        exp.LogicalAnd: _any,
    }  # fmt: skip


def _constant(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal)


def _counted(condition: exp.Expr) -> exp.Expr:
    """A truth value as 1 or 0, and null as null."""
    case = (
        exp.Case()
        .when(condition.copy(), "1")
        .when(exp.Not(this=exp.Paren(this=condition.copy())), "0")
    )
    case.meta["kind"] = "int"
    return case
