"""Reissues: the next revision of an edition from its own frozen values, with a note or a signature.

No table of the company is read, nothing is checked, computed or executed again: what the parent
froze is put together and rendered anew. Values, shown figures, definitions, fingerprints and as-of
stay those of the parent.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from boardpack import editions, files, remarks
from boardpack.assemble import assemble, lacking_notes
from boardpack.errors import (
    BoardpackError,
    PeriodError,
    RunError,
    StorageError,
    UnknownNameError,
    UserError,
)
from boardpack.ledger import Because, EditionRow, Ledger, stamp
from boardpack.manifests import MANIFEST, read_manifest, verify
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.qmd import read_report
from boardpack.render import Renderer, render
from boardpack.runs import Progress, Watch
from boardpack.sections import read_sections
from boardpack.values import Note, ReportFacts, Signature, Values

#: What is made anew; every other file of an edition is that of its parent.
_MADE = frozenset(
    ("report.html", "report.pdf", "report.pptx", "report.qmd", "shown.json", "charts.json",
     "figures", "theme", "facts.json", "values.csv", MANIFEST)
)  # fmt: skip
#: So long a run of the same report may go on before the note is left to it.
_WAIT_SECONDS = 120.0

Now = Callable[[], datetime]


@dataclass(frozen=True)
class Reissued:
    """A revision that was made: its row, where it lies, and how long each step took."""

    row: EditionRow
    folder: Path
    seconds: dict[str, float]


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
        for row in _latest(ledger.editions(period=period))
        for number in _shown(root / row.folder)
        if number["member"].startswith(f"{dimension}=")
    }
    known |= {f"segment={row.segment}" for row in ledger.editions(period=period) if row.segment}
    of_dimension = {name for name in known if name.startswith(f"{dimension}=")}
    if of_dimension and member not in of_dimension:
        raise UnknownNameError.near("member", member, of_dimension)


def showing(root: Path, ledger: Ledger, wanted: Note) -> list[EditionRow]:
    """The latest edition of each report about the note's period that shows its figure."""
    found = []
    for row in _latest(ledger.editions(period=wanted.period)):
        member = wanted.member
        if row.segment:
            member = "" if member == f"segment={row.segment}" else "another"
        about = (wanted.kpi, wanted.period, member)
        shown = _shown(root / row.folder)
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

    return _again(model, ledger, row, "note", change, now, renderer, progress)


def sign(
    model: Model,
    ledger: Ledger,
    row: EditionRow,
    by: str,
    role: str = "",
    *,
    now: Now,
    renderer: Renderer = "auto",
    progress: Progress = lambda stage: None,
) -> Reissued:
    """Release an edition: its next revision is ``signed``, and names who did, in which role, when.

    Those who signed the same before stay signed. `UserError` for a draft, for figures of an open
    period, for a revision that is not the latest, for one that lacks a note written since, for a
    role that the report does not ask for or that was signed.
    """
    who = remarks.plain_text("the name", by, remarks.LONGEST_NAME)
    role = remarks.plain_text("the role", role, remarks.LONGEST_NAME) if role else ""

    seen = {
        (number["kpi"], number["member"])
        for number in _shown(model.workspace.var / "editions" / row.folder)
        if number["period"] == row.period
    }

    def change(facts: ReportFacts, names: dict[str, str]) -> ReportFacts:
        written = remarks.for_report(facts, ledger.latest_notes(facts.period), names).notes
        new = [n for n in written if n not in facts.notes and (n.kpi, n.member) in seen]
        if new:
            raise UserError(
                f"{name_of(row)} lacks what was written on"
                f" {', '.join(dict.fromkeys(n.kpi for n in new))} since.",
                hint="write the note again, in the same words, to see it on the page; then sign",
            )
        signature = Signature(who, role, stamp(now()), facts.revision)
        return replace(facts, signatures=(*facts.signatures, signature))

    _check_signable(row)
    document = model.workspace.var / "editions" / row.folder / "reports" / f"{row.report}.qmd"
    if document.is_file():
        _check_role(row, read_report(document).sign_off, role)
    made = _again(model, ledger, row, "signature", change, now, renderer, progress)
    assert made is not None
    return made


