"""Charts as a page holds them: a picture that is safe beside others, and its interactive figure."""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from typing import Any

_PROLOGUE = re.compile(r"^\s*(?:<\?xml[^>]*\?>|<!DOCTYPE[^>]*>|\s)*", re.IGNORECASE)
_TAG = re.compile(r"""<[A-Za-z](?:[^>"']|"[^"]*"|'[^']*')*>""")
# What Vega writes for its own view and for readers of single marks: a picture is read as a whole.
_NOISE = re.compile(
    r"""\s(?:aria-hidden="true"|aria-roledescription="[^"]*"|role="graphics-[^"]*"|opacity="1\""""
    r"""|pointer-events="none"|class="(?!marks")[^"]*")"""
)
_LONG_DECIMAL = re.compile(r"(\d+\.\d{2})\d+")
_INVISIBLE = re.compile(
    r"""<path(?: d="(?:M0,0h[^"]*Z)?")?(?: display="none")?/>"""
    r"""|<text[^>]*/>|<tspan[^>]*/>(?=</text>)"""
)
_FAMILY = re.compile(r'\sfont-family="([^"]*)"')
# Who hears a table needs a name of every column.
_NAMELESS = '<span class="unseen">Item</span>'
_ID = re.compile(r"""\bid=(["'])([^"']+)\1""")


def standalone(svg: str, prefix: str) -> str:
    """An SVG whose ids begin with ``prefix``, so that none takes another's clip path in a page.

    >>> standalone('<?xml version="1.0"?><svg><g id="a"/><use href="#a"/></svg>', "mrr")
    '<svg><g id="mrr-a"/><use href="#mrr-a"/></svg>'
    """
    svg = slim(_PROLOGUE.sub("", svg, count=1).strip())
    names = {match[2] for match in _ID.finditer(svg)}
    if not names:
        return svg
    any_name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    svg = re.sub(rf"""\bid=(["'])({any_name})\1""", rf"id=\1{prefix}-\2\1", svg)
    svg = re.sub(rf"url\((['\"]?)#({any_name})\1\)", rf"url(\1#{prefix}-\2\1)", svg)
    return re.sub(rf"""href=(["'])#({any_name})\1""", rf"href=\1#{prefix}-\2\1", svg)


def slim(svg: str) -> str:
    """The same drawing in about half as many bytes: no marks that show nothing, short decimals.

    >>> slim('<svg><path class="background" d=""/><line x1="0.123" opacity="1"/></svg>')
    '<svg><line x1="0.12"/></svg>'
    """
    svg = _TAG.sub(lambda tag: _LONG_DECIMAL.sub(r"\1", _NOISE.sub("", tag[0])), svg)
    svg = _INVISIBLE.sub("", svg)
    families = set(_FAMILY.findall(svg))
    if len(families) == 1:
        # Named once for the whole drawing instead of at every word.
        family = families.pop()
        svg = _FAMILY.sub("", svg).replace("<svg", f'<svg font-family="{family}"', 1)
    return svg


def chart_html(svg: str, spec: dict[str, Any], alt: str, data: dict[str, Any] | None) -> str:
    """The figure of an HTML page: picture, the chart that takes its place, numbers as a table."""
    picture = svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    return "\n".join(
        part
        for part in (
            '<figure class="chart-figure">',
            f'<div class="chart-view" role="img" aria-label="{html.escape(alt)}">',
            f'<div class="chart-picture">{picture}</div>',
            "</div>",
            f'<script type="application/json" class="vega-spec">"{packed(spec)}"</script>',
            _data_table(data) if data else "",
            "</figure>",
        )
        if part
    )


def packed(spec: dict[str, Any]) -> str:
    """A specification as a page carries it: a tenth of its size, and no letter of it is markup.

    >>> unpacked(packed({"mark": "</script>"}))
    {'mark': '</script>'}
    """
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    press = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return base64.b64encode(press.compress(text.encode()) + press.flush()).decode("ascii")


def unpacked(text: str) -> Any:
    """What `packed` was given."""
    return json.loads(zlib.decompress(base64.b64decode(text), wbits=-zlib.MAX_WBITS))


def _data_table(data: dict[str, Any]) -> str:
    columns = [str(column) for column in data.get("columns", [])]
    rows = data.get("rows", [])
    numeric = [
        bool(rows)
        and all(_is_number(text) or text in (None, "", "—") for text in map(_text_of, column))
        for column in ([row[i] for row in rows] for i in range(len(columns)))
    ]
    head = "".join(
        f'<th scope="col"{_align(right)}>{html.escape(name) or _NAMELESS}</th>'
        for name, right in zip(columns, numeric, strict=True)
    )
    # The first column names the rows, unless it holds figures as well.
    first = 0 if numeric and not numeric[0] and len(columns) > 1 else -1
    body = "\n".join(
        "<tr>"
        + "".join(
            _data_cell(cell, right, is_head=place == first)
            for place, (cell, right) in enumerate(zip(row, numeric, strict=True))
        )
        + "</tr>"
        for row in rows
    )
    return (
        '<details class="chart-data"><summary>Show the numbers</summary>\n'
        f'<div class="table-scroll" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div></details>"
    )


def _data_cell(cell: object, right: bool, *, is_head: bool) -> str:
    tag, scope = ("th", ' scope="row"') if is_head else ("td", "")
    text = html.escape(_cell(_text_of(cell)))
    return f"<{tag}{scope}{_align(right)}{_names(cell)}>{text}</{tag}>"


def _names(cell: object) -> str:
    """Which number of which KPI a cell is, as a page says of each."""
    if not isinstance(cell, dict):
        return ""
    names = {name: cell[name] for name in ("kpi", "period", "member") if cell.get(name)}
    if cell.get("what", "value") != "value":
        names["what"] = cell["what"]
    return "".join(f' data-{name}="{html.escape(str(text))}"' for name, text in names.items())


def _align(right: bool) -> str:
    return ' class="number"' if right else ""


def _is_number(cell: object) -> bool:
    if isinstance(cell, bool):
        return False
    if isinstance(cell, int | float):
        return True
    return (
        isinstance(cell, str)
        and re.fullmatch(r"[-+−(]?\W{0,2}\d[\d,.\s\u202f\u00a0]*\W?\S{0,3}\)?", cell) is not None
    )


def _text_of(cell: object) -> object:
    """What a cell says: one that is a number of a KPI is an entry of `blocks.Shown`."""
    return cell["text"] if isinstance(cell, dict) else cell


def _cell(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.10g}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
