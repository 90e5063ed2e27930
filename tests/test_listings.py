"""Listings: rows that a report names, as they were known; refused where they are not right."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

import boardpack as bp
import workspaces
from boardpack import orders, runs
from boardpack.engine import listing_rows
from boardpack.errors import BoardpackError, UnknownNameError, UserError
from boardpack.executions import NotebookProcess
from boardpack.facts import Finding
from boardpack.listed import Listed, load, save
from boardpack.listings import MOST
from boardpack.manifests import verify
from boardpack.model import Model, listed
from boardpack.outcomes import RunResult
from boardpack.periods import Period
from boardpack.values import Values
from boardpack.warehouse import Slice, open_slice, slice_of_rows
from boardpack.workspace import SUITE
from engines_fixture import given_rows
from values_fixture import HOSTILE, small_values, titles

LISTING = """\
- listing: own
  title: Own actions
  source: action_items
  where: completed_at is null
  columns:
    what: {value: item_type, head: Kind, kind: status}
    owner: {value: owner_id, head: Owner}
    due: {value: due_on, head: Due, kind: date}
    gain: {value: revenue_impact / 2, head: Gain, kind: currency}
  order: [due_on desc, action_id]
"""

WRONG = [
    (LISTING.replace("  title:", "  titel:"), 2, "unknown key 'titel'", "'title'"),
    (LISTING.replace("action_items", "action_item"), 3, "Unknown source", "'action_items'"),
    (LISTING.replace("action_items", "account_mrr"), 3, "no rows that could be named", "mrr_mov"),
    (LISTING.replace("action_items", "accounts"), 3, "has no time", ""),
    (LISTING.replace("completed_at is", "complted_at is"), 4, "Unknown column", "'completed_at'"),
    (LISTING.replace("completed_at is null", "owner_id"), 4, "and where: a condition", ""),
    (LISTING.replace("value: item_type", "value: itm_type"), 6, "Unknown column", "'item_type'"),
    (LISTING.replace("value: item_type", "value: sum(revenue_impact)"), 6, "sum()", ""),
    (LISTING.replace("value: item_type", "value: (select 1)"), 6, "sub-queries", ""),
    (LISTING.replace("value: owner_id", "value: engagment.kickoff_on"), 7, "Unknown join", "'eng"),
    (LISTING.replace("kind: date", "kind: number"), 8, "is a moment, which is no number", "date"),
    (LISTING.replace("kind: date", "kind: day"), 8, "kind", ""),
    (LISTING.replace("value: due_on", "value: due_on - adopted_at"), 8, "cannot be subtr", "hours"),
    (LISTING.replace("kind: status}", "kind: status, bad: [quick]}"), 6, "Unknown value", "'quick"),
    (LISTING.replace("Owner}", "Owner, bad: [x]}"), 7, "is for kind: status", ""),
    (LISTING.replace("due_on desc", "due_ondesc"), 10, "Unknown column", "'due_on'"),
    (LISTING + "  window: fortnight\n", 11, "is not a window", ""),
    (LISTING + "  latest_of: [action]\n", 11, "Unknown column", "'action_id'"),
    (LISTING + "  limit: 0\n", 11, "limit", ""),
    (LISTING + "  replaces: own\n", 11, "replaces nothing", ""),
    (LISTING.replace("listing: own", "listing: open_actions"), 1, "already defined", "replaces"),
    (LISTING.replace("    what:", "    row:"), 5, "no name for a column", ""),
    ("listing: own\n", 1, "expected a list of listings", ""),
]


def model(folder: Path, text: str = LISTING) -> Model:
    return Model.open(workspaces.small(folder, **{"listings/own.yml": text}))


@pytest.mark.parametrize(("text", "line", "message", "hint"), WRONG)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, text: str, line: int, message: str, hint: str
) -> None:
    with pytest.raises(BoardpackError) as error:
        model(tmp_path, text)
    assert message in error.value.message
    assert hint in (error.value.hint or "")
    assert error.value.file == str(tmp_path / "listings" / "own.yml")
    assert error.value.line == line


def test_a_workspace_puts_its_own_in_the_place_of_the_suites(tmp_path: Path) -> None:
    text = LISTING.replace("listing: own", "listing: open_actions\n  replaces: open_actions")
    found = model(tmp_path, text)
    assert found.listings["open_actions"].title == "Own actions"
    with pytest.raises(UnknownNameError, match="did you mean 'open_actions'"):
        found.listings["open_action"]


@pytest.fixture(params=["duckdb", "postgres"])
def sliced(request: pytest.FixtureRequest) -> Iterator[Callable[..., Slice]]:
    """Makes a slice of a few rows, in each of the engines that reports are made from."""
    if request.param == "duckdb":
        yield slice_of_rows
        return
    from boardpack.elsewhere import connect
    from boardpack.workspace import Workspace

    server = request.getfixturevalue("postgres_server")
    folder = request.getfixturevalue("tmp_path") / "postgres"
    settings = workspaces.SETTINGS + f'warehouse: {{postgres: "{server}"}}\n'
    connection = connect(Workspace.open(workspaces.small(folder, settings)))
    yield given_rows(connection)
    connection.close()


def action(id_: str, **more: Any) -> dict[str, Any]:
    made = datetime(2025, 3, 1, 8)
    return {"action_id": id_, "item_type": "corrective", "delivered_at": made, **more}


def found(
    sliced: Callable[..., Slice], made: Model, rows: dict[str, Any], name: str = "own",
    period: str = "2025-03", as_of: date = date(2025, 3, 31), segment: str = "",
) -> Listed:  # fmt: skip
    slice_ = sliced(made.sources, rows, as_of, made.workspace.zone)
    return listed(made, slice_, [name], Period.parse(period), segment)[name]


def test_rows_come_as_they_were_known_in_their_order(
    tmp_path: Path, sliced: Callable[..., Slice]
) -> None:
    rows = {
        "accounts": [],
        "engagements": [],
        "action_items": [
            action("x1", due_on=date(2025, 4, 1), revenue_impact=99.5, owner_id="e'1"),
            action("x2", due_on=date(2025, 5, 1), item_type="quick_win"),
            action("x3"),
            action("x4", due_on=date(2025, 5, 1), completed_at=datetime(2025, 4, 1, 0)),
            action("x5", due_on=date(2025, 5, 1), completed_at=datetime(2025, 3, 31, 23)),
            action("x6", delivered_at=datetime(2025, 4, 1, 0)),
            action("x7", recorded_at=datetime(2025, 4, 2, 0)),
        ],
    }  # fmt: skip
    seen = found(sliced, model(tmp_path / "w"), rows)
    assert list(seen.frame["row"]) == ["x2", "x4", "x1", "x3"]
    assert list(seen.frame["what"]) == ["quick_win", "corrective", "corrective", "corrective"]
    assert list(seen.frame["due"]) == [
        date(2025, 5, 1), date(2025, 5, 1), date(2025, 4, 1), None,
    ]  # fmt: skip
    assert seen.frame["gain"].tolist()[2] == 49.75
    assert seen.frame["gain"].isna().tolist() == [True, True, False, True]
    assert seen.frame["owner"].tolist()[2] == "e'1"


@pytest.mark.parametrize("connected", [True, False])
def test_an_owner_has_a_name_where_employees_are_connected(
    tmp_path: Path, sliced: Callable[..., Slice], connected: bool
) -> None:
    due = date(2025, 4, 1)
    rows: dict[str, Any] = {
        "accounts": [],
        "engagements": [],
        "action_items": [
            action("x1", due_on=due, owner_id="e1"), action("x2", due_on=due, owner_id="e2"),
            action("x3", due_on=due, owner_id="e3"), action("x4", due_on=due),
        ],
    }  # fmt: skip
    if connected:
        rows["employees"] = [
            {"employee_id": "e1", "full_name": "Ana O'Neil", "department": "people",
             "hired_on": date(2024, 1, 1)},
            {"employee_id": "e2", "department": "people", "hired_on": date(2024, 1, 1)},
            # Nobody is known before the first day.
            {"employee_id": "e3", "full_name": "Ben Later", "department": "people",
             "hired_on": date(2025, 4, 1)},
        ]  # fmt: skip
    seen = found(sliced, model(tmp_path / "w"), rows, "open_actions")
    first = "Ana O'Neil" if connected else "e1"
    assert (seen.reason, list(seen.frame["owner"])) == ("", [first, "e2", "e3", None])


def test_the_newest_report_of_each_and_the_day_of_the_as_of(
    tmp_path: Path, sliced: Callable[..., Slice]
) -> None:
    text = """\