def _check_signable(row: EditionRow) -> None:
    name = name_of(row)
    if row.forced:
        raise UserError(
            f"{name} is a draft for good: {row.forced_by} published it although its data did not"
            " pass.",
            hint="mend the data and run it again; the new revision can be signed",
        )
    if row.lacks_notes:
        raise UserError(
            f"{name} is a draft until notes are written on {', '.join(row.lacks_notes)}, which"
            " are off track.",
            hint=f'boardpack note {row.lacks_notes[0]} --period {row.period} --by NAME "why"',
        )
    if row.verdict == "not checked":
        raise UserError(f"{name} was not checked.", hint="run it again, with the gate")
    if row.status == "provisional":
        raise UserError(
            f"{name} is provisional: its period was not over on {row.as_of}.",
            hint=f"`boardpack run {row.report} --period {row.period}` once it is; then sign",
        )


def _check_role(row: EditionRow, roles: Sequence[str], role: str) -> None:
    if role and roles and role not in roles:
        raise UnknownNameError.near("role", role, roles)
    for signed in row.signatures:
        if signed.role == role:
            told = f" as {role}" if role else ""
            raise UserError(
                f"{name_of(row)} was signed{told} by {signed.by} already.",
                hint="name another role with --role" if roles else None,
            )


def latest(ledger: Ledger, rows: Sequence[EditionRow], revision: int | None) -> EditionRow:
    """The last of these revisions; `UserError` when another one was asked for by its number."""
    last = max(rows, key=lambda row: row.revision)
    if revision is not None and revision != last.revision:
        known = [row.revision for row in rows]
        if revision not in known:
            raise UserError(
                f"{name_of(last, revision=False)} has no revision {revision}.",
                hint=f"its revisions are {', '.join(map(str, sorted(known)))}",
            )
        raise UserError(
            f"revision {revision} of {name_of(last, revision=False)} is not the latest.",
            hint=f"revision {last.revision} is; read that and sign it",
        )
    return last


