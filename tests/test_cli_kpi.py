"""`boardpack kpi` and `boardpack doctor`: shapes that tools rely on, exit codes, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import workspaces
from boardpack.cli import main
from boardpack.workspace import SUITE

ROW = ["kpi", "period", "period_start", "period_end", "grain", "dims", "value", "numerator", "denominator",
       "low", "high", "unit", "status", "reason"]  # fmt: skip
EXAMPLE = SUITE / "examples" / "purchases"
SNAPSHOTS = {
    "snapshot_customers", "snapshot_churn_rate", "snapshot_monthly_charge",
    "snapshot_monthly_charges", "snapshot_tenure",
}  # fmt: skip
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Path) -> Run:
    folder = workspaces.over_demo(tmp_path_factory.mktemp("cli") / "demo", demo_warehouse)

    def invoke(command: str, workspace: Path = folder) -> Result:
        return CliRunner().invoke(main, [*command.split(), "--workspace", str(workspace)])

    return invoke


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_list(run: Run) -> None:
    found = {entry["kpi"]: entry for entry in said(run("kpi list --json"))}
    assert set(found) >= {"mrr", "nps", "api_response_time_p95"}
    assert found["mrr"] == {
        "kpi": "mrr", "name": "Monthly recurring revenue", "category": "revenue",
        "unit": "currency", "direction": "higher", "owner": "CFO", "available": True, "reason": "",
    }  # fmt: skip
    # The demo company keeps history, and no snapshots of its customers.
    assert {name for name, entry in found.items() if not entry["available"]} == SNAPSHOTS
    some = run("kpi list mrr arr")
    assert some.stdout.splitlines() == [
        "mrr  Monthly recurring revenue", "arr  Annual recurring revenue",
    ]  # fmt: skip


def test_list_says_what_an_unavailable_kpi_lacks(run: Run) -> None:
    found = {e["kpi"]: e for e in said(run("kpi list mrr purchases --json", EXAMPLE))}
    assert (found["purchases"]["available"], found["purchases"]["reason"]) == (True, "")
    assert found["mrr"]["available"] is False
    assert found["mrr"]["reason"] == "not connected: mrr_movements"
    assert "(not connected: mrr_movements)" in run("kpi list mrr", EXAMPLE).stdout


def test_show(run: Run) -> None:
    rows = said(run("kpi show mrr arpa --last 2 --by segment --json"))
    assert [list(row) for row in rows] == [ROW] * len(rows)
    assert len(rows) == 2 * 2 * 4
    first = rows[0]
    assert (first["kpi"], first["period_start"], first["period_end"]) == (
        "mrr",
        "2025-11-01",
        "2025-12-01",
    )
    assert (first["grain"], first["dims"], first["unit"]) == ("month", "", "currency")
    assert (first["status"], first["reason"]) == ("final", "")
    assert first["numerator"] is None
    assert first["value"] == pytest.approx(
        sum(r["value"] for r in rows if r["kpi"] == "mrr" and r["period_start"] == "2025-11-01" and r["dims"])
    )  # fmt: skip
    ratio = next(r for r in rows if r["kpi"] == "arpa" and not r["dims"])
    assert ratio["value"] == pytest.approx(ratio["numerator"] / ratio["denominator"])


def test_show_has_13_periods_of_any_grain_and_an_as_of(run: Run) -> None:
    months = said(run("kpi show mrr --as-of 2025-06-15 --json"))
    assert [months[0]["period_start"], months[-1]["period_start"]] == ["2024-05-01", "2025-05-01"]
    assert len(months) == 13
    weeks = said(run("kpi show mrr --grain week --last 3 --json"))
    assert [row["period_start"] for row in weeks] == ["2025-12-08", "2025-12-15", "2025-12-22"]
    assert {row["grain"] for row in weeks} == {"week"}
    before = said(run("kpi show mrr --as-of 2023-03-31 --last 5 --json"))
    assert [(r["status"], r["value"] is None) for r in before][:2] == [("no_value", True)] * 2
    assert "before the data" in before[0]["reason"]


def test_show_of_what_is_not_available_is_a_row_and_no_zero(run: Run) -> None:
    rows = said(run("kpi show mrr --json", EXAMPLE))
    assert [list(row) for row in rows] == [ROW]
    assert (rows[0]["status"], rows[0]["value"]) == ("not_available", None)
    assert rows[0]["reason"] == "not connected: mrr_movements"


def test_show_for_a_person(run: Run) -> None:
    text = run("kpi show mrr --last 1").stdout
    assert "period_start" in text
    assert "2025-12-01" in text
    assert "NaN" not in text


def test_show_writes_numbers_as_pages_do(run: Run) -> None:
    command = "kpi show mrr nps api_response_time_p95 ltv_cac_ratio --last 2"
    rows = said(run(f"{command} --json"))
    lines = run(command).stdout.splitlines()[1:]
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        assert (row["kpi"] in line, "e+" in line) == (True, False), line
        if row["kpi"] == "mrr":
            assert f" ${row['value']:,.0f} " in line
        if row["kpi"] == "api_response_time_p95":
            assert f" {row['value']:.0f} ms " in line.replace("\N{NO-BREAK SPACE}", " ")


def test_sql(run: Run) -> None:
    found = said(run("kpi sql mrr total_customers arr --last 2 --json"))
    assert [entry["source"] for entry in found] == ["mrr_movements", "account_mrr"]
    assert all(entry["sql"].startswith("WITH ") for entry in found)
    text = run("kpi sql mrr").stdout
    assert text.startswith("-- mrr_movements\n-- reads rows of mrr_movements: no mart\nWITH ")
    assert text == run("kpi sql mrr").stdout


def test_test(run: Run, tmp_path: Path) -> None:
    found = said(run("kpi test mrr nps --json"))
    assert {entry["kpi"] for entry in found} == {"mrr", "nps"}
    keys = ["kpi", "test", "passed", "message", "hint", "file", "line"]
    assert all(list(entry) == keys and entry["passed"] for entry in found)
    assert run("kpi test mrr").stdout == "2 of 2 definition tests passed\n"


OWN = """\
- kpi: own
  name: Own
  definition: Own.
  category: revenue
  unit: currency
  direction: higher
  dimensions: [segment]
  measures:
    value: {source: mrr_movements, value: sum(amount)}
  tests:
    - name: hundred
      period: 2025-03
      rows:
        accounts: [{account_id: a, segment: smb}]
        mrr_movements: [{account_id: a, amount: 100, effective_on: 2025-03-02}]
      expect: 100
