"""What a formula may call: figures of earlier periods, and what the scorecard says of a KPI.

Each is written out as names that the frame of figures has a column for: ``mrr@12m`` is MRR twelve
months before, ``mrr$target`` its target in the period.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from sqlglot import exp

from boardpack.engine.shifts import Shift, parse_shift

#: Function -> how it is called, for the message that refuses another way.
SHIFTED = {
    "before": "before(mrr, 1 period)",
    "change": "change(gross_margin, 12 months)",
    "growth": "growth(mrr, 12 months)",
}
OF_GOALS = {
    "target": "target(nps)",
    "baseline": "baseline(nps)",
    "met": "met(nps)",
    "threshold": "threshold(ltv_cac_ratio, healthy)",
    "on_target": "on_target()",
    "with_target": "with_target()",
    "progress": "progress()",
}
#: Those that are about every KPI with a target and a figure in the period: how many these are, how
#: many meet it, and how much of it they reach, each 1 at most, added up.
COUNTING = ("on_target", "with_target", "progress")
FUNCTIONS = {**SHIFTED, **OF_GOALS}


@dataclass(frozen=True, order=True)
class Goal:
    """A figure of the scorecard: the ``what`` of a KPI, and the ``name`` of a threshold."""

    kpi: str
    what: str
    name: str = ""

    @property
    def column(self) -> str:
        """Its column in the frame."""
        return "$".join(filter(None, (self.kpi, self.what, self.name)))

    def __str__(self) -> str:
        named = () if self.what in COUNTING else filter(None, (self.kpi, self.name))
        return f"{self.what}({', '.join(named)})"


def spaced(text: str) -> str:
    """``growth(mrr, 12 months)`` as SQL can read it: the unit as an argument of its own.

    >>> spaced("growth(mrr, 12 months) + 1")
    'growth(mrr, 12, months) + 1'
    """
    if "'" in text:
        return text
    return re.sub(r",\s*(\d+)\s+([A-Za-z]+)\s*\)", r", \1, \2)", text)


def near(name: str) -> str:
    """A hint for a function that is not there: those that sound like it."""
    found = difflib.get_close_matches(name, FUNCTIONS, n=1, cutoff=0.6)
    return f"; did you mean {FUNCTIONS[found[0]]}?" if found else ""


class Calls:
    """The calls of one formula, and what they need: names in earlier periods, goals."""

    def __init__(self) -> None:
        self.shifts: dict[tuple[str, Shift], None] = {}
        self.goals: dict[Goal, None] = {}

    def written_out(self, node: exp.Expr) -> exp.Expr:
        """The formula without calls; ValueError for one that is not called as it must be."""
        if isinstance(node, exp.Anonymous) and node.name.lower() in FUNCTIONS:
            name = node.name.lower()
            return self._shifted(name, node) if name in SHIFTED else self._goal(name, node)
        for inner in list(node.iter_expressions()):
            changed = self.written_out(inner)
            if changed is not inner:
                inner.replace(changed)
        return node

    def _shifted(self, name: str, node: exp.Anonymous) -> exp.Expr:
        try:
            now, number, unit = node.expressions
            shift = parse_shift(int(number.name), unit.name)
        except ValueError as error:
            said = f": {error}" if "stretch" in str(error) else ""
            raise ValueError(f"write it as {SHIFTED[name]}{said}") from None
        if any(isinstance(inner, exp.Anonymous) for inner in now.walk()):
            raise ValueError(f"{name}() takes measures and KPIs, and no call of a function")
        if now.find(exp.Column) is None:
            raise ValueError(f"{name}() of what is the same in every period says nothing")
        then = now.copy()
        if isinstance(then, exp.Column):
            then = self._back(then, shift)
        else:
            for column in list(then.find_all(exp.Column)):
                column.replace(self._back(column, shift))
        if name == "before":
            return exp.paren(then)
        change = exp.paren(exp.Sub(this=exp.paren(now.copy()), expression=exp.paren(then.copy())))
        if name == "change":
            return change
        # From nothing, or from less, there is no growth: a negative base would turn its sign.
        positive = exp.GT(this=then.copy(), expression=exp.Literal.number(0))
        base = exp.Case(ifs=[exp.If(this=positive, true=then)])
        hundred = exp.Mul(this=exp.Literal.number(100), expression=change)
        return exp.Div(this=hundred, expression=base)

    def _back(self, column: exp.Column, shift: Shift) -> exp.Column:
        self.shifts[column.name, shift] = None
        return exp.column(exp.to_identifier(f"{column.name}@{shift.suffix}", quoted=True))

    def _goal(self, name: str, node: exp.Anonymous) -> exp.Expr:
        given = [inner.name for inner in node.expressions if isinstance(inner, exp.Column)]
        wanted = 2 if name == "threshold" else 0 if name in COUNTING else 1
        if len(node.expressions) != wanted or len(given) != wanted:
            raise ValueError(f"write it as {OF_GOALS[name]}")
        goal = Goal(given[0] if given else "all", name, given[1] if wanted == 2 else "")
        self.goals[goal] = None
        return exp.column(exp.to_identifier(goal.column, quoted=True))
