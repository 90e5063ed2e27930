"""Reissues: the next revision of an edition from its own frozen values, with a note or a signature.

No table of the company is read, nothing is checked, computed or executed again: what the parent
froze is put together and rendered anew. Values, shown figures, definitions, fingerprints and as-of
stay those of the parent.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from boardpack import edition_folders, editions, files, reconciliation
from boardpack.assemble import assemble, lacking_notes
from boardpack.errors import RunError, StorageError, UserError
from boardpack.facts import ReportFacts
from boardpack.ledger import Ledger, stamp
from boardpack.ledger_rows import Because, EditionRow
from boardpack.manifests import MANIFEST, read_manifest, verify
from boardpack.model import Model
from boardpack.render import Renderer, render
from boardpack.sections import read_sections
from boardpack.values import Values
from boardpack.watches import Progress, Watch

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


def again(
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
    with edition_folders.running(root, row.report, row.period, row.segment, _WAIT_SECONDS):
        reconciliation.reconcile(root, ledger)
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
        revision = edition_folders.next_revision(root, ledger, row.report, row.period, row.segment)
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
    if shown_in(parent) != shown_in(folder):
        raise RunError(
            "the figures shown would not be those of the revision before; nothing was published.",
            file=folder / "shown.json",
            hint="run the report again: this Boardpack writes it in another way",
        )


def shown_in(folder: Path) -> list[dict[str, str]]:
    """Every figure that an edition shows, as ``shown.json`` has it."""
    try:
        found: list[dict[str, str]] = json.loads((folder / "shown.json").read_text("utf-8"))
    except (OSError, ValueError):
        # An edition that was removed or changed shows nothing that could be noted.
        return []
    return found


def name_of(row: EditionRow, *, revision: bool = True) -> str:
    """``board 2025-12 (smb) revision 2``."""
    of = f" ({row.segment})" if row.segment else ""
    return f"{row.report} {row.period}{of}" + (f" revision {row.revision}" if revision else "")
