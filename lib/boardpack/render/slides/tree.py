"""The pieces of a report, read from the tree that pandoc makes of it.

The tree is that of ``report.qmd``: whatever a report may hold is here, whether a verb or a person
wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from boardpack.qmd_checks import CALLOUTS
from boardpack.render.slides.pieces import (
    Alert,
    Align,
    Cards,
    Column,
    Entry,
    Figure,
    Glossary,
    Heading,
    Line,
    Picture,
    Piece,
    Place,
    Row,
    Run,
    Sheet,
    Words,
    clean,
    is_by_hand,
    lines_of,
    plain,
)

#: Classes of spans that a run keeps as its role.
ROLES = frozenset(
    {"good", "bad", "warn", "met", "missed", "muted", "label", "strong", "no-value",
     "card-name", "card-value", "card-note", "card-label", "source-note", "remark-head",
     "remark-by", "formula"}
)  # fmt: skip
#: Divs that are no part of a slide's body: the cover and the foot of each slide say the same.
_ELSEWHERE = frozenset({"facts", "draft-mark", "draft-strip", "page-break"})
#: What the passages of a div are.
_KINDS = {
    "lead": "lead",
    "message": "message",
    "note": "note",
    "source-note": "note",
    "decision": "bullets",
}
#: The class of a cell of a heatmap, before the number of its step.
_HEAT = "heat-"
_PAGE_BREAK = re.compile(r"\s*\{\{<\s*pagebreak\s*>\}\}\s*")


def pieces(tree: dict[str, Any]) -> list[Piece]:
    """The pieces of a report in their order, from the JSON that pandoc makes of it."""
    return list(_blocks(tree["blocks"]))


def _blocks(blocks: Iterable[dict[str, Any]], kind: str = "text") -> Iterator[Piece]:
    for block in blocks:
        name: str = block["t"]
        content: Any = block.get("c")
        if name == "Header":
            level, (id_, _, _), inlines = content
            yield Heading(level, _text(inlines), id_)
        elif name in ("Para", "Plain"):
            yield from _paragraph(content, kind)
        elif name in ("BulletList", "OrderedList"):
            items = content if name == "BulletList" else content[1]
            lines = tuple(line for item in items for line in _item(item))
            if lines:
                yield Words("bullets", lines)
        elif name == "Table":
            yield _table(content)
        elif name == "Div":
            yield from _div(content, kind)
        elif name in ("BlockQuote", "Figure"):
            yield from _blocks(content if name == "BlockQuote" else content[2], kind)


def _div(content: Any, kind: str) -> Iterator[Piece]:
    (id_, classes, pairs), inner = content
    found, attributes = set(classes), dict(pairs)
    if found & _ELSEWHERE:
        return
    if "chart" in found and id_:
        yield Figure(id_)
        # What was written on its figures stands within the chart's own part of the page.
        yield from _blocks(block for block in inner if _is_remarks(block))
        return
    callout = next((c for c in CALLOUTS if f"callout-{c}" in found), "")
    if callout:
        parts = list(_blocks(inner))
        lines = tuple(line for part in parts for line in lines_of(part))
        yield Alert(callout, clean(attributes.get("title", "")) or callout.capitalize(), lines)
        return
    if id_:
        yield Place(id_)
    if "cards" in found:
        width = attributes.get("layout-ncol", "")
        yield _cards(inner, int(width) if width.isdecimal() else 3)
        return
    if "tree" in found:
        yield from _tree(inner)
        return
    if "definitions" in found:
        yield _glossary(inner)
        return
    if "remarks" in found:
        lines = tuple(line for part in _blocks(inner) for line in lines_of(part))
        if lines:
            yield Words("remark", lines)
        return
    columns = attributes.get("layout-ncol", "")
    if columns.isdecimal() or "layout" in attributes:
        yield from _side_by_side(inner, int(columns) if columns.isdecimal() else 2)
        return
    said = next((kind for name, kind in _KINDS.items() if name in found), kind)
    yield from _blocks(inner, said)


def _is_remarks(block: dict[str, Any]) -> bool:
    return block["t"] == "Div" and "remarks" in block["c"][0][1]


def _side_by_side(inner: Sequence[dict[str, Any]], columns: int) -> Iterator[Piece]:
    parts = [list(_blocks([block])) for block in inner]
    flat = [piece for part in parts for piece in part if not isinstance(piece, Place)]
    if any(isinstance(piece, Figure | Picture | Sheet) for piece in flat):
        shown = [piece for piece in flat if isinstance(piece, Figure | Picture)]
        if shown:
            yield Row(tuple(shown))
        yield from (piece for piece in flat if not isinstance(piece, Figure | Picture))
        return
    yield _cards(inner, columns)


def _cards(inner: Sequence[dict[str, Any]], columns: int) -> Cards:
    parts = [list(_blocks([block])) for block in inner]
    cards = [tuple(line for piece in part for line in lines_of(piece)) for part in parts]
    return Cards(columns, tuple(card for card in cards if card))


def _tree(inner: Sequence[dict[str, Any]]) -> Iterator[Piece]:
    """What stands at the root as a card of its own, and a card a branch with all that is on it."""
    for root in inner:
        if root["t"] != "Div":
            yield from _blocks([root])
            continue
        about, parts = root["c"]
        branches = [part for part in parts if part["t"] == "Div"]
        own = [part for part in parts if part["t"] != "Div"]
        yield _cards([{"t": "Div", "c": [about, own]}], 1)
        if branches:
            yield _cards(branches, len(branches))


def _glossary(inner: Sequence[dict[str, Any]]) -> Glossary:
    """Entries of a name and what it means, by their names."""
    entries = []
    for block in inner:
        first, *rest = [line for piece in _blocks([block]) for line in lines_of(piece)] or [()]
        kpi = block["c"][0][0].removeprefix("def-") if block["t"] == "Div" else ""
        said: list[Run] = []
        for line in rest:
            # A formula is read in the notes of the slide.
            if not all(run.role == "formula" for run in line):
                said += [Run(" "), *line] if said else line
        # The name says whose definition it is, as a number says whose it is.
        name = tuple(replace(run, kpi=kpi) for run in first[:1]) + first[1:]
        entries.append(Entry(name, tuple(said)))
    return Glossary(tuple(sorted(entries, key=lambda entry: entry.label.casefold())))


def _item(item: Sequence[dict[str, Any]]) -> Iterator[Line]:
    for piece in _blocks(item):
        yield from lines_of(piece)


def _paragraph(inlines: Sequence[dict[str, Any]], kind: str) -> Iterator[Piece]:
    images = [inline for inline in inlines if inline["t"] == "Image"]
    lines = tuple(line for line in _lines(inlines) if plain(line))
    if not lines:
        # A picture alone; one within a card or a cell is too small for a slide.
        for image in images:
            (_, _, pairs), caption, (path, _) = image["c"]
            attributes = dict(pairs)
            alt = attributes.get("fig-alt") or attributes.get("alt") or _text(caption)
            yield Picture(path, clean(alt))
        return
    if len(lines) == 1 and _PAGE_BREAK.fullmatch(plain(lines[0])):
        return
    yield Words(kind, lines)  # type: ignore[arg-type]


def _table(content: Any) -> Sheet:
    _, _, specs, (_, heads), bodies, _ = content
    head = heads[0][1] if heads else []
    rows = [row for body in bodies for row in (*body[2], *body[3])]
    columns = []
    for i, (align, width) in enumerate(specs):
        share = width.get("c", 0.0) if width["t"] == "ColWidth" else 0.0
        said: Align = {"AlignRight": "right", "AlignCenter": "center"}.get(align["t"], "left")  # type: ignore[assignment]
        columns.append(Column(plain(_cell(head[i])) if i < len(head) else "", share, said))
    cells = [tuple(_cell(cell) for cell in row[1]) for row in rows]
    # A column of small drawings alone says nothing here, nor does one without a single target;
    # but where somebody is to write, all stand empty.
    is_form = any(is_by_hand(row) for row in cells)
    kept = [
        i for i in range(len(columns))
        if is_form or not cells or columns[i].head == "" or any(plain(row[i]) for row in cells)
    ]  # fmt: skip
    return Sheet(
        tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in cells)
    )


def _cell(cell: Any) -> Line:
    lines = [line for piece in _blocks(cell[4]) for line in lines_of(piece)]
    joined: list[Run] = []
    for line in lines:
        joined += [Run(" "), *line] if joined else line
    return tuple(joined)


def _lines(inlines: Sequence[dict[str, Any]]) -> list[Line]:
    lines: list[list[Run]] = [[]]
    for run in _runs(inlines, Run("")):
        if run is None:
            lines.append([])
            continue
        before = lines[-1][-1] if lines[-1] else None
        alike = before and replace(before, text="") == replace(run, text="")
        if before and alike and not run.kpi:
            lines[-1][-1] = replace(run, text=before.text + run.text)
        elif run.text:
            lines[-1].append(run)
    return [tuple(line) for line in lines]


def _runs(inlines: Sequence[dict[str, Any]], look: Run) -> Iterator[Run | None]:
    for inline in inlines:
        name: str = inline["t"]
        content: Any = inline.get("c")
        if name == "Str":
            yield replace(look, text=clean(content))
        elif name in ("Space", "SoftBreak"):
            yield replace(look, text=" ")
        elif name == "LineBreak":
            yield None
        elif name in ("Code", "Math"):
            yield replace(look, text=clean(content[1]))
        elif name == "Strong":
            yield from _runs(content, replace(look, bold=True))
        elif name in ("Emph", "Underline", "Strikeout", "Superscript", "Subscript", "SmallCaps"):
            yield from _runs(content, look)
        elif name == "Quoted":
            mark = "“”" if content[0]["t"] == "DoubleQuote" else "‘’"
            yield replace(look, text=mark[0])
            yield from _runs(content[1], look)
            yield replace(look, text=mark[1])
        elif name == "Link":
            yield from _runs(content[1], look)
        elif name == "Span":
            (_, classes, pairs), inner = content
            attributes = dict(pairs)
            # What is said within says more of itself: a change in a card is green before small.
            role = next((c for c in classes if c in ROLES), look.role)
            steps = [c.removeprefix(_HEAT) for c in classes if c.startswith(_HEAT)]
            heat = next((int(step) for step in steps if step.isdecimal()), look.heat)
            look_within = replace(look, role=role, heat=heat)
            if "data-kpi" in attributes:
                text = clean(_text(inner))
                member = clean(attributes.get("data-member", ""))
                number = replace(look, heat=heat, kpi=clean(attributes["data-kpi"]), member=member)
                yield replace(number, text=text)
            else:
                yield from _runs(inner, look_within)


def _text(inlines: Sequence[dict[str, Any]]) -> str:
    return " ".join(plain(line) for line in _lines(inlines)).strip()
