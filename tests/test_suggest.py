"""`boardpack check --suggest`: a suite drafted from data; and the gate replayed as of a day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import workspaces
from boardpack import gate, gate_suites, orders, runs
from boardpack.cli import main
from boardpack.cli_suggest import draft
from boardpack.draft_suites import failing, suite_text
from boardpack.executions import NotebookProcess
from boardpack.findings import Options
from boardpack.inits import init
from boardpack.model import Model
from boardpack.warehouse import open_slice
from boardpack.workspace import SUITE
from workspaces import over_demo, small

AS_OF = date(2025, 12, 31)
N = 6400

ORDERS = """\
source: orders
title: Orders
key: [order_id]
time: ordered_on
recorded_at: recorded_at
dimensions: {channel: channel}
references: {customer_id: customers}
columns:
  order_id: string
  customer_id: string
  ordered_on: date
  shipped_on: date?
  channel: {type: string, values: [web, shop, phone]}
  status: string?
  city: string?
  due_text: string?
  email: {type: string?, pii: true}
  nickname: {type: string?, pii: true}
  age: {type: int?, pii: true}
  quantity: int
  price: decimal
  amount: decimal
  tax: decimal?
  total: decimal?
  recorded_at: timestamp?
"""
CUSTOMERS = """\
source: customers
title: Customers
key: [customer_id]
columns: {customer_id: string, name: {type: string?, pii: true}}
"""
SETTINGS = """\
company: Small
currency: USD
dimensions: []
warehouse:
  files: {orders: data/orders.parquet, customers: data/customers.parquet}
"""


def clean() -> pd.DataFrame:
    """Orders of four hundred days."""
    draw = np.random.default_rng(7)
    day = pd.Timestamp("2025-12-31") - pd.to_timedelta(np.arange(N)[::-1] // 16, unit="D")
    quantity = draw.integers(1, 6, N)
    price = np.round(draw.uniform(5, 60, N), 2)
    amount = np.round(quantity * price, 2)
    tax = np.round(amount * 0.2, 2)
    ship = day + pd.to_timedelta(draw.integers(0, 9, N), unit="D")
    return pd.DataFrame({
        "order_id": [f"O-{n:05}" for n in range(N)],
        "customer_id": [f"C{n % 499:04}" for n in range(N)],
        "ordered_on": day.date,
        "shipped_on": [d.date() if d <= pd.Timestamp("2025-12-31") else None for d in ship],
        "channel": draw.choice(["web", "shop", "phone"], N),
        "status": draw.choice(["new", "sent", "returned"], N),
        "city": [f"City {chr(65 + n % 26)}{n % 3}" for n in range(N)],
        "due_text": [str((d + pd.Timedelta(30, "D")).date()) for d in day],
        "email": [f"person{n}@example.org" for n in range(N)],
        "nickname": draw.choice(["Bluebell", "Catkin"], N),
        "age": draw.integers(18, 90, N),
        "quantity": quantity,
        "price": price,
        "amount": amount,
        "tax": tax,
        "total": np.round(amount + tax, 2),
        "recorded_at": day + pd.Timedelta(20, "h"),
    })  # fmt: skip


def workspace(folder: Path, frame: pd.DataFrame) -> Path:
    small(folder, SETTINGS, **{"sources/orders.yml": ORDERS, "sources/customers.yml": CUSTOMERS})
    (folder / "data").mkdir(exist_ok=True)
    frame.to_parquet(folder / "data" / "orders.parquet")
    customers = pd.DataFrame({"customer_id": [f"C{n:04}" for n in range(499)]})
    customers["name"] = "Secret Name"
    customers.to_parquet(folder / "data" / "customers.parquet")
    return folder


def suggested(folder: Path, source: str = "orders") -> dict[str, Any]:
    return draft(Model.open(folder), [source], None)[source]


def reasons(folder: Path, suite: dict[str, Any]) -> tuple[str, list[str]]:
    """The verdict of a suite on the orders of a workspace, and why."""
    (folder / "expectations").mkdir(exist_ok=True)
    (folder / "expectations" / "orders.json").write_text(suite_text(suite), encoding="utf-8")
    model = Model.open(folder)
    suites = gate_suites.load_suites(
        model.workspace.folders("expectations"), [model.sources["orders"]],
        declared=model.sources.declared,
    )  # fmt: skip
    with closing(
        open_slice(model.workspace, model.sources, AS_OF, gate_suites.reads(suites, ["orders"]))
    ) as slice_:
        result = gate.check(slice_, ["orders"], suites)
    return result.verdict, list(result.reasons)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is drafted from clean data."""
    return suggested(workspace(tmp_path_factory.mktemp("clean"), clean()))


