"""SQL of a suite in the words that every engine has: what `translation` then says in one of them.

Suites are written in DuckDB's SQL. Its conveniences are spelled out here, still in that dialect: an
anti join becomes NOT EXISTS, QUALIFY a condition on a sub-select, FILTER a CASE, and a name of the
select list in HAVING what it stands for.
"""

from __future__ import annotations

from datetime import date

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

__all__ = ["ADDED", "plain"]

#: Begins the name of what is added to a query; a star at its head shows it.
ADDED = "boardpack_found"
_OWN = (exp.Anonymous, exp.Filter, exp.Day, exp.Round, exp.RegexpFullMatch)


def plain(sql: str, as_of: date) -> str:
    """The same query without what DuckDB alone has.

    Raises `ValueError` for what cannot be read, or cannot be said otherwise.

    >>> print(plain("SELECT a.id FROM a ANTI JOIN b ON b.id = a.id", date(2025, 6, 30)))
    SELECT a.id FROM a WHERE NOT EXISTS(SELECT 1 FROM b WHERE b.id = a.id)
    """
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError as error:
        raise ValueError(f"it cannot be read: {str(error).splitlines()[0]}") from None
    for node in reversed(list(tree.find_all(*_OWN))):
        told = _told(node, as_of)
        if told is not None:
            node.replace(told)
    for select in reversed(list(tree.find_all(exp.Select))):
        _without_aliases_in_having(select)
        _without_anti_joins(select)
        told = _without_qualify(select)
        if select is tree:
            tree = told
        elif told is not select:
            select.replace(told)
    for i, query in enumerate(tree.find_all(exp.Subquery)):
        if isinstance(query.parent, exp.From | exp.Join) and not query.alias:
            query.set("alias", exp.TableAlias(this=exp.to_identifier(f"{ADDED}_in_{i}")))
    return tree.sql(dialect="duckdb", comments=False)


def _told(node: exp.Expr, as_of: date) -> exp.Expr | None:
    """Another word for a part of a query; None for one that is left as it is."""
    if isinstance(node, exp.Filter):
        return _filtered(node)
    if isinstance(node, exp.Day):
        return exp.Extract(this=exp.Var(this="DAY"), expression=node.this.copy())
    if isinstance(node, exp.Round) and not node.args.get("decimals"):
        # Engines disagree on the halves of doubles.
        half = exp.Add(this=exp.Paren(this=node.this.copy()), expression=exp.Literal.number("0.5"))
        return exp.Floor(this=half)
    if isinstance(node, exp.RegexpFullMatch) and isinstance(node.expression, exp.Literal):
        whole = exp.Literal.string(f"^({node.expression.name})$")
        return exp.RegexpLike(this=node.this.copy(), expression=whole)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "getvariable":
        return exp.cast(exp.Literal.string(as_of.isoformat()), "date")
    return None


def _filtered(node: exp.Filter) -> exp.Expr:
    """An aggregate of some rows as one over what is null for the others."""
    total: exp.Expr
    total, condition = node.this.copy(), node.expression.this
    inner = total.this
    if isinstance(inner, exp.Star) or inner is None:
        inner = exp.Literal.number(1)
    if isinstance(inner, exp.Distinct):
        raise ValueError("FILTER on DISTINCT has no other form here; use CASE within")
    case = exp.Case().when(condition.copy(), inner.copy())
    total.set("this", case)
    return total


def _without_aliases_in_having(select: exp.Select) -> None:
    having = select.args.get("having")
    if having is None:
        return
    named = {e.alias: e.this for e in select.expressions if isinstance(e, exp.Alias)}
    for column in list(having.find_all(exp.Column)):
        if not column.table and column.name in named:
            column.replace(exp.paren(named[column.name].copy()))


def _without_anti_joins(select: exp.Select) -> None:
    joins = select.args.get("joins") or []
    for join in list(joins):
        if join.kind not in ("ANTI", "SEMI"):
            continue
        left, right = select.args["from_"].this, join.this
        on = join.args.get("on")
        for name in join.args.get("using") or ():
            same = exp.EQ(
                this=exp.column(name.name, right.alias_or_name),
                expression=exp.column(name.name, left.alias_or_name),
            )
            on = same if on is None else exp.and_(on, same)
        inner = exp.Select().select("1").from_(right.copy()).where(on)
        found: exp.Expr = exp.Exists(this=inner)
        joins.remove(join)
        select.where(exp.Not(this=found) if join.kind == "ANTI" else found, copy=False)


def _without_qualify(select: exp.Select) -> exp.Select:
    """Its rows with what QUALIFY looks at, in a sub-select that a WHERE looks at."""
    qualify = select.args.get("qualify")
    if qualify is None:
        return select
    inner, condition = select.copy(), qualify.this.copy()
    inner.set("qualify", None)
    names = [expression.alias_or_name for expression in inner.expressions]
    if not all(names):
        raise ValueError("with QUALIFY every column that is selected needs a name")
    holder = exp.Paren(this=condition)
    for i, window in enumerate(_windows(holder)):
        inner.select(exp.alias_(window.copy(), f"{ADDED}_{i}"), copy=False)
        window.replace(exp.column(f"{ADDED}_{i}"))
    return (
        exp.Select()
        .select(*(exp.Star() if name == "*" else exp.column(name) for name in names))
        .from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(ADDED))))
        .where(holder)
    )


def _windows(node: exp.Expr) -> list[exp.Expr]:
    """The windows of a condition, and not those of queries within it."""
    found: list[exp.Expr] = []
    for child in node.iter_expressions():
        if isinstance(child, exp.Window):
            found.append(child)
        elif not isinstance(child, exp.Query):
            found += _windows(child)
    return found