- listing: own
  title: Initiatives
  source: initiatives
  window: month
  latest_of: [initiative_id]
  where: status <> 'done'
  columns:
    name: {value: initiative_name, head: Name}
    late: {value: "case when due_on < as_of_day then 'late' else 'in time' end", head: State}
    done: {value: progress_pct, head: Done, kind: percent}
  group: owner_id
  order: [progress_pct]
"""

    def report(id_: str, day: date, status: str, done: int, owner: str = "e1") -> dict[str, Any]:
        return {
            "initiative_id": id_, "reported_on": day, "initiative_name": id_.upper(),
            "initiative_type": "initiative", "owner_id": owner, "due_on": date(2025, 3, 31),
            "status": status, "progress_pct": done,
        }  # fmt: skip

    rows = {
        "initiatives": [
            report("i1", date(2025, 3, 10), "on_track", 10),
            report("i1", date(2025, 3, 31), "off_track", 90),
            report("i2", date(2025, 3, 31), "on_track", 20, "e2"),
            report("i3", date(2025, 3, 10), "on_track", 30),
            report("i3", date(2025, 3, 31), "done", 100),
            report("i4", date(2025, 2, 28), "on_track", 40),
            report("i5", date(2025, 3, 1), "on_track", 50, "e2"),
        ]
    }
    seen = found(sliced, model(tmp_path / "w", text), rows, as_of=date(2025, 4, 5))
    assert list(seen.frame["row"]) == ["i2 / 2025-03-31", "i5 / 2025-03-01", "i1 / 2025-03-31"]
    assert list(seen.frame["group"]) == ["e2", "e2", "e1"]
    assert set(seen.frame["late"]) == {"late"}
    early = found(sliced, model(tmp_path / "w2", text), rows, as_of=date(2025, 3, 31))
    assert set(early.frame["late"]) == {"in time"}


HEALTH = """\
- listing: own
  title: At risk
  source: account_health_daily
  window: period
  columns:
    who: {value: account.account_name, head: Who}
    score: {value: health_score, head: Score, kind: number}