def test_clean_data_pass_all_that_is_drafted_from_them(
    tmp_path: Path, learnt: dict[str, Any]
) -> None:
    assert failing(learnt) == []
    assert reasons(workspace(tmp_path, clean()), learnt) == ("publish", [])


def test_guesses_are_warnings_and_everything_says_whose_it_is_and_what_for(
    learnt: dict[str, Any],
) -> None:
    entries = learnt["expectations"]
    grave = [e for e in entries if e["severity"] == "critical"]
    assert [(e["type"], e["kwargs"]) for e in grave] == [
        ("expect_column_values_to_not_be_null", {"column": "order_id"}),
        ("expect_column_values_to_be_unique", {"column": "order_id"}),
    ]
    assert {e["severity"] for e in entries} == {"critical", "warning"}
    assert all(e["meta"]["owner"] and e["meta"]["at_stake"] for e in entries)
    assert {e["meta"]["dimension"] for e in entries} == {
        "accuracy", "completeness", "timeliness", "consistency",
    }  # fmt: skip
    assert len(entries) < 60


def test_what_is_drafted_from_clean_data(learnt: dict[str, Any]) -> None:
    """A kind of check each: references, order, sums, formats, enumerations, history, ..."""
    said = {e["meta"].get("sentence", "") for e in learnt["expectations"]}
    kwargs = [(e["type"], e["kwargs"]) for e in learnt["expectations"]]
    assert said >= {
        "every customer_id is one of customers",
        "shipped_on is not before ordered_on",
        "quantity * price is amount",
        "amount + tax is total",
        "due_text is written as a day such as 2025-12-31",
        "order_id is written as O- and digits",
        "no city is written in two ways that differ in case or blanks",
        "no two rows are alike in all but their key",
        "amount is never 0",
    }
    in_set = "expect_column_values_to_be_in_set"
    values = {k["column"]: k["value_set"] for t, k in kwargs if t == in_set}
    assert values == {"channel": ["web", "shop", "phone"], "status": ["new", "returned", "sent"]}
    types = {t for t, _ in kwargs}
    assert types >= {
        "expect_row_count_to_follow_its_history", "expect_column_mean_to_follow_its_history",
        "expect_text_to_be_clean", "expect_no_row_after_the_as_of",
    }  # fmt: skip
    # Orders come every day: two days without one would be unusual, and three are late.
    bounds = [k["min_value"] for t, k in kwargs if t == "expect_column_max_to_be_between"]
    assert bounds == [{"$PARAMETER": "as_of - timedelta(days=3)"}]


Plant = Callable[[pd.DataFrame], Any]


def put(column: str, value: Any, rows: int = 5) -> Plant:
    def plant(frame: pd.DataFrame) -> None:
        frame[column] = frame[column].astype(object)
        frame.loc[100 : 99 + rows, column] = value

    return plant


def times(column: str, factor: float, rows: int = 3) -> Plant:
    def plant(frame: pd.DataFrame) -> None:
        frame.loc[100 : 99 + rows, column] *= factor

    return plant


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    """Five orders once more, under other numbers."""
    again = frame.iloc[300:305].copy()
    again["order_id"] = [f"O-9{n:04}" for n in range(5)]
    again["recorded_at"] += pd.Timedelta(1, "D")
    return pd.concat([frame, again])


