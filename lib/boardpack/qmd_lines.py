"""The lines of a report document: where each was written, and the files and cells it names."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from boardpack.errors import ReportError

SHORTCODE = re.compile(r"\{\{<\s*(\S+)\s*(.*?)\s*>\}\}")
IMAGE = re.compile(
    r"!\[(?P<caption>(?:[^\]\\]|\\.)*)\]"
    r"\((?P<path><[^>]+>|[^\s)]+)(?:\s+\"[^\"]*\")?\)"
    r"(?:\{(?P<attributes>(?:\"(?:[^\"\\]|\\.)*\"|[^}\"])*)\})?"
)
_EMBED = re.compile(r"(?P<notebook>[^\s#]+)(?:#(?P<label>\S+))?(?P<options>.*)")
_NOTEBOOK = re.compile(r"\.\./notebooks/([\w.-]+)\.ipynb")
#: Where a name leads elsewhere than to a file of the workspace.
REMOTE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One line of a report, and where it was written."""

    text: str
    file: Path
    number: int

    def error(self, message: str, hint: str | None = None) -> ReportError:
        """A `ReportError` that points at this line."""
        return ReportError(message, file=self.file, line=self.number, hint=hint)


@dataclass(frozen=True)
class Embed:
    """A place in a report where the result of a notebook cell stands."""

    notebook: str
    label: str
    line: Line


def parse_embed(argument: str, line: Line) -> Embed:
    """``../notebooks/revenue.ipynb#fig-mrr`` of an embed shortcode."""
    match = _EMBED.fullmatch(argument)
    right = "write {{< embed ../notebooks/revenue.ipynb#fig-mrr >}}"
    if match is None or not match["notebook"].endswith(".ipynb"):
        raise line.error(f"embed {argument!r} names no notebook.", right)
    if not match["label"]:
        raise line.error(f"embed {argument!r} names no cell.", right)
    if match["options"].strip():
        raise line.error(f"embed has no option {match['options'].strip()!r} here.", right)
    notebook = _NOTEBOOK.fullmatch(match["notebook"])
    if notebook is None:
        raise line.error(f"{match['notebook']!r} is not in the folder notebooks/.", right)
    return Embed(notebook[1], match["label"], line)


def local_file(reference: str, line: Line, root: Path) -> Path:
    """The file that an include or image names; it must exist, here, inside the workspace."""
    name = reference.strip("<>")
    if REMOTE.match(name):
        raise line.error(
            f"{name!r} is not a file of this workspace.",
            "copy it beside the report: a report is made, and read, without a network",
        )
    path = (line.file.parent / name).resolve()
    if not path.is_relative_to(root):
        raise line.error(f"{name!r} lies outside the workspace.")
    if not path.is_file():
        folder = path.parent
        siblings = [other.name for other in folder.iterdir()] if folder.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else None
        raise line.error(f"{name!r} does not exist.", hint)
    return path
