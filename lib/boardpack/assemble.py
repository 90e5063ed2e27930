"""From a report and its executed notebooks to one ``report.qmd`` that any renderer reads alike.

What comes out holds no code cell, no kernel metadata and nothing that needs a network.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from boardpack.blocks import MIME, Text
from boardpack.blocks import Shown as ShownNumber
from boardpack.brand import brand_file, read_brand
from boardpack.errors import ReportError, StorageError, UnknownNameError
from boardpack.figures import chart_html, standalone
from boardpack.formats import day_name, period_name
from boardpack.frontpage import (
    draft_line,
    draft_mark,
    facts_list,
    period_of,
    quality_page,
    warnings_of,
)
from boardpack.markup import escape_attribute, escape_markdown, text
from boardpack.periods import parse_day
from boardpack.qmd import (
    ALT,
    DIV,
    IMAGE,
    SHORTCODE,
    Embed,
    Line,
    Report,
    labels_used,
    local_file,
    parse_embed,
    read_report,
)
from boardpack.remarks import lacking, notes_of, places, remarks, shown_by, sign_off
from boardpack.theme import use_brand
from boardpack.values import Note, ReportFacts, Values
from boardpack.workspace import SUITE

__all__ = [
    "SECTIONS",
    "Assembled",
    "Section",
    "assemble",
    "labels_used",
    "lacking_notes",
    "read_sections",
]

#: The file with the sections that a run wrote itself, for revisions of the same values.
SECTIONS = "sections.json"
#: What fences a block together with the notes below it.
_NOTED = ":" * 6

#: One number that the report shows: ``kpi``, ``period``, ``member`` (``""`` or ``segment=smb``),
#: ``text``, and ``what`` it is: the KPI's ``value``, a ``target``, ``change``, ``share``, ...
#: ``only: html`` stands where nothing but the table behind a chart shows it.
Shown = dict[str, str]

_LABEL = re.compile(r"^#\|\s*label:\s*(\S+)\s*$")
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


#: What a run writes itself, from the ids of the KPIs that the report shows.
Section = Callable[[frozenset[str]], Text]


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
    page = _Page(report, facts, {name: _Notebook(name, path) for name, path in executed.items()})
    lines = page.with_sections(list(page.lines()), sections or {})
    title = page.meta("title", Line("", report.path, 1))
    document = _document(report, facts, title, lines, quality_page(target))
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
        (target / "report.qmd").write_text(document, encoding="utf-8")
        frozen = {name: section.payload() for name, section in page.sections.items()}
        written = json.dumps(frozen, ensure_ascii=False, indent=1)
        (target / SECTIONS).write_text(written, encoding="utf-8")
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
    notebooks = {name: _Notebook(name, path) for name, path in executed.items()}
    blocks = (
        block
        for embed in report.embeds()
        if embed.label in report.needs_notes
        for block in _known(notebooks, embed).blocks(embed)
    )
    figures = (figure for block in blocks for figure in shown_by(block, values.report.period))
    return lacking(values, dict.fromkeys(kpi for kpi, member in figures if kpi and not member))


def read_sections(folder: Path) -> dict[str, Section]:
    """The sections that a run wrote itself into a report, as they stand in its folder.

    `StorageError` where they are not there, or not as they were written.
    """
    path = folder / SECTIONS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        texts = {name: _text_of(payload) for name, payload in found.items()}
    except FileNotFoundError:
        raise StorageError(
            "this edition was made before notes were thought of.",
            file=path,
            hint="run the report again: the new revision has the notes of its period",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"the sections of a report cannot be read: {error}.", file=path
        ) from None
    return {name: _always(section) for name, section in texts.items()}


def _text_of(payload: dict[str, Any]) -> Text:
    shown = tuple(ShownNumber(**number) for number in payload["numbers"])
    return Text(payload["markdown"], figures=payload["figures"], numbers=shown)


def _always(section: Text) -> Section:
    return lambda shown: section


class _Notebook:
    """An executed notebook, read when the first of its cells is placed."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self._cells: dict[str, list[dict[str, Any]]] | None = None

    def blocks(self, embed: Embed) -> list[dict[str, Any]]:
        if self._cells is None:
            self._cells = self._read(embed)
        if embed.label not in self._cells:
            raise UnknownNameError.near(
                f"label of {self.name}.ipynb", embed.label, self._cells,
                file=embed.line.file, line=embed.line.number,
            )  # fmt: skip
        blocks = self._cells[embed.label]
        if not blocks:
            raise embed.line.error(
                f"cell {embed.label!r} of {self.name}.ipynb shows nothing that a report can place.",
                "let its last line be a verb of boardpack, such as bp.trend(values, 'mrr')",
            )
        return blocks

    def _read(self, embed: Embed) -> dict[str, list[dict[str, Any]]]:
        try:
            notebook = json.loads(self.path.read_text(encoding="utf-8"))
            cells = notebook["cells"]
        except (OSError, ValueError, KeyError) as error:
            raise embed.line.error(f"{self.path} is not an executed notebook: {error}.") from None
        found: dict[str, list[dict[str, Any]]] = {}
        for cell in cells:
            label = _label(cell)
            if label is None:
                continue
            if label in found:
                raise ReportError(
                    f"Two cells are labelled {label!r}.", file=self.path, hint="rename one of them"
                )
            found[label] = list(_outputs(cell, self.path, label))
        return found


