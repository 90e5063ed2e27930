"""Reading a report document: its header, its lines with includes in place, and what it may not use.

Reports keep to the part of Quarto's Markdown that both renderers turn into the same page.
Everything else is refused here, with file and line, before a notebook runs.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from boardpack.errors import ReportError

SHORTCODES = ("embed", "include", "meta", "pagebreak")
CALLOUTS = ("note", "tip", "warning", "important", "caution")

SHORTCODE = re.compile(r"\{\{<\s*(\S+)\s*(.*?)\s*>\}\}")
IMAGE = re.compile(
    r"!\[(?P<caption>(?:[^\]\\]|\\.)*)\]"
    r"\((?P<path><[^>]+>|[^\s)]+)(?:\s+\"[^\"]*\")?\)"
    r"(?:\{(?P<attributes>(?:\"(?:[^\"\\]|\\.)*\"|[^}\"])*)\})?"
)
ALT = re.compile(r"""\bfig-alt=(?:"((?:[^"\\]|\\.)+)"|'([^']+)'|([^\s"'}]+))""")
_EMBED = re.compile(r"(?P<notebook>[^\s#]+)(?:#(?P<label>\S+))?(?P<options>.*)")
_NOTEBOOK = re.compile(r"\.\./notebooks/([\w.-]+)\.ipynb")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE = re.compile(r"^\s{0,3}(?P<ticks>`{3,}|~{3,})\s*(?P<info>.*?)\s*$")
DIV = re.compile(r"^\s{0,3}(?P<colons>:{3,})\s*(?P<info>.*?)[\s:]*$")
_HEADING = re.compile(r"^(#{1,6})(?:\s|$)")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])[^>]*>")
_LINK = re.compile(r"(?<!!)\[(?:[^\]\\]|\\.)*\]\((?P<target><[^>]+>|[^\s)]+)")
_REMOTE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
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
#: What a header may say that Quarto knows nothing of.
_OWN_KEYS = ("grains", "needs_notes", "sign_off", "slides")
_REFUSED_KEYS = {
    "jupyter": "the notebooks have been executed already",
    "engine": "the notebooks have been executed already",
    "execute": "a report runs no code",
    "params": "parameters belong to the notebooks",
    "filters": "both renderers use the suite's own filter",
    "bibliography": "citations cannot be used in a report",
}


@dataclass(frozen=True)
class Line:
    """One line of a report, and where it was written."""

    text: str
    file: Path
    number: int

    def error(self, message: str, hint: str | None = None) -> ReportError:
        """A `ReportError` that points at this line."""
        return ReportError(message, file=self.file, line=self.number, hint=hint)


@dataclass(frozen=True)
class Embed:
    """A place in a report where the result of a notebook cell stands."""

    notebook: str
    label: str
    line: Line


@dataclass(frozen=True)
class Report:
    """A report as written: the YAML header, and every line with its includes in place."""

    path: Path
    header: dict[str, Any]
    lines: tuple[Line, ...]
    #: indices of the lines inside raw HTML blocks, which are not Markdown
    raw: frozenset[int] = frozenset()
    #: the files it includes, all of them
    included: tuple[Path, ...] = ()

    @property
    def root(self) -> Path:
        """The folder that holds the reports' folder: nothing outside it may be read."""
        return self.path.parent.parent

    @property
    def slides(self) -> bool:
        """Whether the report is made into slides as well."""
        return self.header.get("slides") is True

    @property
    def needs_notes(self) -> tuple[str, ...]:
        """Labels of the cells whose KPIs need a note where they are off track."""
        written = self.header.get("needs_notes", [])
        return (written,) if isinstance(written, str) else tuple(written)

    @property
    def sign_off(self) -> tuple[str, ...]:
        """The roles in which it is to be signed."""
        return tuple(self.header.get("sign_off", []))

    def files(self) -> Iterator[Path]:
        """The files that it is made of beside itself: what it includes, and its pictures."""
        yield from self.included
        for index, line in enumerate(self.lines):
            if index not in self.raw:
                for image in IMAGE.finditer(line.text):
                    yield local_file(image["path"], line, self.root)

    def embeds(self) -> Iterator[Embed]:
        """Every embedded cell, in order."""
        for index, line in enumerate(self.lines):
            if index not in self.raw:
                match = SHORTCODE.search(line.text)
                if match and match[1] == "embed":
                    yield parse_embed(match[2], line)


def read_report(path: Path) -> Report:
    """Read and check a report; `ReportError` names file and line of what it may not use."""
    path = path.resolve()
    root = path.parent.parent
    header, lines = _header(path, _read(path))
    included: list[Path] = []
    expanded = tuple(_expand(lines, root, (path,), included))
    raw = _check_blocks(expanded)
    report = Report(path, header, expanded, raw, tuple(dict.fromkeys(included)))
    for index, line in enumerate(expanded):
        if index not in raw:
            _check_line(line)
    _check_own_keys(report)
    return report


def labels_used(path: Path) -> dict[str, list[str]]:
    """Notebook name to the labels a report places: what a run has to execute for it."""
    used: dict[str, list[str]] = {}
    for embed in read_report(path).embeds():
        labels = used.setdefault(embed.notebook, [])
        if embed.label not in labels:
            labels.append(embed.label)
    return used


