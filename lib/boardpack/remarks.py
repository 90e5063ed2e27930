"""Remarks: what people wrote on figures, and who released a report, as a page shows it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from boardpack.blocks import Text
from boardpack.errors import UserError
from boardpack.facts import Note, ReportFacts
from boardpack.formats import day_name, member_name
from boardpack.markup import Box, Column, Paragraph, Piece, Span, Strong, Table, text
from boardpack.progress import status
from boardpack.readings import read
from boardpack.values import Values

#: So long may a note be, in characters, and the name of who writes it.
LONGEST, LONGEST_NAME = 1000, 60

# Joiners of emoji and of scripts, and the marks that keep text from right to left in order.
_ALLOWED = frozenset("\u200c\u200d\u200e\u200f\u061c")
_REFUSED = {"Cc": "a control character", "Cf": "an invisible character", "Cs": "half a character",
            "Co": "a character of nobody's", "Cn": "a character that does not exist"}  # fmt: skip


def notes(values: Values, kpis: Sequence[str] = ()) -> Text:
    """What was written on figures of the report's period: all of it, or on these KPIs.

    A list of remarks, each with the KPI's name, who wrote it and when; an empty block where there
    is nothing. A report places each note beside its KPI by itself, and may have this list besides.
    """
    for kpi in kpis:
        values.kpi(kpi)
    return notes_of(values.report, kpis)


def notes_of(facts: ReportFacts, kpis: Sequence[str] = ()) -> Text:
    """The list of `notes` for a report that is put together: of the notes it is put together with.

    >>> from boardpack.values import ReportFacts
    >>> facts = ReportFacts("C", "USD", "en_US", "UTC", "", "", "", "2025-12", "", "month")
    >>> notes_of(facts).markdown
    ''
    """
    wanted = [note for note in facts.notes if not kpis or note.kpi in kpis]
    block = text(*remarks(facts, wanted)) if wanted else Text("")
    return replace(block, notes_on=tuple(kpis))


def remarks(facts: ReportFacts, wanted: Iterable[Note], heading: str = "") -> tuple[Piece, ...]:
    """Notes as pieces of a page, each with the name of its KPI, below a heading if there is one."""
    boxes = tuple(_remark(facts, note) for note in wanted)
    if not boxes:
        return ()
    lead = (Paragraph((Span("remark-head", (heading,)),)),) if heading else ()
    return (Box("remarks", (*lead, *boxes)),)


def _remark(facts: ReportFacts, note: Note) -> Box:
    member = note.member.partition("=")[2]
    about = f"{note.name or note.kpi}, {member_name(member)}" if member else note.name or note.kpi
    first, *more = note.text.split("\n")
    who = Span("remark-by", (f"{note.by}, {day(facts, note.at)}",))
    return Box(
        "remark",
        (
            Paragraph((Strong((f"{about}:",)), " ", first)),
            *(Paragraph((line,)) for line in more),
            Paragraph((who,)),
        ),
    )


def day(facts: ReportFacts, at: str) -> str:
    """The day of an instant in the company's zone, as a page writes it."""
    return day_name(_local(facts, at), facts.locale)


def _local(facts: ReportFacts, at: str) -> date:
    return datetime.fromisoformat(at).astimezone(ZoneInfo(facts.zone)).date()


def for_report(facts: ReportFacts, latest: Iterable[Note], names: Mapping[str, str]) -> ReportFacts:
    """The facts of a report with what was written on figures of its KPIs, in the order of these.

    ``names`` are those of its KPIs by id. A report about one segment has what was written on that
    segment, as it has its figures: for it they are the whole.
    """
    own = []
    for note in latest:
        member = note.member
        if facts.segment:
            if member != f"segment={facts.segment}":
                continue
            member = ""
        if note.kpi in names and note.period == facts.period:
            own.append(replace(note, member=member, name=names[note.kpi]))
    order = {kpi: i for i, kpi in enumerate(names)}
    own.sort(key=lambda note: (order[note.kpi], note.member))
    return replace(facts, notes=tuple(own))