"""
SCORED = {
    "accounts": [
        {"account_id": "a1", "account_name": "Ann & Sons", "segment": "smb"},
        {"account_id": "a2", "segment": "enterprise"},
        {"account_id": "a3", "account_name": "Own", "segment": "smb", "is_internal": True},
    ],
    "account_health_daily": [
        {"account_id": a, "as_of": date(2025, 3, 3), "health_score": 1, "band": "red"}
        for a in ("a1", "a2", "a3", "a4")
    ],
}


def test_persons_are_masked_unless_the_column_says_that_it_shows_them(
    tmp_path: Path, sliced: Callable[..., Slice]
) -> None:
    masked = found(sliced, model(tmp_path / "w", HEALTH), SCORED)
    assert list(masked.frame["who"]) == [listing_rows.MASKED, None, None]
    assert "Ann" not in masked.csv
    text = HEALTH.replace("head: Who", "head: Who, shows_pii: true")
    shown = found(sliced, model(tmp_path / "w2", text), SCORED)
    assert list(shown.frame["who"]) == ["Ann & Sons", None, None]


def test_a_report_of_one_segment_names_its_rows_alone(
    tmp_path: Path, sliced: Callable[..., Slice]
) -> None:
    made = model(tmp_path / "w", HEALTH)
    assert [row[:2] for row in found(sliced, made, SCORED, segment="smb").frame["row"]] == ["a1"]
    hostile = "x' OR '1'='1"
    assert found(sliced, made, SCORED, segment=hostile).frame.empty
    rows = {"accounts": [], "engagements": [], "action_items": [action("x1")]}
    whole = found(sliced, model(tmp_path / "w2"), rows, segment="smb")
    assert (whole.reason, len(whole.frame)) == ("cannot be split by segment", 0)


def test_without_its_table_it_is_not_available_and_says_so_in_one_place(tmp_path: Path) -> None:
    made = model(tmp_path / "w", HEALTH)
    rows = {name: rows for name, rows in SCORED.items() if name != "accounts"}
    seen = found(slice_of_rows, made, rows)
    assert seen.reason == "not connected: accounts"
    shown = with_listing(seen)
    assert bp.listing(shown, "own").markdown == ""
    assert "**At risk**\\: not connected\\: accounts" in bp.not_available(shown).markdown


def with_listing(seen: Listed) -> Values:
    return replace(small_values(), listings={seen.id: seen})


def many(n: int, name: str = "A 42") -> Listed:
    """A listing with so many rows."""
    facts = {
        "id": "own", "title": "Own actions",
        "columns": [
            {"name": "name", "head": "Name", "kind": "text"},
            {"name": "state", "head": "State", "kind": "status", "moods": {"off_track": "bad"}},
            {"name": "sum", "head": "Sum", "kind": "currency"},
            {"name": "due", "head": "Due", "kind": "date"},
        ],
        "tables": ["action_items"],
    }  # fmt: skip
    frame = pd.DataFrame(
        {
            "row": pd.Series([f"r{i}" for i in range(n)], dtype="object"),
            "name": pd.Series([name] * n, dtype="object"),
            "state": pd.Series(["off_track"] * n, dtype="object"),
            "sum": pd.Series([1234.5 + i for i in range(n)], dtype="float64"),
            "due": pd.Series([None, *[date(2026, 1, 5)] * (n - 1)][:n], dtype="object"),
            "group": pd.Series([None] * n, dtype="object"),
        }
    )
    return Listed.of(facts, frame)


def test_every_number_on_the_page_is_listed_with_its_row() -> None:
    block = bp.listing(with_listing(many(2)), "own")
    assert [(s.kpi, s.what, s.member, s.text) for s in block.numbers] == [
        ("", "count", "own/rows", "2"), ("", "count", "own/state=off_track", "2"),
        ("", "cell", "own/r0/name", "42"), ("", "cell", "own/r0/sum", "$1,234"),
        ("", "cell", "own/r1/name", "42"), ("", "cell", "own/r1/sum", "$1,236"),
    ]  # fmt: skip
    assert "[Off track]{.bad}" in block.markdown
    assert titles(block) == ["Own actions: 2; off track: 2"]
    assert "shown" not in block.markdown


@pytest.mark.parametrize(
    ("rows", "most", "shown"), [(340, 12, 12), (340, 0, 20), (10_000, 9_999, MOST), (5, 0, None)]
)
def test_a_long_table_is_cut_with_a_count(rows: int, most: int, shown: int | None) -> None:
    block = bp.listing(with_listing(many(rows)), "own", most=most)
    counts = [s.text for s in block.numbers if s.what == "count"]
    titled = [f"{rows:,}", f"{rows:,}"]
    assert counts == (titled if shown is None else [*titled, str(shown), f"{rows:,}"])
    assert len([s for s in block.numbers if s.member.endswith("/sum")]) == (shown or rows)
    assert ("listings/own.csv" in block.markdown.replace("\\", "")) is (shown is not None)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ("to_date", "No own actions as of December 31, 2025."),
        ("period", "No own actions in December 2025."),
    ],
)
def test_an_empty_listing_says_so(window: str, said: str) -> None:
    block = bp.listing(with_listing(replace(many(0), window=window)), "own")
    assert block.markdown.replace("\\", "") == said


def test_a_digit_in_a_word_of_the_title_is_a_number_of_the_page() -> None:
    seen = many(3)
    (name, state, *others) = seen.columns
    seen = replace(
        seen,
        columns=(name, replace(state, moods={"level_2": "bad"}), *others),
        frame=seen.frame.assign(state=["level_2", "level_2", "open"]),
    )
    block = bp.listing(with_listing(seen), "own")
    assert titles(block) == ["Own actions: 3; level 2: 2"]
    counted = [
        (s.what, s.text) for s in block.numbers if s.member.startswith(("own/rows", "own/state"))
    ]
    assert sorted(counted) == [("cell", "2"), ("count", "2"), ("count", "3")]


def test_what_the_data_say_is_text_everywhere() -> None:
    seen = many(1, name=f"=1+1 {HOSTILE} \n<script>alert(1)</script> שלום 🙂 " + "x" * 200)
    block = bp.listing(with_listing(seen), "own")
    assert "<script>" not in block.markdown
    assert "<script>" not in block.html
    (row,) = list(csv.reader(io.StringIO(seen.csv)))[1:]
    assert row[1].startswith("'=1+1 ")


def test_a_check_that_failed_is_named_below() -> None:
    finding = Finding("action_items", "c1", "owners are filled", "3 are not", "", "banner")
    shown = with_listing(many(1))
    shown = replace(shown, report=replace(shown.report, verdict="banner", findings=(finding,)))
    assert "Data warning" in bp.listing(shown, "own").markdown
    other = replace(finding, source="invoices")
    shown = replace(shown, report=replace(shown.report, findings=(other,)))
    assert "Data warning" not in bp.listing(shown, "own").markdown


def test_frozen_rows_are_read_as_they_were(tmp_path: Path) -> None:
    seen = many(3)
    save([seen], tmp_path)
    again = load(tmp_path)["own"]
    assert again.frame.equals(seen.frame)
    assert again.facts == seen.facts
    assert sorted(p.name for p in (tmp_path / "listings").iterdir()) == [
        "facts.json", "own.csv", "own.parquet",
    ]  # fmt: skip


def test_what_cannot_be_asked() -> None:
    shown = with_listing(many(1))
    with pytest.raises(UnknownNameError, match="did you mean 'own'"):
        bp.listing(shown, "owm")
    with pytest.raises(UserError, match="shows no rows"):
        bp.listing(shown, "own", most=-1)
    with pytest.raises(UnknownNameError, match="listing"):
        shown.named([], ["other"])
    assert shown.named([], []).listings == {}


def test_the_suites_listings_have_rows_in_the_demo(tmp_path: Path, demo_warehouse: Path) -> None:
    made = Model.open(workspaces.over_demo(tmp_path / "demo", demo_warehouse))
    names = list(made.listings.listings)
    day = date(2025, 12, 31)
    slice_ = open_slice(made.workspace, made.sources, day, made.tables([], names))
    try:
        seen = listed(made, slice_, names, Period.parse("2025-12"))
    finally:
        slice_.close()
    assert not [name for name in names if seen[name].reason]
    # Some weeks nobody is at risk; there is always something to do.
    assert min(len(seen[n].frame) for n in names if n != "at_risk_customers") > 2
    assert {"Needs attention", "On track", "Ahead"} <= {
        bp.listing(replace(small_values(), listings=seen), "initiatives").markdown.count(word)
        and word
        for word in ("Needs attention", "On track", "Ahead")
    }


OWN = """\
- listing: purchases_named
  title: Purchases
  source: invoices
  window: period
  columns:
    what: {value: invoice_id, head: Purchase}
    amount: {value: amount, head: Amount, kind: currency}
    day: {value: issued_on, head: Day, kind: date}
  order: [amount desc, invoice_id]
