"""Sections that a run writes itself into a report, kept for revisions of the same values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from boardpack.blocks import Shown, Text
from boardpack.errors import StorageError

#: The file with them in the folder of a run or an edition.
SECTIONS = "sections.json"

#: What a run writes itself, from the ids of the KPIs that the report shows.
Section = Callable[[frozenset[str]], Text]


def save_sections(sections: Mapping[str, Text], folder: Path) -> None:
    """Freeze the sections of a report as they were written; an `OSError` is the caller's."""
    frozen = {name: section.payload() for name, section in sections.items()}
    written = json.dumps(frozen, ensure_ascii=False, indent=1)
    (folder / SECTIONS).write_text(written, encoding="utf-8")


def read_sections(folder: Path) -> dict[str, Section]:
    """The sections that a run wrote itself into a report, as they stand in its folder.

    `StorageError` where they are not there, or not as they were written.
    """
    path = folder / SECTIONS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        texts = {name: _text_of(payload) for name, payload in found.items()}
    except FileNotFoundError:
        raise StorageError(
            "this edition was made before notes were thought of.",
            file=path,
            hint="run the report again: the new revision has the notes of its period",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"the sections of a report cannot be read: {error}.", file=path
        ) from None
    return {name: _always(section) for name, section in texts.items()}


def _text_of(payload: dict[str, Any]) -> Text:
    shown = tuple(Shown(**number) for number in payload["numbers"])
    return Text(payload["markdown"], figures=payload["figures"], numbers=shown)


def _always(section: Text) -> Section:
    return lambda shown: section
