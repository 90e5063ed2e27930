"""What follows from checks that do not pass: by policy, for a report, for each of its KPIs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pypdf
import pytest
from click.testing import Result

import workspaces
from boardpack import orders, runs, tables
from boardpack.basis import Basis
from boardpack.blocks import Chart
from boardpack.cards import headline
from boardpack.charts import by_member, trend
from boardpack.comparisons import bullet
from boardpack.errors import UnknownNameError
from boardpack.executions import NotebookProcess
from boardpack.facts import Finding
from boardpack.gate_results import CheckResult
from boardpack.gatefile import GateEntry
from boardpack.judging import policy
from boardpack.kept_checks import body_of
from boardpack.ledger import Ledger
from boardpack.ledger_rows import KeptChecks, Run, RunEnded, RunStarted
from boardpack.model import Model
from boardpack.outcomes import RunResult
from boardpack.panels import trends
from boardpack.sentences import summary
from boardpack.values import Values
from boardpack.verdicts import broken_since, findings, reasons, since
from boardpack.workspace import SUITE
from report_fixture import FACTS, HOSTILE, Desk
from values_fixture import small_values
from verdict_fixture import (
    INVOICED_TWICE,
    ODD,
    PAID_TWICE,
    UNKNOWN_STATUS,
    gate_policy,
    judged,
    planted,
    readable,
    report_on,
)

DAY = date(2025, 6, 30)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def result(severity: str = "critical", outcome: str = "failed", **more: object) -> CheckResult:
    given: dict[str, object] = {
        "source": "invoices", "expectation": "x", "columns": (), "severity": severity,
        "dimension": "accuracy", "outcome": outcome, "sentence": "all is well",
        "at_stake": "Much.", "owner": "finance", "unexpected_count": 3, "element_count": 1200,
        "id": "invoices.well", **more,
    }  # fmt: skip
    return CheckResult(**given)  # type: ignore[arg-type]


WAIVER = {"check": "invoices.well", "until": "2025-06-30", "reason": "known, mended on Monday"}
OF_SOURCE = {"source": "invoices", "until": "2025-12-31", "reason": "a new system"}
OF_CHECK = {"check": "invoices.well", "until": "2025-12-31", "reason": "it is meant to be so"}


@pytest.mark.parametrize(
    ("rules", "severity", "outcome", "leads_to", "note"),
    [
        ({}, "critical", "failed", "hold", ""),
        ({}, "warning", "failed", "banner", ""),
        ({}, "info", "failed", "record", ""),
        ({}, "info", "errored", "hold", ""),
        ({"warning": "hold"}, "warning", "failed", "hold", ""),
        (
            {"critical": "banner", "reason": "a pilot"}, "critical", "failed", "banner",
            "By the policy it leads to banner, usually hold: a pilot.",
        ),
        ({"critical": "banner", "reason": "a pilot"}, "warning", "errored", "hold", ""),
        (
            {"waive": [WAIVER]}, "critical", "failed", "banner",
            "Waived until 2025-06-30: known, mended on Monday.",
        ),
        (
            {"waive": [WAIVER]}, "warning", "errored", "banner",
            "Waived until 2025-06-30: known, mended on Monday.",
        ),
        ({"waive": [WAIVER]}, "info", "failed", "record", "Waived until 2025-06-30: known,"),
        (
            {"waive": [{**WAIVER, "until": "2025-06-29"}]}, "critical", "failed", "hold",
            "Its waiver ended on 2025-06-29.",
        ),
        (
            {"waive": [{**WAIVER, "until": "2025-06-29"}, WAIVER]}, "critical", "failed", "banner",
            "Waived until 2025-06-30",
        ),
        ({"waive": [{**WAIVER, "check": "invoices.other"}]}, "critical", "failed", "hold", ""),
        (
            {"overrides": [{**OF_SOURCE, "critical": "banner"}]}, "critical", "failed", "banner",
            "By the policy it leads to banner, usually hold: until 2025-12-31, a new system.",
        ),
        ({"overrides": [{**OF_SOURCE, "critical": "banner"}]}, "warning", "failed", "banner", ""),
        (
            {"overrides": [{**OF_SOURCE, "source": "payments", "critical": "record"}]},
            "critical", "failed", "hold", "",
        ),
        (
            {"overrides": [{**OF_SOURCE, "warning": "record"}, {**OF_CHECK, "warning": "hold"}]},
            "warning", "failed", "hold", "it is meant to be so",
        ),
        (
            {"overrides": [{**OF_CHECK, "critical": "record", "until": "2025-01-31"}]},
            "critical", "failed", "hold", "Its override ended on 2025-01-31.",
        ),
        ({"overrides": [{**OF_CHECK, "warning": "record"}]}, "warning", "errored", "hold", ""),
    ],
)  # fmt: skip
def test_what_a_policy_makes_of_a_result(
    rules: dict[str, object], severity: str, outcome: str, leads_to: str, note: str
) -> None:
    (found,) = findings([result(severity, outcome)], GateEntry.model_validate(rules), DAY)
    assert found.leads_to == leads_to
    assert note in found.note
    assert bool(found.note) == bool(note)


def test_what_passed_or_was_skipped_is_no_finding() -> None:
    told = [result(outcome="passed"), result(outcome="skipped")]
    assert findings(told, GateEntry(), DAY) == ()


def test_the_gravest_comes_first_and_says_rows_share_since_and_whom_to_ask() -> None:
    told = [result("info"), result("warning", id="b"), result("critical", id="a")]
    found = findings(told, GateEntry(), DAY, lambda source, check: "2025-06-02")
    assert [entry.leads_to for entry in found] == ["hold", "banner", "record"]
    assert reasons(found)[0] == (
        "invoices: all is well: not so for 3 of 1,200 rows (0.25 %). Much."
        " Since 2025-06-02; ask finance."
    )
    assert reasons(found)[2].startswith("For information: invoices: all is well")


def test_a_note_is_one_line_of_plain_text() -> None:
    rules = {"waive": [{**WAIVER, "reason": "two\nlines\tand \x07 a bell"}]}
    (found,) = findings([result()], GateEntry.model_validate(rules), DAY)
    assert found.note == "Waived until 2025-06-30: two lines and a bell."


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], "2025-06-30"),
        ([("2025-05-31", "passed")], "2025-06-30"),
        ([("2025-04-30", "passed"), ("2025-05-31", "failed")], "2025-05-31"),
        ([("2025-03-31", "failed"), ("2025-04-30", "failed"), ("2025-05-31", "errored")],
         "2025-03-31"),
        ([("2025-03-31", "failed"), ("2025-04-30", "passed"), ("2025-05-31", "failed")],
         "2025-05-31"),
        # Mended: of a day that was checked twice the last result counts.
        ([("2025-04-30", "failed"), ("2025-05-31", "failed"), ("2025-04-30", "passed")],
         "2025-05-31"),
        # What was found as of later days says nothing of this one.
        ([("2025-07-31", "passed"), ("2025-05-31", "failed")], "2025-05-31"),
    ],
)  # fmt: skip
def test_since_when_a_check_has_not_passed(
    tmp_path: Path, history: list[tuple[str, str]], expected: str
) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for number, (as_of, outcome) in enumerate(history):
            body = body_of([result(outcome=outcome), result(outcome="failed", id="other")])
            ledger.keep_checks([KeptChecks(as_of, "invoices", f"key {number}", body)])
        assert since(ledger, DAY)("invoices", "invoices.well") == expected
        assert since(ledger, DAY)("payments", "invoices.well") == "2025-06-30"


def run(as_of: str, status: str, *told: str) -> Run:
    started = RunStarted(as_of + status, "monthly", as_of[:7], "month", as_of, as_of)
    return Run(started, RunEnded(started.run_id, status, as_of, "hold", told))  # type: ignore[arg-type]


BROKEN = "an identity does not hold: MRR adds up: 3 against 4."


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ([], "2025-06-30"),
        ([run("2025-05-31", "held", BROKEN)], "2025-05-31"),
        ([run("2025-04-30", "held", BROKEN), run("2025-05-31", "published")], "2025-06-30"),
        ([run("2025-04-30", "held", BROKEN), run("2025-05-31", "held", "invoices: no")],
         "2025-04-30"),
        ([run("2025-04-30", "held", BROKEN), run("2025-05-31", "failed")], "2025-04-30"),
        ([run("2025-05-31", "held", BROKEN.replace("MRR", "ARR"))], "2025-06-30"),
        ([run("2025-05-31", "held", BROKEN), run("2025-05-31", "published")], "2025-06-30"),
    ],
)  # fmt: skip
def test_since_when_an_identity_has_not_held(earlier: list[Run], expected: str) -> None:
    sentence = "an identity does not hold: MRR adds up"
    assert broken_since(earlier, sentence, DAY) == expected


# ---- the shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.shop(tmp_path_factory.mktemp("verdicts") / "shop")


@pytest.fixture(autouse=True)
def no_policy(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "shop" in request.fixturenames:
        gate_policy(request.getfixturevalue("shop"), "")


def made(root: Path, process: NotebookProcess, period: str = "2025-06") -> RunResult:
    model = Model.open(root)
    wanted = orders.order(model, "monthly", period)
    return runs.run(model, wanted, now=lambda: NOW, process=process)


def test_a_kpi_is_judged_by_the_sources_that_it_rests_on(shop: Path) -> None:
    with planted(shop, PAID_TWICE):
        found, kpis = judged(shop)
    assert found.verdict == "banner"
    assert [entry.check for entry in found.findings if entry.leads_to == "banner"] == [
        "payments.no_invoice_paid_more_than_its_amount"
    ]
    marked = {kpi for kpi, verdict in kpis.items() if verdict != "publish"}
    assert marked == {"average_order_value"}
    with planted(shop, UNKNOWN_STATUS):
        found, kpis = judged(shop)
    assert (found.verdict, kpis["average_order_value"], kpis["total_revenue"]) == (
        "hold", "hold", "publish",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "period", "verdict", "says"),
    [
        ("warning: hold", "2025-06", "hold", ""),
        ("warning: record\nreason: a pilot", "2025-06", "publish", "usually banner: a pilot."),
        (
            "overrides:\n  - {source: payments, warning: record, until: 2025-06-30, reason: new}",
            "2025-06",
            "publish",
            "until 2025-06-30, new.",
        ),
        (
            "overrides:\n  - {source: payments, warning: record, until: 2025-06-29, reason: new}",
            "2025-06",
            "banner",
            "Its override ended on 2025-06-29.",
        ),
        # By the as-of of what is made, and not by today.
        (
            "overrides:\n  - {source: payments, warning: record, until: 2025-06-29, reason: new}",
            "2025-05",
            "publish",
            "until 2025-06-29, new.",
        ),
    ],
)
def test_the_policy_of_a_workspace(
    shop: Path, rules: str, period: str, verdict: str, says: str
) -> None:
    gate_policy(shop, rules)
    with planted(shop, PAID_TWICE):
        found, _ = judged(shop, period)
    assert found.verdict == verdict
    assert any(says in entry.note for entry in found.findings)


def test_a_waived_failure_is_told_and_holds_nothing(shop: Path) -> None:
    gate_policy(
        shop, "waive: [{check: payments.status.in_set, until: 2025-06-15, reason: a new word}]"
    )
    with planted(shop, UNKNOWN_STATUS):
        found, kpis = judged(shop, "2025-05")
        later, _ = judged(shop, "2025-06")
    assert (found.verdict, kpis["average_order_value"]) == ("banner", "banner")
    waived = next(entry for entry in found.findings if entry.is_waived)
    assert waived.note == "Waived until 2025-06-15: a new word."
    assert "a new word" in found.reasons[0]
    assert later.verdict == "hold"
    assert later.reasons[0].endswith("ask finance. Its waiver ended on 2025-06-15.")


@pytest.mark.parametrize(
    ("rules", "line", "message", "hint"),
    [
        ("overrides:\n  - {source: paymnets, warning: hold, until: 2025-06-30, reason: a}", 5,
         "Unknown source 'paymnets'", "'payments'"),
        ("overrides:\n  - {check: payments.status.inset, info: hold, until: 2025-06-30, reason: a}",
         5, "Unknown check 'payments.status.inset'", "'payments.status.in_set'"),
        ("waive:\n  - check: payments.status\n    until: 2025-06-30\n    reason: a", 5,
         "Unknown check 'payments.status'", "payments.status.in_set"),
        ("retired: [payment]", 4, "Unknown source or column 'payment'", "'payments'"),
        ("retired: [payments.amout]", 4, "Unknown source or column", "'payments.amount'"),
    ],
)  # fmt: skip
def test_a_policy_names_what_there_is(
    tmp_path: Path, rules: str, line: int, message: str, hint: str
) -> None:
    root = workspaces.small(tmp_path / "w", "company: X\ncurrency: USD\n")
    gate_policy(root, rules)
    with pytest.raises(UnknownNameError) as caught:
        policy(Model.open(root))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.file == str(root / "boardpack.yml")
    assert caught.value.line == line + 2


def test_the_policy_that_the_readme_shows_is_one(tmp_path: Path) -> None:
    text = (SUITE / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(policy:\n  gate:\n.*?)```", text, flags=re.DOTALL)
    root = workspaces.small(tmp_path / "w", f"company: X\ncurrency: USD\n{shown}")
    found = policy(Model.open(root))
    assert (found.warning, len(found.overrides), len(found.waive)) == ("hold", 2, 1)


def test_checks_that_no_suite_names_may_be_named(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", "company: X\ncurrency: USD\n")
    gate_policy(root, "waive: [{check: payments.connected, until: 2025-06-30, reason: a}]")
    assert policy(Model.open(root)).waive[0].check == "payments.connected"


def test_a_source_of_kpis_that_are_not_there_holds_nothing(tmp_path: Path) -> None:
    """Payments have no other reader here than a KPI that also takes a table nobody connected."""
    root = workspaces.shop(tmp_path / "shop")
    report_on(root, ["purchases", "odd"])
    (root / "kpis").mkdir()
    (root / "kpis" / "own.yml").write_text(ODD, encoding="utf-8")
    with planted(root, UNKNOWN_STATUS):
        found, _ = judged(root)
    assert found.verdict == "publish"
    assert "payments" not in found.sources


def test_another_policy_is_another_ground_for_a_verdict(shop: Path) -> None:
    def key() -> str:
        model = Model.open(shop)
        order = orders.order(model, "monthly", "2025-06")
        with Basis(model, [order]) as basis:
            return basis.gate_key(order)

    before = key()
    assert key() == before
    gate_policy(shop, "warning: hold")
    assert key() != before


def test_a_report_with_a_warning_says_so_wherever_it_counts(
    shop: Path, process: NotebookProcess
) -> None:
    with planted(shop, PAID_TWICE):
        made(shop, process, "2025-05")
        done = made(shop, process)
    assert (done.status, done.verdict, done.exit_code) == ("published", "banner", 0)
    assert done.edition is not None
    assert {k for k, v in done.as_dict()["kpi_verdicts"].items() if v == "banner"} == {
        "average_order_value"
    }
    frame = pd.read_csv(done.edition / "values.csv", keep_default_na=False)
    said = frame.groupby("kpi")[["kpi_verdict", "checks"]].agg(lambda column: "|".join({*column}))
    check = "payments.no_invoice_paid_more_than_its_amount"
    assert tuple(said.loc["average_order_value"]) == ("banner", check)
    assert tuple(said.loc["total_revenue"]) == ("publish", "")
    page = (done.edition / "report.html").read_text(encoding="utf-8")
    pdf = "\n".join(p.extract_text() for p in pypdf.PdfReader(done.edition / "report.pdf").pages)
    # A long word may break in the PDF, at places of no width.
    for text in (page, pdf.replace("\n", " ")):
        for words in (
            "payments: no invoice is paid more than its amount", "Since May 31, 2025",
            "ask finance", check,
        ):  # fmt: skip
            # A long word breaks in the PDF, where it is read with a space.
            assert "".join(words.split()) in "".join(text.split())
        # The mark of the one card, and the line in it that says of which check.
        assert text.replace("\u00a0", " ").lower().count("data warning") == 2
    assert f'title="payments: no invoice is paid more than its amount ({check})"' in page
    gate = json.loads((done.edition / "gate.json").read_text(encoding="utf-8"))
    assert gate["kpis"]["average_order_value"] == "banner"
    assert gate["findings"][0]["since"] == "2025-05-31"


def test_a_held_report_says_it_in_two_lines_and_shows_readers_nothing(
    shop: Path, process: NotebookProcess, command: Callable[..., Result]
) -> None:
    from boardpack import site

    made(shop, process, "2025-04")
    model = Model.open(shop)
    with Ledger(shop / "var" / "ledger.sqlite") as ledger:
        site.refresh(model.workspace, ledger)
    before = readable(shop)
    with planted(shop, INVOICED_TWICE, UNKNOWN_STATUS):
        told = command(shop, "run", "monthly", "--period", "2025-04")
        as_json = command(shop, "run", "monthly", "--period", "2025-04", "--json")
    assert told.exit_code == as_json.exit_code == 3
    wrong, whom = told.stdout.splitlines()
    assert wrong.startswith("monthly 2025-04 is held: invoices: invoice_id is never repeated: not")
    assert wrong.endswith("The invoice would be counted twice.")
    assert whom == (
        "Since 2025-04-30; ask finance; and 3 more:"
        " `boardpack check invoices payments --as-of 2025-04-30`."
    )
    entry = json.loads(as_json.stdout)
    assert (entry["status"], entry["edition"], entry["files"]) == ("held", None, {})
    held = [found for found in entry["findings"] if found["leads_to"] == "hold"]
    assert [found["check"] for found in held] == [
        "invoices.invoice_id.unique", "invoices.at_least_99_invoices_sum_their_lines",
        "invoices.issued_on.no_row_repeated", "payments.status.in_set",
    ]  # fmt: skip
    assert set(entry["kpi_verdicts"].values()) == {"hold"}
    assert readable(shop) == before


def test_an_expectation_that_cannot_be_evaluated_holds_and_says_where_it_stands(
    tmp_path: Path,
) -> None:
    root = workspaces.shop(tmp_path / "shop")
    meta = {"dimension": "accuracy", "owner": "the till", "at_stake": "Much.", "sentence": "so"}
    query = "SELECT * FROM {batch} WHERE amount / 0 > 'x'::INTEGER"
    entry = {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}
    suite = {
        "name": "payments", "meta": {"replaces": "payments"},
        "expectations": [{**entry, "severity": "info", "meta": meta}],
    }  # fmt: skip
    (root / "expectations").mkdir()
    path = root / "expectations" / "payments.json"
    path.write_text(json.dumps(suite, indent=1), encoding="utf-8")
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(lines, 1) if '"type"' in text) - 1
    found, _ = judged(root)
    assert found.verdict == "hold"
    assert "could not be checked (" in found.reasons[0]
    assert f"expectations/payments.json:{line})" in found.reasons[0]
    assert found.reasons[0].endswith("ask the till.")


# ---- what pages say of a KPI

WARNED = Finding(
    "table_of_mrr", "table_of_mrr.well", f"all is well {HOSTILE}", "not so for 3 rows", "Much.",
    "banner", "finance", "2025-12-01",
)  # fmt: skip


def doubtful(*found: Finding) -> Values:
    values = small_values()
    led_to = {entry.leads_to for entry in found}
    verdict = "hold" if "hold" in led_to else "banner"
    return replace(values, report=replace(values.report, verdict=verdict, findings=found))


def plain(markdown: str) -> str:
    return markdown.replace("\\", "").replace("\u00a0", " ")


def test_a_card_carries_the_mark_and_names_the_check() -> None:
    sure, unsure = (plain(headline(doubtful(WARNED), [kpi]).markdown) for kpi in ("nps", "mrr"))
    assert "data warning" not in sure.lower()
    assert "[data warning]{.warn title=" in unsure
    assert "(table_of_mrr.well)" in unsure
    assert "Data warning: table_of_mrr, all is well" in unsure
    failed = plain(headline(doubtful(replace(WARNED, leads_to="hold")), ["mrr"]).markdown)
    assert "[data failed]{.bad title=" in failed


@pytest.mark.parametrize(
    "block",
    [
        tables.scorecard(doubtful(WARNED), ["mrr", "nps", "runway"]),
        tables.history(doubtful(WARNED), ["mrr", "nps"]),
        tables.members(doubtful(WARNED), "mrr", "segment"),
        tables.members(doubtful(WARNED), ["mrr", "new_mrr"], "segment"),
    ],
    ids=["scorecard", "history", "members", "many members"],
)
def test_a_table_carries_one_mark_and_a_note(block: tables.Text) -> None:
    markdown = plain(block.markdown)
    assert markdown.count("[data warning]{.warn title=") == 1
    (note,) = [line for line in markdown.splitlines() if line.startswith("Data warning — ")]
    assert "table_of_mrr, all is well" in note
    assert note.endswith("(Monthly Recurring Revenue).")


def test_many_kpis_are_counted() -> None:
    kpis = ["mrr", "new_mrr", "churned_mrr", "nps", "mau"]
    values = doubtful(*(replace(WARNED, source="", kpis=(kpi,), check="c") for kpi in kpis))
    together = doubtful(replace(WARNED, source="", kpis=tuple(kpis)))
    assert "5 of these KPIs" in plain(tables.history(together, kpis).markdown)
    assert "(data warning: 5 of these KPIs)" in trends(values, kpis).title


def test_a_kpi_without_target_or_value_carries_the_mark_too() -> None:
    found = [replace(WARNED, source=f"table_of_{kpi}") for kpi in ("new_mrr", "runway")]
    markdown = plain(tables.scorecard(doubtful(*found), ["new_mrr", "runway"]).markdown)
    assert markdown.count("[data warning]{.warn") == 2


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (lambda v: trend(v, "mrr"), "(data warning)"),
        (lambda v: trends(v, ["nps", "mrr", "mau"]), "(data warning: Monthly Recurring Revenue)"),
        (lambda v: by_member(v, "mrr", "segment"), "(data warning: Monthly Recurring Revenue)"),
        (lambda v: bullet(v, ["mrr", "nps"]), "(data warning: Monthly Recurring Revenue)"),
    ],
    ids=["trend", "trends", "by member", "bullet"],
)
def test_the_caption_of_a_chart_carries_the_mark(block: object, says: str) -> None:
    chart = block(doubtful(WARNED))  # type: ignore[operator]
    assert isinstance(chart, Chart)
    assert chart.title.count("data warning") == 1
    assert says in chart.title
    assert "data warning" not in block(small_values()).title  # type: ignore[operator]


def test_a_sentence_carries_the_mark() -> None:
    said = plain(summary(doubtful(WARNED), ["mrr", "nps"]).markdown)
    assert said.count("(data warning)") == 1


def test_what_is_recorded_or_of_another_source_marks_nothing() -> None:
    values = doubtful(replace(WARNED, leads_to="record"), replace(WARNED, source="elsewhere"))
    assert values.verdict("mrr") == "publish"
    assert "data warning" not in plain(headline(values, ["mrr"]).markdown).lower()


def test_an_identity_marks_the_kpis_that_it_speaks_of() -> None:
    broken = replace(WARNED, source="", leads_to="hold", kpis=("mrr", "new_mrr"))
    values = doubtful(broken)
    assert [values.verdict(kpi) for kpi in ("mrr", "new_mrr", "nps")] == ["hold", "hold", "publish"]


def test_findings_are_frozen_with_the_values(tmp_path: Path) -> None:
    values = doubtful(replace(WARNED, kpis=("mrr",))).judged()
    values.save(tmp_path)
    found = Values.load(tmp_path)
    assert found.report == values.report
    assert set(found.frame.loc[found.frame["kpi"] == "mrr", "kpi_verdict"]) == {"banner"}


@pytest.mark.parametrize("there", [True, False])
def test_the_banner_leads_to_the_page_of_the_edition_if_there_is_one(
    tmp_path: Path, there: bool
) -> None:
    desk = Desk(tmp_path)
    desk.target.mkdir(parents=True)
    if there:
        (desk.target / "quality.html").write_text("<p>", encoding="utf-8")
    facts = replace(FACTS, verdict="banner", findings=(WARNED,), reasons=(str(WARNED),))
    document = desk.assemble("Text.", facts).document.read_text(encoding="utf-8")
    assert ("](quality.html)" in document) == there
    assert "**table\\_of\\_mrr\\: all is well Smith \\& \\<b\\>Sons" in document
    assert "Since December 1, 2025 · ask finance" in document


def test_a_banner_names_six_and_counts_the_rest(tmp_path: Path) -> None:
    found = tuple(replace(WARNED, check=f"c{n}", sentence=f"number {n}") for n in range(9))
    facts = replace(FACTS, verdict="banner", findings=found)
    document = Desk(tmp_path).assemble("Text.", facts).document.read_text(encoding="utf-8")
    assert [f"number {n}." in document for n in range(9)] == [True] * 6 + [False] * 3
    assert "and 3 more, in gate\\.json of this edition" in document
