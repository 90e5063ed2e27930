"""Light and dark: colours as CSS that follows the reader's screen; paper has the light ones.

Charts are drawn once, in the light colours. In the page each of their colours is set again by a
rule that knows both, for the picture and for the interactive chart alike: nothing is redrawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from boardpack.brand import Brand, contrast, mixed, readable, rgb
from boardpack.theme import HEAT

_PAINT = re.compile(r'"(#[0-9a-fA-F]{6})"')
_ATTRIBUTES = ("fill", "stroke", "stop-color")


def color_variables(brand: Brand) -> str:
    """The brand's colours as variables: light ones, and both where the browser knows of both."""
    light = {**brand.colors, **_heat(brand.colors)}
    dark = {**brand.dark, **_heat(brand.dark)}
    plain = " ".join(f"--{_css(name)}: {hue};" for name, hue in light.items())
    both = " ".join(
        f"--{_css(name)}: light-dark({hue}, {dark[name]});" for name, hue in light.items()
    )
    return (
        f":root {{ {plain} }}\n@supports (color: light-dark(red, red)) {{ :root {{ {both} }} }}\n"
    )


def heat_steps(colors: dict[str, str]) -> list[dict[str, str]]:
    """The steps of a heatmap: the ``fill`` of a cell and the ``ink`` of what stands in it."""
    steps = []
    for share in HEAT:
        fill = mixed(colors["paper"], colors["accent"], share)
        ink = max((colors["ink"], colors["paper"]), key=lambda ink: contrast(ink, fill))
        steps.append({"fill": fill, "ink": ink})
    return steps


def drawn_rules(page: str, brand: Brand) -> str:
    """A rule for every colour that the drawings of a page use, picture or specification."""
    colors = sorted({match.upper() for match in _PAINT.findall(page)})
    return "\n".join(_rules(colors, brand))


def in_dark(color: str, brand: Brand) -> str:
    """What ``#RRGGBB`` of a light drawing is on a dark screen.

    A colour of the palette has its partner; a tint between two of them is the same tint between
    their partners, so that what was next to the paper stays next to it.
    """
    anchors = {brand.colors[name].upper(): brand.dark[name] for name in brand.colors}
    if color.upper() in anchors:
        return anchors[color.upper()]
    anchors.setdefault("#FFFFFF", brand.dark["paper"])
    anchors.setdefault("#000000", brand.dark["ink"])
    found = []
    for one, other in combinations(anchors, 2):
        a, b, c = rgb(one), rgb(other), rgb(color)
        way = [q - p for p, q in zip(a, b, strict=True)]
        along = sum(w * (r - p) for w, r, p in zip(way, c, a, strict=True))
        share = min(max(along / (sum(w * w for w in way) or 1), 0.0), 1.0)
        off = sum((p + share * w - r) ** 2 for p, w, r in zip(a, way, c, strict=True))
        # Of two ways to mix it, that with the paper is the one that was meant.
        tie = brand.colors["paper"].upper() not in (one, other)
        found.append((round(off / 12), tie, off, one, other, share))
    *_, one, other, share = min(found)
    return mixed(anchors[one], anchors[other], share)


def _rules(colors: Iterable[str], brand: Brand) -> Iterator[str]:
    paper, dark_paper = brand.colors["paper"].upper(), brand.dark["paper"]
    for color in colors:
        dark = in_dark(color, brand)
        for name in _ATTRIBUTES:
            yield f'svg [{name}="{color}" i] {{ {name}: light-dark({color}, {dark}); }}'
        words = dark if color == paper else readable(dark, dark_paper)
        if words != dark:
            yield f'svg text[fill="{color}" i] {{ fill: light-dark({color}, {words}); }}'


def _heat(colors: dict[str, str]) -> dict[str, str]:
    found = {}
    for number, step in enumerate(heat_steps(colors)):
        found[f"heat-{number}"], found[f"on-heat-{number}"] = step["fill"], step["ink"]
    return found


def _css(name: str) -> str:
    return name.replace("_", "-")
