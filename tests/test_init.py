"""`boardpack init`: files of every shape become a workspace with right figures, or are refused."""

from __future__ import annotations

import json
import random
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from boardpack import inits, orders, runs
from boardpack.cli import main
from boardpack.doctors import examine
from boardpack.engine.compute import compute
from boardpack.errors import SourceError, UserError, WorkspaceError
from boardpack.executions import NotebookProcess
from boardpack.findings import Options
from boardpack.inits import Drafted, init
from boardpack.marks import marks
from boardpack.model import Model
from boardpack.periods import Period
from boardpack.warehouse import open_slice


def draft(tmp_path: Path, options: Options | None = None, **files: str | bytes) -> Drafted:
    """A workspace of these files, such as ``sales_csv="..."``."""
    data = tmp_path / "exports"
    data.mkdir(exist_ok=True)
    for name, text in files.items():
        path = data / name.replace("_csv", ".csv").replace("_txt", ".txt")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return init(tmp_path / "w", [str(data / "*")], options or Options(currency="EUR"))


def figures(folder: Path, period: str, *kpis: str, by: str = "") -> dict[str, float | None]:
    """KPI (or member) to figure, as known at the end of the period."""
    model = Model.open(folder)
    about = Period.parse(period)
    slice_ = open_slice(
        model.workspace, model.sources, about.last_day, model.catalogue.tables(kpis)
    )
    frame = compute(model.catalogue, slice_, kpis, [about], [by] if by else [])
    slice_.close()
    found = {}
    for kpi, dims, value in frame[["kpi", "dims", "value"]].itertuples(index=False):
        found[dims.partition("=")[2] or kpi] = None if pd.isna(value) else value
    return found


def rows(number: int) -> Iterator[tuple[int, str, date, int]]:
    """Purchases of March 2024 and the months around it: number, customer, day, cents."""
    draw = random.Random(11)
    for i in range(number):
        day = date(2024, 2, 1) + timedelta(days=draw.randrange(90))
        yield i, f"C{draw.randrange(number // 5):04}", day, draw.randrange(100, 90_000)


def in_march(number: int = 400) -> list[tuple[int, str, date, int]]:
    return [row for row in rows(number) if (row[2].year, row[2].month) == (2024, 3)]


def money(cents: int) -> str:
    return f"{cents / 100:.2f}"


def german(cents: int) -> str:
    return f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))


