"""A page in parts: what has not changed since the page before is not converted again.

Pandoc is given the whole document once, with a mark between its parts, and the page is cut at the
marks. Next time a part that is the same stands for itself with its headings and ids alone, so that
all others are converted as they would be within the whole; its own page is that of before.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from boardpack.qmd_checks import DIV, FENCE

_HEADING = re.compile(r"#{1,6}(?:\s|$)")
_UNDERLINE = re.compile(r"\s{0,3}(?:-+|=+)\s*$")
_ID = re.compile(r"\{#([^\s}]+)")
#: Names of pictures that a document shows as they are.
PLAIN_NAME = re.compile(r"[\w.-]+")
_PICTURE = re.compile(rf"figures/({PLAIN_NAME.pattern})")
# What ties a part to one far away: footnotes, and links whose target is written elsewhere.
_TIES = re.compile(r"(?<!\\)\[\^|\^\[|^\s{0,3}\[[^\]]*\]:", re.MULTILINE)
#: What a header may say that no part looks like.
_OF_THE_HEAD = ("title:", "subtitle:", "pagetitle:")

#: From a document to its page, by pandoc.
Convert = Callable[[str], str]


@dataclass(frozen=True)
class Part:
    """Lines of a document that stand for themselves: a section or a div, with what follows it."""

    lines: tuple[str, ...]
    #: those of them that are Markdown
    words: tuple[str, ...] = ()
    #: its headings, and all other ids, such as those that names of KPIs lead to
    headings: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    #: whether its headings and ids alone say all that others need to know of it
    is_plain: bool = True

    @cached_property
    def text(self) -> str:
        """The same as pandoc is given it."""
        return "\n".join(self.lines)

    @property
    def outline(self) -> str:
        """What stands for it where it is the same as before."""
        if not self.is_plain:
            return self.text
        return "\n\n".join((*self.headings, *(f"::: {{#{name}}}\n:::" for name in self.ids)))


@dataclass
class KnownParts:
    """The parts of the last page of a report, for the next one."""

    #: what every part may depend on beside itself
    _around: str = ""
    _made: dict[str, str] = field(default_factory=dict)

    def page(self, document: str, picture: Callable[[str], bytes], convert: Convert) -> str:
        """The page of a document: the same, byte for byte, as ``convert(document)``.

        ``picture`` gives the bytes of a file in ``figures/``, which pages hold.
        """
        header, body = _split(document)
        parts = list(parts_of(body))
        if not parts or _TIES.search("\n".join(line for p in parts for line in p.words)):
            return convert(document)
        around = _around(header, parts)
        if around != self._around:
            self._around, self._made = around, {}
        keys = list(_keys(parts, picture))
        mark = hashlib.sha256(body.encode()).hexdigest()[:24]
        given = (
            f"{_mark(mark, number)}\n{part.outline if key in self._made else part.text}"
            for number, (part, key) in enumerate(zip(parts, keys, strict=True))
        )
        page = convert("\n\n".join((header, *given, _mark(mark, len(parts)))) + "\n")
        cut = re.split(rf'\n?<figure data-part="{mark}-\d+"></figure>', page)
        if len(cut) != len(parts) + 2:
            return convert(document)
        made = {key: self._made.get(key, new) for key, new in zip(keys, cut[1:-1], strict=True)}
        if not all(map(_is_balanced, made.values())):
            return convert(document)
        self._made = made
        return cut[0] + "".join(made[key] for key in keys) + cut[-1]


def parts_of(body: str) -> Iterator[Part]:
    """The parts of a document's body; none where its divs and fences do not close.

    A part begins with a heading or a div that stands in nothing else, or with what comes after such
    a div; an empty line goes before it.

    >>> [part.lines[0] for part in parts_of("Words.\\n\\n## One\\n\\n::: {.x}\\nIn it.\\n:::")]
    ['Words.', '## One', '::: {.x}']
    """
    found: list[_Lines] = [_Lines()]
    fence, depth = "", 0
    for line in body.split("\n"):
        tick = FENCE.match(line)
        if fence:
            found[-1].add(line)
            if tick and not tick["info"] and tick["ticks"].startswith(fence):
                fence = ""
            continue
        fence = tick["ticks"] if tick else ""
        div = DIV.match(line)
        is_heading = _HEADING.match(line) is not None
        begins = is_heading or (div and div["info"]) or (line.strip() and found[-1].ended_in_div)
        if not depth and found[-1].is_at_rest and begins:
            found.append(_Lines())
        found[-1].ended_in_div |= div is not None and not div["info"] and depth == 1
        found[-1].add(line, is_heading=is_heading, is_inside=depth > 0, is_words=not fence)
        if div:
            depth += 1 if div["info"] else -1
        if depth < 0:
            return
    if not fence and not depth:
        yield from (lines.part() for lines in found)


@dataclass
class _Lines:
    """A part while its lines come in."""

    lines: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    is_plain: bool = True
    #: whether it is a div that has been closed
    ended_in_div: bool = False

    @property
    def is_at_rest(self) -> bool:
        return bool(self.lines) and not self.lines[-1].strip()

    def add(
        self,
        line: str,
        *,
        is_heading: bool = False,
        is_inside: bool = False,
        is_words: bool = False,
    ) -> None:
        """Take the next line; ``is_words`` where it is no line of a raw block."""
        if is_heading:
            self.headings.append(line)
            # One within something, or below a line of words, is more than its line says.
            self.is_plain &= not is_inside and (not self.lines or self.is_at_rest)
        elif is_words:
            self.ids += _ID.findall(line)
            if _UNDERLINE.match(line) and self.lines and not self.is_at_rest:
                self.headings.append(f"{self.lines[-1]}\n{line}")
                self.is_plain = False
        self.lines.append(line)
        if is_words:
            self.words.append(line)

    def part(self) -> Part:
        return Part(
            tuple(self.lines), tuple(self.words), tuple(self.headings), tuple(self.ids),
            self.is_plain,
        )  # fmt: skip


def _split(document: str) -> tuple[str, str]:
    """The header of an assembled document, with its fences, and the rest."""
    end = document.index("\n---\n", 4) + 5
    return document[:end], document[end:]


def _around(header: str, parts: list[Part]) -> str:
    own = (line for line in header.splitlines() if not line.startswith(_OF_THE_HEAD))
    outlines = (line for part in parts for line in (*part.headings, *part.ids))
    return hashlib.sha256("\n".join((*own, *outlines)).encode()).hexdigest()


def _keys(parts: list[Part], picture: Callable[[str], bytes]) -> Iterator[str]:
    """All that a part's page follows from, as a hash, and how many of the same went before it."""
    before: Counter[str] = Counter()
    for part in parts:
        digest = hashlib.sha256(part.text.encode())
        for name in _PICTURE.findall(part.text):
            digest.update(picture(name))
        key = digest.hexdigest()
        # Of equal headings each has an id of its own.
        yield f"{key}-{before[key]}"
        before[key] += 1


def _mark(mark: str, number: int) -> str:
    return f'```{{=html}}\n<figure data-part="{mark}-{number}"></figure>\n```\n'


def _is_balanced(page: str) -> bool:
    """Whether a part of a page ends within nothing that began in it."""
    return all(page.count(f"<{tag}") == page.count(f"</{tag}>") for tag in ("div", "table", "ul"))
