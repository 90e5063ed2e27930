"""Every number that a reader finds on a page, and which of them `shown.json` does not account for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

from boardpack.formats import Formatter
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


def unaccounted(text: str, shown: Iterable[dict[str, str]], said: Iterable[str]) -> list[str]:
    """The lines of a text with a number that neither ``shown`` nor ``said`` writes.

    ``said`` are texts that a page may say beside figures: dates, periods, names of KPIs.
    """
    known = {" ".join(entry["text"].split()) for entry in shown}
    flat = "\n".join(" ".join(line.split()) for line in text.splitlines())
    for phrase in sorted({" ".join(s.split()) for s in said if s}, key=len, reverse=True):
        flat = flat.replace(phrase, "·")
    numbers = {number for phrase in known for number in _NUMBER.findall(phrase)}
    found = []
    for line in flat.splitlines():
        left = [number for number in _NUMBER.findall(line) if number not in numbers]
        if left:
            found.append(f"{', '.join(left)} in: {line[:160]}")
    return found


def phrases(values: Values) -> Iterator[str]:
    """What a page of these values may say that has digits and is no figure."""
    formatter, facts = Formatter(values), values.report
    for kpi in values.kpis.values():
        yield kpi.name
    spans = {label: values.frame for label in values.frame["period"].unique()}
    from boardpack.periods import Period

    for label in spans:
        if "/" in label:
            continue
        period = Period.parse(label, values.calendar)
        name, year = formatter.tick(period)
        yield from (formatter.period(period), f"{name} {year}".strip(), label)
        yield from (formatter.day(period.start), formatter.day(period.last_day))
        if name:
            yield name
        yield from (period.start.isoformat(), period.last_day.isoformat())
    yield from (facts.as_of, facts.period, facts.company, facts.confidentiality)
    for finding in facts.findings:
        yield from (finding.sentence, finding.found, finding.at_stake, finding.check, str(finding))
