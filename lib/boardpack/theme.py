"""The look of charts: brand colours and font as a Vega configuration, and the drawing of SVG."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from boardpack.brand import FontFile, contrast, mixed, read_brand, readable
from boardpack.errors import RenderError

#: Widths in pixels of a chart that fills the page and of one that stands beside another.
#: At 17 cm of A4 a full chart prints at three quarters, so 12 px text comes out at 9 pt.
WIDTHS = {"full": 640, "half": 316}

FONT_SIZE = 12

#: Names a folder of drawings, each kept under the hash of all that it is made of.
DRAWINGS = "BOARDPACK_DRAWINGS"


@dataclass(frozen=True)
class Palette:
    """The colours that charts use, by what they mean."""

    ink: str
    accent: str
    muted: str
    faint: str
    paper: str
    good: str
    bad: str
    warn: str
    last_year: str
    target: str

    @classmethod
    def of(cls, colors: Mapping[str, str]) -> Palette:
        """The colours of a brand: ``brand.colors``, or those of its dark twin."""
        return cls(**{name: colors[name] for name in cls.__dataclass_fields__})

    def members(self, n: int) -> list[str]:
        """Colours for ``n`` members, the strongest first; judgement colours are not among them."""
        tones = [
            self.accent,
            self.ink,
            mix(self.accent, self.paper, 0.5),
            self.muted,
            self.last_year,
            mix(self.ink, self.accent, 0.5),
        ]
        return [tones[i % len(tones)] for i in range(n)]

    @property
    def band(self) -> str:
        """What a normal range is filled with: it is seen, and everything is read above it."""
        return mix(self.accent, self.paper, 0.88)

    @property
    def open(self) -> str:
        """What a column is filled with whose figure may still change."""
        return mix(self.accent, self.paper, 0.72)

    def heat(self, share: float) -> str:
        """One hue from paper (0) to the accent (1), in the steps of `HEAT`."""
        last = len(HEAT) - 1
        return mix(self.paper, self.accent, HEAT[min(max(round(share * last), 0), last)])

    def on(self, color: str) -> str:
        """The colour of a text upon ``color``: ink or paper, whichever stands out more."""
        return max((self.ink, self.paper), key=lambda text: contrast(text, color))

    def shades(self, color: str, n: int) -> list[str]:
        """``n`` shades of one colour, the first the strongest."""
        return [mix(color, self.paper, SHADES[min(i, len(SHADES) - 1)]) for i in range(n)]


#: How much of the accent each step of a heatmap takes: upon each one ink or paper can be read.
HEAT = (0.0, 0.12, 0.27, 0.45, 0.55, 1.0)
#: How far shades of one colour go towards paper.
SHADES = (0.0, 0.3, 0.5, 0.64, 0.74)


#: The ``_brand.yml`` that charts are drawn after; None is the suite's.
_brand: Path | None = None


def use_brand(path: Path | None) -> None:
    """Draw after this ``_brand.yml`` from now on: a process draws for one workspace at a time."""
    global _brand
    _brand = path


def palette() -> Palette:
    """The colours of the brand in use."""
    return Palette.of(read_brand(_brand).colors)


def dark_palette() -> Palette:
    """The same on a dark screen."""
    return Palette.of(read_brand(_brand).dark)


def mix(one: str, other: str, share: float) -> str:
    """The colour between two: ``share`` of the second.

    >>> mix("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    return mixed(one, other, share)


def legible(color: str, paper: str = "#FFFFFF") -> str:
    """The colour drawn away from ``paper`` until text in it can be read there (contrast 4.5 : 1).

    >>> legible("#1D5FA6"), legible("#8EAFD2") == "#8EAFD2"
    ('#1D5FA6', False)
    """
    return readable(color, paper)


def config(look: Palette, family: str) -> dict[str, Any]:
    """Vega-Lite's ``config`` for every chart of a report: no frame, no ornament, one font."""
    text = {"font": family, "fontSize": FONT_SIZE}
    return {
        "aria": False,  # the alternative text speaks for the whole chart
        "font": family,
        "background": look.paper,
        "view": {"stroke": None},
        "text": {**text, "color": look.ink},
        "axis": {
            "labelFont": family,
            "labelFontSize": FONT_SIZE - 0.5,
            "labelColor": look.muted,
            "labelPadding": 6,
            "title": None,
            "domain": False,
            "ticks": False,
            "gridColor": look.faint,
            "gridWidth": 1,
        },
        "axisX": {"grid": False, "labelAngle": 0},
        "title": {
            "font": family,
            "fontSize": FONT_SIZE + 1,
            "fontWeight": 600,
            "color": look.ink,
            "anchor": "start",
        },
    }


def styled(spec: dict[str, Any]) -> dict[str, Any]:
    """A Vega-Lite spec in the look of the report; what the spec says itself stands."""
    # JupyterLab has no font files of a report: there the system's own stands in.
    look = config(palette(), f"{read_brand(_brand).family}, sans-serif")
    return {**spec, "config": _merged(look, spec.get("config", {}))}


def draw(spec: dict[str, Any]) -> str:
    """The SVG of a Vega-Lite spec, equal for equal specs.

    The drawing engine starts here and not at import: a process forked after it ran would hang.
    Where the environment names a folder as `DRAWINGS`, what was drawn before is taken from there.
    """
    fonts = read_brand(_brand).fonts
    kept = os.environ.get(DRAWINGS)
    if not kept:
        return _drawn(spec, fonts)
    engine = f"vl-convert {version('vl-convert-python')} {fonts}\n"
    text = engine + json.dumps(spec, sort_keys=True, default=str)
    path = Path(kept) / f"{hashlib.sha256(text.encode()).hexdigest()}.svg"
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    svg = _drawn(spec, fonts)
    with suppress(OSError):
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(svg, encoding="utf-8")
        os.replace(part, path)
    return svg


def _drawn(spec: dict[str, Any], fonts: tuple[FontFile, ...]) -> str:
    import vl_convert

    _register_fonts(fonts)
    try:
        svg: str = vl_convert.vegalite_to_svg(spec)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise RenderError(f"A chart could not be drawn: {reason}") from None
    return svg


@cache
def _register_fonts(fonts: tuple[FontFile, ...]) -> None:
    import vl_convert

    for folder in sorted({str(font.path.parent) for font in fonts}):
        vl_convert.register_font_directory(folder)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = (
            _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return merged
