"""Sparklines: a series the size of a word, as a small SVG for cards and table cells."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack.formats import Formatter
from boardpack.markup import Picture
from boardpack.theme import palette
from boardpack.values import Values

#: Pixels between the line and the edge of its picture, so that the end point is whole.
_EDGE = 3.5


def sparkline(
    figures: Sequence[float | None],
    *,
    width: float,
    height: float,
    color: str,
    goal: float | None = None,
    goal_color: str = "",
    paper: str = "",
) -> str:
    """The SVG of a series: a line with gaps where there is no figure, and a point at its end.

    ``goal`` draws a dashed line at the target; with ``paper``, the colour beneath, the point is
    hollow, as of a figure that may still change.

    >>> sparkline([1, 2], width=20, height=10, color="#000000")[:44]
    '<svg xmlns="http://www.w3.org/2000/svg" widt'
    """
    known = [figure for figure in figures if figure is not None]
    bounds = known + ([goal] if goal is not None else [])
    low, high = (min(bounds), max(bounds)) if bounds else (0.0, 1.0)
    span = high - low

    def y(figure: float) -> float:
        share = (figure - low) / span if span else 0.5
        return round(height - _EDGE - share * (height - 2 * _EDGE), 2)

    def x(i: int) -> float:
        steps = max(len(figures) - 1, 1)
        return round(_EDGE + i * (width - 2 * _EDGE) / steps, 2)

    parts = []
    if goal is not None and known:
        parts.append(
            f'<line x1="{_EDGE}" x2="{width - _EDGE}" y1="{y(goal)}" y2="{y(goal)}"'
            f' stroke="{goal_color or color}" stroke-width="1" stroke-dasharray="3 2"/>'
        )
    points = [(x(i), y(figure)) for i, figure in enumerate(figures) if figure is not None]
    path = " ".join(
        f"{'M' if i == 0 or figures[i - 1] is None else 'L'}{x(i)} {y(figure)}"
        for i, figure in enumerate(figures)
        if figure is not None
    )
    if points:
        (cx, cy), line = points[-1], f'stroke="{color}" stroke-width="1.6" stroke-linejoin="round"'
        parts.append(f'<path d="{path}" fill="none" {line}/>')
        edge = f' stroke="{color}" stroke-width="1.2"' if paper else ""
        parts.append(f'<circle cx="{cx}" cy="{cy}" r="2.4" fill="{paper or color}"{edge}/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
        f' viewBox="0 0 {width:g} {height:g}">{"".join(parts)}</svg>'
    )


def picture(
    values: Values,
    kpi: str,
    *,
    size: tuple[float, float],
    shown_width: str,
    last: int | None = None,
) -> Picture | str:
    """The sparkline of a KPI as a piece of a page, or nothing where it has no figures.

    ``size`` is in pixels, ``shown_width`` what the page makes of it, such as ``2.2cm``.
    """
    series = values.series(kpi, last)
    seen = [value for value in series if value.value is not None]
    if len(seen) < 2:
        return ""
    target = values.target(kpi)
    goal = target.value if target is not None and not isinstance(target.value, tuple) else None
    # A target far from all figures would press the line flat: then the picture is of the line
    # alone.
    figures = [value.value or 0.0 for value in seen]
    spread = max(figures) - min(figures)
    if goal is not None and not min(figures) - spread <= goal <= max(figures) + spread:
        goal = None
    look, formatter = palette(), Formatter(values)
    first, end = seen[0], seen[-1]
    svg = sparkline(
        [value.value for value in series],
        width=size[0], height=size[1], color=look.accent, goal=goal, goal_color=look.target,
        paper=look.paper if end.is_open else "",
    )  # fmt: skip
    alt = (
        f"{values.kpi(kpi).name}: {formatter.short(kpi, first.value or 0.0)} in"
        f" {formatter.period(first.period)}, {formatter.short(kpi, end.value or 0.0)} in"
        f" {formatter.period(end.period)}"
    )
    return Picture(f"spark-{kpi}-{size[0]:g}.svg", svg, alt, shown_width)
