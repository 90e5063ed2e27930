"""The as-of slice: what is read, what is refused, and what was not known yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

import workspaces
from boardpack.errors import BoardpackError, SourceError, WorkspaceError
from boardpack.model import Model
from boardpack.warehouse import Slice, Span, data_span, open_slice, slice_of_rows
from boardpack.workspace import SUITE
from boardpack.zones import local_day

LAST = date(2025, 12, 31)
ACCOUNTS = """\
account_id,account_name,segment,created_at,is_internal
a,Acme,smb,2025-01-01 00:00:00,false
b,Bolt,,2025-01-02 12:30:00,
"""


def settings(warehouse: str) -> str:
    return f"company: Small\ncurrency: USD\ndimensions: []\nwarehouse:\n{warehouse}"


@contextmanager
def opened(
    root: Path, as_of: date = LAST, only: tuple[str, ...] = ("accounts",)
) -> Iterator[Slice]:
    model = Model.open(root)
    slice_ = open_slice(model.workspace, model.sources, as_of, only)
    try:
        yield slice_
    finally:
        slice_.close()


def from_csv(folder: Path, text: str | bytes, name: str = "accounts") -> Path:
    root = workspaces.small(folder, settings(f"  files: {{{name}: data.csv}}\n"))
    (root / "data.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def rows(slice_: Slice, sql: str) -> list[tuple]:
    return slice_.con.execute(sql).fetchall()


def test_a_view_has_exactly_the_declared_columns(tmp_path: Path) -> None:
    with opened(from_csv(tmp_path / "w", ACCOUNTS.replace("segment", "segment,extra", 1)
                         .replace("smb", "smb,1").replace("Bolt,", "Bolt,,"))) as slice_:  # fmt: skip
        described = rows(slice_, "DESCRIBE SELECT * FROM slice.accounts")
        declared = slice_.declared["accounts"].columns
        assert {r[0]: r[1] for r in described} == {c.name: c.sql_type for c in declared.values()}
        assert rows(slice_, "SELECT account_id, segment, region FROM slice.accounts ORDER BY 1") == [
            ("a", "smb", None), ("b", None, None),
        ]  # fmt: skip


def test_a_parquet_file_and_a_select_are_read_too(tmp_path: Path) -> None:
    root = workspaces.small(
        tmp_path / "w",
        settings("  files: {crm: data/crm.parquet}\n  views: {big: SELECT * FROM crm WHERE n > 1}\n"),
        **{"sources/accounts.yml": "maps: accounts\nsql: |\n  SELECT id AS account_id,\n"
           "    TIMESTAMP '2025-01-01' AS created_at\n  FROM big;\n"},
    )  # fmt: skip
    (root / "data").mkdir()
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT 'x' || n AS id, n FROM range(4) AS r(n)) TO '{root}/data/crm.parquet'"
        )
    with opened(root) as slice_:
        assert rows(slice_, "SELECT account_id FROM slice.accounts ORDER BY 1") == [
            ("x2",),
            ("x3",),
        ]


def test_a_duckdb_file_is_read_and_never_written(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", settings("  duckdb: tables.duckdb\n"))
    make(root, "CREATE TABLE accounts AS SELECT 'a' AS account_id, now()::TIMESTAMP AS created_at")
    before = (root / "tables.duckdb").read_bytes()
    with opened(root) as slice_:
        assert slice_.sources == ("accounts",)
        with pytest.raises(duckdb.Error, match="read-only"):
            slice_.con.execute("DELETE FROM warehouse.main.accounts")
    assert (root / "tables.duckdb").read_bytes() == before


def make(root: Path, sql: str) -> None:
    with duckdb.connect(str(root / "tables.duckdb")) as con:
        con.execute(sql)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("", "the data file data.csv is empty", ""),
        (ACCOUNTS.splitlines()[0] + "\n", "source 'accounts' has no rows", "never read as zero"),
        (ACCOUNTS.replace("account_id", "id"), "lacks the column 'account_id' (string)", "found: id"),
        (ACCOUNTS.replace("account_id", "Account_ID"), "lacks the column 'account_id'", "found: Account_ID"),
        (ACCOUNTS.replace("2025-01-01 00:00:00", "soon"), "column 'created_at' of source 'accounts' is VARCHAR, expected timestamp", "CAST(created_at AS TIMESTAMP)"),
        (ACCOUNTS.replace("false", "7").replace(",\n", ",8\n"), "column 'is_internal' of source 'accounts' is BIGINT, expected bool", "CAST(is_internal AS BOOLEAN)"),
        (ACCOUNTS.replace(" 00:00:00", "").replace(" 12:30:00", ""), "is DATE, expected timestamp", ""),
        (b"account_id\n\xff\xfe\xfa\n", "cannot be read", ""),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_the_source_declares(
    tmp_path: Path, text: str | bytes, says: str, hint: str
) -> None:
    with pytest.raises(SourceError) as caught, opened(from_csv(tmp_path / "w", text)):
        pass
    assert caught.value.exit_code == 1
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.file


@pytest.mark.parametrize(
    ("column", "declared", "kind"),
    [
        ("created_at", "TIME '10:00'", "TIME"),
        ("created_at", "[TIMESTAMP '2025-01-01']", "TIMESTAMP[]"),
        ("account_id", "['a']", "VARCHAR[]"),
        ("account_id", "{'id': 1}", "STRUCT(id INTEGER)"),
        ("account_id", "1.5", "DECIMAL(2,1)"),
    ],
)
def test_types_that_only_begin_alike_are_refused(
    tmp_path: Path, column: str, declared: str, kind: str
) -> None:
    root = workspaces.small(tmp_path / "w", settings("  duckdb: tables.duckdb\n"))
    values = {"account_id": "'a'", "created_at": "TIMESTAMP '2025-01-01'", column: declared}
    make(
        root,
        "CREATE TABLE accounts AS SELECT " + ", ".join(f"{v} AS {c}" for c, v in values.items()),
    )
    with pytest.raises(SourceError) as caught, opened(root):
        pass
    assert f"column {column!r} of source 'accounts' is {kind}, expected" in caught.value.message


def test_a_timestamp_where_a_time_of_day_is_declared_is_refused(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", settings("  duckdb: tables.duckdb\n"))
    make(root, "CREATE TABLE business_calendar AS SELECT DATE '2025-01-01' AS day,"
         " true AS is_business_day, TIMESTAMP '2025-01-01 09:00' AS opens_at")  # fmt: skip
    with (
        pytest.raises(SourceError, match=r"'opens_at' .* is TIMESTAMP, expected time"),
        opened(root, only=("business_calendar",)),
    ):
        pass


def test_types_that_hold_the_same_are_read(tmp_path: Path) -> None:
    """Whole numbers as keys, moments with a zone, nanoseconds, enumerations."""
    root = workspaces.small(tmp_path / "w", settings("  duckdb: tables.duckdb\n"))
    make(root, "CREATE TABLE accounts AS SELECT 17::BIGINT AS account_id,"
         " TIMESTAMPTZ '2025-03-01 01:00:00+02' AS created_at, 'smb'::ENUM('smb', 'x') AS segment")  # fmt: skip
    with opened(root) as slice_:
        found = rows(slice_, "SELECT account_id, created_at, segment FROM slice.accounts")
        assert found == [("17", datetime(2025, 2, 28, 23), "smb")]


@pytest.mark.parametrize(
    ("warehouse", "says", "hint"),
    [
        ("  duckdb: var/none.duckdb\n", "the warehouse var/none.duckdb is not there", "boardpack demo"),
        ("  duckdb: data.csv\n", "the warehouse data.csv cannot be opened", ""),
        ("  files: {accounts: none.csv}\n", "the data file none.csv is not there", ""),
        ("  files: {accounts: data.parquet}\n", "table 'accounts' cannot be read", ""),
        ("  views: {accounts: SELECT * FROM nowhere}\n", "table 'accounts' cannot be read", ""),
        ("  files: {accounts: data.csv}\n  views: {accounts: SELECT 1}\n", "'accounts' cannot be read", ""),
    ],
)  # fmt: skip
def test_a_warehouse_that_cannot_be_read(
    tmp_path: Path, warehouse: str, says: str, hint: str
) -> None:
    root = workspaces.small(tmp_path / "w", settings(warehouse))
    for name in ("data.csv", "data.parquet"):
        (root / name).write_text(ACCOUNTS, encoding="utf-8")
    with pytest.raises(BoardpackError) as caught, opened(root):
        pass
    assert (caught.value.exit_code, caught.value.file) == (1, str(root / "boardpack.yml"))
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("mapping", "line", "says", "hint"),
    [
        ("maps: accounts\ntable: acounts\n", 1, "is mapped to table 'acounts', which is not there", "tables are: crm"),
        ("maps: accounts\nfile: none.csv\n", None, "none.csv is not there", ""),
        ("maps: accounts\nfile: ../out.csv\n", None, "lies outside the workspace", ""),
        ("maps: accounts\nsql: SELECT nope FROM crm\n", 2, "source 'accounts' cannot be read: ", ""),
        ("maps: accounts\nsql: SELECT FROM WHERE\n", 2, "source 'accounts' cannot be read: ", ""),
        ("maps: accounts\nsql: SELECT account_id FROM crm\n", 2, "lacks the column 'created_at'", "found: account_id"),
        ("maps: accounts\nsql: SELECT * FROM crm WHERE false\n", 2, "has no rows", "unconnected"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_is_named_with_its_line(
    tmp_path: Path, mapping: str, line: int | None, says: str, hint: str
) -> None:
    root = from_csv(tmp_path / "w", ACCOUNTS, "crm")
    workspaces.small(root, (root / "boardpack.yml").read_text(), **{"sources/a.yml": mapping})
    with pytest.raises(BoardpackError) as caught, opened(root):
        pass
    assert caught.value.exit_code == 1
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    if line is not None:
        assert (caught.value.file, caught.value.line) == (str(root / "sources" / "a.yml"), line)


def test_a_name_in_two_schemas_is_taken_from_neither(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", settings("  duckdb: tables.duckdb\n"))
    one = "SELECT 'a' AS account_id, TIMESTAMP '2025-01-01' AS created_at"
    make(root, f"CREATE SCHEMA raw; CREATE TABLE raw.accounts AS {one}; CREATE TABLE accounts AS {one};"
         "CREATE TABLE users AS SELECT 'u' AS user_id, 'a' AS account_id,"
         " TIMESTAMP '2025-01-01' AS created_at")  # fmt: skip
    with pytest.raises(SourceError, match="it is in several schemas, as") as caught, opened(root):
        pass
    assert "map the source to another table" in (caught.value.hint or "")
    mapping = "maps: accounts\nsql: SELECT * FROM warehouse.raw.accounts\n"
    workspaces.small(root, (root / "boardpack.yml").read_text(), **{"sources/a.yml": mapping})
    with opened(root, only=("users",)) as slice_:
        assert slice_.sources == ("accounts", "users")


def test_a_broken_view_stops_only_the_source_that_needs_it(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", settings("  duckdb: tables.duckdb\n"))
    make(root, "CREATE TABLE gone AS SELECT 1 AS x; CREATE VIEW users AS SELECT * FROM gone;"
         "DROP TABLE gone; CREATE TABLE accounts AS SELECT 'a' AS account_id,"
         " TIMESTAMP '2025-01-01' AS created_at")  # fmt: skip
    with opened(root) as slice_:
        assert slice_.sources == ("accounts",)
    with (
        pytest.raises(SourceError, match="source 'users' cannot be read"),
        opened(root, only=("users",)),
    ):
        pass


def test_what_is_not_connected_is_missing_and_no_error(tmp_path: Path) -> None:
    with opened(from_csv(tmp_path / "w", ACCOUNTS), only=("sessions",)) as slice_:
        assert slice_.sources == ("accounts",)
        assert slice_.missing("user_days") == ("sessions", "users")
        assert slice_.missing("accounts") == ()


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.open(SUITE)


TICKETS = [
    {"ticket_id": "1", "account_id": "a", "created_at": datetime(2025, 3, 1, 10)},
    {"ticket_id": "2", "account_id": "a", "created_at": datetime(2025, 3, 31, 23, 59, 59)},
    {"ticket_id": "3", "account_id": "a", "created_at": datetime(2025, 3, 31, 12),
     "recorded_at": datetime(2025, 4, 1, 0, 0)},
    {"ticket_id": "4", "account_id": "a", "created_at": datetime(2025, 4, 1)},
    {"ticket_id": "5", "account_id": "a", "created_at": datetime(2025, 3, 2),
     "recorded_at": None, "resolved_at": datetime(2025, 4, 1)},
    {"ticket_id": "6", "account_id": "a", "created_at": None, "recorded_at": None},
]  # fmt: skip


@pytest.mark.parametrize(
    ("as_of", "zone", "known"),
    [
        ("2025-03-01", "UTC", "16"),
        ("2025-03-31", "UTC", "1256"),
        ("2025-04-01", "UTC", "123456"),
        # In Berlin March ends two hours earlier, so the last ticket is one of April.
        ("2025-03-31", "Europe/Berlin", "156"),
        ("2025-03-31", "America/New_York", "123456"),
    ],
)
def test_rows_known_by_the_end_of_the_companys_day(
    model: Model, as_of: str, zone: str, known: str
) -> None:
    slice_ = slice_of_rows(
        model.sources, {"tickets": TICKETS}, date.fromisoformat(as_of), ZoneInfo(zone)
    )
    found = rows(slice_, "SELECT ticket_id, resolved_at FROM slice.tickets ORDER BY 1")
    slice_.close()
    assert "".join(r[0] for r in found) == known
    resolved = {r[0]: r[1] for r in found}["5"] if "5" in known else None
    assert (resolved is not None) == ("4" in known)


def test_fingerprints_follow_the_rows_and_not_their_order(model: Model) -> None:
    def prints(given: list[dict], as_of: date = LAST) -> str:
        slice_ = slice_of_rows(model.sources, {"tickets": given}, as_of, ZoneInfo("UTC"))
        found = slice_.fingerprints(["tickets"])["tickets"]
        slice_.close()
        return found

    whole = prints(TICKETS)
    assert whole == prints(TICKETS[::-1])
    assert len({whole, prints(TICKETS[1:]), prints([*TICKETS, TICKETS[0]]), prints([]),
                prints(TICKETS, date(2025, 3, 31)), prints([{**TICKETS[0], "priority": "low"}])}) == 6  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [("UTC", date(2025, 3, 1), date(2025, 4, 1)), ("America/New_York", date(2025, 3, 1), date(2025, 3, 31)),
     ("Asia/Tokyo", date(2025, 3, 1), date(2025, 4, 1))],
)  # fmt: skip
def test_spans_are_days_of_the_company(model: Model, zone: str, first: date, last: date) -> None:
    slice_ = slice_of_rows(
        model.sources, {"tickets": TICKETS, "accounts": []}, LAST, ZoneInfo(zone)
    )
    assert slice_.spans(["tickets", "accounts", "trials"]) == {"tickets": Span(first, last)}
    slice_.close()


def test_the_span_of_the_data_does_not_depend_on_an_as_of(tmp_path: Path) -> None:
    text = "account_id,movement_id,effective_on,movement_type,amount,recorded_at\n"
    text += "a,1,2019-05-01,new,5,2019-05-01 00:00:00\na,2,2031-05-01,new,5,2019-05-01 00:00:00\n"
    root = from_csv(tmp_path / "w", text, "mrr_movements")
    (root / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    model = Model.open(root)
    found = data_span(model.workspace, model.sources, ["mrr_movements"])
    assert found == {"mrr_movements": Span(date(2019, 5, 1), date(2031, 5, 1))}


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu",
     "Africa/Casablanca", "America/St_Johns"],
)  # fmt: skip
def test_local_days_are_those_of_the_zone_rules(model: Model, zone: str) -> None:
    """The days that SQL finds by written-out offsets, against zoneinfo, hour by hour."""
    begin = datetime(2017, 1, 1, tzinfo=UTC)
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE t AS SELECT TIMESTAMP '2017-01-01' + to_minutes(30 * i::INTEGER) AS created_at"
            " FROM range(48 * 365 * 3) AS r(i)"
        )
        day = local_day(model.sources["tickets"], ZoneInfo(zone))
        found = con.execute(f"SELECT {day} FROM t ORDER BY created_at").fetchall()
    expected = [
        (begin + timedelta(minutes=30 * i)).astimezone(ZoneInfo(zone)).date()
        for i in range(len(found))
    ]
    assert [row[0] for row in found] == expected


def test_rows_of_a_test_may_carry_a_zone(model: Model) -> None:
    at = datetime(2025, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    ticket = {"ticket_id": "1", "account_id": "a", "created_at": at}
    slice_ = slice_of_rows(model.sources, {"tickets": [ticket]}, LAST, ZoneInfo("UTC"))
    assert rows(slice_, "SELECT created_at, recorded_at FROM slice.tickets") == [
        (datetime(2025, 2, 28, 23),) * 2
    ]
    slice_.close()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"ticket_id": "1", "created_at": "soon"}, "soon"),
        ({"ticket_id": "1", "colour": "red"}, "colour"),
    ],
)
def test_a_row_of_a_test_that_does_not_fit(model: Model, row: dict, says: str) -> None:
    with pytest.raises(SourceError, match=f"cannot stand in 'tickets': .*{says}"):
        slice_of_rows(model.sources, {"tickets": [row]}, LAST, ZoneInfo("UTC"))


def test_the_demo_warehouse_connects_every_declared_table(
    tmp_path: Path, demo_warehouse: Path
) -> None:
    model = Model.open(workspaces.over_demo(tmp_path / "demo", demo_warehouse))
    tables = {s.id for s in model.sources.declared.values() if s.derived_from is None}
    slice_ = open_slice(model.workspace, model.sources, LAST)
    # It keeps history; a snapshot of its customers would say the same once more.
    assert set(slice_.sources) == tables - {"customer_snapshots"}
    spans = slice_.spans(slice_.sources)
    slice_.close()
    assert max(span.last for span in spans.values()) == LAST
    (tmp_path / "demo" / "var" / "warehouse.duckdb").unlink()
    with pytest.raises(WorkspaceError, match="is not there"):
        open_slice(model.workspace, model.sources, LAST)
