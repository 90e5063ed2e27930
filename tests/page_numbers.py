"""Every number that a reader finds on a page, and which of them `shown.json` does not account for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

from boardpack.formats import Formatter
from boardpack.objectives import Target
from boardpack.periods import Period, parse_day
from boardpack.profit_and_loss import PROFIT_AND_LOSS, REVENUE
from boardpack.readings import read
from boardpack.urgency import crossing
from boardpack.values import Values

#: Parts of a page whose numbers are no figures: programs, drawings, what a definition says.
_SILENT = ("script", "style", "svg", "head")
_VOID = ("br", "img", "hr", "input", "meta", "link", "col", "wbr", "source")
_NUMBER = re.compile(r"\d+(?:[.,\u202f\u00a0]\d+)*")


class _Words(HTMLParser):
    """The text of a page outside of `_SILENT` and of the elements with these ids."""

    def __init__(self, without: Iterable[str]) -> None:
        super().__init__()
        self.without = set(without)
        self.words: list[str] = []
        self._stack: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.words.append(" ")
            return
        silent = tag in _SILENT or dict(attrs).get("id") in self.without
        self._stack.append(silent or bool(self._stack and self._stack[-1]))
        if tag not in ("span", "b", "strong", "em", "a"):
            self.words.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self._stack:
            self._stack.pop()
            if tag not in ("span", "b", "strong", "em", "a"):
                self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not (self._stack and self._stack[-1]):
            self.words.append(data)


def words_of_html(page: str, without: Iterable[str] = ()) -> str:
    """What a reader reads on an HTML page."""
    parser = _Words(without)
    parser.feed(page)
    return "".join(parser.words)


def unaccounted(text: str, shown: Iterable[str], said: Iterable[str]) -> list[str]:
    """The lines of a text with a number that none of the texts in ``shown`` and ``said`` has.

    ``said`` are whole phrases that a page may say beside figures: dates, periods, names of KPIs.
    """
    flat = "\n".join(" ".join(line.split()) for line in text.splitlines())
    phrases = {" ".join(s.split()) for s in said if re.search(r"\d", s)}
    ordered = sorted(phrases, key=len, reverse=True)
    # A phrase may go over the end of a line.
    either = "|".join(re.escape(phrase).replace(r"\ ", r"\s") for phrase in ordered)
    flat = re.sub(rf"(?<![\d.,])(?:{either})(?!\d|[.,]\d)", "·", flat)
    numbers = {number for phrase in shown for number in _NUMBER.findall(phrase)}
    found = []
    for line in flat.splitlines():
        left = [number for number in _NUMBER.findall(line) if number not in numbers]
        if left:
            found.append(f"{', '.join(left)} in: {line[:160]}")
    return found


def phrases(values: Values, periods: Iterable[str] = ()) -> Iterator[str]:
    """What a page of these values may say that has digits and is no figure: days, names, checks.

    ``periods`` are labels beyond those of the values, such as of a plan that runs ahead.
    """
    formatter, facts = Formatter(values), values.report
    # A pace may lead as far ahead as this.
    ahead = (values.period.shift(n).label for n in range(1, 61))
    labels = {*values.frame["period"].unique(), *periods, *ahead}
    for label in sorted(label for label in labels if _is_period(label)):
        period = Period.parse(label.split("/")[0], values.calendar)
        name, year = formatter.tick(period)
        yield from (formatter.period(period), f"{name} {year}".strip(), name, label)
        for day in (period.start, period.last_day):
            yield from (formatter.day(day), formatter.short_day(day), day.isoformat())
    for kpi in values.kpis.values():
        yield kpi.name
        # A name that is too long for its place in a drawing ends in an ellipsis.
        yield from (f"{kpi.name[:n].rstrip()}…" for n in range(10, len(kpi.name)))
    yield from (facts.company, facts.confidentiality, formatter.day(parse_day(facts.as_of)))
    for listed in values.listings.values():
        for name in listed.frame:
            for cell in listed.frame[name]:
                if isinstance(cell, date):
                    yield from (formatter.day(cell), formatter.short_day(cell))
    # How sure an interval is, wherever there is one.
    yield "95% between"
    for finding in facts.findings:
        yield from (finding.sentence, finding.found, finding.at_stake, finding.check, str(finding))


def _is_period(label: str) -> bool:
    return bool(re.match(r"(FY)?\d{4}", label))


def ticks(charts: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What stands at the axes of the charts of an edition, from their specs."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            found = node.get("labelExpr")
            if isinstance(found, str) and found.startswith("["):
                texts, _ = json.JSONDecoder().raw_decode(found)
                for text in texts:
                    yield from ([text] if isinstance(text, str) else text)
            for value in node.values():
                yield from walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)

    for chart in charts.values():
        yield from walk(chart["spec"])


def written_of(values: Values, shown: dict[str, str]) -> set[str]:
    """The texts that a value, target, change or gap of these frozen values may have."""
    kpi, what, formatter = shown["kpi"], shown["what"], Formatter(values)
    period = _period(values, shown["period"])
    if what.startswith("to_date"):
        return _to_date(values, kpi)
    at = values.value(kpi, period, shown["member"]).value
    if what == "value":
        return set() if at is None else _both(formatter, kpi, at)
    goals = [_target(values, kpi, p, shown["member"]) for p in (period, period.shift(1))]
    if what == "target":
        return {
            text
            for goal in goals
            if goal is not None
            for side in (goal, replace(goal, comparator=">="))
            for full in (True, False)
            for text in (
                formatter.target(kpi, side, full=full),
                *(() if isinstance(goal.value, tuple) else _both(formatter, kpi, goal.value)),
            )
        }
    if at is None:
        return set()
    if what == "gap":
        ends = [
            end
            for goal in goals
            if goal is not None
            for end in (goal.value if isinstance(goal.value, tuple) else (goal.value,))
        ]
        return {text for end in ends for text in _apart(formatter, kpi, at, end)}
    labels = values.frame["period"].unique()
    known = (values.value(kpi, _period(values, label), shown["member"]).value for label in labels)
    others = [value for value in known if value is not None]
    found = {text for other in others for text in _apart(formatter, kpi, at, other)}
    lately = crossing(read(values, kpi))
    return found | ({formatter.step(kpi, lately.step)} if lately else set())


def _period(values: Values, label: str) -> Period:
    """A period of the values by its label; one that is cut has its days behind a stroke."""
    whole, _, days = label.partition("/")
    period = Period.parse(whole, values.calendar)
    return period.first(int(days.removesuffix("d"))) if days else period


def _target(values: Values, kpi: str, period: Period, member: str) -> Target | None:
    return values.target(kpi, period, member) if member else values.target(kpi, period)


def _both(formatter: Formatter, kpi: str, value: float) -> set[str]:
    return {formatter.short(kpi, value), formatter.full(kpi, value)}


def _apart(formatter: Formatter, kpi: str, one: float, other: float) -> set[str]:
    """How far two figures are apart: relative, in points, in the unit, with a sign or without."""
    size = formatter.distance(kpi, one, other)
    step = formatter.step(kpi, one - other)
    texts = {size, step[1:], formatter.short(kpi, abs(one - other))}
    return {sign + text for text in texts for sign in ("", "+", "−")} | {"unchanged"}


def _to_date(values: Values, kpi: str) -> set[str]:
    """What a statement may say of a KPI over the year so far: sums, and the share of them."""
    formatter, year = Formatter(values), values.period.ending("year").start
    months = [values.period]
    while months[-1].start > year:
        months.append(months[-1].shift(-1))
    lines = {line.kpi: line for line in PROFIT_AND_LOSS}

    def amount(of: str, *, ago: bool) -> float:
        periods = [month.year_ago() for month in months] if ago else months
        line = lines.get(of)
        if line is not None and line.role == "margin":
            return 100 * amount(line.of, ago=ago) / amount(REVENUE, ago=ago)
        return sum(values.value(of, period).value or 0.0 for period in periods)

    now, before = amount(kpi, ago=False), amount(kpi, ago=True)
    line = lines.get(kpi)
    others = [before, *([amount(line.plan, ago=False)] if line is not None and line.plan else [])]
    found = _both(formatter, kpi, now) | _both(formatter, kpi, before)
    return found | {text for other in others for text in _apart(formatter, kpi, now, other)}
