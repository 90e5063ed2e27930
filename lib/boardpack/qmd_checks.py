"""What a report document may not use, refused with file and line before a notebook runs.

Reports keep to the part of Quarto's Markdown that both renderers turn into the same page.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from boardpack.qmd_lines import IMAGE, REMOTE, SHORTCODE, Line, parse_embed

SHORTCODES = ("embed", "include", "meta", "pagebreak")
CALLOUTS = ("note", "tip", "warning", "important", "caution")
ALT = re.compile(r"""\bfig-alt=(?:"((?:[^"\\]|\\.)+)"|'([^']+)'|([^\s"'}]+))""")
FENCE = re.compile(r"^\s{0,3}(?P<ticks>`{3,}|~{3,})\s*(?P<info>.*?)\s*$")
DIV = re.compile(r"^\s{0,3}(?P<colons>:{3,})\s*(?P<info>.*?)[\s:]*$")
_HEADING = re.compile(r"^(#{1,6})(?:\s|$)")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])[^>]*>")
_LINK = re.compile(r"(?<!!)\[(?:[^\]\\]|\\.)*\]\((?P<target><[^>]+>|[^\s)]+)")
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_MATH = re.compile(r"(?<!\\)\$\$|(?<![\\$])\$(?=[^\s$])(?:[^$\\]|\\.)*?(?<=\S)(?<!\\)\$(?!\d)")
_CROSS_REFERENCE = re.compile(r"(?<![\w@./])-?@(?:fig|tbl|sec|eq|lst|thm|Fig|Tbl|Sec|Eq)-[\w-]+")
_CITATION = re.compile(r"\[(?:[^\]]*\s)?-?@[\w:.-]+[^\]]*\]")
_LATEX = re.compile(r"(?<!\\)\\[A-Za-z]+")
_NUMBERED_ID = re.compile(r"#(?:fig|tbl|lst|eq|sec|thm)-")
_TABLE_TAG = re.compile(
    "table|caption|colgroup|col|thead|tbody|tfoot|tr|th|td|p|span|div|strong|em|b|i|sub|sup|br",
    re.IGNORECASE,
)
_SPECIAL_CLASSES = re.compile(
    r"\.(?:panel-[\w-]+|column-[\w-]+|columns?\b|aside|margin-[\w-]+|cell[\w-]*|landscape)"
)


def check_blocks(lines: tuple[Line, ...]) -> frozenset[int]:
    """Check fences, divs and headings; returns the indices of lines inside raw HTML blocks."""
    raw: set[int] = set()
    fence: tuple[str, Line] | None = None
    divs: list[Line] = []
    level = 1
    for index, line in enumerate(lines):
        match = FENCE.match(line.text)
        if fence is not None:
            raw.add(index)
            if match and not match["info"] and match["ticks"].startswith(fence[0]):
                fence = None
            else:
                _check_tags(line)
            continue
        if match:
            info = match["info"].replace(" ", "")
            if info != "{=html}":
                kind = "a code cell" if info.startswith("{") and info[1:2] != "=" else "a block"
                raise line.error(
                    f"a report may not hold {kind} {match['info'] or 'of code'!r}.",
                    "compute in a notebook and embed the cell; raw blocks are HTML tables only",
                )
            raw.add(index)
            fence = (match["ticks"], line)
            continue
        div = DIV.match(line.text)
        if div:
            if div["info"]:
                _check_div(div["info"], line)
                divs.append(line)
            elif divs:
                divs.pop()
            else:
                raise line.error("this ::: closes nothing.")
        heading = _HEADING.match(line.text)
        if heading:
            level = _check_heading(len(heading[1]), level, line)
        elif re.fullmatch(r"=+\s*", line.text) and index and lines[index - 1].text.strip():
            raise line.error("this underlines a title.", "sections begin with ##")
    if fence is not None:
        raise fence[1].error("the block that begins here has no end.")
    if divs:
        raise divs[-1].error("the ::: that begins here has no end.")
    return frozenset(raw)


def _check_heading(level: int, above: int, line: Line) -> int:
    if level == 1:
        raise line.error("`#` is the title of the report.", "sections begin with ##")
    if level > above + 1:
        raise line.error(
            f"a heading of level {level} follows one of level {above}.",
            f"write it with {'#' * (above + 1)}: screen readers go by the levels",
        )
    return level


