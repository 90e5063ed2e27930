"""What every page carries and is slow to make: Vega's JavaScript and font subsets, in a cache.

Both depend on installed packages alone: a cache file has their version in its name and stays true.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from boardpack.brand import Brand, FontFile
from boardpack.errors import RenderError
from boardpack.render import glyphs
from boardpack.render.scheme import color_variables

#: Latin letters of the languages of Europe; punctuation, arrows and marks that reports use.
_LETTERS = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180)]))
_MARKS = "‐‑‒–—‘’‚“”„†•…‰‹›⁄€−×÷≈≠≤≥←↑→↓▲▼◆●■✓\u2009\u202f"
_FACES = ((400, "normal"), (600, "normal"))
_BUNDLE = "import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle())"


def vega_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script that sets ``vegaEmbed``; about 0.9 MB."""
    name = f"vega-{version('vl-convert-python')}.js"
    return _cached(name, _make_bundle).decode("utf-8")


def font_faces(brand: Brand) -> str:
    """The brand's font files as ``@font-face`` rules that hold the fonts themselves."""
    return "\n".join(_font_face(brand.family, font) for font in brand.fonts)


def more_faces(brand: Brand, page: str) -> str:
    """Rules for the letters of this page that are not among those every page carries."""
    return glyphs.faces(page, frozenset(map(ord, _LETTERS + _MARKS)), brand, _cached)


def lay_fonts(brand: Brand, text: str, folder: Path) -> None:
    """Write the fonts that a PDF with this text needs beside the brand's own into a folder."""
    for name, data in glyphs.font_files(text, brand, _cached):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def page_head(brand: Brand, title: str, *sheets: str) -> str:
    """The head of a page that is no report, up to its body: nothing is fetched and no script runs.

    Two faces, the brand's colours, light and dark, our own sheets. ``title`` is plain text.
    """
    used = tuple(font for font in brand.fonts if (font.weight, font.style) in _FACES)
    texts = [(Path(__file__).parents[1] / name).read_text(encoding="utf-8") for name in sheets]
    faces = font_faces(replace(brand, fonts=used))
    family = f':root {{ --family: "{brand.family}"; }}\n'
    style = f"{faces}\n{family}{color_variables(brand)}" + "".join(texts)
    return _PAGE_HEAD.format(title=html.escape(title), style=style)


_PAGE_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
"""


def _make_bundle() -> bytes:
    # In a process of its own: once vl-convert has run, this process could not be forked any more.
    made = subprocess.run(
        [sys.executable, "-c", _BUNDLE], capture_output=True, check=False, timeout=120
    )
    if made.returncode != 0 or not made.stdout:
        raise RenderError(f"Vega's JavaScript could not be bundled: {_last_line(made.stderr)}")
    return made.stdout


@cache
def _font_face(family: str, font: FontFile) -> str:
    digest = hashlib.sha256(font.path.read_bytes() + (_LETTERS + _MARKS).encode()).hexdigest()[:16]
    name = f"{font.path.stem}-{digest}-{version('fonttools')}.woff2"
    data = base64.b64encode(_cached(name, lambda: _subset(font.path))).decode("ascii")
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {font.weight}; '
        f"font-style: {font.style}; font-display: block; "
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}"
    )


def _subset(path: Path) -> bytes:
    from fontTools import subset

    options = subset.Options()
    options.flavor = "woff2"
    options.hinting = False
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "lnum", "tnum"]
    # From memory: opened by name, the file would stay open until the font is collected.
    font = subset.load_font(io.BytesIO(path.read_bytes()), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=_LETTERS + _MARKS)
    subsetter.subset(font)
    made = io.BytesIO()
    subset.save_font(font, made, options)
    return made.getvalue()


def _cached(name: str, make: Callable[[], bytes]) -> bytes:
    folder = _cache_folder()
    path = folder / name
    with contextlib.suppress(OSError):
        return path.read_bytes()
    data = make()
    # A cache that cannot be written costs time and nothing else.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(draft, path)
    return data


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "boardpack"


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no message"