"""


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        (OWN, 0, "", ""),
        (OWN.replace("expect: 100", 'expect: {"": 100, segment=smb: 100, segment=enterprise: 0}'), 0, "", ""),
        (OWN.replace("expect: 100", "expect: 99"), 11, "expected 99, found 100", ""),
        (OWN.replace("expect: 100", "expect: null"), 11, "expected no value, found 100", ""),
        (OWN.replace("expect: 100", "expect: {segment=smb: 7}"), 11, "expected 7 for segment=smb, found 100", ""),
        (OWN.replace("expect: 100", "expect: {segment=enterprize: 0}"), 16, "Unknown value of segment 'enterprize'", "'enterprise'"),
        (OWN.replace("expect: 100", "expect: {segment=(unknown): 0}"), 11, "expected 0 for segment=(unknown), found no value", ""),
        (OWN.replace("expect: 100", "expect: {segmnt=smb: 100}"), 16, "Unknown dimension of own 'segmnt'", "'segment'"),
        (OWN.replace("expect: 100", "expect: {total: 100}"), 16, "'total' is no member", 'the total as ""'),
        (OWN.replace("expect: 100", "expect: many"), 16, "expects 'many', which is no number", "expect: 100"),
        (OWN.replace("expect: 100", 'expect: {"": many}'), 16, "expects 'many', which is no number", "expect: 100"),
        (OWN.replace("effective_on", "efective_on"), 15, "Unknown column of mrr_movements 'efective_on'", "'effective_on'"),
        (OWN.replace("segment: smb", "segment: smbs"), 14, "Unknown value of segment 'smbs'", "'smb'"),
        (OWN.replace("mrr_movements: [", "tickets: ["), 15, "gives rows of 'tickets', which its KPI does not use", ""),
        (OWN.replace("amount: 100", "amount: much"), 15, "'much' cannot stand in amount of mrr_movements, which is a number", ""),
        (OWN.replace("2025-03-02", "2025-3-x"), 15, "'2025-3-x' cannot stand in effective_on of mrr_movements, which is a date", ""),
        (OWN.replace("period: 2025-03", "period: 2025-13"), 12, "not in the calendar", ""),
    ],
)  # fmt: skip
def test_definition_tests_that_fail_exit_with_1_and_say_why(
    run: Run, tmp_path: Path, text: str, line: int, message: str, hint: str
) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    found = said(run("kpi test own --json", root), code=1 if message else 0)
    assert len(found) == 1
    assert found[0]["passed"] == (not message)
    assert message in found[0]["message"]
    shown = run("kpi test own", root)
    assert f"{0 if message else 1} of 1 definition tests passed" in shown.stdout
    if message:
        assert hint in (found[0]["hint"] or "")
        assert shown.stdout.startswith(f"{root / 'kpis/own.yml'}:{line}: own: hundred: ")
        assert found[0]["line"] == line


TICKETS = """\
- kpi: own
  name: Own
  definition: Own.
  category: support
  unit: count
  direction: lower
  dimensions: [category]
  measures:
    value: {source: tickets, value: count(*)}
  tests:
    - name: one
      period: 2025-03
      rows:
        tickets: [{ticket_id: t, created_at: 2025-03-02 10:00:00, category: billing}]
      expect: {category=biling: null}
