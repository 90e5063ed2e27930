"""The built-in renderer: pandoc with one filter and two templates, and Typst in this process."""

from __future__ import annotations

import base64
import calendar
import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import typst

from boardpack.assemble import Assembled
from boardpack.brand import Brand, read_brand
from boardpack.errors import RenderError, StorageError
from boardpack.formats import period_name
from boardpack.frontpage import period_of
from boardpack.render.assets import font_faces, lay_fonts, more_faces
from boardpack.render.glyphs import UNKNOWN, drawn_with, strange
from boardpack.render.parts import PLAIN_NAME, KnownParts
from boardpack.render.scheme import drawn_rules
from boardpack.render.theme import HERE, charts_html, parts_css, scripts, source

# What Quarto reads, without what a report may not use: no text becomes math, LaTeX or a citation.
_READER = (
    "markdown-tex_math_dollars-tex_math_single_backslash-raw_tex-latex_macros-citations"
    "-example_lists-implicit_figures"
)
_SECONDS = 120
_UNKNOWN = (
    f"A {UNKNOWN} stands for a letter that no font of this document has; the page in HTML has it."
)
_STANDARDS: list[Literal["a-2a", "ua-1"]] = ["a-2a", "ua-1"]


def render_builtin(assembled: Assembled, folder: Path) -> tuple[Path, Path]:
    """Render into ``report.html`` and ``report.pdf`` of ``folder``."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        html = pool.submit(html_page, assembled)
        pdf = pool.submit(_pdf, assembled)
        made = html.result(), pdf.result()
    paths = folder / "report.html", folder / "report.pdf"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in zip(paths, made, strict=True):
            path.write_bytes(data)
    except OSError as error:
        raise StorageError(
            f"The report cannot be written ({error.strerror}).", file=folder
        ) from None
    return paths


def html_page(assembled: Assembled, known: KnownParts | None = None) -> bytes:
    """The page alone, as it would be written into ``report.html``.

    Of the parts that are ``known`` those are taken over which are the same; the page is, too.
    """
    page = _body(assembled, known)
    brand = read_brand(assembled.folder / "_brand.yml")
    style = "\n".join(
        (
            font_faces(brand),
            more_faces(brand, page),
            parts_css(brand),
            source("page.css"),
            drawn_rules(page, brand),
            _running(assembled),
        )
    )
    script = f"<script>{source('page.js')}</script>"
    page = page.replace("<!--style-->", f"<style>\n{style}</style>\n{script}", 1)
    charts = charts_html() if assembled.charts else ""
    head, _, tail = page.rpartition("<!--charts-->")
    return (head + charts + tail).encode("utf-8")


def _body(assembled: Assembled, known: KnownParts | None) -> str:
    folder = assembled.folder

    def convert(document: str | None = None) -> str:
        return _pandoc(
            folder,
            "--to=html5",
            f"--template={HERE / 'page.html'}",
            "--toc",
            "--toc-depth=3",
            f"--variable=policy:{policy()}",
            document=document,
        )

    if known is None or not all(map(PLAIN_NAME.fullmatch, assembled.figures)):
        return convert()
    document = assembled.document.read_text(encoding="utf-8")
    return known.page(document, lambda name: (folder / "figures" / name).read_bytes(), convert)


@cache
def policy(*more: str, connect: str = "") -> str:
    """What a page may do: run its own scripts, and reach no network at all.

    A page that is previewed runs ``more`` scripts, and asks ``connect`` what is new.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in (source("page.js"), *scripts(), *more)
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        + (f"connect-src {connect}; " if connect else "")
        + "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def _running(assembled: Assembled) -> str:
    """The foot of each sheet that a browser prints, as the PDF has it."""
    facts = assembled.facts
    name = period_name(period_of(facts), facts.locale)
    said = f"{facts.company} · {assembled.title} · {name} · {facts.confidentiality}"
    words = "".join(
        char if char.isalnum() or char in " ·,.-" else f"\\{ord(char):x} " for char in said
    )
    return f'@page {{ @bottom-left {{ content: "{words}"; }} }}'


