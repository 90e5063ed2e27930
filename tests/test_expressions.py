from __future__ import annotations

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boardpack.engine.expressions import (
    ExpressionError,
    Measured,
    aggregate,
    formula,
    scalar,
)


def quoted(name: str) -> str:
    return f'"{name}"'


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("a + b * 2", '"a" + "b" * 2'),
        ("a / b", '(CAST("a" AS DOUBLE) / NULLIF("b", 0))'),
        ("(a + b) / (c - d)", '(CAST(("a" + "b") AS DOUBLE) / NULLIF(("c" - "d"), 0))'),
        ("account.segment = 'smb'", "\"account.segment\" = 'smb'"),
        ("a in (1, 2) and not b is null", '"a" IN (1, 2) AND NOT "b" IS NULL'),
        ("case when a > 0 then 1 else 0 end", 'CASE WHEN "a" > 0 THEN 1 ELSE 0 END'),
        ("a between 1 and 2 or b <> 'it''s'", "\"a\" BETWEEN 1 AND 2 OR \"b\" <> 'it''s'"),
        ("least(abs(a), round(b, 2))", 'LEAST(ABS("a"), ROUND("b", 2))'),
        ("cast(a as double)", 'CAST("a" AS DOUBLE)'),
        (
            "least(hours_between(a, b), 8)",
            'LEAST(((EPOCH_US("b") - EPOCH_US("a")) / 3600000000.0), 8)',
        ),
    ],
)
def test_what_is_allowed_is_written_out_again(text: str, sql: str) -> None:
    assert scalar(text, quoted) == sql


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("read_csv('/etc/passwd')", r"function read_csv\(\) is not allowed"),
        ("getenv('HOME')", r"function getenv\(\) is not allowed"),
        ("current_date", r"current_date\(\) is not allowed"),
        ("now()", r"current_timestamp\(\) is not allowed|now\(\) is not allowed"),
        ("random() > 0.5", r"function rand\(\) is not allowed"),
        ("upper(a) = 'X'", r"function upper\(\) is not allowed"),
        ("(select max(x) from t)", "sub-queries are not allowed"),
        ("a in (select x from t)", "sub-queries are not allowed"),
        ("exists (select 1)", "not allowed"),
        ("select 1", "sub-queries are not allowed"),
        ("row_number() over ()", "window functions are not allowed"),
        ("sum(a) over (order by b)", "window functions are not allowed"),
        ("sum(a) > 1", r"sum\(\) cannot stand inside an expression"),
        ("cast(a as varchar)", "cast to TEXT is not allowed; double, date, int, bigint are"),
        ("hours_between(a)", "takes two moments, the earlier one first"),
        ("hours_between(a, now())", "current_timestamp|now"),
        ("a || b", "DPipe .* is not allowed"),
        ("a like 'x%'", "Like .* is not allowed"),
        ("a % 2", "Mod .* is not allowed"),
        ("a[1]", "is not allowed"),
        ("[a, b]", "not allowed"),
        ("null[]", "DataType .* is not allowed"),
        ("x -> x + 1", "not allowed"),
        ("$1", "not allowed"),
        ("s.t.a", "names a table"),
        ("a; drop table t", "must be one expression"),
        ("drop table t", "not allowed"),
        ("a +", "cannot be read as SQL"),
        ("'open", "cannot be read as SQL"),
        ("a is b", "cannot be read as SQL"),
        ("", "must be one expression"),
        ("-- nothing", "must be one expression"),
    ],
)
def test_what_is_not_in_the_list_is_refused_by_its_name(text: str, named: str) -> None:
    with pytest.raises(ExpressionError, match=named):
        scalar(text, quoted)


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("count(*)", Measured("count")),
        ("count(a)", Measured("count", '"a"')),
        ("COUNT(DISTINCT a)", Measured("distinct", '"a"')),
        ("sum(a - b)", Measured("sum", '"a" - "b"')),
        ("sum(prorated(a))", Measured("sum", '"a"', prorated=True)),
        ("min(a)", Measured("min", '"a"')),
        ("max(a)", Measured("max", '"a"')),
        ("histogram_percentile(0.95)", Measured("histogram_percentile", quantile=0.95)),
        ("percentile(a, 0.5)", Measured("percentile", '"a"', quantile=0.5)),
        ("Percentile(a - b, 0.95)", Measured("percentile", '"a" - "b"', quantile=0.95)),
    ],
)
def test_one_aggregate(text: str, measured: Measured) -> None:
    assert aggregate(text, quoted) == measured


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a", "must be one aggregate, found 'a'"),
        ("sum(a) / sum(b)", "must be one aggregate"),
        ("avg(a)", "must be one aggregate"),
        ("median(a)", "must be one aggregate"),
        ("sum(a) filter (where b)", "must be one aggregate"),
        ("sum(sum(a))", r"sum\(\) cannot stand inside"),
        ("sum(distinct a)", "not allowed"),
        ("sum(*)", "not allowed"),
        ("count(distinct a, b)", "takes one column"),
        ("sum(prorated(a, b))", "takes one amount"),
        ("sum(read_csv('x'))", r"function read_csv\(\)"),
        ("histogram_percentile()", "takes a share, such as 0.95"),
        ("histogram_percentile('x')", "takes a share, such as 0.95"),
        ("histogram_percentile(95)", "between 0 and 1"),
        ("histogram_percentile(0.5, 0.9)", "takes a share, such as 0.95"),
        ("percentile()", "takes a column and a share, such as 0.95"),
        ("percentile(a)", "takes a column and a share, such as 0.95"),
        ("percentile(0.5)", "takes a column and a share, such as 0.95"),
        ("percentile(a, b)", "takes a column and a share, such as 0.95"),
        ("percentile(a, 1 - 0.5)", "takes a column and a share, such as 0.95"),
        ("percentile(a, 0.5, 1)", "takes a column and a share, such as 0.95"),
        ("percentile(a, 50)", "takes a column and a share between 0 and 1"),
        ("percentile(a, 0)", "takes a column and a share between 0 and 1"),
        ("percentile(distinct a, 0.5)", "takes a column and a share"),
        ("percentile(sum(a), 0.5)", r"sum\(\) cannot stand inside"),
        ("percentile(prorated(a), 0.5)", r"function prorated\(\) is not allowed"),
    ],
)
def test_what_is_no_aggregate(text: str, named: str) -> None:
    with pytest.raises(ExpressionError, match=named):
        aggregate(text, quoted)


