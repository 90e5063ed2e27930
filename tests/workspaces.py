"""Workspaces that tests make: over the demo warehouse, or over a few rows of their own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat

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


def shop(folder: Path) -> Path:
    """The workspace over purchases with a report of few figures, quick to make."""
    example = SUITE / "examples" / "purchases"
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("var"))
    path = folder / "notebooks" / "purchases.ipynb"
    notebook = nbformat.read(path, as_version=4)
    kept = ("import boardpack", "#| label: txt-headline\n")
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "parameters" in cell.metadata.get("tags", []) or cell.source.startswith(kept)
    ]
    nbformat.write(notebook, path)
    (folder / "reports" / "monthly.qmd").write_text(
        "---\ntitle: Sales\ngrains: [month]\n---\n\n"
        "{{< embed ../notebooks/purchases.ipynb#txt-headline >}}\n\n"
        "## Restatements\n\n::: {#restatements}\n:::\n",
        encoding="utf-8",
    )
    return folder


def buy(folder: Path, *purchases: str) -> None:
    """Purchases of a known customer that come to be known late: ``20240915 2 31.00``."""
    with (folder / "data" / "purchases.txt").open("a", encoding="utf-8") as file:
        file.writelines(f" 00001 {purchase}\n" for purchase in purchases)
