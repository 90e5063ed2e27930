"""What page one says of the report itself: its facts, and what a reader must be warned of."""

from __future__ import annotations

from collections.abc import Iterator

from boardpack.calendars import Calendar
from boardpack.formats import day_name, period_name, span_name
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


def period_of(facts: ReportFacts) -> Period:
    """The period that a report is about."""
    return Period.parse(facts.period, Calendar.from_dict(facts.calendar))


def facts_list(facts: ReportFacts) -> Iterator[str]:
    """The facts under the title, as Markdown."""
    as_of = day_name(parse_day(facts.as_of), facts.locale) if facts.as_of else ""
    status = "Final" if facts.status == "final" else "Provisional"
    period = period_of(facts)
    # A reader knows when December is, not when a fiscal quarter or a week that begins on a Sunday.
    plain = Period.containing(period.start, period.grain)
    known = (plain.start, plain.label) == (period.start, period.label)
    days = "" if known else span_name(period, facts.locale)
    rows = (
        ("Period", period_name(period, facts.locale)),
        ("Days", days),
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
        name = period_name(period_of(facts), facts.locale)
        cut = max((p.cut for p in period_of(facts).compared(parse_day(facts.as_of))), default=0)
        days = f"first {cut} days" if cut > 1 else "first day"
        compared = f" They are compared with the {days} of other periods." if cut else ""
        yield from _callout(
            "warning",
            f"Provisional: {name} was not over yet",
            (f"Figures cover what was known on the as-of day.{compared}",),
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
