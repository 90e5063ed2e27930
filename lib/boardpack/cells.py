"""What the cells of executed notebooks show, by the labels that reports place them with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from boardpack.blocks import MIME
from boardpack.errors import ReportError, UnknownNameError
from boardpack.qmd_lines import Embed

_LABEL = re.compile(r"^#\|\s*label:\s*(\S+)\s*$")


class Cells:
    """Those of one executed notebook, read when the first of them is placed."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self._cells: dict[str, list[dict[str, Any]]] | None = None

    def blocks(self, embed: Embed) -> list[dict[str, Any]]:
        """What the cell of a place shows; `blocks_of` says what is raised."""
        if self._cells is None:
            self._cells = self._read(embed)
        if embed.label not in self._cells:
            raise UnknownNameError.near(
                f"label of {self.name}.ipynb", embed.label, self._cells,
                file=embed.line.file, line=embed.line.number,
            )  # fmt: skip
        blocks = self._cells[embed.label]
        if not blocks:
            raise embed.line.error(
                f"cell {embed.label!r} of {self.name}.ipynb shows nothing that a report can place.",
                "let its last line be a verb of boardpack, such as bp.trend(values, 'mrr')",
            )
        return blocks

    def _read(self, embed: Embed) -> dict[str, list[dict[str, Any]]]:
        try:
            notebook = json.loads(self.path.read_text(encoding="utf-8"))
            cells = notebook["cells"]
        except (OSError, ValueError, KeyError) as error:
            raise embed.line.error(f"{self.path} is not an executed notebook: {error}.") from None
        found: dict[str, list[dict[str, Any]]] = {}
        for cell in cells:
            label = _label(cell)
            if label is None:
                continue
            if label in found:
                raise ReportError(
                    f"Two cells are labelled {label!r}.", file=self.path, hint="rename one of them"
                )
            found[label] = list(_outputs(cell, self.path, label))
        return found


def read_cells(executed: Mapping[str, Path]) -> dict[str, Cells]:
    """The cells of executed notebooks; ``executed`` maps a notebook's name to its ``.ipynb``."""
    return {name: Cells(name, path) for name, path in executed.items()}


def blocks_of(notebooks: Mapping[str, Cells], embed: Embed) -> list[dict[str, Any]]:
    """The blocks that an embedded cell shows, one or more.

    `UnknownNameError` for a notebook or label that is not there, `ReportError` for a cell that
    failed or shows nothing; both name the report's file and line.
    """
    if embed.notebook not in notebooks:
        raise UnknownNameError.near(
            "notebook", embed.notebook, notebooks, file=embed.line.file, line=embed.line.number
        )
    return notebooks[embed.notebook].blocks(embed)


def _label(cell: dict[str, Any]) -> str | None:
    source = cell.get("source", "")
    if cell.get("cell_type") != "code":
        return None
    for line in (source if isinstance(source, str) else "".join(source)).splitlines():
        match = _LABEL.match(line.strip())
        if match:
            return match[1]
        if line.strip() and not line.startswith("#"):
            return None
    return None


def _outputs(cell: dict[str, Any], path: Path, label: str) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            raise ReportError(f"Cell {label!r} ended in {output.get('ename')}.", file=path)
        block = output.get("data", {}).get(MIME)
        if block is None:
            continue
        if isinstance(block, str | list):
            block = json.loads(block if isinstance(block, str) else "".join(block))
        yield block
