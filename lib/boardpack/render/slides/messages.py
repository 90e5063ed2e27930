"""The message of a slide: what its words, its table or its cards say in a sentence.

A message is made of what stands on the slide: its numbers are those of the report, and none is
counted or computed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from boardpack.render.slides.pieces import (
    Alert,
    Cards,
    Column,
    Figure,
    Heading,
    Line,
    Piece,
    Row,
    Run,
    Sheet,
    Stack,
    Words,
    is_by_hand,
    plain,
    spans,
)

#: Words of more characters than this are no title.
LONGEST = 150
#: How many names a title has room for.
_NAMED = 4
#: What a judgement is called where a title begins with it.
_VERDICTS = {"missed": "Target missed", "met": "Target met", "ok": "In order"}
#: Roles of a judgement, the most urgent first.
_URGENCY = (("missed", "bad"), ("warn",), ("met", "good"))
_SIGNS = re.compile(r"[^\w\s-]+")


def as_title(words: Words | Alert) -> str:
    """What a sentence says if it can be a title; a list, a note or a warning cannot."""
    is_sentence = isinstance(words, Words) and words.kind in ("text", "lead", "message")
    if not is_sentence or len(words.lines) != 1:
        return ""
    said = plain(words.lines[0])
    return said.removesuffix(".").removesuffix(":") if len(said) <= LONGEST else ""


def title_of(figure: Figure, charts: Mapping[str, Any]) -> str:
    """The message of a chart."""
    return " ".join(str(charts.get(figure.name, {}).get("title", "")).split())


def of_charts(piece: Piece, charts: Mapping[str, Any]) -> str:
    """The message of a chart, or of charts side by side; "" of anything else."""
    if isinstance(piece, Figure):
        return title_of(piece, charts)
    if isinstance(piece, Row):
        titles = [title_of(part, charts) for part in piece.parts if isinstance(part, Figure)]
        whole = "; ".join(title for title in titles if title)
        return whole if len(whole) <= LONGEST + 20 else next(iter(titles), "")
    return ""


def named(sheet: Sheet, heading: str) -> str:
    """What a table shows: the heading, and by what it is divided."""
    by = _dimension(sheet)
    if not by:
        return heading
    runs = [run for row in sheet.rows for cell in row for run in cell if run.kpi]
    of = sheet.columns[1].head if len({run.kpi for run in runs}) == 1 else heading
    return f"{of} by {by}" if of else f"by {by}".capitalize()


def of_body(body: Sequence[Piece], heading: str) -> str:
    """What words, cards and tables without a message of their own say; else the heading."""
    under = heading
    for piece in body:
        said = ""
        if isinstance(piece, Heading):
            under = piece.text
        elif isinstance(piece, Sheet):
            said = _of_table(piece, heading)
        elif isinstance(piece, Stack | Cards):
            said = _of_cards(piece)
        elif isinstance(piece, Words) and piece.kind == "bullets":
            alone = under == heading
            passages = [p for p in body if isinstance(p, Words)] if alone else [piece]
            said = _of_bullets(passages, under)
        if said:
            return said
    sheets = [piece for piece in body if isinstance(piece, Sheet)]
    return named(sheets[0], heading) if sheets else heading


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: ``A, B and C``; of many the first, and that there are others.

    >>> listed(["A", "B", "C"])
    'A, B and C'
    """
    kept = list(dict.fromkeys(name for name in names if name))
    if len(kept) > _NAMED:
        kept = [*kept[: _NAMED - 1], "others"]
    return " and ".join(filter(None, (", ".join(kept[:-1]), *kept[-1:])))


def _of_table(sheet: Sheet, heading: str) -> str:
    by_hand = [row for row in sheet.rows if is_by_hand(row)]
    if by_hand:
        return f"{heading}: awaiting {listed([_name(row) for row in by_hand])}"
    rows = [row for row in sheet.rows if not spans(row)]
    return _of_verdicts(rows, sheet.columns) or _of_changes(rows, sheet.columns)


