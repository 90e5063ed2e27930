"""Units: what a formula comes to, as far as its parts tell, against what its KPI says it is.

A count, a ratio and a score have none; a percent is a share times 100. What a sum of a column is
in nobody has said, so whatever it goes into is taken as right: nonsense is found, sense let pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from boardpack.engine.expressions import parse
from boardpack.engine.functions import COUNTING, Calls, spaced

#: Units that are plain numbers.
PLAIN = ("count", "ratio", "score")


class UnitError(ValueError):
    """Units that do not go together; the message says which."""


@dataclass(frozen=True)
class Unit:
    """Powers of units (``{"currency": 1}``), and how often it was multiplied by a hundred."""

    powers: Mapping[str, int] = field(default_factory=dict)
    hundreds: int = 0

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """The unit of a product, or of a quotient with ``sign`` -1."""
        powers = dict(self.powers)
        for name, power in other.powers.items():
            powers[name] = powers.get(name, 0) + sign * power
        return Unit(
            {name: power for name, power in powers.items() if power},
            self.hundreds + sign * other.hundreds,
        )

    def __str__(self) -> str:
        parts = [f"{n}^{power}" if power != 1 else n for n, power in sorted(self.powers.items())]
        parts += ["percent"] * max(self.hundreds, 0)
        return " × ".join(parts) or "a plain number"


@dataclass(frozen=True)
class _Number:
    """A number as it is written: it goes with any unit."""

    value: float


_Found = Unit | _Number | None


def unit_of(name: str) -> Unit:
    """What a KPI's declared unit is.

    >>> str(unit_of("percent")), str(unit_of("currency").times(unit_of("count"), -1))
    ('percent', 'currency')
    """
    if name in PLAIN:
        return Unit()
    return Unit(hundreds=1) if name == "percent" else Unit({name: 1})


def check(formula: str, unit: str, kpis: Mapping[str, str], measures: Mapping[str, str]) -> None:
    """`UnitError` when a formula cannot have the unit that is said of it.

    ``kpis`` gives the unit of each KPI it names, ``measures`` the kind of each measure's aggregate.

    >>> check("100 * (a - b) / b", "percent", {"a": "currency", "b": "currency"}, {})
    >>> check("a / b", "percent", {"a": "currency", "b": "currency"}, {})
    Traceback (most recent call last):
    boardpack.engine.units.UnitError: it comes to a plain number; a percent is a share times 100
    """
    node = Calls().written_out(parse(spaced(formula)).copy())
    found = _Reader(kpis, measures).read(node)
    if not isinstance(found, Unit):
        return
    wanted = unit_of(unit)
    if found.powers.get("currency", 0) != wanted.powers.get("currency", 0):
        raise UnitError(f"it comes to {found}, not to {unit}")
    if unit == "percent" and found.hundreds != 1:
        raise UnitError(f"it comes to {found}; a percent is a share times 100")
    if unit == "currency" and found.hundreds:
        raise UnitError(f"it comes to {found}; divide a percent by 100 before it is multiplied")


@dataclass(frozen=True)
class _Reader:
    kpis: Mapping[str, str]
    measures: Mapping[str, str]

    def read(self, node: exp.Expr) -> _Found:
        if isinstance(node, (exp.Paren, exp.Neg, exp.Abs, exp.Round)):
            return self.read(node.this)
        if isinstance(node, exp.Literal):
            return None if node.is_string else _Number(float(node.name))
        if isinstance(node, exp.Column):
            return self._name(node.name)
        if isinstance(node, (exp.Mul, exp.Div)):
            return self._product(node)
        if isinstance(node, (exp.Add, exp.Sub)):
            return self._alike(node, [node.this, node.expression])
        if isinstance(node, (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ)):
            self._alike(node, [node.this, node.expression])
            return None
        if isinstance(node, exp.Case):
            for branch in node.args["ifs"]:
                self.read(branch.this)
            values = [branch.args["true"] for branch in node.args["ifs"]]
            return self._alike(node, [*values, *filter(None, [node.args.get("default")])])
        if isinstance(node, (exp.Least, exp.Greatest, exp.Coalesce)):
            return self._alike(node, [node.this, *node.expressions])
        if isinstance(node, exp.Nullif):
            return self.read(node.this)
        for inner in node.iter_expressions():
            self.read(inner)
        return None

    def _name(self, written: str) -> _Found:
        name, _, of_goal = written.partition("@")[0].partition("$")
        what = of_goal.partition("$")[0]
        if what in ("met", "weight", *COUNTING):
            return Unit()
        if name in self.measures:
            plain = self.measures[name] in ("count", "distinct", "rolling")
            return Unit() if plain else None
        return unit_of(self.kpis[name]) if name in self.kpis else None

    def _product(self, node: exp.Mul | exp.Div) -> _Found:
        left, right = self.read(node.this), self.read(node.expression)
        if left is None or right is None:
            return None
        sign = -1 if isinstance(node, exp.Div) else 1
        if isinstance(left, _Number) and isinstance(right, _Number):
            both = left.value * right.value if sign > 0 else left.value / (right.value or 1)
            return _Number(both)
        return _plain(left).times(_plain(right), sign)

    def _alike(self, node: exp.Expr, parts: list[exp.Expr]) -> _Found:
        """The one unit of what is added, compared or chosen from."""
        read = [(part, self.read(part)) for part in parts]
        known = [(part, found) for part, found in read if isinstance(found, Unit)]
        mixed = False
        for part, found in known[1:]:
            first, unit = known[0]
            # A hundred times a plain number may be a percent or just that; names say which.
            named = isinstance(first, exp.Column) and isinstance(part, exp.Column)
            mixed |= found.hundreds != unit.hundreds
            if found.powers != unit.powers or (named and mixed):
                raise UnitError(
                    f"{first.sql(dialect='duckdb')} is {unit} and {part.sql(dialect='duckdb')} is"
                    f" {found}, which do not go together"
                )
        if mixed or any(found is None for _, found in read):
            return None
        return known[0][1] if known else read[0][1]


def _plain(found: Unit | _Number) -> Unit:
    """A number as a factor: a hundred makes a share a percent, any other leaves the unit."""
    if isinstance(found, Unit):
        return found
    return Unit(hundreds=1 if found.value == 100 else 0)