"""


def test_a_run_freezes_publishes_and_shows_what_a_notebook_names(
    tmp_path: Path, process: NotebookProcess
) -> None:
    shop = workspaces.shop(tmp_path / "shop")
    (shop / "listings").mkdir()
    (shop / "listings" / "own.yml").write_text(OWN, encoding="utf-8")
    path = shop / "notebooks" / "purchases.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += '\nlistings = ["purchases_named"]'
        cell.source = cell.source.replace("kpis=kpis", "kpis=kpis, listings=listings")
    notebook.cells.append(
        nbformat.v4.new_code_cell(
            '#| label: tbl-named\nbp.listing(values, "purchases_named", most=3)'
        )
    )
    nbformat.write(notebook, path)
    document = shop / "reports" / "monthly.qmd"
    text = document.read_text(encoding="utf-8")
    document.write_text(
        f"{text}\n{{{{< embed ../notebooks/purchases.ipynb#tbl-named >}}}}\n", encoding="utf-8"
    )

    def make() -> RunResult:
        made = Model.open(shop)
        wanted = orders.order(made, "monthly", "2025-05")
        assert wanted.listings == ("purchases_named",)
        return runs.run(made, wanted, now=lambda: datetime.now(UTC), process=process)

    result = make()
    assert result.edition is not None, result.error
    rows = pd.read_parquet(result.edition / "listings" / "purchases_named.parquet")
    with (result.edition / "listings" / "purchases_named.csv").open(newline="") as file:
        table = list(csv.reader(file))
    assert len(table) - 1 == len(rows) > 3
    assert rows["amount"].is_monotonic_decreasing
    assert verify(result.edition) == []
    manifest = json.loads((result.edition / "manifest.json").read_text(encoding="utf-8"))
    assert "listings/purchases_named.csv" in manifest["files"]
    assert list(manifest["listings"]) == ["purchases_named"]
    shown = json.loads((result.edition / "shown.json").read_text(encoding="utf-8"))
    cells = [n for n in shown if n["member"].startswith("purchases_named/")]
    assert {n["what"] for n in cells} == {"cell", "count"}
    amounts = [n["text"] for n in cells if n["member"].endswith("/amount")]
    assert amounts == [f"${amount:,.2f}" for amount in rows["amount"].head(3)]
    page = (result.edition / "report.html").read_text(encoding="utf-8")
    assert all(amount in page for amount in amounts)

    notebook.cells[-1].source = notebook.cells[-1].source.replace("_named", "_name")
    nbformat.write(notebook, path)
    failed = make()
    assert failed.status == "failed"
    assert "Unknown listing 'purchases_name'" in str(failed.error)


def test_in_jupyterlab_the_same_cell_reads_on_demand(tmp_path: Path, demo_warehouse: Path) -> None:
    folder = workspaces.over_demo(tmp_path / "demo", demo_warehouse)
    shown = bp.open(folder, period="2025-10", listings=["incidents"])
    began = [day for day in shown.listing("incidents").frame["began"] if day is not None]
    assert shown.report.as_of == "2025-10-31"
    assert began
    assert all(date(2025, 10, 1) <= day < date(2025, 11, 1) for day in began)


def test_the_listing_that_the_readme_shows_can_be_read(tmp_path: Path) -> None:
    readme = (SUITE / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (example,) = [block for block in blocks if block.startswith("- listing:")]
    made = model(tmp_path, example).listings["large_deals"]
    assert [column.is_masked for column in made.columns] == [False, False, False]
    assert made.columns[2].moods == {"in time": "good", "overdue": "bad"}
