"""What test files share: the machine's programs, outside data, a demo company, a browser."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from boardpack.quickstart import skip_iri_grammar
from suite_fixture import suite_read_once

if TYPE_CHECKING:
    from boardpack.executions import NotebookProcess

# Before the first import of jsonschema, as our own processes do.
skip_iri_grammar()

# The benchmark is a program, not a test.
collect_ignore = ["bench"]

# Tests read neither the settings of the person who runs them nor those of a run that called them.
# The time zone and the language stay as they are: every test must pass in any.
_HOME = tempfile.mkdtemp(prefix="boardpack-tests-")
for _name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
    os.environ[_name] = os.path.join(_HOME, _name.lower())
for _name in ("BOARDPACK_RUN", "QUARTO_PROFILE", "QUARTO_PYTHON", "QUARTO_PROJECT_ROOT"):
    os.environ.pop(_name, None)


#: Files that take longest, longest first: begun last, one would keep a worker busy alone.
_LONGEST = (
    "test_reports", "test_golden", "test_backfills", "test_marts", "test_init", "test_batches",
    "test_definition_tests", "test_notes", "test_pages_html", "test_gate", "test_force",
    "test_vanished", "test_charts", "test_previews", "test_faults", "test_zones", "test_runs",
    "test_mutations", "test_demo", "test_cli_kpi", "test_golden_tables", "test_golden_sql",
    "test_great_expectations", "test_editions", "test_schedule_cli",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_configure(config: pytest.Config) -> None:
    # Test files open the suite when they are collected; who only hands them out collects none.
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        once = suite_read_once()
        once.__enter__()
        config.add_cleanup(lambda: once.__exit__(None, None, None))


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


def program(*names: str, package: str) -> str:
    """The path of the first program found; else skip, or fail where BOARDPACK_STRICT=1."""
    for name in names:
        if found := shutil.which(name):
            return found
    reason = f"{names[0]} is not installed (Debian package {package})"
    if os.environ.get("BOARDPACK_STRICT") == "1":
        pytest.fail(f"{reason}, and BOARDPACK_STRICT=1 allows no skip", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    return program("chromium", "chromium-browser", "google-chrome", package="chromium")


@pytest.fixture(scope="session")
def pdftoppm() -> str:
    return program("pdftoppm", package="poppler-utils")


@pytest.fixture(scope="session")
def pdftotext() -> str:
    return program("pdftotext", package="poppler-utils")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder above the public data sets; skips where nobody named it, strict or not."""
    folder = os.environ.get("BOARDPACK_REFERENCE")
    if not folder:
        pytest.skip("BOARDPACK_REFERENCE names no folder with public data sets")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"BOARDPACK_REFERENCE names {folder}, which is not a folder", pytrace=False)
    return path


@pytest.fixture(scope="session")
def demo_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file with a small demo company, made once for all workers.

    Open it read-only, or copy it: other tests read the same file at the same time.
    """
    from boardpack import demo

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / "demo.duckdb"
    with FileLock(folder / "demo.lock"):
        if not path.exists():
            demo.generate(path, scale=0.01, seed=7)
    return path


@pytest.fixture(scope="session")
def process() -> Iterator[NotebookProcess]:
    """Executes notebooks; what they need takes it seconds to load."""
    from boardpack.executions import NotebookProcess

    with NotebookProcess() as started:
        yield started


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The connection string of a PostgreSQL of its own; skips where there is none to start."""
    from engines_fixture import cluster, lacking, postgres_programs

    programs = postgres_programs()
    if programs is None:
        lacking("PostgreSQL is not installed (Debian package postgresql)")
    elif importlib.util.find_spec("psycopg") is None:
        lacking("psycopg is not installed (pip install 'boardpack[postgres]')")
    else:
        with cluster(programs) as where:
            yield where


@pytest.fixture
def command(process: NotebookProcess, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Calls the command line as if in a folder, in this process: it has loaded what a run needs."""
    from boardpack import executions
    from boardpack.cli import main

    def call(folder: Path, *arguments: str) -> Result:
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(executions, "NotebookProcess", lambda: nullcontext(process))
            return CliRunner().invoke(main, arguments)

    return call


@dataclass(frozen=True)
class Visit:
    """A page opened with the network off: what it said and what it asked for."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def external(self) -> list[str]:
        """Requests for anything that is not on disk or in the page itself."""
        own = ("file:", "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The sandbox refuses to start as root; the shared memory of a container is small.
        launched = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield launched
        launched.close()


@contextmanager
def visitor(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens files in Chromium: look at `page`, `console` and `external` of what it returns."""
    contexts = []

    def open_page(path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> Visit:
        context = browser.new_context(
            offline=True,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        seen = Visit(context.new_page())
        # Playwright marks the object that a bound method belongs to, and this one is frozen.
        seen.page.on("console", lambda message: seen.heard(message))
        seen.page.on("pageerror", lambda error: seen.console.append(f"error: {error}"))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(path.resolve().as_uri(), wait_until="load")
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    with visitor(browser) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def look(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """The same for tests that only read: each file is opened once for all of a test file."""
    with visitor(browser) as open_page:
        once = cache(open_page)

        def look(path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> Visit:
            return once(path, width=width, height=height, dark=dark)

        yield look