def _of_verdicts(rows: Sequence[tuple[Line, ...]], columns: Sequence[Column]) -> str:
    """Which rows were missed, else which call for attention, else that all is well."""
    for i, column in enumerate(columns):
        cells = [(row, row[i]) for row in rows if _role(row[i]) and not _digits(row[i])]
        if i == 0 or column.align == "right" or not cells:
            continue
        for roles in _URGENCY:
            found: dict[str, list[str]] = {}
            for row, cell in cells:
                if _role(cell) in roles:
                    found.setdefault(_verdict(cell), []).append(_name(row))
            if found:
                said = "; ".join(f"{word}: {listed(names)}" for word, names in found.items())
                return said if len(said) <= LONGEST else ""
    return ""


def _of_changes(rows: Sequence[tuple[Line, ...]], columns: Sequence[Column]) -> str:
    """Which figures became worse and which better against the first period that says so."""
    for i, column in enumerate(columns):
        judged = {role: [_name(row) for row in rows if _role(row[i]) == role]
                  for role in ("bad", "good")}  # fmt: skip
        if not column.head.startswith("vs ") or not any(judged.values()):
            continue
        than = f"than in {column.head.removeprefix('vs ')}"
        parts = [("Worse", judged["bad"]), ("better", judged["good"])]
        said = [f"{word} {than if not n else ''}".strip() + f": {listed(names)}"
                for n, (word, names) in enumerate(part for part in parts if part[1])]  # fmt: skip
        whole = "; ".join(said)
        return whole[:1].upper() + whole[1:] if len(whole) <= LONGEST else ""
    return ""


def _of_cards(piece: Stack | Cards) -> str:
    """What each of the cards says below its name, where that is a count of the report."""
    parts = piece.parts if isinstance(piece, Stack) else (piece,)
    found: list[str] = []
    cards = [card for part in parts if isinstance(part, Cards) for card in part.cards]
    for card in cards:
        if len(card) > 1 and all(run.role == "card-label" for run in card[1] if run.text.strip()):
            name, said = plain(card[0]).partition(":")[0], plain(card[1]).partition(";")[0]
            found.append(f"{name}: {said}" if not found else f"{name.lower()}: {said}")
    whole = "; ".join(found)
    return whole if len(found) > 1 and len(whole) <= LONGEST else ""


def _of_bullets(passages: Sequence[Words], heading: str) -> str:
    """What the lines of a list begin with in bold."""
    lines = [line for words in passages if words.kind == "bullets" for line in words.lines]
    begun = [_begun(line) for line in lines]
    if not heading or not all(begun):
        return ""
    if begun[0].endswith("."):
        # Sentences are not listed: the first comes first.
        said = f"{heading}: {begun[0].removesuffix('.')}"
        return said if len(said) <= LONGEST else ""
    names = [_SIGNS.split(name)[0].strip() for name in begun]
    for count in range(min(_NAMED, len(names)), 0, -1):
        kept = names if count == len(names) else [*names[:count], "others"]
        said = f"{heading}: {listed(kept)}"
        if len(said) <= LONGEST:
            return said
    return ""


def _begun(line: Line) -> str:
    found = []
    for run in line:
        if not run.bold:
            break
        found.append(run.text)
    return "".join(found).strip()


def _name(row: tuple[Line, ...]) -> str:
    return "".join(run.text for run in row[0] if run.role != "muted").strip()


def _role(line: Line) -> str:
    """The judgement that a cell is written in."""
    judged = {role for roles in _URGENCY for role in roles}
    return next((run.role for run in line if run.role in judged and run.text.strip()), "")


def _digits(line: Line) -> bool:
    return any(character.isdigit() for character in plain(line))


def _verdict(line: Line) -> str:
    role = _role(line)
    text = next(run.text for run in line if run.role == role and run.text.strip())
    word = " ".join(_SIGNS.sub(" ", text).split())
    return _VERDICTS.get(word, word[:1].upper() + word[1:])


def _dimension(sheet: Sheet) -> str:
    runs: list[Run] = [run for row in sheet.rows for cell in row for run in cell if run.kpi]
    found = {run.member.partition("=")[0] for run in runs if run.member}
    return found.pop().replace("_", " ") if len(found) == 1 else ""
