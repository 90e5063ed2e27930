"""Marks: the guesses and questions in a workspace's own files that a person has not settled yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_MARK = re.compile(r"(?:--|#) (guess|question)(?: (\d(?:\.\d+)?))?: (.+)$")


@dataclass(frozen=True)
class Mark:
    """One comment ``-- guess 0.88: why`` or ``-- question: what``; a guess has its score."""

    file: str
    line: int
    kind: Literal["guess", "question"]
    score: float
    text: str

    def __str__(self) -> str:
        said = f"guess {self.score:.2f}" if self.kind == "guess" else "question"
        return f"{self.file}:{self.line}: {said}: {self.text}"


def marks(root: Path) -> list[Mark]:
    """The marks in ``boardpack.yml`` and ``sources/`` of a workspace: questions, then the guesses,
    the least sure first."""
    found = []
    for path in (root / "boardpack.yml", *sorted((root / "sources").glob("*.yml"))):
        if not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            match = _MARK.search(line)
            if match:
                kind: Literal["guess", "question"] = (
                    "question" if match[1] == "question" else "guess"
                )
                where = str(path.relative_to(root))
                found.append(Mark(where, number, kind, float(match[2] or 0), match[3].strip()))
    return sorted(found, key=lambda m: (m.kind == "guess", m.score, m.file, m.line))