#: One and the same purchases, written in many ways.
WRITTEN: dict[str, Callable[[], bytes]] = {
    "plain": lambda: (
        "customer_id,order_date,amount\n"
        + "".join(f"{c},{d},{money(a)}\n" for _, c, d, a in rows(400))
    ).encode(),
    "european": lambda: (
        "Kundennummer;Straße;Datum;Umsatz\n"
        + "".join(f"{c};Große Gasse;{d:%d.%m.%Y};{german(a)}\n" for _, c, d, a in rows(400))
    ).encode("latin-1"),
    "windows": lambda: (
        "Kunde;Notiz;Rechnungsdatum;Betrag\n"
        + "".join(f"{c};„für“ 5 €;{d:%d.%m.%Y};{german(a)} €\n" for _, c, d, a in rows(400))
    ).encode("cp1252"),
    "american": lambda: (
        "Client,Purchase Date,Total\n"
        + "".join(f'{c},{d:%m/%d/%Y},"${a / 100:,.2f}"\n' for _, c, d, a in rows(400))
    ).encode(),
    "words": lambda: (
        "buyer\tsold on\trevenue\n"
        + "".join(f"{c}\t{d:%b} {d.day}, {d.year}\t{money(a)}\n" for _, c, d, a in rows(400))
    ).encode(),
    "no header": lambda: "".join(
        f" {int(c[1:]):05} {d:%Y%m%d}  2  {money(a)}\n" for _, c, d, a in rows(400)
    ).encode(),
    "header twice": lambda: (
        "customer,date,price\n"
        + "".join(
            ("customer,date,price\n" if i == 200 else "") + f"{c},{d},{money(a)}\n"
            for i, c, d, a in rows(400)
        )
    ).encode(),
    "zones": lambda: (
        "id,account,created_at,amount\n"
        + "".join(f"{i},{c},{d}T12:30:00+05:30,{money(a)}\n" for i, c, d, a in rows(400))
    ).encode(),
    "price of a piece": lambda: (
        "client,date,quantity,unit_price\n"
        + "".join(f"{c},{d},2,{a / 200:.3f}\n" for _, c, d, a in rows(400))
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("way", WRITTEN)
def test_purchases_in_every_writing_give_the_same_figures(tmp_path: Path, way: str) -> None:
    drafted = draft(tmp_path, sales_csv=WRITTEN[way]())
    (table,) = drafted.tables
    assert (table.taken_as, table.rows, drafted.verdict) == ("purchases", 400, "publish")
    march = in_march()
    found = figures(tmp_path / "w", "2024-03", "total_revenue", "purchases", "purchasing_customers")
    assert found["total_revenue"] == pytest.approx(sum(a for *_, a in march) / 100, abs=0.005)
    assert found["purchases"] == len(march)
    assert found["purchasing_customers"] == len({c for _, c, _, _ in march})


def test_a_moment_counts_on_the_day_of_the_company(tmp_path: Path) -> None:
    text = (
        "customer,created_at,amount\na,2024-03-31T21:30:00Z,10.5\nb,2024-03-31T22:30:00Z,20.5\n"
        "a,2024-04-30T23:30:00+02:00,5.5\nc,2024-05-01T00:10:00+02:00,7.5\n"
    )
    draft(tmp_path, Options(currency="EUR", zone="Europe/Berlin"), sales_csv=text)
    for month, revenue, order in (("2024-03", 10.5, 10.5), ("2024-04", 26, 13)):
        assert figures(tmp_path / "w", month, "total_revenue", "average_order_value") == {
            "total_revenue": revenue, "average_order_value": order,
        }  # fmt: skip


def test_a_missing_key_is_the_number_of_the_row_and_said_so(tmp_path: Path) -> None:
    draft(tmp_path, sales_csv=WRITTEN["plain"]())
    said = [str(mark) for mark in marks(tmp_path / "w")]
    assert (
        "sources/invoices.yml:6: guess 0.50: no column is a key, so the number of the row is"
    ) in said


def test_every_guess_is_in_the_mapping_with_its_reason_and_score(tmp_path: Path) -> None:
    drafted = draft(tmp_path, sales_csv=WRITTEN["american"]())
    said = {(m.file, m.score, m.text) for m in marks(tmp_path / "w")}
    assert ("sources/invoices.yml", 1.0, "Client: its name says customer; 80 different values in"
            " 400 rows") in said  # fmt: skip
    (table,) = drafted.tables
    assert table.reasons["amount"].startswith("total: its name says amount; numbers from ")
    assert table.score > 0.9


def test_refunds_lower_revenue_and_are_no_purchase(tmp_path: Path) -> None:
    text = "customer,date,amount\na,2024-03-01,100.50\na,2024-03-02,-20.25\nb,2024-03-31,40\n"
    draft(tmp_path, sales_csv=text)
    assert figures(tmp_path / "w", "2024-03", "total_revenue", "purchases", "average_order_value",
                   "purchasing_customers") == {
        "total_revenue": 120.25, "purchases": 2, "average_order_value": 70.25,
        "purchasing_customers": 2,
    }  # fmt: skip
    assert "1 negative amounts are refunds, which are never paid" in {
        m.text for m in marks(tmp_path / "w")
    }


def test_cents_are_asked_for_and_never_divided_silently(tmp_path: Path) -> None:
    text = "customer,date,amount_cents\n" + "".join(f"{c},{d},{a}\n" for _, c, d, a in rows(400))
    draft(tmp_path, sales_csv=text)
    first = marks(tmp_path / "w")[0]
    assert first.kind == "question"
    assert first.text == "is amount_cents in cents? then divide by 100.0 here"
    march = sum(a for *_, a in in_march())
    assert figures(tmp_path / "w", "2024-03", "total_revenue")["total_revenue"] == march
    # Answered in the one place that is named, every mapping follows.
    path = tmp_path / "w" / first.file
    lines = path.read_text().splitlines()
    line = lines[first.line - 1].partition("  -- question")[0]
    lines[first.line - 1] = line.replace(" AS amount_cents", " / 100.0 AS amount_cents")
    path.write_text("\n".join(lines))
    found = figures(tmp_path / "w", "2024-03", "total_revenue", "average_order_value")
    assert found["total_revenue"] == pytest.approx(march / 100)
    assert found["average_order_value"] == pytest.approx(march / 100 / len(in_march()))


def test_one_wide_table_is_accounts_and_invoices(tmp_path: Path) -> None:
    states = ["Paid", "Paid", "Pending", "Cancelled"]
    text = "CustomerNo,Customer Name,Segment,Invoice No,Invoice Date,Due Date,Amount,Status\n"
    text += "".join(
        f'{c},"Firm {c}, Inc",{"Retail" if int(c[1:]) % 2 else "Trade"},INV-{i},{d},'
        f"{d + timedelta(30)},{money(a)},{states[i % 4]}\n"
        for i, c, d, a in rows(400)
    )
    drafted = draft(tmp_path, wide_csv=text)
    assert drafted.tables[0].sources == ("accounts", "invoices", "invoice_lines", "payments")
    march = in_march()
    found = figures(tmp_path / "w", "2024-03", "total_revenue", by="segment")
    kept = [(c, a) for i, c, _, a in march if states[i % 4] != "Cancelled"]
    assert found["total_revenue"] == pytest.approx(sum(a for _, a in kept) / 100)
    assert found["Retail"] == pytest.approx(sum(a for c, a in kept if int(c[1:]) % 2) / 100)
    # Members are those of the table, and not those of the demo company beside them.
    assert set(found) == {"total_revenue", "Retail", "Trade"}
    assert figures(tmp_path / "w", "2024-03", "purchases")["purchases"] == sum(
        states[i % 4] == "Paid" for i, *_ in march
    )


def test_several_rows_of_one_order_are_one_purchase(tmp_path: Path) -> None:
    text = "order_id,customer,date,quantity,unit_price\n"
    text += "1,a,2024-03-01,2,10.5\n1,a,2024-03-01,1,4\n2,b,2024-03-05,3,1.5\n3,b,2024-03-09,1,2\n"
    draft(tmp_path, items_csv=text)
    found = figures(tmp_path / "w", "2024-03", "total_revenue", "purchases", "average_order_value")
    assert found == {"total_revenue": 31.5, "purchases": 3, "average_order_value": 10.5}


def test_subscriptions_and_customers_give_mrr_by_segment(tmp_path: Path) -> None:
    subscriptions = (
        "subscription_id,customer_id,mrr,start_date,end_date\n"
        "1,a,100.5,2024-01-01,\n2,b,50,2024-01-15,2024-03-10\n3,a,20,2024-03-05,\n"
        "4,c,70,2024-01-20,2024-02-10\n5,c,30,2024-03-20,\n"
    )
    customers = (
        "customer_id,name,signup_date,segment\na,A,2024-01-01,SMB\nb,B,2024-01-02,Enterprise\n"
        "c,C,2024-01-03,SMB\nd,D,2024-01-04,SMB\n"
    )
    drafted = draft(tmp_path, subscriptions_csv=subscriptions, customers_csv=customers)
    assert {t.taken_as for t in drafted.tables} == {"subscriptions", "accounts"}
    found = figures(
        tmp_path / "w", "2024-03", "mrr", "churned_mrr", "expansion_mrr", "reactivation_mrr",
        "opening_mrr", "new_mrr",
    )  # fmt: skip
    assert found == {
        "opening_mrr": 150.5, "new_mrr": 0, "expansion_mrr": 20, "reactivation_mrr": 30,
        "churned_mrr": 50, "mrr": 150.5,
    }  # fmt: skip
    assert figures(tmp_path / "w", "2024-03", "mrr", by="segment")["smb"] == 150.5


def test_further_lines_of_an_order_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    """A shop writes day and total of an order on the first of its lines only."""
    text = (
        "Name,Email,Financial Status,Created at,Total,Lineitem name,Id\n"
        "#1,a@example.com,paid,2024-03-01 05:36:22 +0100,78.90,Tee,901\n"
        "#1,a@example.com,,,,Mug,\n#1,a@example.com,,,,Poster,\n"
        "#2,b@example.com,paid,2024-03-02 05:36:22 +0100,20.10,Tee,902\n"
        "#3,a@example.com,refunded,2024-04-01 00:36:22 +0100,30.00,Tee,903\n"
        "#3,a@example.com,,,,Mug,\n"
    )
    draft(tmp_path, orders_csv=text)
    assert "3 rows have neither, such as further lines of an order" in {
        m.text for m in marks(tmp_path / "w")
    }
    kpis = ("total_revenue", "purchases", "purchasing_customers")
    assert figures(tmp_path / "w", "2024-03", *kpis) == {
        "total_revenue": 99, "purchases": 2, "purchasing_customers": 2,
    }  # fmt: skip


def test_a_person_says_what_a_column_is_for(tmp_path: Path) -> None:
    text = "who,when,price,what\n" + "".join(
        f"{c},{d},{money(a)},x{i}\n" for i, c, d, a in rows(400)
    )
    with pytest.raises(UserError) as caught:
        draft(tmp_path, sales_csv=text)
    assert caught.value.message.endswith("is nearest to purchases, and has no column for customer"
                                         " and date.")  # fmt: skip
    assert "--column 'MemberNo=customer'" in (caught.value.hint or "")
    columns = {"who": "customer", "when": "date"}
    draft(tmp_path, Options(currency="EUR", columns=columns), sales_csv=text)
    assert figures(tmp_path / "w", "2024-03", "purchases")["purchases"] == len(in_march())


@pytest.mark.parametrize(
    ("columns", "says", "hint"),
    [
        ({"whom": "customer"}, "Unknown column 'whom'.", "did you mean 'who'"),
        ({"who": "customr"}, "Unknown role of a column 'customr'.", "did you mean 'customer'"),
    ],
)
def test_what_is_said_of_columns_has_to_be_known(
    tmp_path: Path, columns: dict[str, str], says: str, hint: str
) -> None:
    with pytest.raises(UserError) as caught:
        draft(
            tmp_path, Options(columns=columns), sales_csv="who,when\na,2024-03-01\nb,2024-03-02\n"
        )
    assert caught.value.message == says
    assert (caught.value.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("known", "left", "reason"),
    [
        ("abx", "", "67 % of the customers of sales.csv are in it"),
        ("axy", "looks like accounts, but only 33 % of the customers of sales.csv are in it", ""),
    ],
)
def test_a_table_of_accounts_has_to_know_the_customers(
    tmp_path: Path, known: str, left: str, reason: str
) -> None:
    sales = "customer,date,amount\n" + "".join(
        f"{c},2024-03-0{i},{i}.5\n" for i in (1, 2) for c in "abc"
    )
    customers = "customer_id,signup_date,segment\n" + "".join(
        f"{c},2024-01-0{i},{'Retail' if c == 'a' else 'Trade'}\n" for i, c in enumerate(known, 1)
    )
    drafted = draft(tmp_path, sales_csv=sales, customers_csv=customers)
    table = next(t for t in drafted.tables if t.name == "customers")
    assert (table.left, table.taken_as) == (left, "" if left else "accounts")
    assert table.reasons.get("account_id", "").endswith(reason)
    found = figures(tmp_path / "w", "2024-03", "total_revenue", by="segment")
    assert found["total_revenue"] == 12
    assert found.get("Retail") == (None if left else 4)


def test_parquet_and_a_duckdb_file(tmp_path: Path) -> None:
    warehouse = tmp_path / "exports" / "shop.duckdb"
    warehouse.parent.mkdir()
    with duckdb.connect(str(warehouse)) as con:
        con.execute(
            "CREATE TABLE orders (id INT, client_id VARCHAR, sold_on VARCHAR, total DOUBLE)"
        )
        con.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            [(i, c, f"{d:%d.%m.%Y}", a / 100) for i, c, d, a in rows(400)],
        )
        con.execute("CREATE TABLE notes AS SELECT 'hello' AS note")
        con.execute(f"COPY orders TO '{tmp_path / 'orders.parquet'}'")
    expected = pytest.approx(sum(a for *_, a in in_march()) / 100)
    drafted = init(tmp_path / "w", [str(warehouse)], Options(currency="EUR"))
    assert {t.name: t.taken_as for t in drafted.tables} == {"orders": "purchases", "notes": ""}
    assert figures(tmp_path / "w", "2024-03", "total_revenue")["total_revenue"] == expected
    init(tmp_path / "p", [str(tmp_path / "orders.parquet")], Options(currency="EUR"))
    assert figures(tmp_path / "p", "2024-03", "total_revenue")["total_revenue"] == expected


def test_a_table_that_only_bears_the_name_of_a_source_is_not_taken_for_it(tmp_path: Path) -> None:
    """`users` of a shop's database lacks what the source of that name has."""
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as con:
        con.execute(
            "CREATE TABLE orders AS SELECT i AS id, 'c' || i % 9 AS customer, DATE '2024-03-01'"
            " + (i % 30)::INT AS date, i + 0.5 AS amount FROM range(60) t(i)"
        )
        con.execute("CREATE TABLE users AS SELECT 'x' AS nick")
    drafted = init(tmp_path / "w", [str(warehouse)], Options(currency="EUR"))
    assert drafted.data == ("data/orders.parquet: written from shop.duckdb: orders",)
    assert figures(tmp_path / "w", "2024-03", "total_revenue")["total_revenue"] == 1800


def test_what_is_left_out_is_listed_with_what_to_do(tmp_path: Path) -> None:
    drafted = draft(
        tmp_path, sales_csv=WRITTEN["plain"](), empty_csv=b"", letter_csv="Dear all,\nbye\n",
        weather_csv="station,rain\nx,3.5\ny,4.5\n",
    )  # fmt: skip
    assert {r.origin: r.reason for r in drafted.refused} == {
        "empty.csv": "the file is empty",
        "letter.csv": "it is no table: no separator parts its lines into columns",
    }
    left = {t.name: t.left for t in drafted.tables}
    assert left["sales"] == ""
    assert left["weather"] == "is like no source: no name of its columns says what they are for"
    assert "# Not used: weather.csv" in (tmp_path / "w" / "boardpack.yml").read_text()


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("station,rain\nx,3.5\ny,4.5\n", Options(), "no table is like a source that KPIs know: a.csv"),
        ("", Options(), "the file is empty"),
        ("customer_id,churn,contract\n1,Yes,A\n2,No,B\n3,No,B\n4,No,B\n", Options(), "--as-of YYYY-MM-DD"),
        ("customer,date,amount,currency\na,2024-03-01,1.5,EUR\nb,2024-03-02,2.5,USD\n", Options(), "in several currencies (EUR, USD)"),
        ("customer,date,amount\n" + "a,2024-03-01,1.5\n" * 30 + "b,2\n", Options(), "line 32 has 2 fields"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_leaves_nothing(
    tmp_path: Path, text: str, options: Options, says: str
) -> None:
    with pytest.raises(UserError) as caught:
        draft(tmp_path, options, a_csv=text)
    assert says in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "w").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    root = tmp_path / "w"
    (root / "sources").mkdir(parents=True)
    (root / "sources" / "own.yml").write_text("mine")
    with pytest.raises(WorkspaceError, match="is not empty: it holds sources") as caught:
        draft(tmp_path, sales_csv=WRITTEN["plain"]())
    assert "nothing is overwritten" in (caught.value.hint or "")
    assert [p.name for p in root.rglob("*")] == ["sources", "own.yml"]
    shutil.rmtree(root / "sources")
    (root / "data").mkdir()
    (root / "data" / "sales.csv").write_text("mine")
    with pytest.raises(WorkspaceError, match="is there already"):
        draft(tmp_path, sales_csv=WRITTEN["plain"]())
    assert [str(p.relative_to(root)) for p in root.rglob("*")] == ["data", "data/sales.csv"]
    assert (root / "data" / "sales.csv").read_text() == "mine"
    with pytest.raises(WorkspaceError, match="is a file, not a folder"):
        init(root / "data" / "sales.csv", ["x"], Options())


def test_a_draft_that_cannot_be_opened_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise SourceError("cannot be read")

    monkeypatch.setattr(inits, "_checked", broken)
    with pytest.raises(SourceError):
        draft(tmp_path, sales_csv=WRITTEN["plain"]())
    assert not (tmp_path / "w").exists()


def test_data_inside_the_workspace_stays_where_it_is(tmp_path: Path) -> None:
    inside = tmp_path / "w" / "exports" / "sales.csv"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(WRITTEN["plain"]())
    drafted = init(tmp_path / "w", [str(inside)], Options(currency="EUR"))
    assert drafted.data == ()
    assert "read_csv('exports/sales.csv'" in (tmp_path / "w" / "boardpack.yml").read_text()
    assert not (tmp_path / "w" / "data").exists()


def test_data_outside_is_copied_or_linked(tmp_path: Path) -> None:
    drafted = draft(tmp_path, sales_csv=WRITTEN["plain"]())
    source, copy = tmp_path / "exports" / "sales.csv", tmp_path / "w" / "data" / "sales.csv"
    assert drafted.data == (f"data/sales.csv: copied from {source}",)
    assert copy.read_bytes() == source.read_bytes()
    assert not copy.samefile(source)
    linked = init(tmp_path / "l", [str(source)], Options(currency="EUR", link=True))
    assert linked.data == (f"data/sales.csv: linked to {source}",)
    assert (tmp_path / "l" / "data" / "sales.csv").samefile(source)


def test_column_names_cannot_break_out(tmp_path: Path) -> None:
    """What a header holds is text, in SQL, in its comments and in YAML."""
    names = ['x" FROM y; --', "note'), ('", "two\nlines", "{{ batch }}", "a: [b"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    text = f"customer,date,amount,{header}\n" + "".join(
        f"{c},{d},{money(a)},1,2,3,4,5\n" for _, c, d, a in rows(400)
    )
    drafted = draft(tmp_path, Options(company='A "B": #c'), sales_csv=text)
    assert drafted.verdict == "publish"
    assert Model.open(tmp_path / "w").workspace.settings.company == 'A "B": #c'


def test_drafted_checks_hold_keys_and_warn_of_guesses(tmp_path: Path) -> None:
    draft(tmp_path, sales_csv=WRITTEN["plain"]())
    suite = json.loads((tmp_path / "w" / "expectations" / "invoices.json").read_text())
    grave = {(e["type"], e["kwargs"].get("column")) for e in suite["expectations"]
             if e["severity"] == "critical"}  # fmt: skip
    assert grave == {
        ("expect_column_values_to_not_be_null", "invoice_id"),
        ("expect_column_values_to_be_unique", "invoice_id"),
    }
    fresh = [e["kwargs"] for e in suite["expectations"] if e["meta"]["dimension"] == "timeliness"]
    known = sorted({day for _, _, day, _ in rows(400)})
    longest = max((later - day).days for day, later in pairwise(known))
    days = ceil(1.5 * longest) + 1
    assert fresh == [
        {"column": "issued_on", "min_value": {"$PARAMETER": f"as_of - timedelta(days={days})"}}
    ]
    assert suite["meta"] == {"replaces": "invoices"}


def test_an_empty_workspace(tmp_path: Path) -> None:
    drafted = inits.init_empty(tmp_path / "new-shop", Options())
    assert drafted.files == ("boardpack.yml",)
    assert Model.open(tmp_path / "new-shop").workspace.settings.company == "New Shop"
    (step,) = examine(tmp_path / "new-shop").next
    assert step.command == "boardpack init NEW --from 'data/*.csv'"
    with pytest.raises(WorkspaceError, match="is a workspace already"):
        inits.init_empty(tmp_path / "new-shop", Options())


def test_doctor_leads_to_the_first_report(tmp_path: Path) -> None:
    """Questions first, then guesses, then the report; the last command it names works."""
    text = "customer,date,amount\n" + "".join(f"{c},{d},{a}\n" for _, c, d, a in rows(400))
    draft(tmp_path, Options(), sales_csv=text)
    steps = examine(tmp_path / "w").next
    assert [step.what.split()[0] for step in steps] == ["Answer", "Confirm", "See", "Make"]
    assert "boardpack.yml:4: question: in which currency are the amounts?" in steps[0].why
    assert steps[-1].command == f"boardpack run monthly --workspace {tmp_path / 'w'}"
    for path in (tmp_path / "w" / "boardpack.yml", *(tmp_path / "w" / "sources").glob("*.yml")):
        kept = [
            line.partition("  -- ")[0].partition("   # ")[0]
            for line in path.read_text().splitlines()
        ]
        path.write_text("\n".join(kept) + "\n")
    assert [step.what for step in examine(tmp_path / "w").next] == ["Make the report."]


def test_a_month_that_is_not_over_is_asked_for_by_name(tmp_path: Path) -> None:
    text = "customer,date,amount\n" + "".join(
        f"c{i % 4},2024-03-{i:02},{i}.5\n" for i in range(1, 20)
    )
    draft(tmp_path, sales_csv=text)
    command = examine(tmp_path / "w").next[-1].command
    assert command.startswith("boardpack run monthly --period 2024-03 --as-of 2024-03-19")


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_the_command_tells_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_bytes(WRITTEN["european"]())
    (tmp_path / "empty.csv").write_text("")
    done = call("init", str(tmp_path / "w"), "--from", str(tmp_path / "*.csv"), "--currency", "EUR")
    assert done.exit_code == 0, done.output
    for line in (
        "  sales.csv: 400 rows",
        "    it is Latin-1",
        "    customer  is kundennummer: its name says customer; 80 different values in 400 rows",
        "  empty.csv: the file is empty",
        "    Hint: export it again, or leave it out",
        f"       boardpack run monthly --workspace {tmp_path / 'w'}",
    ):
        assert line in done.stdout.splitlines()
    assert re.search(r"^All rows checked: publish, \d\d checks$", done.stdout, re.MULTILINE)
    assert "mrr                        not connected: mrr_movements" in done.stdout
    assert call("init", "--help").exit_code == 0


def test_the_command_as_json(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_bytes(WRITTEN["plain"]())
    words = ["init", str(tmp_path / "w"), "--from", str(tmp_path / "*.csv"), "--json"]
    done = call(*words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["verdict"], said["tables"][0]["taken_as"]) == ("publish", "purchases")
    assert said["lacking"]["mrr"] == "not connected: mrr_movements"
    assert "total_revenue" in said["available"]
    assert said["next"][-1]["command"].startswith("boardpack run monthly")
    again = call(*words)
    assert again.exit_code == 1
    error = json.loads(again.stdout)["error"]
    assert (error["code"], "boardpack doctor" in error["hint"]) == ("workspace_error", True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--zone", "Mars/Base"], "'Mars/Base' is not a time zone."),
        (["--currency", "euro"], "'euro' is not a currency."),
        (["--as-of", "yesterday"], "yesterday"),
        (["--column", "who"], "--column 'who' does not say what the column is for."),
        (["--from", "nothing/*.csv"], "no file matches nothing/*.csv."),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, words: list[str], says: str) -> None:
    done = call("init", str(tmp_path / "w"), *words)
    assert done.exit_code == 1
    assert says in done.stderr
    assert "Hint:" in done.stderr
    assert not (tmp_path / "w").exists()


def published(folder: Path, process: NotebookProcess, *faults: str) -> pd.DataFrame:
    """The values of the monthly report that `run` publishes, by KPI, period and member.

    ``faults`` are what its banner says of the data.
    """
    model = Model.open(folder)
    wanted = orders.order(model, "monthly")
    result = runs.run(model, wanted, now=lambda: datetime.now(UTC), process=process)
    verdict = "banner" if faults else "publish"
    assert (result.status, result.error, result.verdict) == ("published", None, verdict)
    for fault in faults:
        assert any(fault in reason for reason in result.reasons), result.reasons
    assert result.edition is not None
    return pd.read_parquet(result.edition / "values.parquet").set_index(["kpi", "period", "dims"])


@pytest.mark.parametrize("header", [True, False])
def test_cdnow_without_a_mapping_by_hand(
    reference: Path, tmp_path: Path, process: NotebookProcess, header: bool
) -> None:
    source = reference / "data" / "cdnow" / "CDNOW_master.txt"
    lines = source.read_text().splitlines(keepends=True)
    (tmp_path / "CDNOW_master.txt").write_text("".join(lines if header else lines[1:]))
    drafted = init(tmp_path / "w", [str(tmp_path / "CDNOW_master.txt")], Options(currency="USD"))
    assert drafted.tables[0].rows == 69_659
    faults = (
        "invoices: amount is never 0: not so for 80 of 69,659 rows",
        "invoices: no two rows are alike in all but their key: not so for 255 of 69,659 rows",
    )
    value = published(tmp_path / "w", process, *faults)["value"]
    assert value["total_revenue", "1998-06", ""] == pytest.approx(76_109.30, abs=0.005)
    assert value["purchases", "1998-06", ""] == 2_043
    assert value["purchasing_customers", "1998-06", ""] == 1_506
    assert value["average_order_value", "1998-06", ""] == pytest.approx(37.25, abs=0.005)
    assert value["total_revenue", "1997-06", ""] == pytest.approx(108_395.87, abs=0.005)


def test_telco_without_a_mapping_by_hand(
    reference: Path, tmp_path: Path, process: NotebookProcess
) -> None:
    source = reference / "data" / "telco_churn" / "Telco-Customer-Churn.csv"
    options = Options(currency="USD", as_of="2024-06-30")
    drafted = init(tmp_path / "w", [str(source)], options)
    (table,) = drafted.tables
    notes = {column.name: column.notes for column in table.columns}
    assert notes["total_charges"] == (
        "11 blank values read as nothing",
        "they are the rows in which tenure is 0",
    )
    fault = "customer_snapshots: total_charge is never empty: not so for 11 of 7,043 rows"
    value = published(tmp_path / "w", process, fault)["value"]
    assert value["snapshot_customers", "2024-06", ""] == 7_043
    assert value["snapshot_churn_rate", "2024-06", ""] == pytest.approx(26.54, abs=0.005)
    month_to_month = value["snapshot_churn_rate", "2024-06", "contract=Month-to-month"]
    assert month_to_month == pytest.approx(42.7, abs=0.05)
    # A plain mean over the lines of the file.
    frame = pd.read_csv(source)
    for contract, charge in frame.groupby("Contract")["MonthlyCharges"].mean().items():
        found = value["snapshot_monthly_charge", "2024-06", f"contract={contract}"]
        assert found == pytest.approx(charge)


def test_the_command_doctor_names_makes_the_report_of_an_open_month(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    text = "customer,date,amount\n" + "".join(
        f"c{i % 4},2024-03-{i:02},{i}.5\n" for i in range(1, 20)
    )
    draft(tmp_path, sales_csv=text)
    named = examine(tmp_path / "w").next[-1].command
    done = command(tmp_path, *shlex.split(named)[1:], "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["verdict"] == "publish"
