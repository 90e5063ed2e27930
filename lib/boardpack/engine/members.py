"""Members: a text that a definition compares with a column must be one that the column can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from boardpack.engine.definitions import Measure
from boardpack.engine.expressions import parse
from boardpack.engine.functions import spaced
from boardpack.errors import UnknownNameError
from boardpack.sources import Source, Sources, resolve


def check_members(sources: Sources, source: Source, text: str) -> None:
    """`UnknownNameError` for a text that is no value of the column it is compared with.

    Only a column that lists its ``values`` can tell, and only of a table that the workspace does
    not map onto it: what is mapped may have words of its own. ``source`` has the columns.
    """
    for name, member in compared(text):
        values = _values(sources, source, name)
        if values and member not in values:
            raise UnknownNameError.near(f"value of {name}", member, values)


def declared_members(
    sources: Sources, measures: Iterable[Measure], dimension: str
) -> tuple[str, ...]:
    """What a dimension of these measures can be; () where one of them does not tell."""
    found: dict[str, None] = {}
    for measure in measures:
        base = sources[sources[measure.source].derived_from or measure.source]
        values = _values(sources, base, base.dimensions[dimension])
        if not values:
            return ()
        found |= dict.fromkeys(values)
    return tuple(found)


def _values(sources: Sources, source: Source, column: str) -> tuple[str, ...]:
    """The values that a column lists; () where any may be in it."""
    alias = column.rpartition(".")[0]
    table = source.joins[alias].source if alias else source.placed_of or source.id
    return () if table in sources.mappings else resolve(sources, source, column).values


def compared(text: str) -> Iterator[tuple[str, str]]:
    """Each column and text that an expression compares, as written.

    >>> list(compared("stage <> 'lost' and account.segment in ('smb', 'enterprise') and n > 1"))
    [('stage', 'lost'), ('account.segment', 'smb'), ('account.segment', 'enterprise')]
    """
    for node in parse(spaced(text)).walk():
        pairs: list[tuple[exp.Expr, exp.Expr]] = []
        if isinstance(node, (exp.EQ, exp.NEQ)):
            pairs = [(node.this, node.expression), (node.expression, node.this)]
        elif isinstance(node, exp.In):
            pairs = [(node.this, option) for option in node.expressions]
        for column, value in pairs:
            if (
                isinstance(column, exp.Column)
                and isinstance(value, exp.Literal)
                and value.is_string
            ):
                yield ".".join(part.name for part in column.parts), value.name
