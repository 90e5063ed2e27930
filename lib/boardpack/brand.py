"""The look of the reports, read from ``_brand.yml``: colours and fonts of charts, HTML and PDF."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from boardpack.errors import StorageError
from boardpack.fonts import FAMILY, font_folder
from boardpack.workspace import SUITE
from boardpack.yamlfile import Document, read

#: What charts, tables and pages ask a palette for; ``good``, ``bad`` and ``warn`` only judge.
PALETTE = (
    "ink", "accent", "muted", "faint", "wash", "paper",
    "good", "bad", "warn", "last_year", "target",
)  # fmt: skip

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_FAMILY = re.compile(r"[\w .+-]+")


@dataclass(frozen=True)
class FontFile:
    """One face of the family: ``weight`` 100-900, ``style`` ``normal`` or ``italic``."""

    name: str
    path: Path
    weight: int
    style: str


@dataclass(frozen=True)
class Brand:
    """What ``_brand.yml`` says, with every colour resolved to ``#RRGGBB``."""

    path: Path
    colors: dict[str, str]
    family: str
    fonts: tuple[FontFile, ...]

    def copy_to(self, folder: Path) -> None:
        """Lay ``_brand.yml`` and its fonts into a run folder, where any renderer finds them."""
        try:
            shutil.copyfile(self.path, folder / "_brand.yml")
            for font in self.fonts:
                target = folder / font.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(font.path, target)
        except OSError as error:
            raise StorageError(
                f"The fonts of the report cannot be written ({error.strerror}).", file=folder
            ) from None


def brand_file(*folders: Path) -> Path:
    """The first ``_brand.yml`` in these folders, nearest first; else the suite's."""
    found = (folder / "_brand.yml" for folder in (*folders, SUITE / "reports"))
    return next(path for path in found if path.is_file())


def read_brand(path: Path | None = None) -> Brand:
    """Read a ``_brand.yml``, the suite's when None; `DefinitionError` names the wrong line.

    >>> brand = read_brand()
    >>> brand.family, brand.colors["ink"]
    ('Source Sans Pro', '#14213D')
    """
    path = path or SUITE / "reports" / "_brand.yml"
    # A file that is edited while JupyterLab runs is read again.
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@cache
def _read(path: Path, changed: int) -> Brand:
    document = read(path)
    data = document.data if isinstance(document.data, dict) else {}
    typography = data.get("typography") or {}
    family, fonts = _fonts(document, typography)
    return Brand(document.path, _colors(document, data.get("color") or {}), family, fonts)


def _colors(document: Document, color: dict[str, Any]) -> dict[str, str]:
    palette = color.get("palette") or {}
    missing = [name for name in PALETTE if name not in palette]
    if missing:
        raise document.error(
            f"the palette lacks {', '.join(missing)}.",
            ("color", "palette"),
            f"a report needs the colours {', '.join(PALETTE)}",
        )
    resolved = {}
    for name, value in palette.items():
        seen = [name]
        while isinstance(value, str) and value in palette and value not in seen:
            seen.append(value)
            value = palette[value]
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise document.error(
                f"colour {name!r} is {value!r}.",
                ("color", "palette", name),
                "write it as '#1D5FA6', in quotes",
            )
        if len(value) == 4:
            value = "#" + "".join(digit * 2 for digit in value[1:])
        resolved[str(name)] = value
    return resolved


def _fonts(document: Document, typography: dict[str, Any]) -> tuple[str, tuple[FontFile, ...]]:
    base = typography.get("base") or {}
    family = base if isinstance(base, str) else base.get("family", FAMILY)
    if not isinstance(family, str) or not _FAMILY.fullmatch(family):
        raise document.error(f"font family {family!r} is not a name.", ("typography", "base"))
    for index, font in enumerate(typography.get("fonts") or []):
        key = ("typography", "fonts", index)
        if not isinstance(font, dict) or font.get("family") != family:
            continue
        if font.get("source") != "file":
            raise document.error(
                f"font {family!r} has source {font.get('source')!r}.",
                key,
                "use `source: file`: reports are made, and read, without a network",
            )
        files = font.get("files") or []
        return family, tuple(
            _font_file(document, (*key, "files", i), file) for i, file in enumerate(files)
        )
    raise document.error(
        f"no files are given for the font family {family!r}.", ("typography", "fonts")
    )


def _font_file(document: Document, key: tuple[str | int, ...], entry: object) -> FontFile:
    file = {"path": entry} if isinstance(entry, str) else entry
    name = file.get("path") if isinstance(file, dict) else None
    if not isinstance(file, dict) or not isinstance(name, str):
        raise document.error("a font file needs a path.", key)
    parts = Path(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise document.error(f"font file {name!r} lies outside the reports.", key)
    beside = document.path.parent / parts
    packaged = font_folder() / parts.name
    found = beside if beside.is_file() else packaged
    if not found.is_file():
        raise document.error(f"font file {name!r} does not exist.", key, f"put it at {beside}")
    weight, style = file.get("weight", 400), file.get("style", "normal")
    if not isinstance(weight, int) or style not in ("normal", "italic"):
        raise document.error("weight is a number, style is normal or italic.", key)
    return FontFile(name, found, weight, style)
