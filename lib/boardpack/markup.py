"""Pieces of a page and their two writings: pandoc Markdown for reports, HTML for JupyterLab.

Text enters as plain strings and is escaped here and nowhere else, so that a name or a reason from
the data can never become markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from boardpack.blocks import Shown, Text
from boardpack.lab_styles import style_of

Align = Literal["left", "right", "center"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~^$@!&\"'+\-=:?])")
_SPACE = re.compile(r"[ \t\r\n\f\v\x85\u2028\u2029]+")
#: No page may hold these; those that turn the direction of reading would turn what follows as well.
_CONTROL = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)
_ENUMERATED = re.compile(r"^(\(?\w+)([.)])(?=\s|$)")


def escape_markdown(text: str) -> str:
    r"""Plain text as pandoc Markdown that reads the same, on one line and safe in a pipe table.

    >>> print(escape_markdown("a|b *c* <d> $e$ #f"))
    a\|b \*c\* \<d\> \$e\$ \#f
    """
    escaped = _SPECIAL.sub(r"\\\1", _flattened(text)).replace("..", r".\.")
    return _ENUMERATED.sub(r"\1\\\2", escaped)


def escape_attribute(text: str) -> str:
    r"""Plain text for a quoted attribute of a pandoc span, div or image.

    >>> print(escape_attribute('say "yes"'))
    say \"yes\"
    """
    # A bare | would end the cell of a table, a bare & begin an entity, {{< a shortcode of Quarto.
    return re.sub(r'([\\"|&{}<>$`])', r"\\\1", _flattened(text))


@dataclass(frozen=True)
class Number:
    """A number of a KPI as it is written, with what it stands for."""

    shown: Shown


@dataclass(frozen=True)
class Name:
    """The name of a KPI; where a page defines it, the name leads to its definition."""

    kpi: str
    text: str


@dataclass(frozen=True)
class NoValue:
    """The dash that stands where there is no value; the reason is its title."""

    reason: str


@dataclass(frozen=True)
class Span:
    """A run of text with a role, such as ``met`` or ``label``; renderers give it its look."""

    role: str
    parts: tuple[Inline, ...]
    #: what a page shows where one points at it; the words alone must do for all others
    title: str = ""


@dataclass(frozen=True)
class Strong:
    """A run of text that stands out."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True)
class Picture:
    """A small drawing within the text; ``width`` is a length such as ``2.4cm`` or ``100%``."""

    name: str
    svg: str
    alt: str
    width: str


@dataclass(frozen=True)
class Break:
    """The end of a line within a paragraph."""


Inline = str | Number | Name | NoValue | Span | Strong | Picture | Break
Line = tuple[Inline, ...]


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    line: Line


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[Line, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table; ``share`` is its width against the other columns."""

    head: str
    share: int = 10
    align: Align = "left"


@dataclass(frozen=True)
class Table:
    """A table with a header row."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Box:
    """Pieces under one role such as ``card``; ``columns`` lays its boxes side by side.

    ``id`` is a name within the report that others lead to, such as ``def-mrr``.
    """

    role: str
    parts: tuple[Piece, ...]
    columns: int = 0
    id: str = ""


@dataclass(frozen=True)
class Callout:
    """A note that must be seen."""

    kind: Literal["note", "warning", "important"]
    title: str
    parts: tuple[Piece, ...] = field(default=())


Piece = Paragraph | Bullets | Table | Box | Callout


def text(*pieces: Piece) -> Text:
    """The block that shows these pieces; it lists every number and picture within them."""
    inlines = [inline for piece in pieces for inline in _inlines(piece)]
    return Text(
        markdown="\n\n".join(_md(piece) for piece in pieces),
        html='<div class="boardpack">' + "".join(_html(piece) for piece in pieces) + "</div>",
        figures={part.name: part.svg for part in inlines if isinstance(part, Picture)},
        numbers=tuple(part.shown for part in inlines if isinstance(part, Number)),
    )


def plain(line: Line) -> str:
    """A line without its markup, for titles and alternative text."""
    words = []
    for part in line:
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, Number):
            words.append(part.shown.text)
        elif isinstance(part, Name):
            words.append(part.text)
        elif isinstance(part, NoValue):
            words.append("no value")
        elif isinstance(part, (Span, Strong)):
            words.append(plain(part.parts))
        elif isinstance(part, Break):
            words.append(" ")
    return "".join(words)


def numbers(line: Line) -> tuple[Shown, ...]:
    """The numbers written in a line."""
    return tuple(part.shown for part in _flat(line) if isinstance(part, Number))


def _inlines(piece: Piece) -> Iterator[Inline]:
    if isinstance(piece, Paragraph):
        yield from _flat(piece.line)
    elif isinstance(piece, Bullets):
        for item in piece.items:
            yield from _flat(item)
    elif isinstance(piece, Table):
        for row in piece.rows:
            for cell in row:
                yield from _flat(cell)
    else:
        for part in piece.parts:
            yield from _inlines(part)


def _flat(line: Line) -> Iterator[Inline]:
    for part in line:
        if isinstance(part, (Span, Strong)):
            yield from _flat(part.parts)
        else:
            yield part


