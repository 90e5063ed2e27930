"""Letters that the brand's font lacks: the names of customers come in any script.

A page that has such letters carries a few of Noto's glyphs, and no other page does.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from boardpack.brand import Brand
from boardpack.errors import RenderError

#: What stands for a letter that no font here has.
UNKNOWN = "\ufffd"

_PACKAGE = "manimgx_fonts"
#: The most likely first; what two of them have is taken from the first.
_FAMILIES = (
    "NotoSans", "NotoSansArabic", "NotoSansHebrew", "NotoSansSymbols", "NotoEmoji",
)  # fmt: skip
_WEIGHTS = (400, 600)
#: Joins letters and chooses how they look; has no look of its own.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"

#: Makes a file once for all reports: its name, and how it is made.
Cache = Callable[[str, Callable[[], bytes]], bytes]


@dataclass(frozen=True)
class Supply:
    """A font file, and the letters of a report that come from it."""

    path: Path
    letters: str


def supplies(text: str, has: frozenset[int], brand: Brand) -> list[Supply]:
    """Where the letters of ``text`` come from that are not in ``has``: the brand's font, or Noto's.

    What no font has is in none of them.
    """
    wanted = {char for char in set(text) if ord(char) not in has and _is_seen(char)}
    found = []
    for path in (_regular(brand), *_fallbacks()) if wanted else ():
        letters = {char for char in wanted if ord(char) in characters(path)}
        if letters:
            found.append(Supply(path, "".join(sorted(letters))))
            wanted -= letters
    return found


def strange(text: str, brand: Brand) -> frozenset[str]:
    """The letters of ``text`` that no font has."""
    wanted = {char for char in set(text) if ord(char) > 0x7F and _is_seen(char)}
    wanted = {char for char in wanted if ord(char) not in characters(_regular(brand))}
    known = {char for path in _fallbacks() if wanted for char in _of(wanted, path)}
    return frozenset(wanted - known)


def faces(text: str, has: frozenset[int], brand: Brand, cached: Cache) -> str:
    """Rules with fonts for the letters of a page that its own lack, under the brand's name."""
    rules = []
    for supply in supplies(text, has, brand):
        span = ", ".join(f"U+{ord(char):X}" for char in (*supply.letters, *_JOINERS))
        for weight in _WEIGHTS:
            data = base64.b64encode(_cut(supply, weight, "woff2", cached)).decode("ascii")
            rules.append(
                f'@font-face {{ font-family: "{brand.family}"; font-weight: {weight}; '
                f"unicode-range: {span}; font-display: block; "
                f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}"
            )
    return "\n".join(rules)


def font_files(text: str, brand: Brand, cached: Cache) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the fonts that a PDF with this text needs beside the brand's own."""
    for supply in supplies(text + UNKNOWN, characters(_regular(brand)), brand):
        for weight in _WEIGHTS:
            yield f"{supply.path.stem}-{weight}.ttf", _cut(supply, weight, "", cached)


def drawn_with(svg: str, brand: Brand) -> str:
    """A drawing whose words name the font of every letter that the brand's own lacks.

    Typst finds another font for a letter of a page by itself, for one within a drawing it may not.
    """
    wanted = supplies(svg, characters(_regular(brand)), brand)
    if not wanted:
        return svg
    family = {char: _family(supply.path) for supply in wanted for char in supply.letters}

    def words(match: re.Match[str]) -> str:
        runs: list[tuple[str, str]] = []
        for char in match[1]:
            # What joins letters stays with those before it.
            own = family.get(char, runs[-1][0] if runs and char in _JOINERS else "")
            if runs and runs[-1][0] == own:
                runs[-1] = (own, runs[-1][1] + char)
            else:
                runs.append((own, char))
        spans = (f'<tspan font-family="{own}">{run}</tspan>' if own else run for own, run in runs)
        return f">{''.join(spans)}<"

    return re.sub(r">([^<>]+)<", words, svg)


@cache
def _family(path: Path) -> str:
    from fontTools.ttLib import TTFont

    with TTFont(io.BytesIO(path.read_bytes()), lazy=True) as font:
        return str(font["name"].getBestFamilyName())


@cache
def characters(path: Path) -> frozenset[int]:
    """The code points that a font file has."""
    from fontTools.ttLib import TTFont

    with TTFont(io.BytesIO(path.read_bytes()), lazy=True) as font:
        return frozenset(font.getBestCmap())


def _of(letters: Iterable[str], path: Path) -> Iterator[str]:
    return (char for char in letters if ord(char) in characters(path))


def _regular(brand: Brand) -> Path:
    upright = [font for font in brand.fonts if font.style == "normal"]
    return min(upright or brand.fonts, key=lambda font: abs(font.weight - 400)).path


@cache
def _fallbacks() -> tuple[Path, ...]:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RenderError(
            "The fonts for letters of other scripts are not installed.",
            hint="install the package manimgx-fonts",
        )
    folder = Path(spec.submodule_search_locations[0])
    files = {path.name.partition("[")[0]: path for path in sorted(folder.glob("*.ttf"))}
    files.pop("NotoSans-Italic", None)
    first = [files.pop(name) for name in _FAMILIES if name in files]
    return (*first, *files.values())


def _is_seen(char: str) -> bool:
    """Whether a letter has a look: not a space, a mark for programs, or half of a pair."""
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp") and not (
        "\ufe00" <= char <= "\ufe0f"
    )


def _cut(supply: Supply, weight: int, flavor: str, cached: Cache) -> bytes:
    source = supply.path.name + supply.letters + str(weight)
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    name = f"{supply.path.stem}-{weight}-{digest}-{version('fonttools')}.{flavor or 'ttf'}"
    return cached(name, lambda: _made(supply, weight, flavor))


def _made(supply: Supply, weight: int, flavor: str) -> bytes:
    from fontTools import subset
    from fontTools.varLib import instancer

    options = subset.Options()
    options.flavor = flavor or None
    options.hinting = False
    options.layout_features = ["*"]
    options.name_IDs = ["*"]
    font = subset.load_font(io.BytesIO(supply.path.read_bytes()), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=supply.letters + _JOINERS + " ")
    subsetter.subset(font)
    if "fvar" in font:
        # Typst knows no variable fonts: each weight becomes a font of its own.
        axes = {axis.axisTag: axis.defaultValue for axis in font["fvar"].axes}
        ends = next((axis for axis in font["fvar"].axes if axis.axisTag == "wght"), None)
        if ends is not None:
            axes["wght"] = min(max(weight, ends.minValue), ends.maxValue)
        instancer.instantiateVariableFont(font, axes, inplace=True)
    made = io.BytesIO()
    subset.save_font(font, made, options)
    return made.getvalue()
