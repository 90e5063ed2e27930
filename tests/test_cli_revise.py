"""`boardpack backfill`, `diff` and `kpi history`: what a person and a program are told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import workspaces
from boardpack import backfill_workers, published
from boardpack.cli import main
from boardpack.executions import NotebookProcess
from boardpack.manifests import fingerprint, read_manifest
from boardpack.model import Model
from boardpack.values import FINGERPRINT
from boardpack.workspace import Workspace

Run = Callable[..., Result]


def invoke(command: str, folder: Path) -> Result:
    return CliRunner().invoke(main, [*command.split(), "--workspace", str(folder)])


@pytest.fixture(scope="module", autouse=True)
def notebooks_are_loaded_once(process: NotebookProcess) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill_workers, "NotebookProcess", lambda: nullcontext(process))
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with September and October published, and September again with a late purchase."""
    folder = workspaces.shop(tmp_path_factory.mktemp("revise") / "shop")
    first = invoke("backfill monthly --from 2024-09 --to 2024-10 --jobs 1", folder)
    assert first.exit_code == 0, first.output
    workspaces.buy(folder, "20240915 2 30.00")
    second = invoke("backfill monthly --from 2024-09 --to 2024-09 --jobs 1 --json", folder)
    assert json.loads(second.stdout)["periods"][0]["revision"] == 2, second.output
    return folder


@pytest.fixture
def run(shop: Path) -> Run:
    return lambda command: invoke(command, shop)


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_backfill_tells_how_far_it_is_and_sums_up(run: Run) -> None:
    found = run("backfill monthly --from 2024-09 --to 2024-09 --jobs 1")
    assert found.exit_code == 0
    assert "Sales: 1 period, each as known then, 1 at once" in found.stderr
    assert "1 of 1  2024-09: revision 2 skipped" in found.stderr
    assert found.stdout.startswith("monthly: 1 skipped; ")
    assert "--again makes a new revision" in found.stdout
    told = said(run("backfill monthly --from 2024-09 --to 2024-09 --jobs 1 --json"))
    assert {key: told[key] for key in ("report", "from", "to", "published", "skipped")} == {
        "report": "monthly", "from": "2024-09", "to": "2024-09", "published": 0, "skipped": 1,
    }  # fmt: skip


def test_a_backfill_that_fails_tells_why_and_its_exit_code(tmp_path: Path) -> None:
    folder = workspaces.shop(tmp_path / "shop")
    (folder / "data" / "purchases.txt").write_text(
        "".join(f" {n:05} 20240915 1 10.00\n" for n in range(40)), "utf-8"
    )
    command = "backfill monthly --from 2024-09 --to 2024-09 --jobs 1 --segment nobody"
    found = invoke(command, folder)
    assert found.exit_code == 1, found.output
    assert "2024-09: failed" in found.stderr
    assert "Error: " in found.stderr
    assert found.stdout.startswith("monthly: 1 failed; ")


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("backfill monthly --from 2024-11 --to 2024-10", 1, "comes after the last"),
        ("backfill mothly --from 2024-09 --to 2024-10", 1, "did you mean 'monthly'"),
        ("backfill monthly --from 2024-09", 2, "--to"),
        ("backfill monthly --from 2024-09 --to 2024-10 --jobs 0", 2, "--jobs"),
        ("backfill monthly --from 2024-09 --to 2024-09 --as-of now --as-known-then", 2, "exclude"),
        ("diff monthly 2024-10", 1, "has one revision"),
        ("diff monthly 2024-12", 1, "no edition of monthly 2024-12 was published"),
        ("diff mothly 2024-12", 1, "did you mean 'monthly'"),
        ("diff monthly 2024-99", 1, "not in the calendar"),
        ("diff monthly 2024-09 --revision 1 7", 1, "its revisions are 1, 2"),
        ("diff monthly 2024-09 --revision 1 1", 1, "the same as itself"),
        ("diff monthly 2024-09 --revision 1", 2, "--revision"),
        ("diff monthly 2024-09 --segment smb", 1, "published are (all)"),
        ("kpi history purchasez --period 2024-09", 1, "did you mean 'purchases'"),
        ("kpi history purchases --period 2024-99", 1, "not in the calendar"),
    ],
)
def test_what_cannot_be_is_told_and_makes_nothing(
    run: Run, shop: Path, command: str, code: int, says: str
) -> None:
    before = sorted(shop.rglob("r*/manifest.json"))
    found = run(command)
    assert found.exit_code == code, found.output
    assert says in found.stderr
    assert "Traceback" not in found.stderr
    assert sorted(shop.rglob("r*/manifest.json")) == before


def test_an_error_is_json_too(run: Run) -> None:
    error = said(run("diff monthly 2024-10 --json"), 1)["error"]
    assert (error["code"], error["hint"]) == ("user_error", "another run makes the next revision")


def test_a_diff_where_nothing_was_published_makes_no_ledger(tmp_path: Path) -> None:
    folder = workspaces.shop(tmp_path / "shop")
    assert "no edition of monthly 2024-09" in invoke("diff monthly 2024-09", folder).stderr
    assert not (folder / "var").exists()


