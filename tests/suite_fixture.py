"""The suite's own definitions, read and checked once a process: hundreds of tests open them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def suite_is_read_once() -> Iterator[None]:
    """A workspace without KPIs of its own gets the suite's, as they were checked before.

    Its files are not read again either. What a workspace defines itself is read every time, and a
    source that differs has every KPI checked against it.
    """
    from boardpack import workspace
    from boardpack.engine import kpi_files
    from boardpack.engine.catalogue import Catalogue
    from boardpack.sources import Sources
    from boardpack.workspace import SUITE, Workspace
    from boardpack.yamlfile import Document

    read, load = workspace.read, kpi_files.load
    documents: dict[Path, Document] = {}
    checked: list[Catalogue] = []

    def read_once(path: Path) -> Document:
        if not path.is_relative_to(SUITE / "lib"):
            return read(path)
        if path not in documents:
            documents[path] = read(path)
        return documents[path]

    def load_once(about: Workspace, sources: Sources) -> Catalogue:
        if about.folders("kpis") != [SUITE / "lib" / "kpis"]:
            return load(about, sources)
        for known in checked:
            if known.sources.declared == sources.declared:
                return replace(known, sources=sources, calendar=about.calendar)
        checked.append(load(about, sources))
        return checked[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "read", read_once)
        patch.setattr(kpi_files, "load", load_once)
        yield
