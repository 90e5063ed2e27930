"""What page one says of the report itself: its facts, and what a reader must be warned of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from boardpack.calendars import Calendar
from boardpack.facts import Finding, ReportFacts
from boardpack.formats import day_name, period_name, span_name
from boardpack.markup import escape_attribute, escape_markdown
from boardpack.periods import Period, parse_day

#: The file of an edition that tells more of what the checks found.
QUALITY = "quality.html"

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
        ("Signed", _signed(facts)),
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


def _signed(facts: ReportFacts) -> str:
    return ", ".join(dict.fromkeys(signature.by for signature in facts.signatures))


def quality_page(folder: Path) -> str:
    """The page about the quality of the data beside a report, by its name; "" where there is none.

    ``folder`` is that of the edition, or of the run that will become one.
    """
    return QUALITY if (folder / QUALITY).is_file() else ""


def draft_line(facts: ReportFacts) -> str:
    """Why a report is a draft, in a line of plain text for every page; "" for one that is none.

    >>> from dataclasses import replace
    >>> facts = ReportFacts("C", "USD", "en_US", "UTC", "", "", "", "2025-12", "", "month")
    >>> draft_line(replace(facts, lacks_notes={"arr": "ARR", "nps": "NPS"}))
    'no note says yet why these are off track: ARR, NPS.'
    """
    reasons = []
    if facts.forced:
        reasons.append(f"the data did not pass its checks. {shortened(facts.forced)}")
    if facts.lacks_notes:
        names = shortened(", ".join(facts.lacks_notes.values()))
        reasons.append(f"no note says yet why these are off track: {names}.")
    return "; ".join(reasons)


def draft_mark(facts: ReportFacts) -> Iterator[str]:
    """What stands on every page of a draft, as Markdown; nothing for a report that is none."""
    if not facts.is_draft:
        return
    yield "::: {.draft-mark aria-hidden=true}"
    yield "DRAFT"
    yield ":::"
    yield ""
    yield "::: {.draft-strip}"
    yield f"**DRAFT**, not for distribution: {escape_markdown(draft_line(facts))}"
    yield ":::"
    yield ""


def warnings_of(facts: ReportFacts, quality: str = "") -> Iterator[str]:
    """Callouts for a verdict that is not plain `publish`, and for a period that is still open.

    ``quality`` is the page that has more of what the checks found, if there is one.
    """
    if facts.lacks_notes:
        yield from _callout("important", "DRAFT: notes are lacking", _lacking(facts))
    if facts.verdict == "hold":
        lead = ["**Not for distribution.**"]
        if facts.forced:
            by, why = escape_markdown(facts.forced_by), escape_markdown(_ended(facts.forced))
            lead = [f"**Not for distribution.** Published all the same by {by}: {why}"]
        title = "DRAFT: the data did not pass its checks"
        yield from _callout("important", title, [*lead, *_found(facts)], quality)
    elif facts.verdict == "banner":
        title = "Read with care: data checks raised warnings"
        yield from _callout("warning", title, _found(facts), quality)
    elif facts.verdict == "not checked":
        yield from _callout(
            "important",
            "DRAFT: the data was not checked",
            ["Figures may change once the checks have run."],
        )
    if facts.status == "provisional":
        name = period_name(period_of(facts), facts.locale)
        cut = max((p.cut for p in period_of(facts).compared(parse_day(facts.as_of))), default=0)
        days = f"first {cut} days" if cut > 1 else "first day"
        compared = f" They are compared with the {days} of other periods." if cut else ""
        yield from _callout(
            "warning",
            f"Provisional: {name} was not over yet",
            [escape_markdown(f"Figures cover what was known on the as-of day.{compared}")],
        )


def _lacking(facts: ReportFacts) -> list[str]:
    """Which KPIs need a note, and how one writes it, a line of Markdown each."""
    of = f" --member segment={facts.segment}" if facts.segment else ""
    command = f'boardpack note KPI --period {facts.period}{of} --by NAME "why, and what follows"'
    told = "This report is a draft until a note says why each of these KPIs is off track."
    return [
        f"**{escape_markdown(told)}** {escape_markdown(f'One writes it with: {command}')}",
        *(f"**{escape_markdown(name)}** ({escape_markdown(kpi)})"
          for kpi, name in facts.lacks_notes.items()),
    ]  # fmt: skip


def shortened(text: str, most: int = 100) -> str:
    """The beginning of a text, for a line that has room for so much.

    >>> shortened("a word too many", 12)
    'a word too …'
    """
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(flat) <= most:
        return flat
    return flat[: most - 1].rsplit(" ", 1)[0] + " …"


def _found(facts: ReportFacts) -> list[str]:
    """What the checks found that a reader must know, a line of Markdown each."""
    told = [found for found in facts.findings if found.leads_to != "record"]
    if not facts.findings:
        # Of before findings were kept there are only lines of text.
        return [escape_markdown(reason) for reason in facts.reasons]
    return [_line(found, facts.locale) for found in told]


def _line(found: Finding, locale: str) -> str:
    lead = f"{found.source}: {found.sentence}" if found.source else found.sentence
    said = f"{found.found[:1].upper()}{found.found[1:]}."
    since = f"since {day_name(parse_day(found.since), locale)}" if found.since else ""
    whom = [since, f"ask {found.owner}" if found.owner else "", f"check {found.check}"]
    about = " · ".join(filter(None, whom))
    parts = [
        f"**{escape_markdown(lead)}.**",
        escape_markdown(f"{said} {found.at_stake}"),
        escape_markdown(found.note),
        f"[{escape_markdown(about[:1].upper() + about[1:])}]{{.muted}}",
    ]
    return " ".join(filter(None, parts))


def _ended(text: str) -> str:
    flat = " ".join(text.split())
    return flat if flat.endswith((".", "!", "?")) else flat + "."


def _callout(kind: str, title: str, lines: Sequence[str], quality: str = "") -> Iterator[str]:
    yield f'::: {{.callout-{kind} title="{escape_attribute(title)}"}}'
    yield ""
    if len(lines) == 1:
        yield lines[0]
    else:
        more = len(lines) - _MOST_REASONS
        # One line more is no longer than the line that would count it.
        shown = lines if more <= 1 else lines[:_MOST_REASONS]
        for line in shown:
            yield f"- {line}"
        if len(shown) < len(lines):
            yield f"- and {more} more, in gate\\.json of this edition"
    yield ""
    if quality:
        # Beside a page it is a step away; a printed one can only name it.
        yield '::: {.content-visible when-format="html"}'
        yield f"[More about the quality of the data]({quality})"
        yield ":::"
        yield ""
    yield ":::"
    yield ""
