"""Units: what a formula comes to, as far as its parts tell, against what its KPI says it is.

A count, a ratio and a score have none; a percent is a share times 100; hours divided by 24 are
days. What a sum of a column is in nobody has said, so whatever it goes into is taken as right:
nonsense is found, sense let pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from boardpack.engine.estimates import ESTIMATES
from boardpack.engine.expressions import parse
from boardpack.engine.functions import COUNTING, Calls, spaced

#: Units that are plain numbers.
PLAIN = ("count", "ratio", "score")
#: Units of time that have one length -> how many of them an hour has. Months have several.
IN_AN_HOUR = {
    "milliseconds": 3_600_000.0, "seconds": 3600.0, "minutes": 60.0, "hours": 1.0, "days": 1 / 24,
}  # fmt: skip
TIMES = (*IN_AN_HOUR, "months")


class UnitError(ValueError):
    """Units that do not go together; the message says which."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Unit:
    """Powers of units (``{"currency": 1}``), and how often it was multiplied by a hundred.

    ``factor`` is what else it was multiplied by, and is told by no unit.
    """

    powers: Mapping[str, int] = field(default_factory=dict)
    hundreds: int = 0
    factor: float = 1.0

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """The unit of a product, or of a quotient with ``sign`` -1."""
        powers = dict(self.powers)
        for name, power in other.powers.items():
            powers[name] = powers.get(name, 0) + sign * power
        return Unit(
            {name: power for name, power in powers.items() if power},
            self.hundreds + sign * other.hundreds,
            self.factor * (other.factor or 1.0) ** sign,
        )

    @property
    def time(self) -> str:
        """The unit of time it is in, "" for what is no time, or not time alone."""
        (name, power), *more = self.powers.items() or [("", 0)]
        return name if name in TIMES and power == 1 and not more else ""

    def converted(self) -> Unit:
        """The unit of time that its factor makes of it: hours divided by 24 are days."""
        own = IN_AN_HOUR.get(self.time)
        for name, in_hour in IN_AN_HOUR.items():
            if own and name != self.time and math.isclose(abs(self.factor), in_hour / own):
                return Unit({name: 1}, self.hundreds)
        return self

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


def of_measure(value: str, columns: Mapping[str, Unit | None]) -> Unit | None:
    """What a measure is in, as far as its expression tells; ``columns`` are those of a panel.

    >>> str(of_measure("percentile(hours_between(began, ended), 0.5)", {}))
    'hours'
    >>> of_measure("sum(amount)", {}) is None
    True
    """
    found = _Reader({}, columns).read(parse(spaced(value)))
    return found if isinstance(found, Unit) else None


def check(
    formula: str, unit: str, kpis: Mapping[str, str], measures: Mapping[str, Unit | None]
) -> None:
    """`UnitError` when a formula cannot have the unit that is said of it.

    ``kpis`` gives the unit of each KPI it names, ``measures`` that of each measure, None where
    nothing tells it.

    >>> check("100 * (a - b) / b", "percent", {"a": "currency", "b": "currency"}, {})
    >>> check("a / b", "percent", {"a": "currency", "b": "currency"}, {})
    Traceback (most recent call last):
    boardpack.engine.units.UnitError: it comes to a plain number; a percent is a share times 100
    """
    node = Calls().written_out(parse(spaced(formula)).copy())
    found = _Reader(kpis, measures).read(node)
    if not isinstance(found, Unit):
        return
    found = found.converted()
    wanted = unit_of(unit)
    if found.powers.get("currency", 0) != wanted.powers.get("currency", 0):
        raise UnitError(f"it comes to {found}, not to {unit}")
    if unit == "percent" and found.hundreds != 1:
        raise UnitError(f"it comes to {found}; a percent is a share times 100")
    if unit == "currency" and found.hundreds:
        raise UnitError(f"it comes to {found}; divide a percent by 100 before it is multiplied")
    # A ratio and a score may weigh time against what was never measured in any.
    if found.time and found.time != unit and unit not in ("ratio", "score"):
        _check_time(formula, unit, found)


def _check_time(formula: str, unit: str, found: Unit) -> None:
    """Time in one unit is not time in another, unless a number that is no mistake makes it so."""
    if unit not in TIMES:
        if found.factor == 1:
            raise UnitError(
                f"it comes to {found.time}",
                f"divide it by what is time as well, or write unit: {found.time}",
            )
        return
    if unit not in IN_AN_HOUR or found.time not in IN_AN_HOUR:
        if found.factor == 1:
            raise UnitError(
                f"it comes to {found.time}",
                f"multiply or divide by as many {found.time} as {unit} have, or write unit:"
                f" {found.time}",
            )
        return
    needed = IN_AN_HOUR[unit] / IN_AN_HOUR[found.time]
    by = f"{max(needed, 1 / needed):.0f}"
    if math.isclose(abs(found.factor), 1 / needed):
        wrong, right = ("divides", "multiply") if needed > 1 else ("multiplies", "divide")
        raise UnitError(f"it {wrong} {found.time} by {by}", f"{right} by {by} instead")
    if found.factor == 1:
        written = f"({formula})" if re.search(r"\W", formula) else formula
        by = f"{by} * {written}" if needed > 1 else f"{written} / {by}"
        raise UnitError(
            f"it comes to {found.time}",
            f"write formula: {by}, or convert it inside the measure, or write unit: {found.time}",
        )


@dataclass(frozen=True)
class _Reader:
    kpis: Mapping[str, str]
    measures: Mapping[str, Unit | None]

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
        if isinstance(node, (exp.Nullif, exp.Sum, exp.Min, exp.Max)):
            return self.read(node.this)
        if isinstance(node, exp.Count):
            return Unit()
        if isinstance(node, exp.Anonymous):
            return self._called(node)
        for inner in node.iter_expressions():
            self.read(inner)
        return None

    def _name(self, written: str) -> _Found:
        name, _, of_goal = written.partition("@")[0].partition("$")
        what = of_goal.partition("$")[0]
        if what in ("met", "weight", *COUNTING):
            return Unit()
        if name in self.measures:
            return self.measures[name]
        return unit_of(self.kpis[name]) if name in self.kpis else None

    def _called(self, node: exp.Anonymous) -> _Found:
        name, given = node.name.lower(), node.expressions
        if name == "hours_between":
            return Unit({"hours": 1})
        if name in ESTIMATES:
            return Unit({given[-1].name: 1})
        if name == "trailing_distinct":
            return Unit()
        return self.read(given[0]) if name == "percentile" else None

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
            apart = found.powers != unit.powers
            if apart and found.converted().powers == unit.converted().powers:
                known[0], apart = (first, unit.converted()), False
            if apart or (named and mixed):
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
    return Unit(hundreds=1) if found.value == 100 else Unit(factor=found.value)