def lacking(values: Values, kpis: Iterable[str]) -> dict[str, str]:
    """The KPIs among these that are off track and that nothing was written on, by name.

    What is off track says `boardpack.progress.status`; without figure or target nothing is.
    """
    written = {note.kpi for note in values.report.notes if not note.member}
    asked = [kpi for kpi in kpis if kpi not in written]
    return {kpi: values.kpi(kpi).name for kpi in asked if status(read(values, kpi)) == "off track"}


def shown_by(block: Mapping[str, Any], period: str) -> dict[tuple[str, str], None]:
    """The KPIs and members whose own figure of the period a block shows, in its order."""
    return {
        (number["kpi"], number.get("member", "")): None
        for number in block.get("numbers", ())
        if number.get("period") == period and number.get("what", "value") == "value"
    }


def places(blocks: Sequence[Mapping[str, Any]], facts: ReportFacts) -> dict[int, tuple[Note, ...]]:
    """Below which of a report's blocks which notes stand, by the number of the block.

    A note stands below the KPI's own chart, which is the one with the fewest other KPIs, and below
    the table with the most KPIs, which is the scorecard, so that all notes are read together; where
    there is no table below the cards, and where there is neither below the first block that shows
    the figure.
    """
    shown = [shown_by(block, facts.period) for block in blocks]
    found: dict[int, list[Note]] = {}
    for note in facts.notes:
        own = [i for i, figures in enumerate(shown) if (note.kpi, note.member) in figures]
        charts = [i for i in own if blocks[i].get("kind") == "chart"]
        many = [len({kpi for kpi, _ in figures}) for figures in shown]
        tables = _with_role(blocks, own, "scorecard") or _with_role(blocks, own, "cards")
        chart = min(charts, key=lambda i: many[i], default=None)
        table = max(tables, key=lambda i: many[i], default=None)
        at = [place for place in (chart, table) if place is not None] or own[:1]
        for place in at:
            found.setdefault(place, []).append(note)
    return {place: tuple(below) for place, below in found.items()}


def _with_role(blocks: Sequence[Mapping[str, Any]], own: Iterable[int], role: str) -> list[int]:
    return [i for i in own if f"{{.{role}" in blocks[i].get("markdown", "")]


def sign_off(facts: ReportFacts, roles: Sequence[str]) -> Text:
    """The sign-off sheet: who released the report in which role, when, and by which revision.

    ``roles`` have a row each, empty until somebody signs in that role.
    """
    by_role = {signature.role: signature for signature in facts.signatures}
    columns = (Column("Role", 30), Column("Name", 30), Column("Date", 20), Column("Revision", 12))
    rows = []
    for role in dict.fromkeys((*roles, *by_role)):
        signed = by_role.get(role)
        name = role or "Released by"
        rows.append(
            ((name,), (signed.by,), (day(facts, signed.at),), (str(signed.revision),))
            if signed
            else ((name,), (), (), ())
        )
    if not rows:
        return text(Paragraph(("Nobody has signed this report yet.",)))
    return text(Box("sign-off", (Table(columns, tuple(rows)),)))


def plain_text(what: str, given: str, longest: int, *, lines: bool = False) -> str:
    """A text that somebody gave, tidied: without the space around it, on one line unless ``lines``.

    `UserError` where there is nothing in it, where it is too long, or where it holds what cannot be
    read: control characters, and those that turn round the order of what follows.

    >>> plain_text("a note", "  Two lines:\\r\\n\\n  and more ", 100, lines=True)
    'Two lines:\\nand more'
    >>> plain_text("a name", "A.\\n Jonas", 60)
    'A. Jonas'
    """
    text = unicodedata.normalize("NFC", given)
    for char in text:
        refused = _REFUSED.get(unicodedata.category(char))
        if refused and char not in "\n\r\t" and char not in _ALLOWED:
            raise UserError(
                f"{what} holds {refused}, U+{ord(char):04X}.", hint="write it as plain text"
            )
    tidy = [" ".join(line.split()) for line in text.splitlines()]
    text = ("\n" if lines else " ").join(line for line in tidy if line)
    if not text:
        raise UserError(f"{what} has nothing in it.")
    if len(text) > longest:
        raise UserError(
            f"{what} has {len(text):,} characters; {longest:,} are the most.",
            hint="say what matters; a page has little room beside a figure",
        )
    return text
