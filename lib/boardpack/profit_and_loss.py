"""The profit and loss statement: lines of the ledger by month, with totals, margins and plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from boardpack import cautions
from boardpack.blocks import Shown, Text
from boardpack.errors import UserError
from boardpack.facts import KpiFacts
from boardpack.formats import Formatter
from boardpack.markup import (
    Box,
    Column,
    Line,
    NoValue,
    Number,
    Paragraph,
    Piece,
    Span,
    Strong,
    Table,
    text,
)
from boardpack.periods import Period
from boardpack.values import Values


@dataclass(frozen=True)
class StatementLine:
    """A row of a statement: an amount, a total, or a margin of a total in percent of revenue.

    ``plan`` is the KPI with its budget, ``of`` the amount that a margin is of.
    """

    kpi: str
    role: Literal["amount", "total", "margin"] = "amount"
    plan: str = ""
    of: str = ""


REVENUE = "total_revenue"

#: From revenue to what is left of it.
PROFIT_AND_LOSS = (
    StatementLine(REVENUE, "total", "revenue_budget"),
    StatementLine("cost_of_goods_sold", plan="cost_of_goods_sold_budget"),
    StatementLine("gross_profit", "total", "gross_profit_budget"),
    StatementLine("gross_margin", "margin", of="gross_profit"),
    StatementLine("sales_expenses", plan="sales_expenses_budget"),
    StatementLine("marketing_expenses", plan="marketing_expenses_budget"),
    StatementLine("development_expenses", plan="development_expenses_budget"),
    StatementLine("administration_expenses", plan="administration_expenses_budget"),
    StatementLine("operating_expenses", "total", "operating_expenses_budget"),
    StatementLine("ebitda", "total", "ebitda_budget"),
    StatementLine("ebitda_margin", "margin", of="ebitda"),
    StatementLine("depreciation_amortisation", plan="depreciation_budget"),
    StatementLine("operating_profit", "total", "operating_profit_budget"),
    StatementLine("interest_expense", plan="interest_budget"),
    StatementLine("income_tax", plan="tax_budget"),
    StatementLine("net_profit", "total", "net_profit_budget"),
    StatementLine("profit_margin", "margin", of="net_profit"),
)


def statement(
    values: Values,
    lines: Sequence[StatementLine] = PROFIT_AND_LOSS,
    *,
    last: int = 3,
    compare: bool = True,
) -> Text:
    """A statement by period: the last ``last`` periods, and with ``compare`` the year to date.

    The year to date is set against the same months of last year and against budget, both the
    difference and in percent. Amounts to date are sums of the periods' figures, margins the share
    of summed revenue. Lines that are not available are left out, budgets that the notebook does not
    name as well; of an open period nothing is compared. Raises `UnknownNameError` for a KPI that
    the notebook does not name, `UserError` for ``last`` below 1.

        bp.statement(values, last=12, compare=False)
    """
    if last < 1:
        raise UserError(f"last={last} shows no period.", hint="as many periods as columns, from 1")
    known = [line for line in lines if values.is_available(line.kpi)]
    if not any(line.role != "margin" for line in known):
        return Text("")
    sheet = _Sheet(values, Formatter(values))
    periods = values.period.last(last)
    closed = values.report.status == "final"
    with_year = compare and closed
    planned = with_year and any(sheet.has_plan(line) for line in known)
    columns = [Column("", 28)]
    columns += [
        Column(" ".join(sheet.formatter.tick(period)).strip(), 10, "right") for period in periods
    ]
    if with_year:
        columns += [Column(head, 10, "right") for head in ("Year to date", "Last year", "Change")]
    if planned:
        columns += [Column(head, 10, "right") for head in ("Budget", "Variance", "Variance in %")]
    rows = []
    for line in known:
        cells: list[Line] = [_name(sheet, line), *(sheet.month(line, p) for p in periods)]
        cells += sheet.year(line) if with_year else []
        cells += sheet.against_plan(line) if planned else []
        rows.append(_styled(line, cells))
    pieces: list[Piece] = [Box("statement", (Table(tuple(columns), tuple(rows)),))]
    if compare and not closed:
        when = sheet.formatter.period(values.period)
        pieces.append(
            Box("note", (Paragraph((f"{when} is not over: nothing is compared with it.",)),))
        )
    return text(*pieces, *cautions.note(values, [line.kpi for line in known]))


@dataclass(frozen=True)
class _Sheet:
    """The figures of a statement and how they are written."""

    values: Values
    formatter: Formatter
    _sums: dict[tuple[str, bool], float | None] = field(default_factory=dict)

    def month(self, line: StatementLine, period: Period) -> Line:
        """The figure of one period."""
        return (self.formatter.figure(self.values.value(line.kpi, period)),)

    def has_plan(self, line: StatementLine) -> bool:
        """Whether the notebook names the budget of a line and it is there."""
        return line.plan in self.values.kpis and self.values.is_available(line.plan)

    def to_date(self, kpi: str, *, year_ago: bool = False) -> float | None:
        """The sum over the year so far, or over the same periods a year before; None for a gap."""
        key = kpi, year_ago
        if key not in self._sums:
            found = [
                self.values.value(kpi, period.year_ago() if year_ago else period).value
                for period in self._year
            ]
            known = [value for value in found if value is not None]
            self._sums[key] = sum(known) if len(known) == len(found) else None
        return self._sums[key]

    @property
    def _year(self) -> list[Period]:
        """The periods of the year up to the report's."""
        period = self.values.period
        start = period.ending("year").start
        found = [period]
        while found[-1].start > start:
            found.append(found[-1].shift(-1))
        return found

    def amount(self, line: StatementLine, *, year_ago: bool = False) -> float | None:
        """What a line comes to over the year so far: a sum, or a share of summed revenue."""
        if line.role != "margin":
            return self.to_date(line.kpi, year_ago=year_ago)
        part = self.to_date(line.of, year_ago=year_ago) if line.of in self.values.kpis else None
        whole = self.to_date(REVENUE, year_ago=year_ago) if REVENUE in self.values.kpis else None
        return 100 * part / whole if part is not None and whole else None

    def year(self, line: StatementLine) -> list[Line]:
        """Year to date, last year, and the change between them."""
        now, before = self.amount(line), self.amount(line, year_ago=True)
        facts = self.values.kpi(line.kpi)
        return [
            self._written(line.kpi, now, "to_date"),
            self._written(line.kpi, before, "to_date_last_year"),
            self._change(facts, now, before),
        ]

    def against_plan(self, line: StatementLine) -> list[Line]:
        """The budget to date, and how far the line is from it."""
        if not self.has_plan(line):
            return [(), (), ()]
        facts = self.values.kpi(line.kpi)
        now, plan = self.amount(line), self.to_date(line.plan)
        return [
            self._written(line.plan, plan, "to_date"),
            self._difference(facts, now, plan),
            self._change(facts, now, plan, "to_date_gap")
            if plan is None or plan > 0
            else (NoValue("of a loss there is no percentage"),),
        ]

    def _written(self, kpi: str, amount: float | None, what: str) -> Line:
        if amount is None:
            return (NoValue("not every period of the year has a figure"),)
        return (self._number(kpi, self.formatter.short(kpi, amount), what),)

    def _difference(self, facts: KpiFacts, now: float | None, base: float | None) -> Line:
        if now is None or base is None:
            return (NoValue("nothing to compare with"),)
        size = self.formatter.short(facts.id, abs(now - base))
        sign = "+" if now > base else "−" if now < base else ""
        return _judged(facts, now - base, self._number(facts.id, f"{sign}{size}", "to_date_gap"))

    def _change(
        self, facts: KpiFacts, now: float | None, base: float | None, what: str = "to_date_change"
    ) -> Line:
        if now is None or base is None:
            return (NoValue("nothing to compare with"),)
        said = self.formatter.change(facts.id, now, base)
        if said == "unchanged":
            return (Span("muted", (said,)),)
        return _judged(facts, now - base, self._number(facts.id, said, what))

    def _number(self, kpi: str, written: str, what: str) -> Number:
        return Number(Shown(kpi, self.values.period.label, "", written, what))


_SIGNS: Mapping[str, int] = {"higher": 1, "lower": -1, "range": 0}


def _judged(facts: KpiFacts, moved: float, written: Number) -> Line:
    """A difference in the colour of what it means for profit."""
    good = _SIGNS[facts.direction] * moved
    return (Span("good" if good > 0 else "bad", (written,)),) if good else (written,)


def _name(sheet: _Sheet, line: StatementLine) -> Line:
    name: Line = (sheet.values.kpi(line.kpi).name,)
    return (*name, *cautions.mark(sheet.values, line.kpi))


def _styled(line: StatementLine, cells: Sequence[Line]) -> tuple[Line, ...]:
    """Totals stand out, margins step back."""
    if line.role == "total":
        return tuple((Strong(cell),) if cell else () for cell in cells)
    if line.role == "margin":
        return ((Span("muted", cells[0]),), *cells[1:])
    return tuple(cells)
