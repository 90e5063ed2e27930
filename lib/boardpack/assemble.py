"""From a report and its executed notebooks to one ``report.qmd`` that any renderer reads alike.

What comes out holds no code cell, no kernel metadata and nothing that needs a network.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from boardpack.blocks import Text
from boardpack.brand import brand_file, read_brand
from boardpack.cells import Cells, blocks_of, read_cells
from boardpack.documents import document
from boardpack.errors import StorageError, UnknownNameError
from boardpack.facts import Note, ReportFacts
from boardpack.figures import chart_html, standalone
from boardpack.formats import period_name
from boardpack.frontpage import period_of, quality_page
from boardpack.markup import escape_attribute, escape_markdown, text
from boardpack.qmd import Report, read_report
from boardpack.qmd_checks import ALT, DIV
from boardpack.qmd_lines import IMAGE, SHORTCODE, Embed, Line, local_file, parse_embed
from boardpack.remarks import lacking, notes_of, places, remarks, shown_by, sign_off
from boardpack.sections import Section, save_sections
from boardpack.theme import use_brand
from boardpack.values import Values
from boardpack.workspace import SUITE

#: What fences a block together with the notes below it.
_NOTED = ":" * 6

#: One number that the report shows: ``kpi``, ``period``, ``member`` (``""`` or ``segment=smb``),
#: ``text``, and ``what`` it is: the KPI's ``value``, a ``target``, ``change``, ``share``, ...
#: ``only: html`` stands where nothing but the table behind a chart shows it.
Shown = dict[str, str]

_PLACE = re.compile(r"^\s{0,3}:{3,}\s*\{[^}]*#([a-z][a-z-]*)(?=[\s}])")
_FIGURE_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\.svg")
_NUMBER = re.compile(r"\[((?:[^\]\\]|\\.)*)\]\{([^}]*\bdata-kpi=[^}]*)\}")
_ATTRIBUTE = re.compile(r"""data-(kpi|period|member|what)=(?:"([^"]*)"|([^\s}]*))""")


@dataclass(frozen=True)
class Assembled:
    """A report ready to be rendered: everything it needs lies in ``folder``."""

    folder: Path
    document: Path
    facts: ReportFacts
    title: str
    numbers: tuple[Shown, ...]
    charts: int
    figures: tuple[str, ...] = field(default=())
    #: whether it is made into slides as well
    slides: bool = False


def assemble(
    report_qmd: Path,
    executed: Mapping[str, Path],
    facts: ReportFacts,
    target: Path,
    sections: Mapping[str, Section] | None = None,
) -> Assembled:
    """Put the results of executed notebooks in their places of a report, and write it.

    A section stands where the report has a plain div of its name, such as ``::: {#definitions}``.
    Notes stand below the figures that they are about; ``::: {#notes}`` and ``::: {#sign-off}`` are
    written from the facts.
    ``executed`` maps a notebook's name to its executed ``.ipynb``. ``target`` receives
    ``report.qmd``, ``figures/``, ``charts.json``, the brand unless it has one, and Quarto's
    project file.
    `ReportError` and `UnknownNameError` name the report's file and line.
    """
    report = read_report(report_qmd)
    brand = read_brand(brand_file(target, report.path.parent))
    use_brand(brand.path)
    page = _Page(report, facts, read_cells(executed))
    lines = page.with_sections(list(page.lines()), sections or {})
    title = page.meta("title", Line("", report.path, 1))
    written = document(report, facts, title, lines, quality_page(target))
    try:
        (target / "figures").mkdir(parents=True, exist_ok=True)
        for name, svg in page.figures.items():
            (target / "figures" / name).write_text(svg, encoding="utf-8")
        for name, source in page.copies.items():
            shutil.copyfile(source, target / "figures" / name)
        # A line each: with an indent Python's slow encoder would write them.
        charts = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(chart, ensure_ascii=False)}"
            for name, chart in page.charts.items()
        )
        charts = f"{{\n{charts}\n}}\n"
        (target / "charts.json").write_text(charts, encoding="utf-8")
        (target / "report.qmd").write_text(written, encoding="utf-8")
        save_sections(page.sections, target)
        _copy_project(report.path.parent, target)
    except OSError as error:
        raise StorageError(
            f"The report cannot be written ({error.strerror}).", file=target
        ) from None
    if brand.path.parent != target:
        brand.copy_to(target)
    return Assembled(
        folder=target,
        document=target / "report.qmd",
        facts=facts,
        title=title,
        numbers=tuple(page.numbers),
        charts=len(page.charts),
        figures=(*page.figures, *page.copies),
        slides=report.slides,
    )


def lacking_notes(report_qmd: Path, executed: Mapping[str, Path], values: Values) -> dict[str, str]:
    """The KPIs, by name, that a report shows under ``needs_notes``, and that need and lack one."""
    report = read_report(report_qmd)
    notebooks = read_cells(executed)
    blocks = (
        block
        for embed in report.embeds()
        if embed.label in report.needs_notes
        for block in blocks_of(notebooks, embed)
    )
    figures = (figure for block in blocks for figure in shown_by(block, values.report.period))
    return lacking(values, dict.fromkeys(kpi for kpi, member in figures if kpi and not member))


