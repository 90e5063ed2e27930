"""The demo company twice, through the planner and through hand-written SQL, and how they differ."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from boardpack.engine.compute import compute
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import open_slice
from boardpack.workspace import SUITE
from workspaces import over_demo

FOLDER = Path(__file__).parent / "golden"
GOLDEN = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}
LAST_DAY = date(2025, 12, 31)
SEGMENTS = ("enterprise", "mid_market", "smb")
REGIONS = ("apac", "europe", "latam", "mea", "north_america")


#: The demo company keeps history and no snapshots: here one is drawn of it at the end of each month.
SNAPSHOTS = """\
SELECT m.account_id AS customer_id, d.day AS snapshot_on,
       any_value(a.segment) AS segment, any_value(a.region) AS region,
       sum(m.amount) <= 0 AS churned, datediff('month', min(m.effective_on), d.day) AS tenure_months,
       CASE WHEN sum(m.amount) > 0 THEN sum(m.amount) END AS monthly_charge
FROM mrr_movements AS m
JOIN accounts AS a USING (account_id)
JOIN (SELECT last_day(month) AS day
      FROM range(TIMESTAMP '2023-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH) AS t(month)) AS d
  ON m.effective_on <= d.day
GROUP BY m.account_id, d.day"""


#: What checks found of it, drawn as of the middle and the end of each month.
RESULTS = """\
SELECT d.day + INTERVAL 86399 SECOND AS run_at, s.dataset,
       s.dataset || '.' || x.dimension AS expectation_id, x.dimension, x.weight,
       100 * x.n + hash(s.dataset) % 900 AS evaluated,
       CASE WHEN hash(s.dataset, x.n, d.day) % 3 = 0 THEN hash(x.n, d.day) % 40 ELSE 0 END AS unexpected,
       hash(s.dataset, x.n, d.day) % 3 <> 0 OR hash(x.n, d.day) % 40 = 0 AS success,
       CASE WHEN d.day < DATE '2025-12-31' THEN d.after + INTERVAL 86399 SECOND END AS superseded_at
FROM (SELECT day, lead(day) OVER (ORDER BY day) AS after
      FROM (SELECT CAST(month AS DATE) + 14 AS day
            FROM range(TIMESTAMP '2023-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH) AS t(month)
            UNION ALL SELECT last_day(month)
            FROM range(TIMESTAMP '2023-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH) AS t(month))
     ) AS d
CROSS JOIN (SELECT DISTINCT dataset FROM job_runs WHERE dataset IS NOT NULL
            UNION ALL SELECT 'invoices') AS s
CROSS JOIN (VALUES ('accuracy', 30, 1), ('completeness', 25, 2), ('timeliness', 20, 3),
            ('consistency', 15, 4), ('auditability', 10, 5)) AS x(dimension, weight, n)"""
#: Definitions of which some changed in the middle of a quarter, and were not full before.
REGISTRY = """\
SELECT 'kpi' || (n % 40) AS kpi_id, 1 + n // 40 AS version, 'hash' || n AS method_hash,
       CASE WHEN n % 7 = 0 THEN 7 ELSE 8 END AS definition_fields_filled,
       8 AS definition_fields_total, n % 11 <> 0 AS lineage_documented,
       CASE WHEN n < 40 THEN DATE '2023-01-01' ELSE DATE '2025-02-10' + CAST(n AS INTEGER) END AS valid_from,
       CASE WHEN n < 25 THEN DATE '2025-02-10' + CAST(n + 40 AS INTEGER) END AS valid_to
FROM range(65) AS t(n)"""


@dataclass(frozen=True)
class Company:
    """The demo company twice: as the engine sees it, and its raw tables."""

    model: Model
    raw: duckdb.DuckDBPyConnection
    known: dict[tuple[str, Period, str, date], dict[str, float | None]] = field(
        default_factory=dict
    )

    def computed(
        self, kpis: Sequence[str], periods: Sequence[Period], by: Sequence[str], as_of: date
    ) -> pd.DataFrame:
        tables = self.model.catalogue.tables(kpis)
        slice_ = open_slice(self.model.workspace, self.model.sources, as_of, tables)
        try:
            return compute(self.model.catalogue, slice_, kpis, periods, by)
        finally:
            slice_.close()

    def expected(self, kpi: str, period: Period, dims: str, as_of: date) -> dict[str, float | None]:
        """``value``, and ``numerator`` and ``denominator`` where the golden SQL has them."""
        key = (kpi, period, dims, as_of)
        if key not in self.known:
            self.known[key] = self._expected(kpi, period, dims, as_of)
        return self.known[key]

    def _expected(
        self, kpi: str, period: Period, dims: str, as_of: date
    ) -> dict[str, float | None]:
        def figures(match: re.Match[str]) -> str:
            """``{mrr}`` is the row that the golden SQL of mrr gives; ``{mrr before}``, a year ago."""
            then = {"before": period.shift(-1), "a year ago": period.year_ago()}
            about = then.get(match[2], period)
            value = self.expected(match[1], about, dims, as_of)["value"]
            return f"SELECT CAST({'NULL' if value is None else repr(value)} AS DOUBLE) AS value"

        sql = GOLDEN[kpi]
        if "{targets}" in sql:
            sql = sql.replace("{targets}", self._targets(period, dims, as_of))
        sql = re.sub(r"\{(\w+)(?: (before|a year ago))?\}", figures, sql)
        given = {
            "start": period.start,
            "end": period.end,
            "as_of_end": datetime.combine(as_of + timedelta(days=1), datetime.min.time()),
            "cell": dims.partition("=")[2] or None,
        }
        cursor = self.raw.execute(sql, {k: v for k, v in given.items() if f"${k}" in sql})
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        assert len(rows) == 1, f"golden/{kpi}.sql gives {len(rows)} rows"
        return {n: None if v is None else float(v) for n, v in zip(names, rows[0], strict=True)}

    def _targets(self, period: Period, dims: str, as_of: date) -> str:
        """A row for each KPI that the scorecard, read as it stands, wants something of."""
        text = (SUITE / "lib" / "scorecards" / "datainsight_pro.yml").read_text(encoding="utf-8")
        month = (period.last_day.year - 2023) * 12 + period.last_day.month
        rows = []
        for kpi, goal in yaml.safe_load(text)["kpis"].items():
            low, high = goal.get("value"), "NULL"
            if isinstance(low, list):
                low, high = low
            steps = goal.get("path") or goal.get("steps") or {}
            months = {int(name.removeprefix("month ")): value for name, value in steps.items()}
            for first, value in months.items():
                low = value if first <= month else low
            following = [later for later in months if later > month]
            if "path" in goal and low is not None and following:
                first = max(before for before in months if before <= month)
                rise = months[following[0]] - months[first]
                low = months[first] + rise * (month - first) / (following[0] - first)
            if low is None or period.grain not in goal.get("grains", [period.grain]):
                continue
            if period.grain in self.model.catalogue[kpi].grains:
                value = self.expected(kpi, period, dims, as_of)["value"]
                figure = "NULL" if value is None else repr(value)
                rows.append(f"({figure}, '{goal['comparator']}', {low}, {high})")
        return ", ".join(rows)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Iterator[Company]:
    folder = over_demo(tmp_path_factory.mktemp("golden") / "demo", demo_warehouse)
    (folder / "sources").mkdir()
    drawn = {"customer_snapshots": SNAPSHOTS, "dq_results": RESULTS, "kpi_registry": REGISTRY}
    for source, sql in drawn.items():
        mapping = f"maps: {source}\nsql: |\n" + textwrap.indent(sql, "  ")
        (folder / "sources" / f"{source}.yml").write_text(mapping, encoding="utf-8")
    with duckdb.connect(str(demo_warehouse), read_only=True) as raw:
        raw.execute("SET threads = 1")
        for source, sql in drawn.items():
            raw.execute(f"CREATE TEMP TABLE {source} AS {sql}")
        yield Company(Model.open(folder), raw)


def number(value: float) -> float | None:
    return None if math.isnan(value) else value


def differences(company: Company, frame: pd.DataFrame, as_of: date = LAST_DAY) -> list[str]:
    """Each figure of the frame that the golden SQL does not agree with."""
    found = []
    for row in frame.itertuples():
        expected = company.expected(row.kpi, Period.parse(row.period), row.dims, as_of)
        names = ["value", "numerator", "denominator"][: 3 if len(expected) > 1 else 1]
        assert list(expected) == names
        for name in names:
            left, right = number(getattr(row, name)), expected[name]
            same = left is right is None or (
                left is not None
                and right is not None
                and math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
            )
            if not same:
                where = f"{row.kpi} {row.period} {row.dims or 'total'} as of {as_of}"
                found.append(f"{where}: {name} {left}, golden {right}")
    return found
