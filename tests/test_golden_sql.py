"""SQL for engines that no test reaches: generated, read again, and kept beside the tests.

``BOARDPACK_REWRITE=1 pytest tests/test_golden_sql.py`` writes the files anew; look at what changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from boardpack.engine import listing_rows
from boardpack.engine.exactness import in_dialect
from boardpack.engine.plans import make_plan
from boardpack.errors import DefinitionError
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.sql_dialects import DIALECTS
from boardpack.translation import translate
from boardpack.warehouse import Slice, described, open_slice
from workspaces import over_demo

FOLDER = Path(__file__).parent / "golden_sql"
UNTESTED = [name for name, dialect in DIALECTS.items() if not dialect.tested]
#: A dialect that has an exact percentile and one that has none; of the others the slow tests know.
QUICK = ("postgres", "bigquery")
#: One of every shape of statement, so that a KPI more changes no file.
KPIS = [
    "new_mrr",                    # sums and counts of rows
    "mrr",                        # to date
    "net_revenue_retention",      # a panel of balances
    "mau",                        # distinct, over local days
    "total_revenue",  # shares of a stretch of time
    "api_response_time_p95",      # merged histograms
    "session_duration",           # hours between two moments
    "system_uptime",              # a ratio of sums
]  # fmt: skip
#: What needs the percentile of rows.
PERCENTILE = "resolution_time"


@pytest.fixture(scope="module")
def slice_(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Iterator[Slice]:
    model = Model.open(over_demo(tmp_path_factory.mktemp("golden_sql") / "demo", demo_warehouse))
    found = open_slice(model.workspace, model.sources, date(2025, 12, 31))
    yield found
    found.close()


@pytest.fixture(scope="module")
def model() -> Model:
    from boardpack.workspace import SUITE

    return Model.open(SUITE)


def _written(model: Model, slice_: Slice, dialect: str, kpis: list[str]) -> dict[str, str]:
    periods = Period.parse("2025-12").last(2)
    planned = make_plan(model.catalogue, slice_, kpis, periods, ["segment"])
    return in_dialect(model.catalogue, slice_, planned, DIALECTS[dialect])


@pytest.mark.parametrize("dialect", UNTESTED)
def test_the_sql_of_each_shape_is_as_kept(model: Model, slice_: Slice, dialect: str) -> None:
    exact = [PERCENTILE] if DIALECTS[dialect].percentile else []
    found = _written(model, slice_, dialect, [*KPIS, *exact])
    head = f"-- {DIALECTS[dialect].title}: generated and read again, never ran\n"
    texts = {f"{source}.sql": f"{head}{sql};\n" for source, sql in found.items()}
    folder = FOLDER / dialect
    if os.environ.get("BOARDPACK_REWRITE") == "1":
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.sql"):
            path.unlink()
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}
    assert kept == texts, "BOARDPACK_REWRITE=1 writes them anew"


@pytest.mark.parametrize(
    "dialect",
    [d if d in QUICK else pytest.param(d, marks=pytest.mark.slow) for d in DIALECTS],
)
def test_every_kpi_is_said_exactly_or_refused_for_its_percentile(
    model: Model, slice_: Slice, dialect: str
) -> None:
    """Nothing else in the catalogue may be without an exact form."""
    catalogue = model.catalogue

    def of_rows(kpi: str) -> bool:
        return any(
            measure.aggregate.kind == "percentile"
            for part in catalogue.order([kpi])
            for measure in part.measures.values()
        )

    near = [kpi for kpi in catalogue.kpis if of_rows(kpi)]
    assert PERCENTILE in near
    exact = [kpi for kpi in catalogue.kpis if kpi not in near or DIALECTS[dialect].percentile]
    assert len(_written(model, slice_, dialect, exact)) > 25
    if DIALECTS[dialect].percentile is None:
        for kpi in near:
            with pytest.raises(DefinitionError, match="has no exact percentile of groups"):
                _written(model, slice_, dialect, [kpi])


@pytest.mark.parametrize(
    "dialect",
    [d if d in QUICK else pytest.param(d, marks=pytest.mark.slow) for d in DIALECTS],
)
def test_every_listing_is_said_exactly(model: Model, slice_: Slice, dialect: str) -> None:
    said = DIALECTS[dialect]
    relations = described(slice_, said)
    assert len(model.listings.listings) >= 8
    for listing in model.listings.listings.values():
        sql = listing_rows.statement(slice_, listing, Period.parse("2025-12"))
        assert translate(sql, said, relations).count("cell0") == 1, listing.id
