"""Signatures: who releases an edition, in which role, and what cannot be released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from boardpack import remarks
from boardpack.errors import UnknownNameError, UserError
from boardpack.facts import ReportFacts, Signature
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import EditionRow
from boardpack.model import Model
from boardpack.qmd import read_report
from boardpack.reissues import Now, Reissued, again, name_of, shown_in
from boardpack.render import Renderer
from boardpack.watches import Progress


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
        for number in shown_in(model.workspace.var / "editions" / row.folder)
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
    made = again(model, ledger, row, "signature", change, now, renderer, progress)
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
