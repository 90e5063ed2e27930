"""What each dialect is sent: the macros, what is refused, and what sqlglot would change silently."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from boardpack.sql_dialects import (
    BIGQUERY,
    CLICKHOUSE,
    DIALECTS,
    POSTGRES,
    SNOWFLAKE,
    SPARK,
    TRINO,
    Dialect,
)
from boardpack.sql_forms import Untranslatable
from boardpack.sql_kinds import Kind
from boardpack.translation import Relation, translate, translate_expression

COLUMNS: Mapping[str, Kind | None] = {
    "n": "int", "amount": "decimal", "x": "double", "name": "text", "ok": "bool", "day": "date",
    "until": "date", "at": "timestamp", "over": "timestamp",
}  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "sql", "written"),
    [
        (POSTGRES, "QUANTILE_CONT(x, 0.5)", "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x)"),
        (SPARK, "QUANTILE_CONT(x, 0.5)", "PERCENTILE(x, 0.5)"),
        (SNOWFLAKE, "QUANTILE_CONT(x, 0.5)", "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x)"),
        (CLICKHOUSE, "QUANTILE_CONT(x, 0.5)", "quantileExactInclusive(0.5)(x)"),
        (POSTGRES, "n / amount", "CAST(n AS DOUBLE PRECISION) / amount"),
        (SPARK, "n / 3600.0", "CAST(n AS DOUBLE) / 3600.0"),
        (POSTGRES, "until - day", "until - day"),
        (SPARK, "until - day", "DATEDIFF(until, day)"),
        (BIGQUERY, "until - day", "DATE_DIFF(until, day, DAY)"),
        (TRINO, "day + 1", "DATE_ADD('DAY', 1, day)"),
        (SPARK, "day - 7", "DATE_ADD(day, -(7))"),
        (SPARK, "EPOCH_US(at)", "UNIX_MICROS(CAST(at AS TIMESTAMP_LTZ))"),
        (POSTGRES, "EPOCH_US(at)", "CAST(EXTRACT(EPOCH FROM at) * 1000000 AS BIGINT)"),
        (POSTGRES, "MAX(ok)", "BOOL_OR(ok)"),
        (SPARK, "MAX(ok)", "MAX(ok)"),
        (POSTGRES, "SUM(ok)", "SUM(CASE WHEN ok THEN 1 WHEN NOT (ok) THEN 0 END)"),
        (POSTGRES, "LEAST(n, amount)", "LEAST(n, amount)"),
        (SNOWFLAKE, "LEAST(n, amount)", "COALESCE(LEAST(n, amount), n, amount)"),
        (SPARK, "CAST(x AS BIGINT)", "CAST(RINT(x) AS BIGINT)"),
        (SPARK, "CAST(amount AS INT)", "CAST(ROUND(amount) AS INT)"),
        (POSTGRES, "CAST(x AS BIGINT)", "CAST(x AS BIGINT)"),
        (SPARK, "name = 'a'", "name = 'a'"),
        (POSTGRES, "MIN(name)", 'MIN(name COLLATE "C")'),
    ],
)
def test_a_dialect_says_it_in_its_own_way(dialect: Dialect, sql: str, written: str) -> None:
    found = translate_expression(sql, dialect, COLUMNS)
    # Where nothing is ever sent every name is quoted: no server tells which it reserves.
    assert (found if dialect.tested else found.replace('"', "").replace("`", "")) == written


@pytest.mark.parametrize(
    ("dialect", "sql", "why"),
    [
        (BIGQUERY, "QUANTILE_CONT(x, 0.5)", "BigQuery has no exact percentile"),
        (TRINO, "QUANTILE_CONT(x, 0.5)", "Trino has no exact percentile"),
        (POSTGRES, "ROUND(x, 2)", "engines disagree on halves"),
        (SPARK, "over - at", "hours_between"),
        (SPARK, "name < 'm'", "orders texts"),
        (SPARK, "MIN(name)", "orders texts"),
        (SPARK, "CAST(name AS DOUBLE)", "reads a text"),
        (SNOWFLAKE, "CAST(x AS BIGINT)", "rounds a half otherwise"),
        (SPARK, "unknown + day", "not known whether it moves a day"),
        (POSTGRES, "APPROX_COUNT_DISTINCT(n)", "has no form in PostgreSQL"),
        (SPARK, "DATE_TRUNC('week', at)", "has no form in Spark"),
        (SPARK, "some_function(n)", "some_function() has no form in Spark"),
        (POSTGRES, "CAST(n AS HUGEINT)", "a cast to INT128 is not known"),
    ],
)
def test_what_would_not_be_exact_is_refused(dialect: Dialect, sql: str, why: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        translate_expression(sql, dialect, COLUMNS)
    assert why in str(caught.value)


@pytest.mark.parametrize("dialect", [BIGQUERY, TRINO], ids=lambda d: d.name)
def test_an_approximation_is_written_where_it_is_allowed(dialect: Dialect) -> None:
    found = translate_expression("QUANTILE_CONT(x, 0.95)", dialect, COLUMNS, approximate=True)
    assert found.startswith("APPROX_")


def test_what_sqlglot_would_change_silently_is_caught() -> None:
    """With a table that says DuckDB's own form is exact, the function it becomes is not known."""
    from dataclasses import replace

    careless = replace(SPARK, percentile="PERCENTILE_APPROX({0}, {1})")
    with pytest.raises(Untranslatable, match="APPROX_QUANTILE is not known to be exact"):
        translate("SELECT QUANTILE_CONT(x, 0.5) AS p FROM t", careless)


def test_a_view_is_replaced_by_its_select_over_the_table() -> None:
    relation = Relation('SELECT b."n" AS "n" FROM raw."t" AS b', "t", "(SELECT 1 AS n) /* own */")
    assert translate('SELECT x.n FROM slice."t" AS x', SPARK, {"t": relation}) == (
        "SELECT x.n FROM (SELECT b.`n` AS `n` FROM (SELECT 1 AS n) /* own */ AS b) AS x"
    )


def test_a_null_of_a_union_has_the_type_of_its_column() -> None:
    found = translate(
        "SELECT NULL AS u UNION ALL SELECT COUNT(*) AS u FROM t UNION ALL SELECT NULL AS u",
        POSTGRES,
    )
    assert found.count("CAST(NULL AS BIGINT)") == 2


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda d: d.name)
def test_small_tables_are_written_as_each_dialect_reads_them(dialect: Dialect) -> None:
    found = translate("SELECT * FROM (VALUES (0, 3), (1, 4)) AS v(p, hi)", dialect)
    assert ("VALUES" in found) == dialect.values
    assert found.count("UNION ALL") == (not dialect.values)