def _label(cell: dict[str, Any]) -> str | None:
    source = cell.get("source", "")
    if cell.get("cell_type") != "code":
        return None
    for line in (source if isinstance(source, str) else "".join(source)).splitlines():
        match = _LABEL.match(line.strip())
        if match:
            return match[1]
        if line.strip() and not line.startswith("#"):
            return None
    return None


def _outputs(cell: dict[str, Any], path: Path, label: str) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            raise ReportError(f"Cell {label!r} ended in {output.get('ename')}.", file=path)
        block = output.get("data", {}).get(MIME)
        if block is None:
            continue
        if isinstance(block, str | list):
            block = json.loads(block if isinstance(block, str) else "".join(block))
        yield block


class _Page:
    """The report being put together: its lines, and what they bring along."""

    def __init__(
        self, report: Report, facts: ReportFacts, notebooks: Mapping[str, _Notebook]
    ) -> None:
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
        blocks = [
            block for embed in embeds for block in _known(self._notebooks, embed).blocks(embed)
        ]
        return places(blocks, self._facts)

    def _embed(self, embed: Embed, index: int) -> Iterator[str]:
        for block in _known(self._notebooks, embed).blocks(embed):
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


def _known(notebooks: Mapping[str, _Notebook], embed: Embed) -> _Notebook:
    if embed.notebook not in notebooks:
        raise UnknownNameError.near(
            "notebook", embed.notebook, notebooks, file=embed.line.file, line=embed.line.number
        )
    return notebooks[embed.notebook]


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


def _document(
    report: Report, facts: ReportFacts, title: str, lines: list[str], quality: str
) -> str:
    period = escape_markdown(period_name(period_of(facts), facts.locale))
    company = escape_markdown(facts.company)
    day = day_name(parse_day(facts.as_of), facts.locale) if facts.as_of else ""
    header: dict[str, Any] = {
        **report.header,
        "title": title,
        "subtitle": f"{company} · {period}",
        "pagetitle": f"{'DRAFT: ' if facts.is_draft else ''}{title}, {period} · {company}",
        "lang": facts.locale.replace("_", "-"),
        "company": company,
        "period-name": period,
        "as-of": facts.as_of,
        "as-of-name": escape_markdown(day) if day else "",
        "confidentiality": escape_markdown(facts.confidentiality),
        "revision": facts.revision,
        "release": facts.release,
        "run-id": facts.run_id,
        "filters": ["theme/filter.lua"],
        "format": _formats(report.header.get("format"), draft_line(facts)),
    }
    if facts.is_draft:
        header["draft"] = escape_markdown(draft_line(facts))
    text = yaml.safe_dump(header, allow_unicode=True, sort_keys=False, width=10_000)
    front = [*draft_mark(facts), *facts_list(facts), "", *warnings_of(facts, quality), ""]
    return "\n".join(("---", text.rstrip(), "---", "", *front, *lines, ""))


def _formats(written: object, draft: str) -> dict[str, Any]:
    """Quarto's options per format; the built-in renderer brings the same by itself."""
    own = written if isinstance(written, dict) else {}
    html: dict[str, Any] = {"css": "theme/report.css", "include-after-body": "theme/charts.html"}
    setup = '#import "theme/report.typ": *\n#show: report-parts\n'
    if draft:
        reason = json.dumps(draft, ensure_ascii=False)
        setup += f"#set page(background: bp-draft, header: bp-draft-head({reason}))\n"
    typst: dict[str, Any] = {"include-in-header": {"text": setup}}
    return {
        "html": {**_mapping(own.get("html")), **html},
        "typst": {**_mapping(own.get("typst")), **typst},
    }


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _copy_project(reports: Path, target: Path) -> None:
    for folder in (reports, SUITE / "reports"):
        project = folder / "_quarto.yml"
        if project.is_file():
            shutil.copyfile(project, target / "_quarto.yml")
            return