@pytest.mark.parametrize(
    ("text", "numerator", "denominator", "scale"),
    [
        ("a / b", '"a"', '"b"', 1.0),
        ("100 * a / b", '"a"', '"b"', 100.0),
        ("100 * (a - b) / c", '("a" - "b")', '"c"', 100.0),
        ("(100 * a / b)", '"a"', '"b"', 100.0),
        ("100 * a / ((b + c) / 2)", '"a"', '((CAST(("b" + "c") AS DOUBLE) / NULLIF(2, 0)))', 100.0),
        ("a * b / c", '"a" * "b"', '"c"', 1.0),
        # No ratio: there is nothing that its parts could be rolled up to.
        ("a - b", None, None, 1.0),
        ("12 * a", None, None, 1.0),
        ("a / b * 100", None, None, 1.0),
        ("1 - a / b", None, None, 1.0),
        ("case when b > 0 then a / b end", None, None, 1.0),
    ],
)
def test_ratios(text: str, numerator: str | None, denominator: str | None, scale: float) -> None:
    found = formula(text)
    assert (found.numerator, found.denominator, found.scale) == (numerator, denominator, scale)


def test_a_formula_names_measures_and_kpis_once_each() -> None:
    assert formula("a / (b + a) + a").names == ("a", "b")
    with pytest.raises(ExpressionError, match=r"not columns: 'account\.mrr'"):
        formula("account.mrr / 2")


@pytest.mark.parametrize("text", ["'x' * a / b", "sum(a)", "a + 'x", "", "count(*)"])
def test_what_is_no_formula(text: str) -> None:
    with pytest.raises(ExpressionError):
        formula(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [("a / b", 3.5), ("a / (b - b)", None), ("a / b / b", 1.75), ("-a / b", -3.5), ("7 / 2", 3.5)],
)
def test_division_is_of_doubles_and_by_zero_gives_nothing(text: str, result: float | None) -> None:
    with duckdb.connect() as con:
        row = con.execute(f"SELECT {scalar(text, quoted)} FROM (SELECT 7 AS a, 2 AS b)").fetchone()
    assert row == (result,)


def test_hours_are_of_elapsed_time() -> None:
    sql = scalar("hours_between(a, b)", quoted)
    with duckdb.connect() as con:
        row = con.execute(
            f"SELECT {sql} FROM (SELECT TIMESTAMP '2025-03-01 23:30:00' AS a,"
            " TIMESTAMP '2025-03-03 01:00:00' AS b)"
        ).fetchone()
        none = con.execute(
            f"SELECT {sql} FROM (SELECT TIMESTAMP '2025-03-01' AS a, CAST(NULL AS TIMESTAMP) AS b)"
        ).fetchone()
    assert (row, none) == ((25.5,), (None,))


TOKENS = [
    "a",
    '"b"',
    '"x""y"',
    "1",
    "0.5",
    "'it''s'",
    "'1'",
    "+",
    "-",
    "*",
    "/",
    "(",
    ")",
    ",",
    ".",
    ";",
    "%",
    "--",
    "/*",
    "and",
    "or",
    "not",
    "in",
    "is",
    "null",
    "case",
    "when",
    "then",
    "else",
    "end",
    "between",
    "cast(",
    "as",
    "date)",
    "interval",
    "day",
    "sum(",
    "count(",
    "distinct",
    "*",
    "over",
    "coalesce(",
    "abs(",
    "hours_between(",
    "select",
    "from",
    "read_csv(",
    "::",
    "=>",
    "$1",
    "?",
    "[",
    "]",
    "{",
    "}",
    "\\",
    "true",
]


@given(st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join))
@example("interval '1' \"day\"")
@example("a -- read_csv(")
@example("a /* ' */ + b")
def test_whatever_is_written_gives_one_expression_or_an_error_of_ours(text: str) -> None:
    def known(name: str) -> str:
        if name not in ("a", "b", "day"):
            raise ExpressionError("unknown")
        return quoted(name)

    found = []
    try:
        found.append(scalar(text, known))
        read = formula(text)
    except ExpressionError:
        pass
    else:
        assert set(read.names) <= {"a", "b", "day"}
        found.append(read.value)
    for sql in found:
        assert len(duckdb.extract_statements(f"SELECT {sql}")) == 1
        assert "read_csv" not in sql