class _Page:
    """The report being put together: its lines, and what they bring along."""

    def __init__(self, report: Report, facts: ReportFacts, notebooks: Mapping[str, Cells]) -> None:
        self._report = report
        self._facts = facts
        self._notebooks = notebooks
        self._side_by_side = _side_by_side(report)
        self._notes = self._placed_notes() if facts.notes else {}
        self._blocks = 0
        self.sections: dict[str, Text] = {}
        self._placed: dict[str, int] = {}
        self._meta = _meta(report, facts)
        self.figures: dict[str, str] = {}
        self.copies: dict[str, Path] = {}
        self.charts: dict[str, Any] = {}
        self._numbers: dict[tuple[str, ...], Shown] = {}
        self._cells: dict[tuple[str, ...], Shown] = {}

    def meta(self, key: str, line: Line) -> str:
        """What ``{{< meta key >}}`` stands for, as Markdown."""
        if key not in self._meta:
            raise UnknownNameError.near(
                "meta key", key, self._meta, file=line.file, line=line.number
            )
        return self._resolve_meta(self._meta[key], line) if key == "title" else self._meta[key]

    def lines(self) -> Iterator[str]:
        for index, line in enumerate(self._report.lines):
            if index in self._report.raw:
                yield line.text
                continue
            match = SHORTCODE.search(line.text)
            if match and match[1] == "embed":
                yield from self._embed(parse_embed(match[2], line), index)
                continue
            text = self._resolve_meta(line.text, line)
            text = IMAGE.sub(lambda image, at=line: self._image(image, at), text)  # type: ignore[misc]
            self._collect_written(text)
            yield text

    def with_sections(self, lines: list[str], sections: Mapping[str, Section]) -> list[str]:
        """The lines with each section in its place; those before are known to be shown by then."""
        whole = []
        for line in lines:
            whole.append(line)
            match = _PLACE.match(line)
            own = self._own_section(match[1]) if match else None
            if own is not None:
                whole += ["", own.markdown, ""]
            elif match and match[1] in sections:
                shown = frozenset(n["kpi"] for n in self._numbers.values() if n["kpi"])
                found = self.sections[match[1]] = sections[match[1]](shown)
                whole += ["", found.markdown, ""]
                self._collect([asdict(number) for number in found.numbers])
        return whole

    def _own_section(self, name: str) -> Text | None:
        if name == "notes":
            return notes_of(self._facts)
        return sign_off(self._facts, self._report.sign_off) if name == "sign-off" else None

    def _resolve_meta(self, text: str, line: Line) -> str:
        def value(match: re.Match[str]) -> str:
            return self.meta(match[2], line) if match[1] == "meta" else match[0]

        return SHORTCODE.sub(value, text)

    def _image(self, image: re.Match[str], line: Line) -> str:
        source = local_file(image["path"], line, self._report.root)
        name = source.name
        while self.copies.get(name, source) != source or name in self.figures:
            name = "also-" + name
        self.copies[name] = source
        start, end = image.span("path")
        at = image.start()
        return image[0][: start - at] + f"figures/{name}" + image[0][end - at :]

    def _placed_notes(self) -> dict[int, tuple[Note, ...]]:
        """Below which block which notes stand, by the number of the block in the report."""
        embeds = (embed for embed in self._report.embeds())
        blocks = [block for embed in embeds for block in blocks_of(self._notebooks, embed)]
        return places(blocks, self._facts)

    def _embed(self, embed: Embed, index: int) -> Iterator[str]:
        for block in blocks_of(self._notebooks, embed):
            name = self._name(embed)
            below = self._notes.get(self._blocks, ())
            self._blocks += 1
            if "notes_on" in block:
                # The notes that the report has, and not those there were when the cell ran.
                block = notes_of(self._facts, block["notes_on"]).payload()
            yield ""
            if block.get("kind") == "chart":
                yield self._chart(name, block, below)
            elif block.get("kind") == "text":
                written = self._text(name, block, embed)
                more = text(*remarks(self._facts, below, "Notes")).markdown if below else ""
                if more and index in self._side_by_side:
                    written, more = f"{_NOTED} {{.noted}}\n{written}\n\n{more}\n{_NOTED}", ""
                yield written
                if more:
                    yield ""
                    yield more
            else:
                raise embed.line.error(
                    f"cell {embed.label!r} holds an unknown kind of block {block.get('kind')!r}."
                )
            self._collect(block.get("numbers", []))
            self._collect(block.get("cells", []), self._cells)
            yield ""

    def _name(self, embed: Embed) -> str:
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{embed.notebook}-{embed.label}").strip("-").lower()
        self._placed[name] = self._placed.get(name, 0) + 1
        count = self._placed[name]
        return name if count == 1 else f"{name}-{count}"

    def _chart(self, name: str, block: dict[str, Any], below: Sequence[Note] = ()) -> str:
        alt = " ".join(block["alt"].split()).replace("{{<", "{ {<")
        svg = standalone(block["svg"], name)
        self.figures[f"{name}.svg"] = svg
        kpis = dict.fromkeys(number["kpi"] for number in block.get("numbers", ()))
        self.charts[name] = {
            **{key: block.get(key) for key in ("title", "alt", "spec", "data", "plot")},
            "kpis": [kpi for kpi in kpis if kpi],
        }
        figure = chart_html(svg, block["spec"], alt, block.get("data"))
        fence = "`" * (max(len(run) for run in ["``", *re.findall(r"`+", figure)]) + 1)
        return "\n".join(
            (
                f"::: {{#{name} .chart}}",
                f"[{escape_markdown(block['title'])}]{{.chart-title}}",
                "",
                '::: {.content-visible when-format="html"}',
                f"{fence}{{=html}}",
                figure,
                fence,
                ":::",
                "",
                '::: {.content-visible unless-format="html"}',
                f'![](figures/{name}.svg){{fig-alt="{escape_attribute(alt)}"}}',
                ":::",
                *(("", text(*remarks(self._facts, below)).markdown) if below else ()),
                ":::",
            )
        )

    def _text(self, name: str, block: dict[str, Any], embed: Embed) -> str:
        markdown = block["markdown"].replace("{{<", r"\{\{\<")
        if re.search(r"^\s*(?:`{3,}|~{3,})", markdown, re.MULTILINE):
            raise embed.line.error(f"cell {embed.label!r} shows a block of code.")
        figures = block.get("figures") or {}
        for figure, svg in figures.items():
            if not _FIGURE_NAME.fullmatch(figure):
                raise embed.line.error(f"cell {embed.label!r} names a figure {figure!r}.")
            own = f"{name}-{figure}"
            self.figures[own] = standalone(svg, Path(own).stem)
            markdown = markdown.replace(f"](figures/{figure})", f"](figures/{own})")
        for image in IMAGE.finditer(markdown):
            if image["path"].removeprefix("figures/") not in self.figures:
                raise embed.line.error(
                    f"cell {embed.label!r} shows {image['path']!r}, which it does not bring along."
                )
            if not ALT.search(image["attributes"] or ""):
                raise embed.line.error(f"cell {embed.label!r} shows an image without fig-alt.")
        return str(markdown)

    @property
    def numbers(self) -> list[Shown]:
        """Every number once; those that only tables behind charts show are on the page alone."""
        cells = (cell for key, cell in self._cells.items() if key not in self._numbers)
        return [*self._numbers.values(), *({**cell, "only": "html"} for cell in cells)]

    def _collect(
        self, numbers: list[dict[str, Any]], into: dict[tuple[str, ...], Shown] | None = None
    ) -> None:
        kept = self._numbers if into is None else into
        for number in numbers:
            shown = {key: str(number.get(key, "")) for key in ("kpi", "period", "member", "text")}
            shown["what"] = str(number.get("what", "value"))
            kept.setdefault(tuple(shown.values()), shown)

    def _collect_written(self, text: str) -> None:
        for match in _NUMBER.finditer(text):
            found = {key: quoted or bare for key, quoted, bare in _ATTRIBUTE.findall(match[2])}
            plain = re.sub(r"\\(.)", r"\1", match[1])
            self._collect([{**found, "text": plain}])