#: what is planted, how, and how the drafted suite and the gate name it
FAULTS: list[Any] = [
    ("key without a value", put("order_id", None), "order_id is never empty", 5),
    ("key used twice", put("order_id", "O-00000", 1), "order_id is never repeated", 1),
    ("blank amounts", put("tax", None, 7), "tax is never empty", 7),
    ("zero amounts", put("amount", 0, 8), "amount is never 0", 8),
    ("rows alike", twice, "no two rows are alike in all but their key", 5),
    ("orphans", put("customer_id", "C9999"), "every customer_id is one of customers", 5),
    ("case of a member", put("status", "NEW"), "status is one of new, returned, sent", 5),
    ("typo of a member", put("status", "retunred", 2), "status is one of new, returned, sent", 2),
    ("a member not declared", put("channel", "fax"), "channel is one of web, shop, phone", 5),
    ("case of one among many", put("city", "CITY A0"),
     "no city is written in two ways that differ in case or blanks", 2),
    ("a blank among texts", put("due_text", ""), "due_text is written as a day", 5),
    ("another writing", put("due_text", "31.12.2025"), "due_text is written as a day", 5),
    ("cents for euros", times("price", 10_000), "price is between 0 and 1000", 3),
    ("sign flipped", times("total", -1), "total is between 0 and 10000", 3),
    ("a number for nothing", put("quantity", -1), "quantity is never -1", 5),
    ("a day for nothing", put("shipped_on", date(1970, 1, 1)), "shipped_on is never 1970-01-01", 5),
    ("swapped days", put("shipped_on", date(2024, 6, 1)), "shipped_on is not before ordered_on", 5),
    ("a sum that does not agree", times("total", 1.5), "amount + tax is total", 3),
    ("spaces and words for nothing", put("city", "n/a "), "texts have no space around them", 5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("plant", "words", "rows"), [pytest.param(*fault[1:], id=fault[0]) for fault in FAULTS]
)
def test_a_fault_in_the_data_is_not_learnt_as_normal(
    tmp_path: Path, plant: Plant, words: str, rows: int
) -> None:
    """It is a check that fails, with the number of rows in its note; and the gate names it."""
    frame = clean()
    planted = plant(frame)
    folder = workspace(tmp_path, frame if planted is None else planted)
    suite = suggested(folder)
    [line] = [line for line in failing(suite) if line.startswith(words)]
    assert f": not so for {rows:,} " in line
    assert "as of 2025-12-31" in line
    verdict, why = reasons(folder, suite)
    assert verdict == ("hold" if words.startswith("order_id") else "banner")
    assert any(reason.startswith(f"orders: {words}") for reason in why)


@pytest.mark.parametrize(
    ("plant", "words"), [pytest.param(*fault[1:3], id=fault[0]) for fault in FAULTS]
)
def test_a_fault_that_comes_later_is_caught(
    tmp_path: Path, learnt: dict[str, Any], plant: Plant, words: str
) -> None:
    """What was learnt from clean data says so; what stands for nothing shows as out of range."""
    frame = clean()
    planted = plant(frame)
    verdict, why = reasons(workspace(tmp_path, frame if planted is None else planted), learnt)
    assert verdict != "publish"
    if "never -1" not in words and "1970" not in words:
        assert any(reason.startswith(f"orders: {words}") for reason in why)


def test_blank_rows_are_told_with_what_they_have_in_common(tmp_path: Path) -> None:
    frame = clean()
    frame["quantity"] = frame["quantity"].astype(object)
    frame.loc[100:104, "quantity"] = 77
    frame.loc[100:104, "tax"] = None
    [line] = [t for t in failing(suggested(workspace(tmp_path, frame))) if t.startswith("tax is")]
    assert line.endswith("; they are the rows in which quantity is 77")


def test_a_source_that_lags_far_behind_is_not_taken_for_slow(tmp_path: Path) -> None:
    folder = workspace(tmp_path, clean())
    model = Model.open(folder)
    frame = clean()
    frame[frame["ordered_on"] < date(2025, 8, 1)].to_parquet(folder / "data" / "orders.parquet")
    (folder / "sources" / "customers.yml").write_text(
        CUSTOMERS.replace("key:", "time: since\nkey:").replace(
            "string, name", "string, since: date, name"
        )
    )
    customers = pd.DataFrame({"customer_id": ["C0001"], "since": [date(2025, 12, 31)]})
    customers.to_parquet(folder / "data" / "customers.parquet")
    model = Model.open(folder)
    lines = failing(draft(model, ["orders"], None)["orders"])
    assert any(
        line.startswith("the newest ordered_on is at most 3 days older than the as-of:"
                        " not so for 153 days")
        for line in lines
    )  # fmt: skip


def test_private_columns_show_nothing(learnt: dict[str, Any], tmp_path: Path) -> None:
    frame = clean()
    frame.loc[:3, "nickname"] = "catkin"
    frame.loc[:3, "age"] = 999
    for suite in (learnt, suggested(workspace(tmp_path, frame))):
        text = suite_text(suite)
        for value in ("Bluebell", "atkin", "person", "example.org", "Secret", "999"):
            assert value not in text
        named = {
            e["type"] for e in suite["expectations"]
            if {"nickname", "age", "email"} & {str(v) for v in e["kwargs"].values()}
        }  # fmt: skip
        assert named <= {
            "expect_column_values_to_not_be_null",
            "expect_column_proportion_of_non_null_values_to_be_between",
        }


def test_names_that_sql_keeps_for_itself(tmp_path: Path) -> None:
    source = ORDERS.replace("shipped_on", "end").replace("due_text", "default")
    folder = workspace(
        tmp_path, clean().rename(columns={"shipped_on": "end", "due_text": "default"})
    )
    (folder / "sources" / "orders.yml").write_text(source)
    suite = suggested(folder)
    assert any(
        "default is written as" in e["meta"].get("sentence", "") for e in suite["expectations"]
    )
    assert reasons(folder, suite) == ("publish", [])


def test_a_small_or_an_odd_table_proves_nothing(tmp_path: Path) -> None:
    """Of ten rows neither members nor orders nor formats are guessed; empty columns are let be."""
    frame = clean().head(10)
    frame["city"] = pd.Series([None] * 10, dtype="string")
    suite = suggested(workspace(tmp_path, frame))
    assert failing(suite) == []
    assert not any("city" in json.dumps(e["kwargs"]) for e in suite["expectations"])
    assert "expect_column_pair" not in suite_text(suite)


SOURCES = ["accounts", "contracts", "invoices", "mrr_movements", "plans", "subscriptions", "users"]


def test_the_demo_company_passes_what_is_drafted_from_it(
    demo_warehouse: Path, tmp_path: Path
) -> None:
    folder = over_demo(tmp_path / "demo", demo_warehouse)
    model = Model.open(folder)
    drafted = draft(model, SOURCES, AS_OF)
    assert [(name, failing(suite)) for name, suite in drafted.items() if failing(suite)] == []
    (folder / "expectations").mkdir()
    for name, suite in drafted.items():
        (folder / "expectations" / f"{name}.json").write_text(suite_text(suite), encoding="utf-8")
    model = Model.open(folder)
    suites = gate_suites.load_suites(
        model.workspace.folders("expectations"), [model.sources[name] for name in SOURCES]
    )
    with closing(
        open_slice(model.workspace, model.sources, AS_OF, gate_suites.reads(suites, SOURCES))
    ) as slice_:
        result = gate.check(slice_, SOURCES, suites)
    assert (result.verdict, result.reasons) == ("publish", ())


# ---- real data ------------------------------------------------------------------------------


def test_the_faults_of_cdnow_are_named(reference: Path, tmp_path: Path) -> None:
    """80 rows of zero dollars, and 255 that are exact duplicates."""
    root = tmp_path / "cdnow"
    shutil.copytree(SUITE / "examples" / "purchases", root, ignore=shutil.ignore_patterns("var"))
    shutil.copy(reference / "data" / "cdnow" / "CDNOW_master.txt", root / "data" / "purchases.txt")
    sources = ["accounts", "invoice_lines", "invoices", "payments"]
    done = call("check", *sources, "--suggest", "--write", "--workspace", str(root))
    assert done.exit_code == 0, done.output
    checked = json.loads(call("check", *sources, "--workspace", str(root), "--json").stdout)
    assert checked["verdict"] == "banner"
    named = {reason.partition(", e.g.")[0] for reason in checked["reasons"]}
    assert named == {
        "invoices: amount is never 0: not so for 80 of 69,659 rows (0.11 %)",
        "invoice_lines: amount is never 0: not so for 80 of 69,659 rows (0.11 %)",
        "payments: amount is never 0: not so for 80 of 69,659 rows (0.11 %)",
        "invoices: no two rows are alike in all but their key: not so for 255 of 69,659 rows"
        " (0.37 %)",
    }


def test_the_faults_of_telco_are_named(reference: Path, tmp_path: Path) -> None:
    """11 customers without TotalCharges, all of them with a tenure of 0."""
    root = tmp_path / "telco"
    file = reference / "data" / "telco_churn" / "Telco-Customer-Churn.csv"
    init(root, [str(file)], Options(currency="USD", as_of="2024-06-30"))
    shutil.rmtree(root / "expectations")
    done = call("check", "customer_snapshots", "--suggest", "--write", "--workspace", str(root))
    assert done.exit_code == 0, done.output
    assert (
        "total_charge is never empty: not so for 11 of 7,043 rows as of 2024-06-30;"
        " they are the rows in which tenure_months is 0"
    ) in done.stdout
    checked = json.loads(
        call("check", "customer_snapshots", "--workspace", str(root), "--json").stdout
    )
    assert checked["verdict"] == "banner"
    [reason] = checked["reasons"]
    assert reason.startswith(
        "customer_snapshots: total_charge is never empty: not so for 11 of 7,043 rows (0.16 %)"
    )


# ---- the command ----------------------------------------------------------------------------


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frame = clean()
    put("amount", 0, 8)(frame)
    return workspace(tmp_path_factory.mktemp("shop"), frame)


def test_the_suite_is_printed_and_what_is_not_so_beside_it(folder: Path) -> None:
    done = call("check", "orders", "--suggest", "--workspace", str(folder))
    assert done.exit_code == 0, done.output
    suite = json.loads(done.stdout)
    assert suite["name"] == "orders"
    assert "  amount is never 0: not so for 8 of 6,400 rows as of 2025-12-31" in done.stderr
    assert f"orders: {len(suite['expectations'])} expectations, " in done.stderr
    assert not (folder / "expectations").exists()


def test_the_suite_as_it_was_known_earlier(folder: Path) -> None:
    done = call("check", "orders", "--suggest", "--as-of", "2025-06-30", "--json",
                "--workspace", str(folder))  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    rows = sum(clean()["ordered_on"] <= date(2025, 6, 30))
    assert (
        f"amount is never 0: not so for 8 of {rows:,} rows as of 2025-06-30"
        in told["suites"]["orders"]["failing"]
    )
    assert told["written"] == []


def test_what_is_there_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    own = shutil.copytree(folder, tmp_path / "own")
    words = ("check", "orders", "customers", "--suggest", "--write", "--workspace", str(own))
    done = call(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-2:] == [
        "expectations/orders.json",
        "expectations/customers.json",
    ]
    (own / "expectations" / "customers.json").unlink()
    (own / "expectations" / "orders.json").write_text("mine")
    again = call(*words)
    assert again.exit_code == 1
    assert "the suite 'orders' is there already; nothing was written." in again.stderr
    assert "Hint: see what differs: boardpack check orders --suggest" in again.stderr
    assert [p.name for p in (own / "expectations").iterdir()] == ["orders.json"]
    assert (own / "expectations" / "orders.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ordres", "--suggest"], ["Unknown source 'ordres'", "did you mean 'orders'"]),
        (["ordres"], ["Unknown source 'ordres'", "did you mean 'orders'"]),
        (["plans", "--suggest"], ["source 'plans' is not connected.", "in sources/"]),
        (["paid_invoices", "--suggest"], ["derived from", "check 'invoices'"]),
        (["--suggest"], ["drafts the suite of one source", "boardpack check invoices --suggest"]),
        (["orders", "customers", "--suggest"], ["of one source", "with --write several"]),
        (["orders", "--write"], ["--write goes with --suggest", "check SOURCE --suggest"]),
        (["orders", "--suggest", "--as-of", "2001-01-01"],
         ["source 'orders' has no rows as of 2001-01-01.", "a later --as-of"]),
        (["orders", "--suggest", "--as-of", "soon"], ["soon"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(folder: Path, words: list[str], says: list[str]) -> None:
    done = call("check", *words, "--workspace", str(folder))
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    for words_of_it in says:
        assert words_of_it in done.stderr
    assert not (folder / "expectations").exists()


# ---- as of a day ----------------------------------------------------------------------------


def test_a_row_that_is_recorded_later_is_not_seen(tmp_path: Path, learnt: dict[str, Any]) -> None:
    """A negative order of June, known from October on."""
    frame = clean()
    at = frame.index[frame["ordered_on"] == date(2025, 6, 15)][0]
    frame.loc[at, "total"] *= -1
    frame.loc[at, "recorded_at"] = pd.Timestamp("2025-10-01 09:00")
    folder = workspace(tmp_path, frame)
    (folder / "expectations").mkdir()
    (folder / "expectations" / "orders.json").write_text(suite_text(learnt), encoding="utf-8")

    def negative(day: str) -> list[Any]:
        done = call("check", "orders", "--as-of", day, "--json", "--workspace", str(folder))
        told = json.loads(done.stdout)
        assert told["as_of"] == day
        [found] = [
            r for r in told["results"]
            if r["columns"] == ["total"] and r["sentence"].startswith("total is between")
        ]  # fmt: skip
        known = frame[(frame["ordered_on"] <= date.fromisoformat(day))
                      & (frame["recorded_at"] < pd.Timestamp(day) + pd.Timedelta(1, "D"))]  # fmt: skip
        return [found["outcome"], found["element_count"] == len(known)]

    assert negative("2025-06-30") == ["passed", True]
    assert negative("2025-09-30") == ["passed", True]
    assert negative("2025-10-01") == ["failed", True]


def test_a_check_says_what_a_run_said_as_of_the_same_day(
    tmp_path: Path, process: NotebookProcess
) -> None:
    root = workspaces.shop(tmp_path / "shop")
    model = Model.open(root)
    wanted = orders.order(model, "monthly", "2025-04", "2025-05-10")
    result = runs.run(model, wanted, now=lambda: datetime.now(UTC), process=process)
    assert result.edition is not None, result.error
    ran = json.loads((result.edition / "gate.json").read_text(encoding="utf-8"))
    done = call(
        "check", *ran["sources"], "--as-of", "2025-05-10", "--json", "--workspace", str(root)
    )
    checked = json.loads(done.stdout)
    assert (checked["verdict"], checked["as_of"]) == (ran["verdict"], "2025-05-10")
    for told in (ran, checked):
        told["results"].sort(key=lambda r: r["source"])
    assert checked["results"] == ran["results"]
    assert sorted(checked["reasons"]) == sorted(ran["reasons"])
    bought = (root / "data" / "purchases.txt").read_text(encoding="utf-8").splitlines()[1:]
    known = sum(line.split()[1] <= "20250510" for line in bought)
    [keys] = [r for r in ran["results"] if r["source"] == "invoices"
              and r["expectation"] == "expect_column_values_to_be_unique"]  # fmt: skip
    assert keys["element_count"] == known < len(bought)
