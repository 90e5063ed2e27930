"""The SQL of suites in words that every engine has: the same rows, and PostgreSQL can say it."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from boardpack.gate_sql import plain
from boardpack.sql_dialects import POSTGRES, SPARK
from boardpack.sql_forms import Untranslatable
from boardpack.translation import Relation, translate

AS_OF = date(2025, 6, 30)
KINDS = {"id": "text", "at": "date", "n": "int", "ok": "bool", "of": "text"}
TABLES = """\
CREATE SCHEMA slice;
CREATE TABLE slice.a AS SELECT * FROM (VALUES
  ('a', DATE '2025-06-30', 1, true, 'x'), ('B', DATE '2025-05-31', 2, false, 'y'),
  ('c', DATE '2025-05-01', NULL, true, NULL), ('c', NULL, 4, NULL, 'x')) AS v(id, "at", n, ok, "of");
CREATE TABLE slice.b AS SELECT * FROM slice.a WHERE n <> 2;
SET VARIABLE as_of = DATE '2025-06-30'"""
QUERIES = {
    "anti join": "SELECT a.id, a.n FROM slice.a AS a ANTI JOIN slice.b AS b ON b.id = a.id",
    "anti join using": "SELECT a.id FROM slice.a AS a ANTI JOIN slice.b AS b USING (id) WHERE a.n > 0",
    "semi join": "SELECT a.id, a.n FROM slice.a AS a SEMI JOIN slice.b AS b ON b.id = a.id",
    "qualify": "SELECT id, n FROM slice.a QUALIFY row_number() OVER (PARTITION BY id ORDER BY n) = 1",
    "qualify beside a query": (
        "SELECT id FROM slice.a WHERE n > 1"
        " QUALIFY count(*) OVER () > 0.4 * (SELECT count(*) FROM slice.a WHERE ok IS NOT NULL)"
    ),
    "qualify over an anti join and a filter": (
        "SELECT a.id FROM slice.a AS a ANTI JOIN slice.b AS b ON b.id = a.id"
        " QUALIFY count(*) FILTER (WHERE a.\"at\" < getvariable('as_of') - 20) OVER () > 0"
    ),
    "filter": "SELECT id, sum(n) FILTER (WHERE ok) AS x, count(*) FILTER (WHERE NOT ok) AS y"
    " FROM slice.a GROUP BY id",
    "a name in having": "SELECT id, sum(n) AS total FROM slice.a GROUP BY id HAVING total > 1",
    "having with qualify": "SELECT id, sum(n) AS total FROM slice.a GROUP BY id HAVING total > 0"
    " QUALIFY count(*) OVER () > 1",
    "the as-of": "SELECT id FROM slice.a WHERE \"at\" >= getvariable('as_of') - 40",
    "months": "SELECT id FROM slice.a WHERE day(\"at\") = 1 OR last_day(\"at\") = \"at\"",
    "first of a month": "SELECT id, n FROM slice.a WHERE date_trunc('month', \"at\") = DATE '2025-05-01'",
    "distinct from": "SELECT id, n FROM slice.a WHERE \"of\" IS DISTINCT FROM 'x'",
    "any": "SELECT id FROM slice.a GROUP BY id HAVING NOT bool_or(n = 1)",
    "exists": "SELECT id, n FROM slice.a AS o WHERE NOT EXISTS"
    " (SELECT 1 FROM slice.b WHERE b.id = o.id AND b.\"at\" < o.\"at\" + 40)",
    "rounded": "SELECT id, round(n / 3.0) AS third FROM slice.a",
    "an unnamed sub-select": "SELECT id FROM (SELECT id, n FROM slice.a) WHERE n = 1",
    "texts in order": "SELECT a.id, b.id AS other FROM slice.a AS a JOIN slice.b AS b ON a.id < b.id",
    "a pattern": "SELECT id, n FROM slice.a WHERE regexp_matches(id, '^([a-z]|_)')",
    "a whole pattern": "SELECT id, n FROM slice.a WHERE NOT regexp_full_match(id, '[a-z][a-z0-9]*')",
    "the first of texts": "SELECT n, min(id) AS id, max(\"of\") AS \"of\" FROM slice.a GROUP BY n",
    "first of a month of a day": "SELECT id, date_trunc('month', CAST(\"at\" AS DATE)) AS m FROM slice.a",
    "qualify of a star": "SELECT * FROM slice.a QUALIFY count(*) OVER (PARTITION BY id) > 1",
    "a union": "SELECT id FROM slice.a UNION ALL SELECT \"of\" FROM slice.b",
}  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(TABLES)
    return con


@pytest.mark.parametrize("name", QUERIES)
def test_it_finds_the_same_rows(tables: duckdb.DuckDBPyConnection, name: str) -> None:
    sql = QUERIES[name]
    expected = sorted(tables.execute(sql).fetchall(), key=repr)
    width = len(expected[0])
    told = [row[:width] for row in tables.execute(plain(sql, AS_OF)).fetchall()]
    assert sorted(told, key=repr) == expected


@pytest.mark.parametrize("name", QUERIES)
def test_postgres_can_say_it(name: str) -> None:
    relations = {
        table: Relation(f'SELECT * FROM raw."{table}"', table, f"public.{table}", KINDS)
        for table in "ab"
    }
    told = translate(plain(QUERIES[name], AS_OF), POSTGRES, relations)
    for word in ("QUALIFY", "ANTI JOIN", "FILTER", "GETVARIABLE", "slice."):
        assert word.lower() not in told.lower()
    assert "public.a" in told


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT FROM WHERE", "cannot be read"),
        ("SELECT n + 1 FROM slice.a QUALIFY count(*) OVER () > 1", "needs a name"),
        ("SELECT count(DISTINCT id) FILTER (WHERE ok) FROM slice.a", "use CASE"),
    ],
)
def test_what_cannot_be_said_is_told(sql: str, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        plain(sql, AS_OF)


@pytest.mark.parametrize("pattern", ["\\W", "a.b", "(?i)a"])
def test_a_pattern_that_engines_read_differently_is_refused(pattern: str) -> None:
    relation = {"a": Relation('SELECT * FROM raw."a"', "a", "a", KINDS)}
    sql = plain(f"SELECT id FROM slice.a WHERE regexp_matches(id, '{pattern}')", AS_OF)
    with pytest.raises(Untranslatable, match="may match otherwise"):
        translate(sql, POSTGRES, relation)


def test_an_engine_without_a_form_for_it_refuses() -> None:
    relation = {"a": Relation('SELECT * FROM raw."a"', "a", "a", KINDS)}
    for sql in ("SELECT last_day(\"at\") AS x FROM slice.a", "SELECT trim(id) AS x FROM slice.a",
                "SELECT id FROM slice.a WHERE id < 'b'"):  # fmt: skip
        with pytest.raises(Untranslatable):
            translate(sql, SPARK, relation)
