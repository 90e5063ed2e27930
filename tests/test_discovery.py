"""Discovery and profiles: every way a file can be written, each read right or refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from boardpack.discovery import Found, discover, drop_repeated_headers, expand, sql_name
from boardpack.errors import UserError
from boardpack.profiles import Profile, profile
from boardpack.textfiles import encoding_of


def found(tmp_path: Path, *files: Path) -> tuple[duckdb.DuckDBPyConnection, Found]:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    con = duckdb.connect()
    return con, discover(con, files, scratch)


def profiles(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> dict[str, Profile]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    con, seen = found(tmp_path, path)
    assert seen.refused == ()
    table = drop_repeated_headers(con, seen.tables[0])
    return {p.name: p for p in profile(con, table, "UTC")}


def column(tmp_path: Path, values: Sequence[str], zone: str = "UTC") -> tuple[Profile, list[Any]]:
    """One column beside another, as CSV: its profile, and its values as they are read."""
    path = tmp_path / "t.csv"
    rows = "".join(f'{i};"{value}"\n' for i, value in enumerate(values))
    path.write_text("nr;v\n" + rows, encoding="utf-8")
    con, seen = found(tmp_path, path)
    (table,) = seen.tables
    read = next(p for p in profile(con, table, zone) if p.name == "v")
    rows_read = con.execute(f'SELECT {read.sql} FROM "{table.name}" ORDER BY nr::INT').fetchall()
    return read, [value for (value,) in rows_read]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["2024-02-29", "2024-12-31"], "date", [date(2024, 2, 29), date(2024, 12, 31)]),
        (["29.02.2024", "1.3.2024"], "date", [date(2024, 2, 29), date(2024, 3, 1)]),
        (["20240229", "20241231"], "date", [date(2024, 2, 29), date(2024, 12, 31)]),
        (["13/02/2024", "01/02/2024"], "date", [date(2024, 2, 13), date(2024, 2, 1)]),
        (["02/13/2024", "02/01/2024"], "date", [date(2024, 2, 13), date(2024, 2, 1)]),
        (["Feb 3, 2024", "Dec 24, 2024"], "date", [date(2024, 2, 3), date(2024, 12, 24)]),
        (["3-Feb-2024", "24-Dec-2024"], "date", [date(2024, 2, 3), date(2024, 12, 24)]),
        (["2024-02-29 10:30", "2024-03-01 00:00"], "timestamp",
         [datetime(2024, 2, 29, 10, 30), datetime(2024, 3, 1)]),
        (["2024-02-29T10:30:00+02:00", "2024-02-29T23:30:00-05:00"], "timestamp",
         [datetime(2024, 2, 29, 8, 30), datetime(2024, 3, 1, 4, 30)]),
        (["2024-02-29T10:30:00Z", "2024-02-29T11:30:00.5Z"], "timestamp",
         [datetime(2024, 2, 29, 10, 30), datetime(2024, 2, 29, 11, 30, 0, 500000)]),
        (["2024-02-29 10:30:00 +0200", "2024-02-29 23:30:00 -0500"], "timestamp",
         [datetime(2024, 2, 29, 8, 30), datetime(2024, 3, 1, 4, 30)]),
        (["29.02.2024 10:30", "01.03.2024 09:00"], "timestamp",
         [datetime(2024, 2, 29, 10, 30), datetime(2024, 3, 1, 9)]),
        (["1", "-20", "300"], "integer", [1, -20, 300]),
        (["1.5", "-.25", "3"], "decimal", [Decimal("1.5"), Decimal("-0.25"), Decimal(3)]),
        (["1,50", "-2.345,75", "3"], "decimal", [Decimal("1.5"), Decimal("-2345.75"), Decimal(3)]),
        (["$1,234.50", "$9.00", "($3.25)"], "decimal",
         [Decimal("1234.5"), Decimal(9), Decimal("-3.25")]),
        (["1.234,50 €", "9,00 €", "-3,25 €"], "decimal",
         [Decimal("1234.5"), Decimal(9), Decimal("-3.25")]),
        (["yes", "No", "YES"], "bool", [True, False, True]),
        (["ja", "nein", "ja"], "bool", [True, False, True]),
        # Zeros in front are a name, and not a number.
        (["00001", "00002", "10000"], "text", ["00001", "00002", "10000"]),
        (["ABC1", "DEF2"], "text", ["ABC1", "DEF2"]),
        (["2024-02-30x", "no date"], "text", ["2024-02-30x", "no date"]),
        (["3.5", " ", "", "N/A", "4"] + ["1.5"] * 20, "decimal",
         [Decimal("3.5"), None, None, None, Decimal(4)] + [Decimal("1.5")] * 20),
    ],
)  # fmt: skip
def test_text_is_read_as_what_it_is(
    tmp_path: Path, values: list[str], kind: str, expected: list[Any]
) -> None:
    read, got = column(tmp_path, values)
    assert (read.kind, got) == (kind, expected)


def test_moments_without_a_zone_are_the_companys(tmp_path: Path) -> None:
    _, got = column(tmp_path, ["2024-07-01 00:30", "2024-01-01 00:30"], "Europe/Berlin")
    assert got == [datetime(2024, 6, 30, 22, 30), datetime(2023, 12, 31, 23, 30)]


def test_what_does_not_fit_is_counted_and_named(tmp_path: Path) -> None:
    read, got = column(tmp_path, [f"2024-01-{d:02}" for d in range(1, 29)] * 4 + ["soon"])
    assert (read.kind, got[-1], read.nulls) == ("date", None, 1)
    assert read.question == "1 values are no date and read as nothing, such as 'soon'"


def test_days_that_fit_both_orders_are_said_to(tmp_path: Path) -> None:
    read, got = column(tmp_path, [f"0{m}/0{d}/2024" for m in (3, 4) for d in range(1, 8)])
    assert got[0] == date(2024, 3, 1)
    assert read.notes == ("every v fits day/month and month/day; read month first",)


def test_a_file_in_the_european_way(tmp_path: Path) -> None:
    text = "Kunden-Nr;Straße;Umsatz\n1;Größe 5;1.234,50\n2;Weg 1;9,90\n2;Weg 1;7,00\n"
    read = profiles(tmp_path, text.encode("latin-1"))
    assert list(read) == ["kunden_nr", "strasse", "umsatz"]
    assert (read["umsatz"].high, read["strasse"].high) == (Decimal("1234.5"), "Weg 1")


@pytest.mark.parametrize(
    ("encoding", "text", "duckdb_reads", "recode"),
    [
        ("utf-8", "Größe", "utf-8", ""),
        ("utf-8-sig", "Größe", "utf-8", ""),
        ("latin-1", "Größe und Maß, für alle Straßen", "latin-1", ""),
        ("cp1252", "Größe – 5 € für „alle“ Straßen", "utf-8", "cp1252"),
        ("utf-16", "Größe", "utf-8", "utf-16"),
    ],
)
def test_encodings(
    tmp_path: Path, encoding: str, text: str, duckdb_reads: str, recode: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes((f"name;zahl\n{text};1\n{text};2\n").encode(encoding))
    seen = encoding_of(path)
    assert (seen.duckdb, seen.recode) == (duckdb_reads, recode)
    con, tables = found(tmp_path, path)
    (table,) = tables.tables
    assert table.names[0].lstrip("\ufeff") == "name"
    assert con.execute(f'SELECT DISTINCT 1, * FROM "{table.name}"').fetchall()[0][1] == text


def test_a_header_in_the_middle_is_no_row(tmp_path: Path) -> None:
    text = (
        "id,when,sum\n1,2024-01-01,3.5\nid,when,sum\n2,2024-01-02,4\nid,when,sum\n3,2024-01-03,1\n"
    )
    read = profiles(tmp_path, text)
    assert [(p.kind, p.rows) for p in read.values()] == [
        ("integer", 3), ("date", 3), ("decimal", 3),
    ]  # fmt: skip


def test_blanks_part_the_fields_and_there_may_be_no_header(tmp_path: Path) -> None:
    rows = "".join(f" {i:05} 202401{i:02}  {i % 3 + 1}   {i}.50\n" for i in range(1, 29))
    read = profiles(tmp_path, rows, "t.txt")
    assert [(p.name, p.kind) for p in read.values()] == [
        ("column1", "text"), ("column2", "date"), ("column3", "integer"), ("column4", "decimal"),
    ]  # fmt: skip


def test_lines_above_the_header_are_left_out(tmp_path: Path) -> None:
    read = profiles(tmp_path, "Export of the shop\nMade on Monday\n\nid,sum\n1,2.5\n2,3.5\n3,4\n")
    assert {name: p.rows for name, p in read.items()} == {"id": 3, "sum": 3}


@pytest.mark.parametrize(
    ("name", "content", "says", "hint", "line"),
    [
        ("a.csv", b"", "the file is empty", "export it again", None),
        ("a[1].csv", b"id,sum\n1,2\n", "its name holds a sign", "rename it", None),
        ("a.csv", b"id,sum\n", "it has a header and no row", "with its rows", None),
        ("a.csv", b"Dear all,\nthis is a letter, and no table\nat all.\n\nBye\n", "it is no table", "one row a line", None),
        ("a.csv", b"%PDF-1.7\n...", "it is a PDF", "as CSV", None),
        ("a.xlsx", b"PK\x03\x04\x14\x00", "it is an Excel workbook", "save the sheet as CSV", None),
        ("a.csv", b"PK\x03\x04\x14\x00", "it is an Excel workbook", "save the sheet as CSV", None),
        ("a.csv", b"\x00\x01\x02" * 50, "it is no text", "CSV, Parquet or DuckDB", None),
        ("a.csv", b'{"rows": [1, 2]}', "it is no table of lines", "as CSV or Parquet", None),
        ("a.parquet", b"no parquet at all", "it is no Parquet file", "export it again", None),
        ("a.duckdb", b"no database at all", "it cannot be opened as a DuckDB file", "", None),
        ("a.csv", b"a,b,c\n" + b"1,2,3\n" * 50 + b"1,2\n" + b"1,2,3\n" * 5, "line 52 has 2 fields, the others have 3", "mend that line", 52),
        ("a.csv", b"a,b,c\n1,2,3\n1,2,3\n1,2\n1,2,3,4\n", "its lines differ in their number of fields", "mend that line", 5),
        ("a.txt", b"a b c\n1 2 3\n1 2 3\n1 2 3 4\n", "it is no table", "", None),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, says: str, hint: str, line: int | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    _, seen = found(tmp_path, path)
    assert seen.tables == ()
    (refused,) = seen.refused
    assert refused.reason.startswith(says)
    assert hint in refused.hint
    assert refused.line == line


def test_a_line_too_long_far_down_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a b c\n" + "1 2 3\n" * 500 + "1 2 3 4\n")
    _, seen = found(tmp_path, path)
    assert seen.refused[0].reason == "the line '1 2 3 4' has 4 fields, the others have 3"


def test_parts_of_one_table_are_one_table(tmp_path: Path) -> None:
    for month in (1, 2, 3):
        (tmp_path / f"orders_2024-0{month}.csv").write_text(f"id,sum\n{month},2.5\n9{month},1\n")
    (tmp_path / "other_2024-01.csv").write_text("id,sum\n1,2.5\n2,1\n")
    con, seen = found(tmp_path, *sorted(tmp_path.glob("*.csv")))
    assert [(t.name, len(t.files)) for t in seen.tables] == [("orders", 3), ("other", 1)]
    assert con.execute("SELECT count(*) FROM orders").fetchone() == (6,)


def test_parquet_and_duckdb_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE t AS SELECT DATE '2024-01-01' AS d, '01.02.2024' AS text_day")
        con.execute(f"COPY t TO '{tmp_path / 't.parquet'}'")
    con, seen = found(tmp_path, path, tmp_path / "t.parquet")
    assert [t.kind for t in seen.tables] == ["duckdb", "parquet"]
    for table in seen.tables:
        assert [(p.name, p.kind, p.low) for p in profile(con, table, "UTC")] == [
            ("d", "date", date(2024, 1, 1)), ("text_day", "date", date(2024, 2, 1)),
        ]  # fmt: skip


def test_patterns(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match="is empty") as caught:
        expand([str(tmp_path / "data")])
    assert "CSV" in (caught.value.hint or "")
    (tmp_path / "data" / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"no file matches .*\.parquet") as caught:
        expand([str(tmp_path / "data" / "*.parquet")])
    assert caught.value.hint == f"in {tmp_path / 'data'} are: a.csv"
    with pytest.raises(UserError, match="no file matches") as caught:
        expand([str(tmp_path / "nowhere" / "*.csv")])
    assert "there is no folder" in (caught.value.hint or "")
    same = [str(tmp_path / "data"), str(tmp_path / "data" / "*.csv")]
    assert expand(same) == [tmp_path / "data" / "a.csv"]


@pytest.mark.parametrize(
    ("text", "name"),
    [("Größe", "groesse"), ("order", "order_"), ("a b-c", "a_b_c"), ("", "unnamed"),
     ("2024", "c2024"), ('x"; DROP TABLE y', "x_drop_table_y"), ("日本", "unnamed")],
)  # fmt: skip
def test_names_are_safe(text: str, name: str) -> None:
    assert sql_name(text) == name
