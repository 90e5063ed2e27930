"""A workspace of fiscal periods from end to end: their labels are written and read back everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import workspaces
from boardpack.cli import main
from boardpack.values import Values

CALENDAR = """
calendar:
  months: 4-4-5
  year_end: last saturday of december
"""


def invoke(command: str, folder: Path) -> Result:
    return CliRunner().invoke(main, [*command.split(), "--workspace", str(folder)])


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of four and five weeks published; the second once more with a late purchase."""
    folder = workspaces.shop(tmp_path_factory.mktemp("fiscal") / "shop")
    with (folder / "boardpack.yml").open("a", encoding="utf-8") as file:
        file.write(CALENDAR)
    made = said(
        invoke("backfill monthly --from FY2024-P08 --to FY2024-P09 --jobs 1 --json", folder)
    )
    assert [one["status"] for one in made["periods"]] == ["published"] * 2
    # The last day of the ninth month, and the first of the tenth.
    workspaces.buy(folder, "20240928 2 30.00", "20240929 2 500.00")
    said(invoke("run monthly --period FY2024-P09 --json", folder))
    return folder


def test_months_of_whole_weeks_are_published_and_listed(shop: Path) -> None:
    assert (shop / "var" / "editions" / "monthly" / "FY2024-P09" / "r2" / "report.html").is_file()
    page = (shop / "var" / "site" / "index.html").read_text(encoding="utf-8")
    assert page.index(">P9 FY2024<") < page.index(">P8 FY2024<")
    report = (shop / "var/editions/monthly/FY2024-P09/r2/report.html").read_text(encoding="utf-8")
    for text in ("P9 FY2024", "P8 FY2024", "P9 FY2023", "Aug 25"):
        assert text in report


def test_values_are_those_of_the_weeks(shop: Path) -> None:
    """The late purchase of the last day counts, that of the day after does not."""
    rows = said(invoke("kpi show purchases --last 2 --as-of 2024-09-28 --json", shop))
    assert [(row["period"], row["period_start"], row["period_end"]) for row in rows] == [
        ("FY2024-P08", "2024-07-28", "2024-08-25"), ("FY2024-P09", "2024-08-25", "2024-09-29"),
    ]  # fmt: skip
    values = Values.load(shop / "var" / "editions" / "monthly" / "FY2024-P09" / "r2")
    assert values.period.calendar.weeks == (4, 4, 5)
    assert values.value("purchases").value == rows[1]["value"]


def test_what_changed_is_told_by_their_labels(shop: Path) -> None:
    told = said(invoke("diff monthly FY2024-P09 --json", shop))
    changed = {row["period"]: row for row in told["changes"] if row["kpi"] == "purchases"}
    assert list(changed) == ["FY2024-P09"]
    assert changed["FY2024-P09"]["after"] == changed["FY2024-P09"]["before"] + 1
    history = said(invoke("kpi history purchases --period FY2024-P08 --json", shop))
    assert {row["edition"] for row in history} == {"FY2024-P08", "FY2024-P09"}


def test_an_open_month_is_published_beside_as_many_days(shop: Path) -> None:
    made = said(invoke("run monthly --period FY2024-P10 --as-of 2024-10-05 --json", shop))
    values = Values.load(Path(made["edition"]))
    assert [period.label for period in values.compared] == ["FY2024-P09/7d", "FY2023-P10/7d"]
    report = (Path(made["edition"]) / "report.html").read_text(encoding="utf-8")
    assert "P9 FY2024, first 7 days" in report
    rows = (Path(made["edition"]) / "values.csv").read_text(encoding="utf-8")
    assert "FY2024-P09/7d,2024-08-25,2024-09-01,month_to_date" in rows


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("run monthly --period 2024-09", "not a period of this company's calendar"),
        ("run monthly --period FY2024-P09/7d", "is not a period"),
        ("backfill monthly --from FY2024-P11 --to FY2024-P10", "comes after the last"),
        ("diff monthly 2024-09", "not a period of this company's calendar"),
        ("kpi history purchases --period FY2024-P13", "not in the calendar"),
    ],
)
def test_other_labels_are_refused(shop: Path, command: str, says: str) -> None:
    error = said(invoke(f"{command} --json", shop), 1)["error"]
    assert says in error["message"]


def test_a_schedule_asks_for_them(shop: Path) -> None:
    (shop / "schedules").mkdir(exist_ok=True)
    (shop / "schedules" / "monthly.yml").write_text(
        'schedule: monthly\nreplaces: monthly\nreport: monthly\ncron: "0 7 * * 0"\n',
        encoding="utf-8",
    )
    (due,) = said(invoke("schedule due --now 2024-07-28T08:00+00:00 --json", shop))["due"]
    assert (due["period"], due["as_of"]) == ("FY2024-P07", "2024-07-27")
    # That of September was made by hand.
    assert said(invoke("schedule due --now 2024-09-29T08:00+00:00 --json", shop))["due"] == []
