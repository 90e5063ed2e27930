"""Publication: from a run's folder to an immutable edition, by one rename.

A run stages all its files; `publish` copies them beside the editions, writes the manifest, waits
until the disk has them, renames the folder to its place and adds the row to the ledger. A reader
sees the whole edition or none, whenever the process dies; `reconcile` then mends what is left.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

import pandas as pd

from boardpack.calendars import is_label
from boardpack.csvfile import csv_text
from boardpack.errors import PeriodError, ReportError, RunError, StorageError
from boardpack.facts import Signature, Verdict
from boardpack.files import make_folders, reason, seal, sync
from boardpack.frontpage import QUALITY
from boardpack.ledger import Ledger
from boardpack.ledger_rows import Because, EditionRow
from boardpack.listed import FOLDER as LISTINGS
from boardpack.locks import lock
from boardpack.manifests import (
    MANIFEST,
    Difference,
    FileFact,
    code_hash,
    file_fact,
    manifest_text,
    names_in,
    read_manifest,
    text_hash,
    verify,
    versions,
)

__all__ = [
    "FILES",
    "MANIFEST",
    "OPTIONAL",
    "Difference",
    "EditionDraft",
    "Reconciled",
    "code_hash",
    "edition_folder",
    "next_revision",
    "publish",
    "publishing",
    "reconcile",
    "running",
    "verify",
    "versions",
]

#: What every edition holds, files and folders; publication adds ``values.csv`` and the manifest.
FILES = (
    "report.html",
    "report.pdf",
    "values.parquet",
    "facts.json",
    "gate.json",
    "shown.json",
    "report.qmd",
    "notebooks",
    "reports",
)
#: The file that lists every figure that an edition restates.
RESTATEMENTS = "restatements.json"
#: What an edition holds where the run made it.
OPTIONAL = (
    "figures",
    "charts.json",
    LISTINGS,
    "fonts",
    "theme",
    "_quarto.yml",
    "_brand.yml",
    "report.pptx",
    RESTATEMENTS,
    "sections.json",
    QUALITY,
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_REVISION = re.compile(r"r([1-9]\d*)")
_STAGING = ".tmp-"
_PUBLISHING_SECONDS = 60.0
_FROM_MANIFEST = tuple(
    entry.name for entry in fields(EditionRow) if entry.name not in ("folder", "manifest_hash")
)
#: What manifests have only since it was thought of, and what those of before stand for.
_SINCE: dict[str, Any] = {
    "forced": "", "forced_by": "", "because": "", "lacks_notes": [], "signatures": [],
}  # fmt: skip


@dataclass(frozen=True)
class EditionDraft:
    """What a run wants to publish, beside the files it staged.

    ``published_at`` is UTC, ISO. ``revision`` is the one the pages name (`next_revision`);
    publication is refused when it is taken. ``fingerprints`` are hashes of the data slice by
    source, ``definitions`` by KPI, ``listings`` by listing, ``seconds`` by stage.
    """

    report: str
    period: str
    grain: str
    run_id: str
    as_of: str
    published_at: str
    verdict: Verdict
    renderer: str
    status: Literal["final", "provisional"] = "final"
    release: Literal["draft", "signed"] = "draft"
    segment: str = ""
    reasons: tuple[str, ...] = ()
    #: why it is published although the data did not pass, and by whom
    forced: str = ""
    forced_by: str = ""
    because: Because = ""
    lacks_notes: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()
    revision: int | None = None
    #: what computed the values, where that was not this run: the hash of the code, the versions
    code: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    listings: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = FILES
    optional: tuple[str, ...] = OPTIONAL


@dataclass(frozen=True)
class Reconciled:
    """What `reconcile` did: rows it added, remains it removed, folders it cannot account for."""

    added: tuple[EditionRow, ...] = ()
    removed: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()


def running(
    root: Path, report: str, period: str, segment: str = "", wait: float = 0.0
) -> AbstractContextManager[None]:
    """The lock a run holds from its first step to its last: one run per report, period and segment.

    `BusyError` names the process that holds it, after ``wait`` seconds; it ends with that process.
    """
    place = edition_folder(report, period, segment, 1).parent
    return lock(
        root / ".locks" / f"{place}.lock", f"A run of {_name(report, period, segment)}", wait
    )


def publishing(root: Path, wait: float = _PUBLISHING_SECONDS) -> AbstractContextManager[None]:
    """The lock under which editions appear; hold it to write the index from the ledger."""
    return lock(root / ".locks" / "publishing.lock", "A publication", wait)


def edition_folder(report: str, period: str, segment: str, revision: int) -> PurePosixPath:
    """Where an edition lies below ``var/editions``; `ReportError` or `PeriodError` for a bad name.

    >>> str(edition_folder("monthly", "2025-12", "smb", 2))
    'monthly/2025-12/smb/r2'
    >>> str(edition_folder("monthly", "2025-12", "../r1", 1))
    'monthly/2025-12/%2E.%2Fr1/r1'
    """
    if _NAME.fullmatch(report) is None:
        raise ReportError(
            f"{report!r} cannot name a folder of editions.",
            hint="use letters, digits, '-', '_' and '.', a letter or digit first",
        )
    if not is_label(period):
        raise PeriodError(f"{period!r} is not how a period is written.")
    place = PurePosixPath(report, period)
    if segment:
        place /= _segment_folder(segment)
    return place / f"r{revision}"


def next_revision(root: Path, ledger: Ledger, report: str, period: str, segment: str = "") -> int:
    """One more than the highest revision that the ledger or the disk knows.

    It stays the next one for as long as the caller holds `running`.
    """
    return _highest(root, ledger, report, period, segment) + 1


def publish(
    staging: Path,
    root: Path,
    draft: EditionDraft,
    ledger: Ledger,
    progress: Callable[[str], object] = lambda step: None,
) -> EditionRow:
    """Publish what a run staged as the next revision below ``root``, and return its row.

    ``progress`` is told each step as it is done: ``begun``, every file, ``manifest``, ``synced``,
    ``renamed``, ``recorded``. `RunError` when the run folder lacks a file or the revision is taken,
    `StorageError` when the target is full or cannot be written; either way the staged files and all
    earlier editions stay as they were.
    """
    edition_folder(draft.report, draft.period, draft.segment, 1)
    if _NAME.fullmatch(draft.run_id) is None:
        raise RunError(f"{draft.run_id!r} cannot name the folder of a run.")
    names = _staged(staging, draft)
    table = _values_csv(staging / "values.parquet")
    temporary = root / f"{_STAGING}{draft.run_id}"
    previous = 0
    try:
        with publishing(root):
            previous = _highest(root, ledger, draft.report, draft.period, draft.segment)
            row = _row(draft, previous)
            target = root / row.folder
            try:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir()
                progress("begun")
                files = {}
                for name in names:
                    files[name] = _copy(staging / name, temporary / name)
                    progress(name)
                files["values.csv"] = _write(temporary / "values.csv", table)
                text = manifest_text(_facts(draft, row), files)
                _write(temporary / MANIFEST, text)
                row = replace(row, manifest_hash=text_hash(text))
                progress("manifest")
                seal(temporary)
                progress("synced")
                make_folders(root, target.parent)
                os.rename(temporary, target)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            progress("renamed")
            _record(ledger, row, target)
            progress("recorded")
    except OSError as error:
        raise _storage_error(staging, root, draft, previous, error) from error
    return row


def reconcile(root: Path, ledger: Ledger, wait: float = _PUBLISHING_SECONDS) -> Reconciled:
    """Mend what killed runs left: editions without a row get theirs, half copies are removed.

    Call it when a run begins. It waits for a publication that is under way, so whatever is left
    unfinished then belongs to a dead process. Folders that no manifest accounts for are left alone
    and named in ``strange``.
    """
    if not root.is_dir():
        return Reconciled()
    added, removed, strange = [], [], []
    with publishing(root, wait):
        known = {row.folder for row in ledger.editions()}
        for folder in sorted(root.glob(_STAGING + "*")):
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise StorageError(
                    f"what a killed run left cannot be removed: {reason(error)}.",
                    file=folder,
                    hint=f"make {root} writable for the user that runs reports",
                ) from error
            removed.append(folder.name)
        for folder in _edition_folders(root):
            place = folder.relative_to(root).as_posix()
            if place in known:
                continue
            row = _row_of(folder, place)
            if row is None:
                strange.append(place)
                continue
            ledger.add_edition(row)
            added.append(row)
    return Reconciled(tuple(added), tuple(removed), tuple(strange))


def _segment_folder(segment: str) -> str:
    # Quoting keeps different members apart; a member must also not look hidden or like a revision.
    name = quote(segment, safe=" ()")
    if name.startswith(".") or _REVISION.fullmatch(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name


def _name(report: str, period: str, segment: str) -> str:
    return f"{report} {period}" + (f" ({segment})" if segment else "")


def _highest(root: Path, ledger: Ledger, report: str, period: str, segment: str) -> int:
    known = ledger.latest(report, period, segment)
    parent = root / edition_folder(report, period, segment, 1).parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    on_disk = [int(match[1]) for match in map(_REVISION.fullmatch, names) if match]
    return max([known.revision if known else 0, *on_disk])


def _row(draft: EditionDraft, previous: int) -> EditionRow:
    revision = previous + 1
    if draft.revision not in (None, revision):
        raise RunError(
            f"{_name(draft.report, draft.period, draft.segment)} was made as revision"
            f" {draft.revision}, but the next one is {revision}.",
            hint="run it again: its pages must name the right revision",
        )
    place = edition_folder(draft.report, draft.period, draft.segment, revision)
    return EditionRow(
        report=draft.report,
        period=draft.period,
        grain=draft.grain,
        segment=draft.segment,
        revision=revision,
        parent=previous or None,
        run_id=draft.run_id,
        as_of=draft.as_of,
        verdict=draft.verdict,
        status=draft.status,
        release=draft.release,
        reasons=draft.reasons,
        folder=str(place),
        published_at=draft.published_at,
        manifest_hash="",
        renderer=draft.renderer,
        forced=draft.forced,
        forced_by=draft.forced_by,
        because=draft.because,
        lacks_notes=draft.lacks_notes,
        signatures=draft.signatures,
    )


def _facts(draft: EditionDraft, row: EditionRow) -> dict[str, Any]:
    return {
        **{name: value for name, value in asdict(row).items() if name in _FROM_MANIFEST},
        "fingerprints": dict(draft.fingerprints),
        "definitions": dict(draft.definitions),
        **({"listings": dict(draft.listings)} if draft.listings else {}),
        "code": draft.code or code_hash(),
        "versions": dict(draft.versions or versions()),
        "seconds": dict(draft.seconds),
        # Of a note or signature the values are older than the pages.
        **({"pages": {"code": code_hash(), "versions": dict(versions())}} if draft.code else {}),
    }


def _staged(staging: Path, draft: EditionDraft) -> list[str]:
    """The files to publish, by their path in the run folder; hidden ones are left out."""
    lacking = [name for name in draft.files if not (staging / name).exists()]
    if lacking:
        raise RunError(
            f"the run folder lacks {', '.join(lacking)}; nothing was published.",
            file=staging,
            hint="an edition is whole or not at all: see why that step wrote nothing",
        )
    found: list[str] = []
    for name in (*draft.files, *draft.optional):
        if (staging / name).is_dir():
            found += [f"{name}/{inner}" for inner in names_in(staging / name)]
        elif (staging / name).is_file():
            found.append(name)
    made = ("values.csv", MANIFEST)
    visible = (name for name in found if not any(p.startswith(".") for p in name.split("/")))
    return [name for name in dict.fromkeys(visible) if name not in made]


def _values_csv(path: Path) -> str:
    try:
        return csv_text(pd.read_parquet(path))
    except (OSError, ValueError) as error:
        raise RunError(f"the values of the run cannot be read: {error}.", file=path) from error


def _copy(source: Path, target: Path) -> FileFact:
    # A hard link would let whoever writes to the run folder change the edition.
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return file_fact(target)


def _write(target: Path, text: str) -> FileFact:
    target.write_bytes(text.encode("utf-8"))
    return file_fact(target)


def _record(ledger: Ledger, row: EditionRow, target: Path) -> None:
    try:
        sync(target.parent)
        ledger.add_edition(row)
    except (OSError, StorageError) as error:
        told = reason(error) if isinstance(error, OSError) else error.message
        raise StorageError(
            f"the edition is published, but is not in the ledger yet: {told}",
            file=target,
            hint="the next run records it",
        ) from error


def _edition_folders(root: Path) -> Iterator[Path]:
    for parent in sorted((*root.glob("*/*"), *root.glob("*/*/*"))):
        steps = parent.relative_to(root).parts
        if any(step.startswith(".") or _REVISION.fullmatch(step) for step in steps):
            continue
        if parent.is_dir():
            inner = [entry for entry in parent.iterdir() if _REVISION.fullmatch(entry.name)]
            yield from sorted(inner, key=lambda entry: int(entry.name[1:]))


def _row_of(folder: Path, place: str) -> EditionRow | None:
    """The ledger's row of an edition on disk, or None when its manifest is not of this folder."""
    try:
        facts = read_manifest(folder)
        given = {name: facts.get(name, before) for name, before in _SINCE.items()}
        values = {**{name: facts[name] for name in _FROM_MANIFEST if name not in given}, **given}
        own = edition_folder(
            values["report"], values["period"], values["segment"], values["revision"]
        )
        lists = {
            "reasons": tuple(map(str, values["reasons"])),
            "lacks_notes": tuple(map(str, values["lacks_notes"])),
            "signatures": tuple(Signature(**entry) for entry in values["signatures"]),
        }
    except (StorageError, ReportError, PeriodError, KeyError, TypeError, AttributeError):
        return None
    texts = (name for name in _FROM_MANIFEST if name not in ("revision", "parent", *lists))
    sound = (
        str(own) == place
        and all(isinstance(values[name], str) for name in texts)
        and isinstance(values["revision"], int)
        and isinstance(values["parent"], int | None)
        and values["status"] in ("final", "provisional")
        and values["release"] in ("draft", "signed")
        and values["because"] in ("", "note", "signature")
    )
    if not sound:
        return None
    manifest_hash = file_fact(folder / MANIFEST).sha256
    return EditionRow(**{**values, **lists, "folder": place, "manifest_hash": manifest_hash})


def _storage_error(
    staging: Path, root: Path, draft: EditionDraft, previous: int, error: OSError
) -> StorageError:
    stays = f" Revision {previous} stays as it is." if previous else ""
    return StorageError(
        f"{_name(draft.report, draft.period, draft.segment)} could not be published:"
        f" {reason(error)}.{stays}",
        file=root,
        hint=f"mend that and run it again; what the run made is kept in {staging}",
    )
