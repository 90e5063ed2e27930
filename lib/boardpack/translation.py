"""A statement of the planner in another dialect: exactly, or not at all.

The text is read by the pinned sqlglot as DuckDB's. Every node must be of a type that means the
same everywhere, or have an entry in the dialect's table of macros. What was written is read again
in the other dialect, and may hold no function that its table does not know: sqlglot replaces some
by others that are only nearly the same, and says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from boardpack.sql_dialects import Dialect
from boardpack.sql_forms import WHOLE, Untranslatable, rewritten, written
from boardpack.sql_kinds import Columns, Kind, annotate, expression, kind, together


@dataclass(frozen=True)
class Relation:
    """A view ``slice.<source>``: its select in DuckDB's SQL over ``raw.<name>``.

    ``native`` is what stands for that table: a name or a sub-select, in the engine's own words.
    """

    select: str
    name: str
    native: str
    #: the columns of the table, by kind
    columns: Columns = field(default_factory=dict)


_TYPE_OF: Mapping[Kind, str] = {
    "int": "bigint", "decimal": "decimal", "double": "double", "text": "text", "bool": "boolean",
    "date": "date",
}  # fmt: skip
#: What a translation may neither lose nor add; a macro may name its argument twice, and that alone
#: may make more of the last ones.
_KEPT = (exp.Join, exp.Where, exp.Group, exp.CTE, exp.Sum, exp.Count, exp.Distinct, exp.Lead,
         exp.Lag)  # fmt: skip
_TWICE = (exp.Sum, exp.Count, exp.Distinct, exp.Lead, exp.Lag)


def translate(
    sql: str,
    dialect: Dialect,
    relations: Mapping[str, Relation] | None = None,
    *,
    approximate: bool = False,
) -> str:
    """A statement in another dialect, with ``slice.<source>`` replaced by the source's own select.

    Raises `Untranslatable` for what has no exact form there; ``approximate`` lets a percentile
    through that is none.

    >>> from boardpack.sql_dialects import SPARK
    >>> print(translate("SELECT QUANTILE_CONT(hours, 0.5) AS p50 FROM t", SPARK))
    SELECT PERCENTILE(hours, 0.5) AS p50 FROM t
    """
    tree = _parse(sql)
    tables = _inline(tree, relations or {})
    annotate(tree, {name: relation.columns for name, relation in tables.items()})
    _type_nulls(tree)
    meant = _kept(tree)
    tree = rewritten(tree, dialect, approximate)
    _check_again(meant, written(tree, dialect), dialect, approximate)
    for table in list(tree.find_all(exp.Table)):
        if not table.db and table.name in tables:
            table.set("this", exp.Var(this=tables[table.name].native))
    return f"{written(tree, dialect)}\n{dialect.tail}".rstrip()


def translate_expression(
    sql: str, dialect: Dialect, columns: Columns, *, approximate: bool = False
) -> str:
    """An expression over the columns of one table in another dialect, strictly.

    What the planner may leave to an engine, because it knows the numbers to be whole, an expression
    may not. Raises `Untranslatable`.
    """
    tree = _parse(f"SELECT {sql} AS x")
    expression(tree, {"": columns})
    for cast in tree.find_all(exp.Cast):
        if cast.to.this.name in WHOLE and kind(cast.this) in ("double", "decimal"):
            form = dialect.whole_double if kind(cast.this) == "double" else dialect.whole_decimal
            if form is None:
                raise Untranslatable("a cast to whole numbers rounds a half otherwise there")
    meant = _kept(tree)
    tree = rewritten(tree, dialect, approximate)
    _check_again(meant, written(tree, dialect), dialect, approximate)
    (found,) = tree.iter_expressions()
    return written(found.unalias(), dialect)


def quoted(name: str, dialect: Dialect) -> str:
    """A name as a dialect quotes it."""
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect.reads)


def _parse(sql: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError as error:
        raise Untranslatable(f"it cannot be read: {str(error).splitlines()[0]}") from None


def _inline(tree: exp.Expr, relations: Mapping[str, Relation]) -> dict[str, Relation]:
    """Put each source's select in the place of its view; returns the tables below, by name."""
    found: dict[str, Relation] = {}
    for table in list(tree.find_all(exp.Table)):
        if table.db != "slice":
            continue
        relation = relations[table.name]
        name = f"raw {relation.name}"
        found[name] = relation
        select = _parse(relation.select)
        for raw in select.find_all(exp.Table):
            raw.set("this", exp.to_identifier(name, quoted=True))
            raw.set("db", None)
        alias = table.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(table.name, quoted=True)
        )
        table.replace(exp.Subquery(this=select, alias=alias.copy()))
    return found


def _type_nulls(tree: exp.Expr) -> None:
    """Give a null of a union the type that its column has in another of the selects.

    DuckDB and Spark look at all of them; PostgreSQL takes the first two, and a null for a text.
    """
    for union in list(tree.find_all(exp.Union)):
        if isinstance(union.parent, exp.Union):
            continue
        selects = _united(union)
        for place in range(len(selects[0].expressions)):
            cells = [select.expressions[place] for select in selects]
            type_ = _TYPE_OF.get(together(kind(cell) for cell in cells) or "interval")
            for cell in cells:
                if isinstance(cell.unalias(), exp.Null) and type_ is not None:
                    cell.unalias().replace(exp.cast(exp.Null(), type_))


def _united(query: exp.Expr) -> list[exp.Expr]:
    if isinstance(query, exp.Union):
        return [*_united(query.left), *_united(query.right)]
    return [query]


def _kept(tree: exp.Expr) -> Counter[type]:
    return Counter(type(node) for node in tree.walk() if isinstance(node, _KEPT))


def _check_again(meant: Counter[type], text: str, dialect: Dialect, approximate: bool) -> None:
    """Read what was written: it must be SQL of the dialect, the same query, of known functions."""
    try:
        again = sqlglot.parse_one(text, read=dialect.reads)
    except SqlglotError as error:
        raise Untranslatable(
            f"what was written cannot be read as SQL of {dialect.title}:"
            f" {str(error).splitlines()[0]}"
        ) from None
    found = _kept(again)
    changed = [
        type_.__name__
        for type_ in _KEPT
        if found[type_] < meant[type_] or (found[type_] > meant[type_] and type_ not in _TWICE)
    ]
    if changed:
        raise Untranslatable(
            f"{dialect.title} would read another query: {', '.join(changed)} differ"
        )
    unknown = {_named(node) for node in again.find_all(exp.Func)} - dialect.known
    if approximate:
        unknown -= {"APPROX_QUANTILES", "APPROX_QUANTILE", "APPROX_PERCENTILE", "OFFSET"}
    if unknown:
        raise Untranslatable(f"{', '.join(sorted(unknown))} is not known to be exact there")


def _named(node: exp.Func) -> str:
    by_name = (exp.Anonymous, exp.AnonymousAggFunc, exp.ParameterizedAgg)
    return (node.name if isinstance(node, by_name) else node.sql_name()).upper()
