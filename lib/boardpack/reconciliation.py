"""What killed runs left in the folder of editions, mended: rows that lack, copies half made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boardpack.edition_folders import PUBLISHING_SECONDS, REVISION, edition_folder, publishing
from boardpack.editions import FROM_MANIFEST, STAGING
from boardpack.errors import PeriodError, ReportError, StorageError
from boardpack.facts import Signature
from boardpack.files import reason
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.manifests import MANIFEST, file_fact, read_manifest

#: What manifests have only since it was thought of, and what those of before stand for.
_SINCE: dict[str, Any] = {
    "forced": "", "forced_by": "", "because": "", "lacks_notes": [], "signatures": [],
}  # fmt: skip


@dataclass(frozen=True)
class Reconciled:
    """What `reconcile` did: rows it added, remains it removed, folders it cannot account for."""

    added: tuple[EditionRow, ...] = ()
    removed: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()


def reconcile(root: Path, ledger: Ledger, wait: float = PUBLISHING_SECONDS) -> Reconciled:
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
        for folder in sorted(root.glob(STAGING + "*")):
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


def _edition_folders(root: Path) -> Iterator[Path]:
    for parent in sorted((*root.glob("*/*"), *root.glob("*/*/*"))):
        steps = parent.relative_to(root).parts
        if any(step.startswith(".") or REVISION.fullmatch(step) for step in steps):
            continue
        if parent.is_dir():
            inner = [entry for entry in parent.iterdir() if REVISION.fullmatch(entry.name)]
            yield from sorted(inner, key=lambda entry: int(entry.name[1:]))


def _row_of(folder: Path, place: str) -> EditionRow | None:
    """The ledger's row of an edition on disk, or None when its manifest is not of this folder."""
    try:
        facts = read_manifest(folder)
        given = {name: facts.get(name, before) for name, before in _SINCE.items()}
        values = {**{name: facts[name] for name in FROM_MANIFEST if name not in given}, **given}
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
    texts = (name for name in FROM_MANIFEST if name not in ("revision", "parent", *lists))
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
