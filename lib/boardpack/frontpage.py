"""What page one says of the report itself: its facts, and what a reader must be warned of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from babel.dates import format_date, format_skeleton

from boardpack.markup import escape_attribute, escape_markdown
from boardpack.periods import Period, parse_day
from boardpack.values import ReportFacts

#: So many reasons stand above the answer; the gravest come first.
_MOST_REASONS = 6
_CHECKS = {
    "publish": "Passed",
    "banner": "Passed with warnings",
    "hold": "Failed",
    "not checked": "Not checked",
}


def period_name(label: str, locale: str) -> str:
    """A period as a reader says it.

    >>> period_name("2025-12", "en_US"), period_name("2025-Q4", "en_US")
    ('December 2025', 'Q4 2025')
    """
    period = Period.parse(label)
    if period.grain == "month":
        return format_skeleton("yMMMM", period.start, locale=locale)
    if period.grain == "quarter":
        return format_skeleton("yQQQ", period.start, locale=locale)
    if period.grain == "day":
        return day_name(period.start, locale)
    if period.grain == "week":
        year, week, _ = period.start.isocalendar()
        return f"Week {week}, {year}"
    return label


def day_name(day: date, locale: str) -> str:
    """A day as a reader says it: ``December 31, 2025``."""
    return format_date(day, "long", locale=locale)


def facts_list(facts: ReportFacts) -> Iterator[str]:
    """The facts under the title, as Markdown."""
    as_of = day_name(parse_day(facts.as_of), facts.locale) if facts.as_of else ""
    status = "Final" if facts.status == "final" else "Provisional"
    rows = (
        ("Period", period_name(facts.period, facts.locale)),
        ("As of", as_of),
        ("Revision", f"{facts.revision} · {status}"),
        ("Data checks", _CHECKS[facts.verdict]),
        ("Restated", _figures(facts.restated)),
        ("Currency", facts.currency),
        ("Segment", facts.segment),
        ("Distribution", facts.confidentiality),
    )
    yield "::: {.facts}"
    yield ""
    for name, value in rows:
        if value:
            yield f"- [{name}]{{.fact-name}} [{escape_markdown(value)}]{{.fact-value}}"
    yield ""
    yield ":::"


def _figures(count: int) -> str:
    return f"{count:,} figure{'' if count == 1 else 's'}" if count else ""


def warnings_of(facts: ReportFacts) -> Iterator[str]:
    """Callouts for a verdict that is not plain `publish`, and for a period that is still open."""
    if facts.verdict == "hold":
        yield from _callout(
            "important",
            "DRAFT: the data did not pass its checks",
            ("Not for distribution.", *facts.reasons),
        )
    elif facts.verdict == "banner":
        yield from _callout("warning", "Read with care: data checks raised warnings", facts.reasons)
    elif facts.verdict == "not checked":
        yield from _callout(
            "important",
            "DRAFT: the data was not checked",
            ("Figures may change once the checks have run.",),
        )
    if facts.status == "provisional":
        name = period_name(facts.period, facts.locale)
        yield from _callout(
            "warning",
            f"Provisional: {name} was not over yet",
            ("Figures cover what was known on the as-of day.",),
        )


def _callout(kind: str, title: str, reasons: tuple[str, ...]) -> Iterator[str]:
    yield f'::: {{.callout-{kind} title="{escape_attribute(title)}"}}'
    yield ""
    if len(reasons) == 1:
        yield escape_markdown(reasons[0])
    else:
        more = len(reasons) - _MOST_REASONS
        # One line more is no longer than the line that would count it.
        shown = reasons if more <= 1 else reasons[:_MOST_REASONS]
        for reason in shown:
            yield f"- {escape_markdown(reason)}"
        if len(shown) < len(reasons):
            yield f"- and {more} more, in gate\\.json of this edition"
    yield ""
    yield ":::"
    yield ""
