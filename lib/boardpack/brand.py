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

#: A palette's name for how the colour behind it looks on a dark screen: ``dark_ink``.
_DARK = "dark_"

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
#: What a page is written on: derived from its light colour it would not be dark.
_GROUND = ("paper", "wash", "faint")
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
    #: the same names on a dark screen
    dark: dict[str, str]
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
    >>> brand.family, brand.colors["ink"], brand.dark["ink"]
    ('Source Sans Pro', '#14213D', '#E8ECF4')
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
    palette = _colors(document, data.get("color") or {})
    colors = {name: hue for name, hue in palette.items() if not name.startswith(_DARK)}
    return Brand(document.path, colors, _dark(document.path, colors, palette), family, fonts)


def mixed(one: str, other: str, share: float) -> str:
    """The colour between two: ``share`` of the second.

    >>> mixed("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    pairs = zip(rgb(one), rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#RRGGBB``, 0 to 255.

    >>> rgb("#14213D")
    (20, 33, 61)
    """
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def contrast(one: str, other: str) -> float:
    """How far apart two colours are for an eye that reads: 1 to 21, text needs 4.5.

    >>> contrast("#FFFFFF", "#000000")
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(color: str, paper: str) -> str:
    """The colour drawn away from ``paper`` until text in it can be read there.

    >>> readable("#1D5FA6", "#FFFFFF"), readable("#1D5FA6", "#0E1523")
    ('#1D5FA6', '#5687BC')
    """
    end = "#FFFFFF" if _luminance(paper) < 0.18 else "#000000"
    shades = (mixed(color, end, share / 100) for share in range(0, 100, 5))
    return next((shade for shade in shades if contrast(shade, paper) >= 4.5), end)


def _dark(path: Path, colors: dict[str, str], palette: dict[str, str]) -> dict[str, str]:
    """The colours of a dark screen: those named, else the suite's, else ours made lighter."""
    suite = SUITE / "reports" / "_brand.yml"
    base = None if path == suite else read_brand(suite)
    found = {}
    for name, color in colors.items():
        named = palette.get(_DARK + name)
        if named is None and base and (name in _GROUND or base.colors.get(name) == color):
            named = base.dark[name]
        found[name] = named or ""
    return {name: hue or readable(colors[name], found["paper"]) for name, hue in found.items()}


def _luminance(color: str) -> float:
    parts = (part / 255 for part in rgb(color))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


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