def _check_div(info: str, line: Line) -> None:
    if not info.startswith("{"):
        info = "{." + info + "}"
    special = _SPECIAL_CLASSES.search(info)
    if special:
        raise line.error(
            f"a report may not use {special[0]!r}.", "lay blocks side by side with layout-ncol"
        )
    if _NUMBERED_ID.search(info):
        raise line.error("a report may not use cross-references.", "leave the label out")
    callout = re.search(r"\.callout-([\w-]+)", info)
    if callout and callout[1] not in CALLOUTS:
        near = difflib.get_close_matches(callout[1], CALLOUTS, n=1, cutoff=0.4)
        known = ", ".join(CALLOUTS)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {known}"
        raise line.error(f"unknown callout {callout[1]!r}.", hint)
    for key, value in re.findall(
        r"""(layout[\w-]*|when-[\w-]+|unless-[\w-]+)=("[^"]*"|[^\s}]+)""", info
    ):
        _check_attribute(key, value.strip('"'), line)


def _check_attribute(key: str, value: str, line: Line) -> None:
    if key == "layout-ncol":
        if not value.isdecimal() or not 1 <= int(value) <= 6:
            raise line.error(f"layout-ncol is {value!r}.", "it is a number from 1 to 6")
    elif key == "layout":
        try:
            rows = json.loads(value)
            rows = rows if rows and isinstance(rows[0], list) else [rows]
            good = all(isinstance(cell, int | float) for row in rows for cell in row)
        except (ValueError, TypeError, KeyError):
            good = False
        if not good:
            raise line.error(f"layout is {value!r}.", "write it as [[1,1],[1]]")
    elif key in ("when-format", "unless-format"):
        if value not in ("html", "typst"):
            raise line.error(f"{key} is {value!r}.", "it is html or typst")
    else:
        raise line.error(
            f"a report may not use {key!r}.", "known: layout, layout-ncol, when-format"
        )


def _check_tags(line: Line) -> None:
    for match in _TAG.finditer(line.text):
        if not _TABLE_TAG.fullmatch(match[1]):
            raise line.error(f"raw HTML may hold tables only, not <{match[1]}>.")
        if re.search(r"\son\w+\s*=|javascript:|url\s*\(|\ssrc\s*=", match[0], re.IGNORECASE):
            raise line.error(f"<{match[1]}> may not load or run anything.")


def check_line(line: Line) -> None:
    """Refuse what a line that is Markdown may not hold."""
    text = _CODE_SPAN.sub(_refuse_inline_code(line), line.text)
    for match in SHORTCODE.finditer(text):
        name = match[1]
        if name not in SHORTCODES:
            near = difflib.get_close_matches(name, SHORTCODES, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(SHORTCODES)}"
            raise line.error(f"unknown shortcode {name!r}.", hint)
        if name != "meta" and match[0] != line.text.strip():
            raise line.error(f"{name} stands on a line of its own.")
        if name == "embed":
            parse_embed(match[2], line)
    text = SHORTCODE.sub("", text)
    if "{{<" in text:
        raise line.error("this shortcode has no end on its line.", "close it with >}}")
    if "![" in text:
        _check_images(text, line)
    _check_tags(Line(IMAGE.sub("", text), line.file, line.number))
    for match in _LINK.finditer(text):
        target = match["target"].strip("<>")
        if not re.match(r"https?://|mailto:|#", target):
            raise line.error(
                f"the link {target!r} leads nowhere for the reader of one file.",
                "link to #a-section, https://... or mailto:...",
            )
    for shape, what in (
        (_MATH, "math (write a plain dollar sign as \\$)"),
        (_CROSS_REFERENCE, "a cross-reference"),
        (_CITATION, "a citation"),
        (_LATEX, "LaTeX"),
    ):
        found = shape.search(text)
        if found:
            raise line.error(f"a report may not use {what}: {found[0]!r}.")


def _refuse_inline_code(line: Line) -> Any:
    def replace(match: re.Match[str]) -> str:
        if re.match(r"`+\s*(?:\{|r\s|python\s)", match[0]):
            raise line.error(f"a report runs no code: {match[0]!r}.", "embed a notebook cell")
        return " " * len(match[0])

    return replace


def _check_images(text: str, line: Line) -> None:
    whole = list(IMAGE.finditer(text))
    if len(whole) != len(re.findall(r"(?<!\\)!\[", text)):
        raise line.error(
            "this image does not end on its line.", "write image and attributes on one line"
        )
    for match in whole:
        attributes = match["attributes"] or ""
        if _NUMBERED_ID.search(attributes):
            raise line.error("a report may not use cross-references.", "leave the label out")
        if not ALT.search(attributes):
            raise line.error(
                f"the image {match['path']!r} has no fig-alt.",
                'write {fig-alt="what it shows"} after it, for readers who cannot see it',
            )
        if REMOTE.match(match["path"].strip("<>")):
            raise line.error(
                f"{match['path']!r} is not a file of this workspace.",
                "copy it beside the report: a report is made, and read, without a network",
            )