def test_a_diff_shows_every_change_and_its_cause(run: Run) -> None:
    shown = run("diff monthly 2024-09").stdout.splitlines()
    assert shown[0] == (
        "monthly 2024-09, revision 1 (as of 2024-09-30, final) and revision 2 (as of 2024-09-30,"
        " final)"
    )
    assert any(line.startswith("  rows that differ: ") and "invoices" in line for line in shown)
    (heads,) = (line.split() for line in shown if line.startswith("KPI"))
    assert heads == ["KPI", "period", "member", "before", "after", "change", "cause"]
    (purchases,) = (line.split() for line in shown if line.startswith("purchases "))
    told = said(run("diff monthly 2024-09 --json"))
    (row,) = (entry for entry in told["changes"] if entry["kpi"] == "purchases")
    assert purchases[1:4] == ["2024-09", row["before_text"], row["after_text"]]
    assert row["after"] - row["before"] == 1
    assert row["causes"] == ["late data"]
    assert purchases[-2:] == ["late", "data"]
    assert f"{len(told['changes'])} values changed." in shown
    back = said(run("diff monthly 2024-09 --revision 2 1 --json"))
    assert back["before"]["revision"] == 2
    assert {(r["kpi"], r["before"]) for r in back["changes"]} == {
        (r["kpi"], r["after"]) for r in told["changes"]
    }


def test_the_history_of_a_kpi_is_what_each_edition_published(run: Run) -> None:
    rows = said(run("kpi history purchases --period 2024-09 --json"))
    assert [(row["edition"], row["revision"]) for row in rows] == [
        ("2024-09", 1), ("2024-10", 1), ("2024-09", 2),
    ]  # fmt: skip
    assert rows[2]["value"] - rows[0]["value"] == 1
    assert rows[1]["value"] == rows[0]["value"]
    text = run("kpi history purchases --period 2024-09").stdout.splitlines()
    assert text[2].split()[:3] == ["monthly", "2024-09", "r2"]
    nothing = run("kpi history purchases --period 2019-09")
    assert nothing.stdout == "no edition shows purchases for 2019-09\n"


def test_the_view_has_every_value_with_the_facts_of_its_edition(shop: Path) -> None:
    con = published.open_values(Workspace.open(shop))
    try:
        found = con.sql("SELECT * FROM kpi_values").df()
    finally:
        con.close()
    assert list(found.columns) == [*published.EDITION, *published.VALUE]
    editions = found.groupby(["edition", "revision"])["is_latest"].agg(["all", "any"])
    assert editions["all"].to_dict() == {
        ("2024-09", 1): False, ("2024-09", 2): True, ("2024-10", 1): True,
    }  # fmt: skip
    assert (editions["all"] == editions["any"]).all()
    own = found[(found["edition"] == "2024-10") & (found["kpi"] == "purchases")]
    assert len(own) == own["period"].nunique() > 13


def test_every_value_carries_what_it_follows_from(shop: Path) -> None:
    con = published.open_values(Workspace.open(shop))
    try:
        found = con.sql("SELECT DISTINCT folder, kpi, fingerprint FROM kpi_values").fetchall()
    finally:
        con.close()
    model = Model.open(shop)
    assert len({(folder, kpi) for folder, kpi, _ in found}) == len(found)
    for folder, kpi, carried in found:
        facts = read_manifest(shop / "var/editions" / folder)
        data = {name: facts["fingerprints"][name] for name in model.catalogue.tables([kpi])}
        engine = f"duckdb {facts['versions']['duckdb']}"
        hash_ = model.catalogue.definition_hash(kpi)
        assert carried == fingerprint(hash_, data, facts["as_of"], engine)
    # What came late is another slice of the data.
    of_purchases = {folder: carried for folder, kpi, carried in found if kpi == "purchases"}
    assert len(set(of_purchases.values())) == len(of_purchases) == 3


def test_values_published_before_they_carried_it_are_still_read(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(shop, folder)
    for path in folder.glob("var/editions/monthly/*/r*/values.parquet"):
        path.chmod(0o644)
        pd.read_parquet(path).drop(columns=FINGERPRINT).to_parquet(path, index=False)
    rows = said(invoke("kpi history purchases --period 2024-09 --json", folder))
    assert [row["fingerprint"] for row in rows] == [None] * 3
    assert all(row["value"] > 0 for row in rows)


def test_an_edition_that_cannot_be_read_is_told(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(shop, folder)
    path = folder / "var/editions/monthly/2024-09/r1/values.parquet"
    path.chmod(0o644)
    path.write_text("no parquet", encoding="utf-8")
    history = invoke("kpi history purchases --period 2024-09", folder)
    assert (history.exit_code, "cannot be read" in history.stderr) == (4, True), history.output
    diff = invoke("diff monthly 2024-09", folder)
    assert diff.exit_code == 4
    assert "values.parquet of monthly 2024-09 revision 1 is not as it was published" in diff.stderr
    shutil.rmtree(path.parent)
    assert "the manifest cannot be read" in invoke("diff monthly 2024-09", folder).stderr
    rows = said(invoke("kpi history purchases --period 2024-09 --json", folder))
    assert [row["revision"] for row in rows] == [1, 2]


def test_the_view_is_empty_where_nothing_was_published_or_an_edition_is_gone(
    tmp_path: Path, shop: Path
) -> None:
    folder = workspaces.shop(tmp_path / "shop")
    assert published.histories(Workspace.open(folder), ["purchases"], "2024-09") == {}
    assert not (folder / "var").exists()
