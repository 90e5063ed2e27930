"""What each SQL dialect says in its own way: one small table of macros a dialect.

The planner writes DuckDB's SQL. All that is not the same in every engine has an entry here, and
`translation` refuses what has none: nothing is left to an engine's guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Functions that mean the same everywhere, as sqlglot calls them once they are read again.
_EVERYWHERE = frozenset(
    [
        "AND",
        "OR",
        "CASE",
        "IF",
        "CAST",
        "COALESCE",
        "NULLIF",
        "LEAST",
        "GREATEST",
        "ABS",
        "ROUND",
        "SUM",
        "COUNT",
        "MIN",
        "MAX",
        "LEAD",
        "LAG",
        "ROW_NUMBER",
        "CEIL",
        "FLOOR",
        "GROUPING",
        "EXISTS",
    ]
)


#: What DuckDB takes off the ends of a text: the spaces of every script, and no tab.
SPACES = "".join(map(chr, (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)))


@dataclass(frozen=True)
class Dialect:
    """How an engine writes what engines write differently; ``{0}`` is an argument in its own SQL.

    An entry that is None has no exact form there; "" says that DuckDB's own form is exact.
    """

    name: str
    #: for people
    title: str
    #: days from the second date to the first
    days_between: str
    #: a date and a number of days after it
    add_days: str
    #: microseconds since 1970 of a moment without a zone
    epoch_us: str
    #: a moment with a zone, in UTC and without one
    to_utc: str
    #: the percentile of ``{0}`` at ``{1}``, between two values in proportion
    percentile: str | None
    #: what stands in for it where a KPI says ``approximate: allowed``
    approximate_percentile: str = ""
    #: the least of two where one may be null: the other
    least: str = "COALESCE(LEAST({0}, {1}), {0}, {1})"
    greatest: str = "COALESCE(GREATEST({0}, {1}), {0}, {1})"
    #: whole numbers of doubles and of decimals, a half as DuckDB rounds it; None: otherwise
    whole_double: str | None = None
    whole_decimal: str | None = None
    #: the least and the greatest of truth values
    bool_min: str = "MIN({0})"
    bool_max: str = "MAX({0})"
    #: the beginning of the month of a date or moment, as a moment, and its last day
    month_start: str | None = None
    month_end: str | None = None
    #: a text without space around it
    trimmed: str | None = None
    #: the place of text ``{1}`` in text ``{0}``, 0 where it is not
    place_of: str | None = None
    #: whether text ``{0}`` has a part that matches a pattern
    matches: str | None = None
    #: a text to sort by, where it would be sorted by the rules of a language
    text_order: str = ""
    #: whether a small table can be written as ``(VALUES ...) AS v(p, hi)``
    values: bool = True
    #: what stands behind every statement
    tail: str = ""
    #: functions of the forms above, as sqlglot calls them once they are read again
    functions: frozenset[str] = frozenset()
    #: the sqlglot dialect, where it has another name
    sqlglot: str = ""
    #: type of DuckDB -> its name here, in macros
    types: Mapping[str, str] = field(default_factory=dict)
    #: whether Boardpack connects to it; the others' SQL is generated and read again, and never ran
    tested: bool = False

    @property
    def reads(self) -> str:
        """What sqlglot calls it."""
        return self.sqlglot or self.name

    @property
    def known(self) -> frozenset[str]:
        """Every function that a statement may hold."""
        return _EVERYWHERE | self.functions


POSTGRES = Dialect(
    "postgres",
    "PostgreSQL",
    days_between="",
    add_days="",
    epoch_us="CAST(EXTRACT(EPOCH FROM {0}) * 1000000 AS BIGINT)",
    to_utc="{0} AT TIME ZONE 'UTC'",
    percentile="PERCENTILE_CONT({1}) WITHIN GROUP (ORDER BY {0})",
    least="",
    greatest="",
    whole_double="",
    whole_decimal="",
    bool_min="BOOL_AND({0})",
    bool_max="BOOL_OR({0})",
    month_start="DATE_TRUNC('month', CAST({0} AS TIMESTAMP))",
    month_end="CAST(DATE_TRUNC('month', CAST({0} AS TIMESTAMP)) + INTERVAL '1 MONTH' - INTERVAL"
    " '1 DAY' AS DATE)",
    trimmed=f"BTRIM({{0}}, '{SPACES}')",
    place_of="POSITION({1} IN {0})",
    matches="{0} ~ {1}",
    text_order='{0} COLLATE "C"',
    functions=frozenset(
        {
            "COLLATE",
            "EXTRACT",
            "PERCENTILE_CONT",
            "LOGICAL_AND",
            "LOGICAL_OR",
            "HASHTEXTEXTENDED",
            "TIMESTAMP_TRUNC",
            "TRIM",
            "BTRIM",
            "LOWER",
            "STR_POSITION",
            "REGEXP_LIKE",
        }
    ),
    types={"DOUBLE": "DOUBLE PRECISION"},
    tested=True,
)

SPARK = Dialect(
    "spark",
    "Spark",
    days_between="DATEDIFF({0}, {1})",
    add_days="DATE_ADD({0}, {1})",
    epoch_us="UNIX_MICROS(CAST({0} AS TIMESTAMP_LTZ))",
    to_utc="CAST({0} AS TIMESTAMP_NTZ)",
    percentile="PERCENTILE({0}, {1})",
    least="",
    greatest="",
    whole_double="CAST(RINT({0}) AS {1})",
    whole_decimal="CAST(ROUND({0}) AS {1})",
    functions=frozenset(
        {
            "TRY_CAST",
            "TS_OR_DS_TO_DATE",
            "DATEDIFF",
            "TS_OR_DS_ADD",
            "DATE_ADD",
            "UNIX_MICROS",
            "QUANTILE",
            "RINT",
        }
    ),
    tested=True,
)

SNOWFLAKE = Dialect(
    "snowflake",
    "Snowflake",
    days_between="DATEDIFF('DAY', {1}, {0})",
    add_days="DATEADD('DAY', {1}, {0})",
    epoch_us="DATE_PART('EPOCH_MICROSECOND', {0})",
    to_utc="CAST(CONVERT_TIMEZONE('UTC', {0}) AS TIMESTAMP_NTZ)",
    percentile="PERCENTILE_CONT({1}) WITHIN GROUP (ORDER BY {0})",
    bool_min="BOOLAND_AGG({0})",
    bool_max="BOOLOR_AGG({0})",
    functions=frozenset(
        {"DATEDIFF", "DATE_ADD", "EXTRACT", "CONVERT_TIMEZONE", "PERCENTILE_CONT",
         "LOGICAL_AND", "LOGICAL_OR"}),
)  # fmt: skip

BIGQUERY = Dialect(
    "bigquery",
    "BigQuery",
    days_between="DATE_DIFF({0}, {1}, DAY)",
    add_days="DATE_ADD({0}, INTERVAL {1} DAY)",
    epoch_us="UNIX_MICROS(CAST({0} AS TIMESTAMP))",
    to_utc="DATETIME({0}, 'UTC')",
    percentile=None,
    approximate_percentile="APPROX_QUANTILES({0}, 1000)[OFFSET(CAST(ROUND({1} * 1000) AS INT64))]",
    bool_min="LOGICAL_AND({0})",
    bool_max="LOGICAL_OR({0})",
    values=False,
    functions=frozenset(
        {"DATEDIFF", "DATE_ADD", "UNIX_MICROS", "DATETIME", "TIMESTAMP", "LOGICAL_AND",
         "LOGICAL_OR"}),
)  # fmt: skip

TRINO = Dialect(
    "trino",
    "Trino",
    days_between="DATE_DIFF('DAY', {1}, {0})",
    add_days="DATE_ADD('DAY', {1}, {0})",
    epoch_us="CAST(ROUND(TO_UNIXTIME({0}) * 1000000) AS BIGINT)",
    to_utc="CAST(AT_TIMEZONE({0}, 'UTC') AS TIMESTAMP)",
    percentile=None,
    approximate_percentile="APPROX_PERCENTILE({0}, {1})",
    bool_min="BOOL_AND({0})",
    bool_max="BOOL_OR({0})",
    functions=frozenset(
        {"DATEDIFF", "DATE_ADD", "TIME_TO_UNIX", "TO_UNIXTIME", "AT_TIMEZONE", "LOGICAL_AND",
         "LOGICAL_OR"}),
)  # fmt: skip

CLICKHOUSE = Dialect(
    "clickhouse",
    "ClickHouse",
    days_between="dateDiff('day', {1}, {0})",
    add_days="addDays({0}, {1})",
    epoch_us="toUnixTimestamp64Micro(CAST({0} AS Nullable(DateTime64(6))))",
    to_utc="CAST(toTimeZone({0}, 'UTC') AS Nullable(DateTime64(6)))",
    percentile="quantileExactInclusive({1})({0})",
    values=False,
    # Without it a row that a join finds no match for has zeros and empty texts in place of nulls.
    tail="SETTINGS join_use_nulls = 1",
    functions=frozenset(
        {"DATEDIFF", "ADDDAYS", "TOUNIXTIMESTAMP64MICRO", "TOTIMEZONE",
         "QUANTILEEXACTINCLUSIVE"}),
)  # fmt: skip

#: Every dialect a plan can be written in beside DuckDB's own, by name.
DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (POSTGRES, SPARK, SNOWFLAKE, BIGQUERY, TRINO, CLICKHOUSE)
}
