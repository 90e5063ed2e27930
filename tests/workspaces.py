"""Workspaces that tests make: over the demo warehouse, or over a few rows of their own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from boardpack.workspace import SUITE

#: The least that boardpack.yml may say.
SETTINGS = """\
company: Small
currency: USD
dimensions: []
"""


def over_demo(folder: Path, warehouse: Path) -> Path:
    """The demo company's workspace, with its warehouse: a link, because the file is only read."""
    (folder / "var").mkdir(parents=True)
    shutil.copy(SUITE / "boardpack.yml", folder)
    target = folder / "var" / "warehouse.duckdb"
    try:
        os.link(warehouse, target)
    except OSError:
        shutil.copy(warehouse, target)
    return folder


def small(folder: Path, settings: str = SETTINGS, **files: str) -> Path:
    """A workspace with these files, such as ``**{"kpis/own.yml": "..."}``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "boardpack.yml").write_text(settings, encoding="utf-8")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
