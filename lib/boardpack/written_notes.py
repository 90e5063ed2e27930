"""Notes that people write on figures: checked, kept, and shown by the editions with the figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from boardpack import remarks
from boardpack.errors import BoardpackError, PeriodError, UnknownNameError, UserError
from boardpack.facts import Note, ReportFacts
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import EditionRow
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.reissues import Now, Reissued, again, name_of, shown_in
from boardpack.render import Renderer
from boardpack.watches import Progress


@dataclass(frozen=True)
class Noted:
    """What became of a note: its version, the revisions that show it, those that failed.

    ``failed`` names an edition and why it could not be made again; ``waiting`` the editions that
    show the KPI and were left as they are.
    """

    note: Note
    is_new: bool
    made: tuple[Reissued, ...] = ()
    failed: tuple[tuple[str, BoardpackError], ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or the worst of what failed."""
        return max((error.exit_code for _, error in self.failed), default=0)


def note(
    model: Model,
    ledger: Ledger,
    wanted: Note,
    *,
    now: Now,
    renderer: Renderer = "auto",
    render_now: bool = True,
    progress: Callable[[EditionRow], Progress] = lambda row: lambda stage: None,
) -> Noted:
    """Record a note, and make the latest editions that show its figure again, with it.

    ``wanted`` comes from `checked_note`. The note stands in the ledger whatever then fails; with
    ``render_now=False`` it waits there for the next run, note or signature.
    """
    before = ledger.notes(wanted.kpi, wanted.period, wanted.member)
    kept = ledger.add_note(wanted)
    is_new = not before or before[-1].version < kept.version
    rows = showing(model.workspace.var / "editions", ledger, wanted)
    if not render_now:
        return Noted(kept, is_new, waiting=tuple(map(name_of, rows)))
    made, failed = [], []
    for row in rows:
        try:
            found = noted(model, ledger, row, now=now, renderer=renderer, progress=progress(row))
        except BoardpackError as error:
            failed.append((name_of(row), error))
        else:
            made += [found] if found else []
    return Noted(kept, is_new, tuple(made), tuple(failed))


def checked_note(
    model: Model,
    ledger: Ledger,
    kpi: str,
    period: str,
    member: str,
    text: str,
    by: str,
    at: datetime,
) -> Note:
    """What somebody wants to write, once it is known to be sound; else a `UserError` of its kind.

    The KPI must be defined, and for the period's grain; the period have begun by ``at``; the member
    be one that the editions of the period know, if there are any.
    """
    found = model.catalogue[kpi]
    about = Period.parse(period, model.workspace.calendar)
    if about.cut or about.grain not in found.grains:
        raise PeriodError(
            f"{kpi} has no figure for {about}: it is defined for a {' or '.join(found.grains)}."
        )
    today = at.astimezone(ZoneInfo(model.workspace.settings.zone)).date()
    if about.start > today:
        raise PeriodError(f"period {about} has not begun: it is {today}.")
    if member:
        _check_member(model, ledger, kpi, about.label, member)
    return Note(
        kpi,
        about.label,
        member,
        remarks.plain_text("the note", text, remarks.LONGEST, lines=True),
        remarks.plain_text("the name", by, remarks.LONGEST_NAME),
        stamp(at),
        name=found.name,
    )


def _check_member(model: Model, ledger: Ledger, kpi: str, period: str, member: str) -> None:
    dimension, equals, value = member.partition("=")
    dimensions = model.workspace.settings.dimensions
    if not equals or not value:
        raise UserError(f"{member!r} names no member.", hint="write it as --member segment=smb")
    if dimension not in dimensions:
        raise UnknownNameError.near("dimension", dimension, dimensions)
    root = model.workspace.var / "editions"
    known = {
        number["member"]
        for row in _newest(ledger.editions(period=period))
        for number in shown_in(root / row.folder)
        if number["member"].startswith(f"{dimension}=")
    }
    known |= {f"segment={row.segment}" for row in ledger.editions(period=period) if row.segment}
    of_dimension = {name for name in known if name.startswith(f"{dimension}=")}
    if of_dimension and member not in of_dimension:
        raise UnknownNameError.near("member", member, of_dimension)


def showing(root: Path, ledger: Ledger, wanted: Note) -> list[EditionRow]:
    """The latest edition of each report about the note's period that shows its figure."""
    found = []
    for row in _newest(ledger.editions(period=wanted.period)):
        member = wanted.member
        if row.segment:
            member = "" if member == f"segment={row.segment}" else "another"
        about = (wanted.kpi, wanted.period, member)
        shown = shown_in(root / row.folder)
        if any((n["kpi"], n["period"], n["member"]) == about for n in shown):
            found.append(row)
    return found


def noted(
    model: Model,
    ledger: Ledger,
    row: EditionRow,
    *,
    now: Now,
    renderer: Renderer = "auto",
    progress: Progress = lambda stage: None,
) -> Reissued | None:
    """The latest edition of a report, period and segment with all notes that the ledger has on it.

    None where it shows them already. A signature stands for what was signed: a revision with
    another note is not signed.
    """

    def change(facts: ReportFacts, names: dict[str, str]) -> ReportFacts | None:
        found = remarks.for_report(facts, ledger.latest_notes(facts.period), names)
        return None if found.notes == facts.notes else replace(found, signatures=())

    return again(model, ledger, row, "note", change, now, renderer, progress)


def _newest(rows: Iterable[EditionRow]) -> list[EditionRow]:
    newest: dict[tuple[str, str], EditionRow] = {}
    for row in rows:
        key = (row.report, row.segment)
        if key not in newest or newest[key].revision < row.revision:
            newest[key] = row
    return [newest[key] for key in sorted(newest)]