def _side_by_side(report: Report) -> frozenset[int]:
    """The lines inside divs that lay their blocks side by side, where each block is one cell."""
    inside: set[int] = set()
    open_divs: list[bool] = []
    for index, line in enumerate(report.lines):
        match = None if index in report.raw else DIV.match(line.text)
        if match and match["info"]:
            open_divs.append("layout" in match["info"])
        elif match and open_divs:
            open_divs.pop()
        elif any(open_divs):
            inside.add(index)
    return frozenset(inside)


def _meta(report: Report, facts: ReportFacts) -> dict[str, str]:
    known = {"title": escape_markdown(facts.title)}
    for key, value in asdict(facts).items():
        if isinstance(value, str | int) and key != "title":
            known[key] = known[key.replace("_", "-")] = escape_markdown(str(value))
    known["period-name"] = known["period_name"] = escape_markdown(
        period_name(period_of(facts), facts.locale)
    )
    written = {
        key: str(value)
        for key, value in report.header.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
    # What a run knows stands above what a header says: a report cannot rename its own period.
    return {**written, **known, **({"title": written["title"]} if "title" in written else {})}


def _copy_project(reports: Path, target: Path) -> None:
    for folder in (reports, SUITE / "reports"):
        project = folder / "_quarto.yml"
        if project.is_file():
            shutil.copyfile(project, target / "_quarto.yml")
            return