"""


def test_no_value_of_a_member_that_no_row_has_proves_nothing(run: Run, tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": TICKETS})
    (found,) = said(run("kpi test own --json", root), 1)
    assert found["message"] == "no row is of category=biling; there are category=billing"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("2025-03-02", "2025-02-30", 15, "'2025-02-30' cannot be: day is out of range for month"),
        ("segment: smb", "segment: smb, segment: smb", 14, "key 'segment' stands here twice"),
    ],
)
def test_rows_that_cannot_be_read_are_told_with_their_line(
    run: Run, tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": OWN.replace(old, new)})
    error = said(run("kpi test own --json", root), 1)["error"]
    assert (error["line"], error["file"]) == (line, str(root / "kpis/own.yml"))
    assert says in error["message"]


def test_a_mapped_table_has_members_of_its_own(run: Run, tmp_path: Path) -> None:
    text = OWN.replace("smb", "key account").replace(
        "expect: 100", "expect: {segment=key account: 100}"
    )
    mapping = "maps: accounts\nsql: SELECT 1 AS account_id, 'key account' AS segment\n"
    root = workspaces.small(
        tmp_path / "w", **{"kpis/own.yml": text, "sources/accounts.yml": mapping}
    )
    assert run("kpi test own", root).stdout == "1 of 1 definition tests passed\n"


def test_a_kpi_without_a_test_is_told(run: Run, tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": OWN[: OWN.index("  tests:")]})
    found = run("kpi test own", root)
    assert found.exit_code == 1
    assert found.stdout == (
        f"{root / 'kpis/own.yml'}:1: own: tests: it has none, and nothing shows that it is right\n"
        "0 of 1 definition tests passed\n"
    )


def test_explain(run: Run) -> None:
    ratio, mrr = said(run("kpi explain ltv_cac_ratio mrr --period 2024-11 --json"))
    assert (ratio["formula"], ratio["unit"], ratio["owner"]) == ("ltv / cac", "ratio", "CFO")
    assert {"ltv", "cac", "arpa"} <= set(ratio["inputs"])
    assert ratio["components"][0] == "ltv: Customer lifetime value"
    # Month 23 of the plan: the target of five holds since month 13, and in a year as well.
    assert ratio["target"] == ">\u00a05×"
    assert ratio["timeline"] == [
        f"{ahead}: >\u00a05×" for ahead in ("30 days", "90 days", "1 year")
    ]
    assert set(mrr["feeds"]) >= {"arr", "arpa", "mrr_growth_rate"}
    assert mrr["components"] == ["value: sum(amount) over mrr_movements, to_date"]
    assert mrr["usage"] == ("More is better; splits by segment, region, which add up to the total.")
    assert {"monthly", "board"} <= set(mrr["shown_in"])
    assert [entry["period"] for entry in mrr["history"]][-1] == "2024-11"
    assert len(mrr["history"]) == 13
    shown = said(run("kpi show mrr --last 1 --as-of 2024-11-30 --json"))[0]["value"]
    assert mrr["baseline"] == f"${shown:,.0f} in 2024-11, final"
    assert list(mrr["sql"]) == ["mrr_movements"]
    file, _, line = mrr["defined_in"].rpartition(":")
    assert Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1] == "- kpi: mrr"
    assert len(mrr["definition_hash"]) == 64


def test_explain_as_text_draws_the_graph_and_names_what_is_not_given(
    run: Run, tmp_path: Path
) -> None:
    text = run("kpi explain mrr").stdout
    assert "Recurring subscription revenue in force" in text
    assert "\n  mrr = value\n  └─ value: sum(amount) over mrr_movements, to_date\n" in text
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": OWN})
    bare = run("kpi explain own", root).stdout
    given = "Why it matters, Actions to improve, Risks"
    assert f"Not given           Target, Owner, Frequency, {given}\n" in bare
    told = OWN.replace(
        "  unit:", "  why: It pays.\n  actions: [Sell, Keep]\n  risks: [None]\n  unit:"
    )
    assert told != OWN
    (root / "kpis/own.yml").write_text(told, encoding="utf-8")
    full = run("kpi explain own", root).stdout
    assert "Why it matters      It pays.\nActions to improve  1. Sell\n" in full
    assert f"{'':20}2. Keep\nRisks               None\n" in full
    assert given not in full


@pytest.mark.parametrize(
    ("command", "code", "kind", "says"),
    [
        ("kpi show mmr", 1, "unknown_name_error", "Unknown KPI 'mmr'"),
        ("kpi list mmr", 1, "unknown_name_error", "Unknown KPI 'mmr'"),
        ("kpi sql mmr", 1, "unknown_name_error", "Unknown KPI 'mmr'"),
        ("kpi test mmr", 1, "unknown_name_error", "Unknown KPI 'mmr'"),
        ("kpi explain mmr", 1, "unknown_name_error", "Unknown KPI 'mmr'"),
        ("kpi show mrr --by planet", 1, "user_error", "split by 'planet'"),
        ("kpi show mrr --as-of June", 1, "period_error", "as-of 'June' is not a day"),
        ("kpi show mrr --as-of 9999-12-31", 1, "period_error", "9999-12-31"),
    ],
)
def test_a_users_mistake_exits_with_1_and_says_so(
    run: Run, command: str, code: int, kind: str, says: str
) -> None:
    error = said(run(f"{command} --json"), code)["error"]
    assert list(error) == ["code", "message", "file", "line", "hint"]
    assert error["code"] == kind
    assert says in error["message"]
    shown = run(command)
    assert shown.exit_code == code
    assert shown.stderr.startswith("Error: ")
    assert "Traceback" not in shown.output


@pytest.mark.parametrize(
    "command", ["kpi show mrr --grain fortnight", "kpi show mrr --last 0", "kpi explain", "kpi shw"]
)
def test_wrong_usage_exits_with_2(run: Run, command: str) -> None:
    assert run(command).exit_code == 2


def test_a_definition_that_is_wrong_is_told_by_every_command(run: Run, tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": OWN.replace("unit:", "unti:")})
    for command in ("kpi list", "kpi show own", "kpi test", "doctor"):
        error = said(run(f"{command} --json", root), 1)["error"]
        assert (error["code"], error["line"]) == ("definition_error", 5)
        assert error["file"].endswith("kpis/own.yml")
        assert error["hint"] == "did you mean 'unit'?"


def test_a_folder_that_is_no_workspace(run: Run, tmp_path: Path) -> None:
    error = said(run("kpi list --json", tmp_path), 1)["error"]
    assert error["code"] == "workspace_error"
    assert "has no boardpack.yml" in error["message"]


def test_every_command_shows_an_example() -> None:
    for name in ("list", "show", "sql", "test", "explain"):
        text = CliRunner().invoke(main, ["kpi", name, "--help"]).stdout
        assert f"boardpack kpi {name}" in text


def test_doctor(run: Run) -> None:
    demo = said(run("doctor --json"))
    assert {"workspace", "company", "sources", "kpis", "reports", "renderer"} <= set(demo)
    apart = [source["source"] for source in demo["sources"] if not source["connected"]]
    assert apart == ["customer_snapshots"]
    assert {kpi["kpi"] for kpi in demo["kpis"] if kpi["lacks"]} == SNAPSHOTS
    assert [step["command"] for step in demo["next"]] == [
        f"boardpack run monthly --workspace {demo['workspace']}"
    ]
    span = next(source for source in demo["sources"] if source["source"] == "cash_balances")
    assert (span["first"], span["last"]) == ("2023-01-31", "2025-12-31")
    shop = said(run("doctor --json", EXAMPLE))
    lacks = {kpi["kpi"]: kpi["lacks"] for kpi in shop["kpis"]}
    assert (lacks["purchases"], lacks["mrr"]) == ("", "not connected: mrr_movements")
    text = run("doctor", EXAMPLE).stdout
    assert "mrr_movements            not connected" in text
    # Its four tables, and the two that Boardpack fills itself.
    assert f"6 of {len(demo['sources'])} connected" in text