def _again(
    model: Model,
    ledger: Ledger,
    row: EditionRow,
    because: Because,
    change: Callable[[ReportFacts, dict[str, str]], ReportFacts | None],
    now: Now,
    renderer: Renderer,
    progress: Progress,
) -> Reissued | None:
    """The next revision of an edition from what it froze, with its facts changed."""
    workspace = model.workspace
    root, watch = workspace.var / "editions", Watch(progress)
    with editions.running(root, row.report, row.period, row.segment, _WAIT_SECONDS):
        editions.reconcile(root, ledger)
        newest = ledger.latest(row.report, row.period, row.segment) or row
        if newest.revision != row.revision and because == "signature":
            raise UserError(
                f"{name_of(newest)} was made meanwhile.", hint="read that revision, then sign it"
            )
        parent = root / newest.folder
        with watch.stage("verify"):
            _sound(parent, newest)
        values, manifest = Values.load(parent), read_manifest(parent)
        names = {kpi: values.kpi(kpi).name for kpi in manifest["definitions"] if kpi in values.kpis}
        facts = change(values.report, names)
        if facts is None:
            return None
        revision = editions.next_revision(root, ledger, row.report, row.period, row.segment)
        run_id = (
            f"{now():%Y%m%dT%H%M%SZ}-{row.report}-{row.period}-{because}-{secrets.token_hex(3)}"
        )
        folder = workspace.var / "runs" / run_id
        sections = read_sections(parent)
        try:
            files.make_folders(workspace.root, folder)
            kept = _copied(parent, folder)
        except OSError as error:
            raise StorageError(
                f"{name_of(newest)} cannot be made again: {files.reason(error)}.",
                file=folder,
                hint="it stays as it is; mend that and try again",
            ) from None
        executed = {path.stem: path for path in sorted((folder / "notebooks").glob("*.ipynb"))}
        document = folder / "reports" / f"{row.report}.qmd"
        facts = replace(facts, revision=revision, run_id=run_id)
        values = replace(values, report=facts)
        with watch.stage("assemble"):
            facts = replace(facts, lacks_notes=lacking_notes(document, executed, values))
            replace(values, report=facts).save_facts(folder)
            assembled = assemble(document, executed, facts, folder, sections)
        with watch.stage("render"):
            rendered = render(assembled, folder, renderer=renderer)
            shown = json.dumps(list(assembled.numbers), indent=1, ensure_ascii=False)
            (folder / "shown.json").write_text(shown + "\n", encoding="utf-8")
        _check_figures(parent, folder)
        with watch.stage("publish"):
            draft = editions.EditionDraft(
                report=row.report,
                period=facts.period,
                grain=facts.grain,
                run_id=run_id,
                as_of=facts.as_of,
                published_at=stamp(now()),
                verdict=facts.verdict,
                renderer=rendered.renderer,
                status=facts.status,
                release=facts.release,
                segment=facts.segment,
                reasons=facts.reasons,
                forced=facts.forced,
                forced_by=facts.forced_by,
                because=because,
                lacks_notes=tuple(facts.lacks_notes),
                signatures=facts.signatures,
                revision=revision,
                code=manifest["code"],
                versions=manifest["versions"],
                fingerprints=manifest["fingerprints"],
                definitions=manifest["definitions"],
                seconds=watch.seconds,
                optional=(*editions.OPTIONAL, *kept),
            )
            made = editions.publish(folder, root, draft, ledger)
        shutil.rmtree(folder, ignore_errors=True)
    return Reissued(made, root / made.folder, watch.seconds)


def _sound(parent: Path, row: EditionRow) -> None:
    differences = verify(parent, row.manifest_hash)
    if differences:
        told = "; ".join(str(difference) for difference in differences[:3])
        raise StorageError(
            f"{name_of(row)} is not as it was published: {told}.",
            file=parent,
            hint="run the report again; nothing is made of a revision that was changed",
        )


def _copied(parent: Path, folder: Path) -> list[str]:
    """Copy what a revision has in common with its parent; the names at the top of it."""
    names = [entry for entry in sorted(parent.iterdir()) if entry.name not in _MADE]
    for entry in names:
        if entry.is_dir():
            shutil.copytree(entry, folder / entry.name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(entry, folder / entry.name)
    return [entry.name for entry in names]


def _check_figures(parent: Path, folder: Path) -> None:
    """A note changes no figure; one that would differ stops the revision."""
    if _shown(parent) != _shown(folder):
        raise RunError(
            "the figures shown would not be those of the revision before; nothing was published.",
            file=folder / "shown.json",
            hint="run the report again: this Boardpack writes it in another way",
        )


def _shown(folder: Path) -> list[dict[str, str]]:
    try:
        found: list[dict[str, str]] = json.loads((folder / "shown.json").read_text("utf-8"))
    except (OSError, ValueError):
        # An edition that was removed or changed shows nothing that could be noted.
        return []
    return found


def _latest(rows: Iterable[EditionRow]) -> list[EditionRow]:
    newest: dict[tuple[str, str], EditionRow] = {}
    for row in rows:
        key = (row.report, row.segment)
        if key not in newest or newest[key].revision < row.revision:
            newest[key] = row
    return [newest[key] for key in sorted(newest)]


def name_of(row: EditionRow, *, revision: bool = True) -> str:
    """``board 2025-12 (smb) revision 2``."""
    of = f" ({row.segment})" if row.segment else ""
    return f"{row.report} {row.period}{of}" + (f" revision {row.revision}" if revision else "")
