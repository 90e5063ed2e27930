"""The suite's own definitions, read and checked once a process: hundreds of tests open them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest


@contextmanager
def suite_read_once() -> Iterator[None]:
    """A workspace without KPIs of its own gets the suite's, as they were checked before.

    Its files are not read again either. What a workspace defines itself is read every time, and a
    source that differs has every KPI checked against it. Beside KPIs of a workspace those of the
    suite are not parsed again, and are checked again only for what the others may change.
    """
    from boardpack import workspace
    from boardpack.engine import kpi_files
    from boardpack.engine.catalogue import Catalogue
    from boardpack.engine.definitions import Kpi
    from boardpack.engine.entries import KpiEntry
    from boardpack.sources import Sources
    from boardpack.workspace import SUITE, Workspace
    from boardpack.yamlfile import Document, Key

    read, load, one = workspace.read, kpi_files.load, kpi_files._kpi
    documents: dict[Path, Document] = {}
    checked: list[Catalogue] = []
    #: what the catalogue that is being read may take from one checked before
    beside: list[Catalogue] = []

    def read_once(path: Path) -> Document:
        if not path.is_relative_to(SUITE / "lib"):
            return read(path)
        if path not in documents:
            documents[path] = read(path)
        return documents[path]

    def load_once(about: Workspace, sources: Sources) -> Catalogue:
        found = [known for known in checked if known.sources.declared == sources.declared]
        if about.folders("kpis") != [SUITE / "lib" / "kpis"]:
            beside[:] = found
            return load(about, sources)
        if not found:
            beside.clear()
            found = [load(about, sources)]
            checked.extend(found)
        return replace(found[0], sources=sources, calendar=about.calendar)

    def one_once(
        entry: KpiEntry, document: Document, key: Key, sources: Sources, known: set[str]
    ) -> Kpi:
        for whole in beside:
            kpi = whole.kpis.get(entry.kpi)
            if kpi and kpi.place.document is document and known >= whole.kpis.keys():
                return kpi
        return one(entry, document, key, sources, known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "read", read_once)
        patch.setattr(kpi_files, "load", load_once)
        patch.setattr(kpi_files, "_kpi", one_once)
        yield