def _pdf(assembled: Assembled) -> bytes:
    folder = assembled.folder
    language, _, region = assembled.facts.locale.partition("_")
    variables = [f"--variable=language:{language}"]
    if len(region) == 2:
        variables.append(f"--variable=region:{region}")
    document = _pandoc(
        folder,
        "--to=typst-smart",
        f"--template={HERE / 'page.typ'}",
        "--shift-heading-level-by=-1",
        *variables,
    )
    source_file = folder / "report.typ"
    brand = read_brand(folder / "_brand.yml")
    try:
        document = _with_glyphs(document, folder, brand)
        source_file.write_text(document, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"The report cannot be written ({error.strerror}).", file=source_file
        ) from None
    try:
        made, warnings = typst.compile_with_warnings(
            str(source_file),
            root=str(folder),
            font_paths=_fonts(brand, folder / "theme" / "fonts"),
            pdf_standards=[*_STANDARDS],
            timestamp=_timestamp(assembled.facts.as_of),
        )
    except typst.TypstError as error:
        reason = str(getattr(error, "diagnostic", "") or error).strip()
        raise RenderError(f"Typst refused the report: {reason}", file=source_file) from None
    for warning in warnings:
        if "font" in str(warning):
            raise RenderError(f"The PDF would not look as meant: {warning}")
    return bytes(made)


def _with_glyphs(document: str, folder: Path, brand: Brand) -> str:
    """The document and its drawings with no letter that cannot be printed, their fonts laid out."""
    drawn = {path.name: path.read_text("utf-8") for path in (folder / "figures").glob("*.svg")}
    unknown = {ord(char): UNKNOWN for char in strange("".join((document, *drawn.values())), brand)}
    for name, svg in drawn.items():
        plain = drawn_with(svg.translate(unknown), brand)
        if plain != svg:
            (folder / "theme" / "figures").mkdir(exist_ok=True)
            (folder / "theme" / "figures" / name).write_text(plain, encoding="utf-8")
            document = document.replace(f'"figures/{name}"', f'"theme/figures/{name}"')
    document = document.translate(unknown)
    if unknown:
        document += f"\n#bp-note-block[{_UNKNOWN}]\n"
    lay_fonts(brand, "".join((document, *drawn.values())), folder / "theme" / "fonts")
    return document


def _fonts(brand: Brand, more: Path) -> typst.Fonts:
    own = tuple(sorted({str(font.path.parent) for font in brand.fonts}))
    if not more.is_dir():
        return _known_fonts(own)
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[*own, str(more)]
    )


@cache
def _known_fonts(folders: tuple[str, ...]) -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders)
    )


def _timestamp(as_of: str) -> int:
    """The as-of day as the document's date, so that equal reports are equal files."""
    day = date.fromisoformat(as_of) if as_of else date(2000, 1, 1)
    return calendar.timegm(day.timetuple())


def pandoc_tree(folder: Path, lua: Path) -> dict[str, Any]:
    """What pandoc reads of an assembled report, as its JSON has it, after a filter."""
    tree: dict[str, Any] = json.loads(_pandoc(folder, "--to=json", lua=lua))
    return tree


def _pandoc(
    folder: Path, *options: str, lua: Path = HERE / "filter.lua", document: str | None = None
) -> str:
    """What pandoc makes of ``report.qmd`` in a folder, or of another document in its place."""
    command = [
        _executable(),
        "report.qmd" if document is None else "-",
        f"--from={_READER}",
        f"--lua-filter={lua}",
        "--wrap=none",
        "--syntax-highlighting=none",
        "--fail-if-warnings",
        *options,
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            input=None if document is None else document.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"pandoc did not finish within {_SECONDS} seconds.") from None
    if done.returncode != 0:
        message = done.stderr.decode("utf-8", "replace").strip()
        raise RenderError(f"pandoc refused the report: {message}", file=folder / "report.qmd")
    return done.stdout.decode("utf-8")


@cache
def _executable() -> str:
    import pypandoc

    try:
        return str(pypandoc.get_pandoc_path())
    except OSError:
        raise RenderError(
            "pandoc is not installed.", hint="install the package pypandoc_binary"
        ) from None
