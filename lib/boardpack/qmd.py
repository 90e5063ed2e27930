"""Reading a report document: its header, and its lines with includes in place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from boardpack.errors import ReportError
from boardpack.qmd_checks import check_blocks, check_line
from boardpack.qmd_lines import IMAGE, SHORTCODE, Embed, Line, local_file, parse_embed

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)

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
    raw = check_blocks(expanded)
    report = Report(path, header, expanded, raw, tuple(dict.fromkeys(included)))
    for index, line in enumerate(expanded):
        if index not in raw:
            check_line(line)
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
