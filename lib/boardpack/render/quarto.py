"""The Quarto renderer: the same report through this machine's ``quarto``, its work checked."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

from boardpack.assemble import Assembled
from boardpack.errors import RenderError, StorageError

_SECONDS = 300
# What Quarto needs of an assembled report; the rest of a run's folder is none of its business.
_NEEDED = ("report.qmd", "_quarto.yml", "_brand.yml", "figures", "fonts", "theme")
# Quarto ends well although these went wrong.
_BAD_WARNING = re.compile(
    r"could not fetch|unable to resolve|not found|no such file|missing|unresolved|failed|cannot",
    re.IGNORECASE,
)
_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_CSS_REMOTE = re.compile(
    r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^'\")\s]+)", re.IGNORECASE
)
_LOADING = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "image": "href",
    "use": "href",
}
_LOADED_LINKS = {"stylesheet", "preload", "prefetch", "preconnect", "icon", "modulepreload"}


def find_quarto(environ: Mapping[str, str], *, needed: bool = False) -> Path | None:
    """The ``quarto`` to use, if any: ``QUARTO_PATH``, then ``PATH``.

    `RenderError` when it is named, or needed, and not there.
    """
    named = environ.get("QUARTO_PATH")
    if named:
        found = shutil.which(named)
        if found is None:
            raise RenderError(
                f"QUARTO_PATH is {named!r}, which cannot be run.",
                hint="let it name the quarto executable, or unset it",
            )
        return Path(found)
    found = shutil.which("quarto", path=environ.get("PATH", ""))
    if found is None and needed:
        raise RenderError(
            "Quarto is not installed.", hint="install it, or render with the built-in renderer"
        )
    return Path(found) if found else None


def render_quarto(
    assembled: Assembled, folder: Path, quarto: Path, environ: Mapping[str, str]
) -> tuple[Path, Path]:
    """Render in a folder of Quarto's own, and move the two files to ``folder``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".quarto-", dir=folder) as work:
            _lay_out(assembled.folder, Path(work))
            log = _run(quarto, Path(work), environ)
            made = _outputs(Path(work), log)
            return tuple(  # type: ignore[return-value]
                Path(shutil.move(path, folder / path.name)) for path in made
            )
    except OSError as error:
        raise StorageError(
            f"The report cannot be written ({error.strerror}).", file=folder
        ) from None


def outside_links(page: str) -> list[str]:
    """Addresses that a browser would fetch while it opens this page.

    >>> outside_links('<a href="https://a.example">a</a><img src="//b.example/c.png">')
    ['//b.example/c.png']
    """
    parser = _Loads()
    parser.feed(page)
    parser.close()
    return parser.found


def _lay_out(source: Path, work: Path) -> None:
    for name in _NEEDED:
        path = source / name
        if path.is_dir():
            shutil.copytree(path, work / name)
        elif path.is_file():
            shutil.copyfile(path, work / name)


def _run(quarto: Path, work: Path, environ: Mapping[str, str]) -> str:
    command = [str(quarto), "render", "report.qmd", "--output-dir", "made", "--no-execute"]
    try:
        done = subprocess.run(
            command,
            cwd=work,
            env=dict(environ),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"Quarto did not finish within {_SECONDS} seconds.") from None
    log = "\n".join(part.decode("utf-8", "replace") for part in (done.stderr, done.stdout))
    log = re.sub(r"\x1b\[[0-9;]*m", "", log).strip()
    if done.returncode != 0:
        raise RenderError(
            f"Quarto ended with exit code {done.returncode}: {_tail(log)}",
            hint="render with the built-in renderer, or mend what Quarto says",
        )
    return log


def _outputs(work: Path, log: str) -> tuple[Path, Path]:
    for line in log.splitlines():
        if "WARN" in line.upper()[:12] and _BAD_WARNING.search(line):
            raise RenderError(f"Quarto ended well but warned: {line.strip()}")
    made = []
    for name, start in (("report.html", b"<!DOCTYPE"), ("report.pdf", b"%PDF-")):
        path = next((p for p in (work / "made" / name, work / name) if p.is_file()), None)
        if path is None or not path.read_bytes()[:64].lstrip().upper().startswith(start.upper()):
            raise RenderError(f"Quarto ended well but made no {name}: {_tail(log)}")
        made.append(path)
    page = made[0].read_text(encoding="utf-8", errors="replace")
    links = outside_links(page)
    if links:
        raise RenderError(
            f"The page that Quarto made loads {links[0]} from the network.",
            hint="set `embed-resources: true` in reports/_quarto.yml; show no raw HTML widget",
        )
    unresolved = re.search(r"\?@\w+-[\w-]+|\{\{&lt; ?\w+", page)
    if unresolved:
        raise RenderError(f"Quarto left {unresolved[0]!r} unresolved in the page.")
    return made[0], made[1]


def _tail(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return "\n".join(lines[-12:]) or "it said nothing"


class _Loads(HTMLParser):
    """Collects what a page loads from elsewhere; a link that a reader may follow is none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name.removeprefix("xlink:"): value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.found.extend(_CSS_REMOTE.findall(values.get("style", "")))
        if tag == "link" and not _LOADED_LINKS & set(values.get("rel", "").lower().split()):
            return
        address = values.get(_LOADING.get(tag, ""), "")
        if _REMOTE.match(address):
            self.found.append(address)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found.extend(_CSS_REMOTE.findall(data))