def parse_embed(argument: str, line: Line) -> Embed:
    """``../notebooks/revenue.ipynb#fig-mrr`` of an embed shortcode."""
    match = _EMBED.fullmatch(argument)
    right = "write {{< embed ../notebooks/revenue.ipynb#fig-mrr >}}"
    if match is None or not match["notebook"].endswith(".ipynb"):
        raise line.error(f"embed {argument!r} names no notebook.", right)
    if not match["label"]:
        raise line.error(f"embed {argument!r} names no cell.", right)
    if match["options"].strip():
        raise line.error(f"embed has no option {match['options'].strip()!r} here.", right)
    notebook = _NOTEBOOK.fullmatch(match["notebook"])
    if notebook is None:
        raise line.error(f"{match['notebook']!r} is not in the folder notebooks/.", right)
    return Embed(notebook[1], match["label"], line)


def local_file(reference: str, line: Line, root: Path) -> Path:
    """The file that an include or image names; it must exist, here, inside the workspace."""
    name = reference.strip("<>")
    if _REMOTE.match(name):
        raise line.error(
            f"{name!r} is not a file of this workspace.",
            "copy it beside the report: a report is made, and read, without a network",
        )
    path = (line.file.parent / name).resolve()
    if not path.is_relative_to(root):
        raise line.error(f"{name!r} lies outside the workspace.")
    if not path.is_file():
        folder = path.parent
        siblings = [other.name for other in folder.iterdir()] if folder.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else None
        raise line.error(f"{name!r} does not exist.", hint)
    return path


def _read(path: Path) -> list[Line]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReportError(f"cannot be read ({error.strerror}).", file=path) from None
    except UnicodeDecodeError:
        raise ReportError("is not UTF-8 text.", file=path, hint="save it as UTF-8") from None
    # Lines keep their numbers, so that errors below a comment still point right.
    text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    return [Line(line, path, number) for number, line in enumerate(text.splitlines(), start=1)]


def _header(path: Path, lines: list[Line]) -> tuple[dict[str, Any], list[Line]]:
    if not lines or lines[0].text.strip() != "---":
        return {}, lines
    ends = [i for i, line in enumerate(lines) if i and line.text.strip() in ("---", "...")]
    if not ends:
        raise lines[0].error("the header that begins here has no end.", "close it with ---")
    end = ends[0]
    try:
        header = yaml.safe_load("\n".join(line.text for line in lines[1:end]))
    except yaml.MarkedYAMLError as error:
        number = error.problem_mark.line + 2 if error.problem_mark else None
        message = f"the header is not YAML: {error.problem or error.context}."
        raise ReportError(message, file=path, line=number) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ReportError(f"the header is not YAML: {error}", file=path, line=1) from None
    if header is None:
        header = {}
    if not isinstance(header, dict):
        raise lines[0].error("the header is no mapping.", "write `title: Monthly report`")
    for key, why in _REFUSED_KEYS.items():
        if key in header:
            at = [line for line in lines if line.text.startswith(f"{key}:")]
            raise (at or lines)[0].error(f"a report may not set {key!r}: {why}.")
    return header, lines[end + 1 :]


def _check_own_keys(report: Report) -> None:
    def error(key: str, message: str, hint: str) -> ReportError:
        number = _key_line(report.path, key)
        return ReportError(f"{key}: {message}", file=report.path, line=number, hint=hint)

    for key, value in report.header.items():
        near = difflib.get_close_matches(str(key), _OWN_KEYS, n=1, cutoff=0.8)
        if near and key not in _OWN_KEYS:
            raise error(str(key), "is no key of a report.", f"did you mean {near[0]!r}?")
        if key == "slides" and not isinstance(value, bool):
            raise error(key, f"{value!r} is neither true nor false.", "write slides: true")
        if key not in ("needs_notes", "sign_off"):
            continue
        names = [value] if key == "needs_notes" and isinstance(value, str) else value
        if not isinstance(names, list) or not all(
            isinstance(name, str) and name.strip() and name.isprintable() for name in names
        ):
            example = "[txt-headline]" if key == "needs_notes" else "[Chief Executive Officer]"
            raise error(key, f"{value!r} is no list of texts.", f"write {key}: {example}")
        if len(set(names)) < len(names):
            raise error(key, f"{value!r} names one twice.", "each stands once")
    labels = {embed.label for embed in report.embeds()}
    for label in report.needs_notes:
        if label not in labels:
            near = difflib.get_close_matches(label, labels, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "embed it first"
            raise error("needs_notes", f"the report places no cell {label!r}.", hint)


def _key_line(path: Path, key: str) -> int:
    lines = (line for line in _read(path) if line.text.startswith(f"{key}:"))
    return next((line.number for line in lines), 1)


def _expand(
    lines: list[Line], root: Path, trail: tuple[Path, ...], included: list[Path]
) -> Iterator[Line]:
    for line in lines:
        match = SHORTCODE.search(line.text)
        if match is None or match[1] != "include":
            yield line
            continue
        if match[0] != line.text.strip():
            raise line.error("an include stands on a line of its own.")
        path = local_file(match[2], line, root)
        if path in trail:
            raise line.error(f"{match[2]!r} includes itself.")
        included.append(path)
        _, inner = _header(path, _read(path))
        yield from _expand(inner, root, (*trail, path), included)


def _check_blocks(lines: tuple[Line, ...]) -> frozenset[int]:
    """Check fences, divs and headings; returns the indices of lines inside raw HTML blocks."""
    raw: set[int] = set()
    fence: tuple[str, Line] | None = None
    divs: list[Line] = []
    level = 1
    for index, line in enumerate(lines):
        match = _FENCE.match(line.text)
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


def _check_line(line: Line) -> None:
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
        if _REMOTE.match(match["path"].strip("<>")):
            raise line.error(
                f"{match['path']!r} is not a file of this workspace.",
                "copy it beside the report: a report is made, and read, without a network",
            )