def _md(piece: Piece, depth: int = 3) -> str:
    if isinstance(piece, Paragraph):
        return _md_line(piece.line)
    if isinstance(piece, Bullets):
        return "\n".join("- " + _md_line(item) for item in piece.items)
    if isinstance(piece, Table):
        return _md_table(piece)
    if isinstance(piece, Callout):
        title = f' title="{escape_attribute(piece.title)}"'
        return _fence(f".callout-{piece.kind}{title}", piece.parts, depth)
    layout = f" layout-ncol={piece.columns}" if piece.columns else ""
    name = f"#{piece.id} " if piece.id else ""
    return _fence(f"{name}.{piece.role}{layout}", piece.parts, depth)


def _fence(attributes: str, parts: Sequence[Piece], depth: int) -> str:
    # An outer fence is longer than the ones within, so that a reader of the file sees where each
    # ends.
    nested = any(isinstance(part, (Box, Callout)) for part in parts)
    colons = ":" * (depth + 1 if nested else depth)
    body = "\n\n".join(_md(part, depth) for part in parts)
    return f"{colons} {{{attributes}}}\n{body}\n{colons}"


def _md_table(table: Table) -> str:
    heads = " | ".join(escape_markdown(column.head) for column in table.columns)
    rules = "|".join(_rule(column) for column in table.columns)
    rows = ["| " + " | ".join(_md_line(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([f"| {heads} |", f"|{rules}|", *rows])


def _rule(column: Column) -> str:
    dashes = "-" * max(column.share, 3)
    return {"left": ":" + dashes, "right": dashes + ":", "center": ":" + dashes + ":"}[column.align]


def _md_line(line: Line) -> str:
    return "".join(_md_inline(part) for part in line)


def _md_inline(part: Inline) -> str:
    if isinstance(part, str):
        return escape_markdown(part)
    if isinstance(part, Number):
        shown = part.shown
        what = "" if shown.what == "value" else f' data-what="{escape_attribute(shown.what)}"'
        return (
            f"[{escape_markdown(shown.text)}]{{.n"
            f' data-kpi="{escape_attribute(shown.kpi)}"'
            f' data-period="{escape_attribute(shown.period)}"'
            f' data-member="{escape_attribute(shown.member)}"{what}}}'
        )
    if isinstance(part, Name):
        return f'[{escape_markdown(part.text)}]{{.kpi data-name="{escape_attribute(part.kpi)}"}}'
    if isinstance(part, NoValue):
        return f'[—]{{.no-value title="{escape_attribute(part.reason)}"}}'
    if isinstance(part, Span):
        # pandoc drops a space that ends a bracketed span, so it stands outside.
        inner = _md_line(part.parts)
        core = inner.strip(" ")
        before, _, after = inner.partition(core) if core else ("", "", "")
        title = f' title="{escape_attribute(part.title)}"' if part.title else ""
        return f"{before}[{core}]{{.{part.role}{title}}}{after}"
    if isinstance(part, Strong):
        return f"**{_md_line(part.parts)}**"
    if isinstance(part, Break):
        return "\\\n"
    alt = escape_attribute(part.alt)
    return f'![](figures/{part.name}){{fig-alt="{alt}" width={part.width}}}'


def _html(piece: Piece) -> str:
    if isinstance(piece, Paragraph):
        return f"<p>{_html_line(piece.line)}</p>"
    if isinstance(piece, Bullets):
        return "<ul>" + "".join(f"<li>{_html_line(item)}</li>" for item in piece.items) + "</ul>"
    if isinstance(piece, Table):
        return _html_table(piece)
    inner = "".join(_html(part) for part in piece.parts)
    if isinstance(piece, Callout):
        return f'<div role="note"><b>{html.escape(piece.title)}</b>{inner}</div>'
    style = style_of(piece.role)
    if piece.columns:
        style += f"grid-template-columns:repeat({piece.columns},1fr);"
    return f'<div class="{piece.role}"{_style(style)}>{inner}</div>'


def _html_table(table: Table) -> str:
    def cell(tag: str, align: Align, content: str) -> str:
        return f'<{tag} style="{style_of(tag)}text-align:{align}">{content}</{tag}>'

    heads = "".join(cell("th", column.align, html.escape(column.head)) for column in table.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            cell("td", column.align, _html_line(line))
            for column, line in zip(table.columns, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    look = _style(style_of("table"))
    return f"<table{look}><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _html_line(line: Line) -> str:
    return "".join(_html_inline(part) for part in line)


def _html_inline(part: Inline) -> str:
    if isinstance(part, str):
        return html.escape(part)
    if isinstance(part, Number):
        return f'<span class="n"{_style(style_of("n"))}>{html.escape(part.shown.text)}</span>'
    if isinstance(part, Name):
        return html.escape(part.text)
    if isinstance(part, NoValue):
        return f'<span class="no-value" title="{html.escape(part.reason)}">—</span>'
    if isinstance(part, Span):
        more = _style(style_of(part.role))
        if part.title:
            more += f' title="{html.escape(part.title)}"'
        return f'<span class="{part.role}"{more}>{_html_line(part.parts)}</span>'
    if isinstance(part, Strong):
        return f"<b>{_html_line(part.parts)}</b>"
    if isinstance(part, Break):
        return "<br>"
    return part.svg


def _flattened(text: str) -> str:
    return _CONTROL.sub("", _SPACE.sub(" ", text))


def _style(style: str) -> str:
    return f' style="{style}"' if style else ""
