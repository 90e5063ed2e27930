"""How pieces of a page look in JupyterLab: as in a report, in the colours of the brand in use."""

from __future__ import annotations

from functools import cache

from boardpack.theme import Palette, palette


def style_of(role: str) -> str:
    """The inline style of a box or a run of text with this role; "" for one without a look.

    >>> style_of("card-value")
    'font-size:1.7em;font-weight:600;line-height:1.2;'
    """
    return _styles(palette()).get(role, "")


@cache
def _styles(colors: Palette) -> dict[str, str]:
    edge = f"border-left:3px solid {colors.accent};"
    small = f"color:{colors.muted};font-size:.85em;"
    good, bad = (f"color:{color};font-weight:600;" for color in (colors.good, colors.bad))
    node = f"border:1px solid {colors.faint};{edge}margin:8px 0;padding:6px 10px;"
    return {
        "cards": "display:grid;gap:12px;margin:8px 0;",
        "card": f"border:1px solid {colors.faint};border-top:3px solid {colors.accent};"
        "padding:8px 12px;",
        "card-name": f"color:{colors.muted};font-weight:600;",
        "card-value": "font-size:1.7em;font-weight:600;line-height:1.2;",
        "card-note": "font-size:.9em;",
        "card-label": f"color:{colors.muted};",
        "decision": f"border:1px solid {colors.accent};{edge}margin:8px 0;padding:6px 12px;",
        "decision-label": f"color:{colors.accent};font-weight:600;",
        "node": node,
        "note": small,
        "source-note": small,
        "remark": f"{edge}margin:8px 0;padding:0 10px;",
        "remark-head": "font-weight:600;",
        "remark-by": small,
        "lead": "font-size:1.1em;",
        "message": "font-weight:600;",
        "good": good,
        "met": good,
        "bad": bad,
        "missed": bad,
        "warn": f"color:{colors.warn};font-weight:600;",
        "muted": f"color:{colors.muted};",
        "label": f"color:{colors.muted};",
        "no-value": f"color:{colors.muted};",
        "n": "white-space:nowrap;",
        # Parts of a table, which have no role of their own.
        "table": "border-collapse:collapse;font-variant-numeric:tabular-nums;",
        "th": f"border-bottom:1.5px solid {colors.muted};padding:4px 8px;vertical-align:bottom;",
        "td": f"border-bottom:1px solid {colors.faint};padding:4px 8px;vertical-align:top;",
    }
