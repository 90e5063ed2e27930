"""What a listing holds in one run: its rows, frozen, and what a page says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from boardpack.csvfile import csv_text

#: The folder of a run, and of its edition, with a Parquet and a CSV file a listing.
FOLDER = "listings"
_FACTS = "facts.json"


@dataclass(frozen=True)
class ListedColumn:
    """A column: its name in the frame, its head, its kind as in the definition.

    ``moods`` says which words are ``good``, ``warn`` or ``bad``, ``names`` how ids are written.
    """

    name: str
    head: str
    kind: str
    moods: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """The rows of a listing as of one day, all of them.

    ``frame`` has a column ``row`` with the key of each row, the listing's columns, and ``group``.
    ``reason`` says why there are none where its tables are not connected. ``limit`` is how many a
    page shows unless it says otherwise; ``window`` as in the definition.
    """

    id: str
    title: str
    columns: tuple[ListedColumn, ...]
    frame: pd.DataFrame
    window: str = "to_date"
    limit: int = 20
    owner: str = ""
    notes: str = ""
    source: str = ""
    #: every table that it rests on
    tables: tuple[str, ...] = ()
    reason: str = ""

    @classmethod
    def of(cls, facts: Mapping[str, Any], frame: pd.DataFrame) -> Listed:
        """The listing that these facts describe, over its rows."""
        columns = tuple(ListedColumn(**column) for column in facts["columns"])
        tables = tuple(facts.get("tables", ()))
        return cls(**{**facts, "columns": columns, "tables": tables}, frame=frame)

    @property
    def facts(self) -> dict[str, Any]:
        """All but the rows, as `of` takes it."""
        plain = {
            name: getattr(self, name)
            for name in ("id", "title", "window", "limit", "owner", "notes", "source", "reason")
        }
        columns = [asdict(column) for column in self.columns]
        return {**plain, "tables": list(self.tables), "columns": columns}

    @property
    def csv(self) -> str:
        """All rows under the heads that a page shows, for a spreadsheet."""
        heads = {"row": "Row", **{column.name: column.head for column in self.columns}}
        names = list(heads)
        table = self.frame[names].copy()
        table.columns = pd.Index([heads[name] for name in names])
        if self.frame["group"].notna().any():
            table.insert(1, "Group", self.frame["group"])
        return csv_text(table)


def save(listed: Iterable[Listed], run: Path) -> None:
    """Freeze listings into the folder ``listings`` of a run; none leave no folder."""
    found = list(listed)
    if not found:
        return
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        one.frame.to_parquet(folder / f"{one.id}.parquet", index=False)
        (folder / f"{one.id}.csv").write_text(one.csv, encoding="utf-8", newline="")
    text = json.dumps([one.facts for one in found], indent=1, ensure_ascii=False)
    (folder / _FACTS).write_text(text + "\n", encoding="utf-8")


def load(run: Path) -> dict[str, Listed]:
    """Read what `save` froze; empty where a run has no listings."""
    path = run / FOLDER / _FACTS
    if not path.is_file():
        return {}
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {
        facts["id"]: Listed.of(facts, _read(run / FOLDER / f"{facts['id']}.parquet"))
        for facts in entries
    }


def _read(path: Path) -> pd.DataFrame:
    """The rows as they were frozen: None, and not NaN, where a text or a day is missing."""
    frame = pd.read_parquet(path)
    for name in frame.columns:
        if frame[name].dtype != "float64":
            plain = frame[name].astype(object)
            frame[name] = plain.where(plain.notna(), None)
    return frame
