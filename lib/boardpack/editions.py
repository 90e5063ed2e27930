"""Publication: from a run's folder to an immutable edition, by one rename.

A run stages all its files; `publish` copies them beside the editions, writes the manifest, waits
until the disk has them, renames the folder to its place and adds the row to the ledger. A reader
sees the whole edition or none, whenever the process dies; `reconciliation` then mends what is left.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from boardpack.csvfile import csv_text
from boardpack.edition_folders import NAME, edition_folder, highest_revision, name_of, publishing
from boardpack.errors import RunError, StorageError
from boardpack.facts import Signature, Verdict
from boardpack.files import make_folders, reason, seal, sync
from boardpack.frontpage import QUALITY
from boardpack.ledger import Ledger
from boardpack.ledger_rows import Because, EditionRow
from boardpack.listed import FOLDER as LISTINGS
from boardpack.manifests import (
    MANIFEST,
    FileFact,
    code_hash,
    file_fact,
    manifest_text,
    names_in,
    text_hash,
    versions,
)

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

#: How the folder begins in which an edition is made.
STAGING = ".tmp-"
#: What the manifest of an edition has of its row in the ledger.
FROM_MANIFEST = tuple(
    entry.name for entry in fields(EditionRow) if entry.name not in ("folder", "manifest_hash")
)


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
    if NAME.fullmatch(draft.run_id) is None:
        raise RunError(f"{draft.run_id!r} cannot name the folder of a run.")
    names = _staged(staging, draft)
    table = _values_csv(staging / "values.parquet")
    temporary = root / f"{STAGING}{draft.run_id}"
    previous = 0
    try:
        with publishing(root):
            previous = highest_revision(root, ledger, draft.report, draft.period, draft.segment)
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


def _row(draft: EditionDraft, previous: int) -> EditionRow:
    revision = previous + 1
    if draft.revision not in (None, revision):
        raise RunError(
            f"{name_of(draft.report, draft.period, draft.segment)} was made as revision"
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
        **{name: value for name, value in asdict(row).items() if name in FROM_MANIFEST},
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


def _storage_error(
    staging: Path, root: Path, draft: EditionDraft, previous: int, error: OSError
) -> StorageError:
    stays = f" Revision {previous} stays as it is." if previous else ""
    return StorageError(
        f"{name_of(draft.report, draft.period, draft.segment)} could not be published:"
        f" {reason(error)}.{stays}",
        file=root,
        hint=f"mend that and run it again; what the run made is kept in {staging}",
    )
