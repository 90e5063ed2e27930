"""The look of charts: brand colours and font as a Vega configuration, and the drawing of SVG."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from boardpack.brand import Brand, FontFile, read_brand
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
    def of(cls, brand: Brand) -> Palette:
        """The colours of a brand."""
        return cls(**{name: brand.colors[name] for name in cls.__dataclass_fields__})

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


#: The ``_brand.yml`` that charts are drawn after; None is the suite's.
_brand: Path | None = None


def use_brand(path: Path | None) -> None:
    """Draw after this ``_brand.yml`` from now on: a process draws for one workspace at a time."""
    global _brand
    _brand = path


def palette() -> Palette:
    """The colours of the brand in use."""
    return Palette.of(read_brand(_brand))


def mix(one: str, other: str, share: float) -> str:
    """The colour between two: ``share`` of the second.

    >>> mix("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def legible(color: str, paper: str = "#FFFFFF") -> str:
    """The colour darkened until text in it can be read on ``paper`` (contrast 4.5 : 1).

    >>> legible("#1D5FA6"), legible("#8EAFD2") == "#8EAFD2"
    ('#1D5FA6', False)
    """
    for share in range(0, 100, 5):
        darker = mix(color, "#000000", share / 100)
        if _luminance(paper) + 0.05 >= 4.5 * (_luminance(darker) + 0.05):
            return darker
    return "#000000"


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


def _luminance(color: str) -> float:
    parts = (part / 255 for part in _rgb(color))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
