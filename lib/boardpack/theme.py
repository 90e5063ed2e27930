"""The look of charts: brand colours and font as a Vega configuration, and the drawing of SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from boardpack.brand import FontFile, read_brand
from boardpack.errors import RenderError

#: Widths in pixels of a chart that fills the page and of one that stands beside another.
#: At 17 cm of A4 a full chart prints at three quarters, so 12 px text comes out at 9 pt.
WIDTHS = {"full": 640, "half": 316}

FONT_SIZE = 12


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
        """One hue from nearly paper (0) to the accent (1), in `HEAT` steps."""
        step = min(max(round(share * (HEAT - 1)), 0), HEAT - 1)
        return mix(self.paper, self.accent, 0.06 + 0.94 * step / (HEAT - 1))

    def on(self, color: str) -> str:
        """The colour of a text upon ``color``: ink or paper, whichever stands out more."""
        return max((self.ink, self.paper), key=lambda text: contrast(text, color))

    def shades(self, color: str, n: int) -> list[str]:
        """``n`` shades of one colour, the first the strongest."""
        return [mix(color, self.paper, SHADES[min(i, len(SHADES) - 1)]) for i in range(n)]

    def tones(self) -> dict[str, str]:
        """Every colour that a chart of the suite can have, by name."""
        members = self.members(6)
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        named |= {"band": self.band, "open": self.open}
        named |= {f"member-{i}": color for i, color in enumerate(members)}
        named |= {f"text-{i}": legible(color, self.paper) for i, color in enumerate(members)}
        named |= {f"heat-{i}": self.heat(i / (HEAT - 1)) for i in range(HEAT)}
        for name, color in (("gain", self.good), ("loss", self.bad)):
            shades = self.shades(color, len(SHADES))
            named |= {f"{name}-{i}": shade for i, shade in enumerate(shades)}
        return named


#: How many steps the one hue of a heatmap has, and how far shades of a colour go towards paper.
HEAT = 9
SHADES = (0.0, 0.3, 0.5, 0.64, 0.74)


def twins(light: Palette, dark: Palette) -> dict[str, str]:
    """For each colour that a chart can have what a page shows instead on a dark screen.

    >>> look = palette()
    >>> twins(look, look)[look.accent] == look.accent
    True
    """
    shown = dark.tones()
    # Of two tones that look alike on paper the first, plainer one says what both are in the dark.
    found: dict[str, str] = {}
    for name, color in light.tones().items():
        found.setdefault(color, shown[name])
    return found


#: The ``_brand.yml`` that charts are drawn after; None is the suite's.
_brand: Path | None = None


def use_brand(path: Path | None) -> None:
    """Draw after this ``_brand.yml`` from now on: a process draws for one workspace at a time."""
    global _brand
    _brand = path


def palette() -> Palette:
    """The colours of the brand in use."""
    return Palette.of(read_brand(_brand).colors)


def mix(one: str, other: str, share: float) -> str:
    """The colour between two: ``share`` of the second.

    >>> mix("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def legible(color: str, paper: str = "#FFFFFF") -> str:
    """The colour drawn away from ``paper`` until text in it can be read there (contrast 4.5 : 1).

    >>> legible("#1D5FA6"), legible("#8EAFD2") == "#8EAFD2"
    ('#1D5FA6', False)
    """
    end = "#000000" if _luminance(paper) > 0.18 else "#FFFFFF"
    shades = (mix(color, end, share / 100) for share in range(0, 100, 5))
    return next((shade for shade in shades if contrast(shade, paper) >= 4.5), end)


def contrast(one: str, other: str) -> float:
    """How far apart two colours are for an eye that reads: 1 to 21, text needs 4.5.

    >>> contrast("#FFFFFF", "#000000")
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


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
    """
    import vl_convert

    _register_fonts(read_brand(_brand).fonts)
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
