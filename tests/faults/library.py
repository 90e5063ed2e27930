"""The kinds of fault, each at two strengths, and what a reader needs the gate to say of them.

A fault that makes published figures wrong by more than a hundredth or two is critical, one of a few
rows a warning. The quality dimension is the one in which a data team would look for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planting import (
    CLOSED,
    NEWEST,
    Fault,
    Strength,
    changed,
    part,
    twice,
    within,
    without,
)

from boardpack.gate_suites import Dimension, Severity

Planted = tuple[Severity, str | Mapping[str, str]]

_FAULTS: list[Fault] = []


def kind(
    name: str, table: str, dimension: Dimension, weak: Planted, strong: Planted, found_in: str = ""
) -> None:
    """Enter a kind: what is planted at each strength, in which table, and who has to find it."""
    both: tuple[tuple[Strength, Planted], ...] = (("weak", weak), ("strong", strong))
    for strength, (severity, select) in both:
        tables = {table: select} if isinstance(select, str) else select
        _FAULTS.append(Fault(name, strength, tables, severity, dimension, found_in or table))


def faults() -> Iterator[Fault]:
    """Every fault of the library."""
    yield from _FAULTS


# Keys and rows

kind(
    "keys are missing", "payments", "completeness",
    ("warning", changed("payments", part("payment_id", 0.05), payment_id="NULL")),
    ("critical", changed("payments", part("payment_id", 5), payment_id="NULL")),
)  # fmt: skip
kind(
    "references are missing", "mrr_movements", "completeness",
    ("warning", changed("mrr_movements", part("movement_id", 0.1), account_id="NULL")),
    ("critical", changed("mrr_movements", part("movement_id", 5), account_id="NULL")),
)  # fmt: skip
kind(
    "keys are used twice", "mrr_movements", "accuracy",
    ("warning", changed("mrr_movements", part("movement_id", 0.05), movement_id="'M000001'")),
    ("critical", changed("mrr_movements", part("movement_id", 5), movement_id="'M000001'")),
)  # fmt: skip
kind(
    "a table is there twice", "invoices", "accuracy",
    ("critical", twice("invoices", within("issued_on", NEWEST))),
    ("critical", twice("invoices")),
)  # fmt: skip
kind(
    "rows are there twice under new keys", "payments", "accuracy",
    ("warning", twice("payments", f"{within('attempted_at', NEWEST)} AND {part('payment_id', 1)}",
                      payment_id="payment_id || 'b'")),
    ("critical", twice("payments", part("payment_id", 10), payment_id="payment_id || 'b'")),
)  # fmt: skip
kind(
    "a day is there twice", "leads", "accuracy",
    ("warning", twice("leads", "created_at::DATE = DATE '2025-12-09'", lead_id="lead_id || 'b'")),
    ("critical", twice("leads", "created_at::DATE BETWEEN DATE '2025-12-08' AND DATE '2025-12-14'",
                       lead_id="lead_id || 'b'")),
)  # fmt: skip
kind(
    "a month is loaded again instead of the next", "tickets", "completeness",
    ("warning",
     f"{without('tickets', within('created_at', NEWEST) + ' AND day(created_at) > 20')}"
     " UNION ALL SELECT * REPLACE ('X' || ticket_id AS ticket_id, created_at + INTERVAL 11 DAY AS"
     " created_at, first_response_at + INTERVAL 11 DAY AS first_response_at, resolved_at + INTERVAL"
     " 11 DAY AS resolved_at, reopened_at + INTERVAL 11 DAY AS reopened_at, recorded_at + INTERVAL"
     f" 11 DAY AS recorded_at) FROM tickets WHERE {within('created_at', NEWEST)}"
     " AND day(created_at) BETWEEN 10 AND 20"),
    ("critical",
     f"{without('tickets', within('created_at', NEWEST))}"
     " UNION ALL SELECT * REPLACE ('X' || ticket_id AS ticket_id, created_at + INTERVAL 30 DAY AS"
     " created_at, first_response_at + INTERVAL 30 DAY AS first_response_at, resolved_at + INTERVAL"
     " 30 DAY AS resolved_at, reopened_at + INTERVAL 30 DAY AS reopened_at, recorded_at + INTERVAL"
     f" 30 DAY AS recorded_at) FROM tickets WHERE {within('created_at', CLOSED)}"),
)  # fmt: skip
kind(
    "orphans", "payments", "consistency",
    ("warning", changed("payments", part("payment_id", 0.5), invoice_id="'I9' || invoice_id")),
    ("critical", changed("payments", part("payment_id", 10), invoice_id="'I9' || invoice_id")),
)  # fmt: skip
kind(
    "rows of a dimension are missing", "accounts", "consistency",
    ("warning", without("accounts", part("account_id", 0.3))),
    ("critical", without("accounts", part("account_id", 12))),
    found_in="invoices",
)  # fmt: skip
kind(
    "columns of keys are swapped", "sessions", "consistency",
    ("warning", changed("sessions", part("session_id", 1), user_id="account_id",
                        account_id="user_id")),
    ("critical", changed("sessions", user_id="account_id", account_id="user_id")),
)  # fmt: skip
kind(
    "rows lie with one default account", "usage_charges", "accuracy",
    ("warning", changed("usage_charges", f"{within('service_month', NEWEST)} AND"
                        f" {part('charge_id', 10)}", account_id="'A00001'")),
    ("critical", changed("usage_charges", within("service_month", NEWEST), account_id="'A00001'")),
)  # fmt: skip

# What is missing

kind(
    "a day is missing", "service_uptime_hourly", "completeness",
    ("warning", without("service_uptime_hourly",
                        "hour >= '2025-12-10' AND hour < '2025-12-10 12:00:00'")),
    ("critical", without("service_uptime_hourly", "hour::DATE = DATE '2025-12-10'")),
)  # fmt: skip
kind(
    "a day of a small table is missing", "payments", "completeness",
    ("warning", without("payments", "attempted_at::DATE = DATE '2025-12-10'")),
    ("critical", without("payments", "attempted_at::DATE BETWEEN '2025-12-10' AND '2025-12-12'")),
)  # fmt: skip
kind(
    "a week is missing", "leads", "completeness",
    ("warning", without("leads", "created_at::DATE BETWEEN '2025-12-08' AND '2025-12-14' AND "
                        + part("lead_id", 50))),
    ("critical", without("leads", "created_at::DATE BETWEEN '2025-12-08' AND '2025-12-14'")),
)  # fmt: skip
kind(
    "a region is missing", "payments", "completeness",
    ("warning", without("payments", f"{within('attempted_at', NEWEST)} AND invoice_id IN (SELECT"
     " invoice_id FROM invoices JOIN accounts USING (account_id) WHERE region = 'latam')")),
    ("critical", without("payments", f"{within('attempted_at', NEWEST)} AND invoice_id IN (SELECT"
     " invoice_id FROM invoices JOIN accounts USING (account_id) WHERE region = 'europe')")),
)  # fmt: skip
kind(
    "a kind of rows is missing", "job_runs", "completeness",
    ("warning", without("job_runs", "job_kind = 'transform' AND scheduled_for >= '2025-12-08'")),
    ("critical", without("job_runs", "job_kind = 'ingest' AND " + within("scheduled_for", NEWEST))),
)  # fmt: skip
kind(
    "half a table", "opportunities", "completeness",
    ("warning", without("opportunities", part("opportunity_id", 3))),
    ("critical", without("opportunities", part("opportunity_id", 50))),
)  # fmt: skip
kind(
    "the newest part is cut off", "web_visits", "completeness",
    ("warning", without("web_visits", "visited_at >= '2025-12-29'")),
    ("critical", without("web_visits", "visited_at >= '2025-12-18'")),
)  # fmt: skip
kind(
    "the oldest part is cut off", "gl_entries", "completeness",
    ("warning", without("gl_entries", "posted_on < '2023-04-01'")),
    ("critical", without("gl_entries", "posted_on < '2025-06-01'")),
)  # fmt: skip
kind(
    "rows of one kind are lost in a join", "invoice_lines", "consistency",
    ("warning", without("invoice_lines", f"line_type = 'usage' AND {part('line_id', 0.5)}")),
    ("critical", without("invoice_lines", "line_type = 'usage'")),
    found_in="invoices",
)  # fmt: skip

# Time

kind(
    "moments are shifted by days", "tickets", "accuracy",
    ("warning", changed("tickets", part("ticket_id", 1),
                        created_at="created_at + INTERVAL 3 DAY")),
    ("critical", changed("tickets", part("ticket_id", 15),
                         created_at="created_at + INTERVAL 3 DAY")),
)  # fmt: skip
kind(
    "a load is dated to another day", "onboarding_steps", "completeness",
    ("warning", changed("onboarding_steps", "started_at::DATE = DATE '2025-12-10'",
                        started_at="started_at - INTERVAL 1 DAY")),
    ("critical", changed("onboarding_steps",
                         "started_at::DATE BETWEEN '2025-12-08' AND '2025-12-14'",
                         started_at="started_at - INTERVAL 7 DAY")),
)  # fmt: skip
kind(
    "start and end are swapped", "sessions", "accuracy",
    ("warning", changed("sessions", part("session_id", 0.5), started_at="ended_at",
                        ended_at="started_at")),
    ("critical", changed("sessions", part("session_id", 20), started_at="ended_at",
                         ended_at="started_at")),
)  # fmt: skip
kind(
    "day and month are swapped", "invoices", "accuracy",
    ("warning", changed("invoices", f"day(issued_on) <= 12 AND {part('invoice_id', 1)}",
                        issued_on="make_date(year(issued_on), day(issued_on), month(issued_on))")),
    ("critical", changed("invoices", "day(issued_on) <= 12",
                         issued_on="make_date(year(issued_on), day(issued_on), month(issued_on))")),
)  # fmt: skip
kind(
    "rows lie in the future", "payments", "accuracy",
    ("warning", changed("payments", f"{within('attempted_at', NEWEST)} AND"
                        f" {part('payment_id', 0.3)}",
                        attempted_at="attempted_at + INTERVAL 1 YEAR")),
    ("critical", changed("payments", f"{within('attempted_at', NEWEST)} AND"
                         f" {part('payment_id', 20)}",
                         attempted_at="attempted_at + INTERVAL 1 YEAR")),
)  # fmt: skip
kind(
    "another time zone", "payments", "accuracy",
    ("warning", changed("payments", within("attempted_at", NEWEST),
                        attempted_at="attempted_at + INTERVAL 2 HOUR")),
    ("critical", changed("payments", within("attempted_at", NEWEST),
                         attempted_at="attempted_at - INTERVAL 9 HOUR")),
)  # fmt: skip
kind(
    "another time zone of events", "sessions", "accuracy",
    ("warning", changed("sessions", within("started_at", NEWEST),
                        started_at="started_at - INTERVAL 3 HOUR",
                        ended_at="ended_at - INTERVAL 3 HOUR")),
    ("critical", changed("sessions", "started_at >= '2025-10-01'",
                         started_at="started_at - INTERVAL 9 HOUR",
                         ended_at="ended_at - INTERVAL 9 HOUR")),
)  # fmt: skip
kind(
    "moments lose their time of day", "leads", "accuracy",
    ("warning", changed("leads", f"{within('created_at', NEWEST)} AND {part('lead_id', 30)}",
                        created_at="created_at::DATE::TIMESTAMP")),
    ("critical", changed("leads", within("created_at", NEWEST),
                         created_at="created_at::DATE::TIMESTAMP")),
)  # fmt: skip
kind(
    "a table is stale", "events", "timeliness",
    ("warning", without("events", "occurred_at >= '2025-12-20'")),
    ("critical", without("events", "occurred_at >= '2025-11-01'")),
)  # fmt: skip
kind(
    "one part of a table is stale", "ai_usage_hourly", "completeness",
    ("warning", without("ai_usage_hourly", "hour >= '2025-12-29' AND node_type = 'forecast'")),
    ("critical", without("ai_usage_hourly", "hour >= '2025-12-05' AND node_type = 'generate'")),
)  # fmt: skip
kind(
    "rows come late", "invoices", "timeliness",
    ("warning", changed("invoices", f"issued_on BETWEEN '2025-12-01' AND '2025-12-20' AND"
                        f" {part('invoice_id', 20)}", recorded_at="recorded_at + INTERVAL 9 DAY")),
    ("warning", changed("invoices", "issued_on BETWEEN '2025-11-01' AND '2025-12-20'",
                        recorded_at="recorded_at + INTERVAL 9 DAY")),
)  # fmt: skip
kind(
    "default dates", "invoices", "accuracy",
    ("warning", changed("invoices", part("invoice_id", 0.1), issued_on="DATE '1970-01-01'")),
    ("critical", changed("invoices", part("invoice_id", 15), issued_on="DATE '1970-01-01'")),
)  # fmt: skip

# Numbers

kind(
    "signs are turned", "invoices", "accuracy",
    ("warning", changed("invoices", part("invoice_id", 0.5), amount="-amount")),
    ("critical", changed("invoices", part("invoice_id", 15), amount="-amount")),
)  # fmt: skip
kind(
    "amounts are negative", "usage_charges", "accuracy",
    ("warning", changed("usage_charges", part("charge_id", 0.1), amount="-amount")),
    ("critical", changed("usage_charges", part("charge_id", 15), amount="-amount")),
)  # fmt: skip
kind(
    "movements have the wrong sign", "mrr_movements", "accuracy",
    ("warning", changed("mrr_movements", f"movement_type = 'churn' AND {part('movement_id', 1)}",
                        amount="-amount")),
    ("critical", changed("mrr_movements", "movement_type = 'churn'", amount="-amount")),
)  # fmt: skip
kind(
    "cents for euros", "payments", "accuracy",
    ("warning", changed("payments", f"{within('attempted_at', NEWEST)} AND"
                        f" {part('payment_id', 1)}", amount="amount * 100")),
    ("critical", changed("payments", within("attempted_at", NEWEST), amount="amount * 100")),
)  # fmt: skip
kind(
    "thousands for ones", "gl_entries", "accuracy",
    ("warning", changed("gl_entries", f"{within('posted_on', NEWEST)} AND pnl_line = 'sales'",
                        amount="amount / 1000")),
    ("critical", changed("gl_entries", within("posted_on", NEWEST), amount="amount / 1000")),
)  # fmt: skip
kind(
    "currencies are mixed", "invoices", "accuracy",
    ("critical", changed("invoices", f"{within('issued_on', NEWEST)} AND account_id IN (SELECT"
     " account_id FROM accounts WHERE region = 'europe')", amount="round(amount * 0.85, 2)")),
    ("critical", changed("invoices", f"{within('issued_on', NEWEST)} AND account_id IN (SELECT"
     " account_id FROM accounts WHERE region = 'apac')", amount="round(amount * 150, 2)")),
)  # fmt: skip
kind(
    "the decimal comma is lost", "usage_charges", "accuracy",
    ("warning", changed("usage_charges", f"{within('service_month', NEWEST)} AND"
                        f" {part('charge_id', 2)}", amount="amount * 100")),
    ("critical", changed("usage_charges", f"{within('service_month', NEWEST)} AND"
                         f" {part('charge_id', 60)}", amount="amount * 100")),
)  # fmt: skip
kind(
    "percentages as fractions", "infra_metrics_hourly", "accuracy",
    ("warning", changed("infra_metrics_hourly", "hour >= '2025-12-15' AND host_group = 'app'",
                        cpu_pct="cpu_pct / 100")),
    ("critical", changed("infra_metrics_hourly", "hour >= '2025-12-15'", cpu_pct="cpu_pct / 100",
                         memory_pct="memory_pct / 100", disk_pct="disk_pct / 100")),
)  # fmt: skip
kind(
    "milliseconds as seconds", "request_metrics", "accuracy",
    ("warning", changed("request_metrics", "bucket_start >= '2025-12-20' AND surface = 'mobile'",
                        duration_ms_sum="duration_ms_sum / 1000")),
    ("critical", changed("request_metrics", "bucket_start >= '2025-12-01'",
                         duration_ms_sum="duration_ms_sum / 1000")),
)  # fmt: skip
kind(
    "a mean drifts", "survey_responses", "accuracy",
    ("warning", changed("survey_responses", "responded_at >= '2025-10-01' AND score > scale_min",
                        score="greatest(scale_min, round(score * 0.7))")),
    ("critical", changed("survey_responses", within("responded_at", NEWEST), score="scale_min")),
)  # fmt: skip
kind(
    "zeros flood a column", "opportunities", "accuracy",
    ("warning", changed("opportunities", f"{within('created_at', NEWEST)} AND"
                        f" {part('opportunity_id', 30)}", amount="0")),
    ("critical", changed("opportunities", f"created_at >= '2025-11-01' AND"
                         f" {part('opportunity_id', 90)}", amount="0")),
)  # fmt: skip
kind(
    "scores lie off their scale", "survey_responses", "accuracy",
    ("warning", changed("survey_responses", f"survey_type = 'nps' AND {part('response_id', 0.1)}",
                        score="score + 11")),
    ("critical", changed("survey_responses", "survey_type = 'nps' AND responded_at >= '2025-12-01'",
                         score="score * 10")),
)  # fmt: skip
kind(
    "a histogram is broken", "request_metrics", "accuracy",
    ("warning", changed("request_metrics", part("bucket_start::VARCHAR || surface || region", 0.1),
                        le_200="le_500 + 1")),
    ("critical", changed("request_metrics", within("bucket_start", NEWEST), le_200="le_500 + 1",
                         le_1000="requests + 5")),
)  # fmt: skip
kind(
    "amounts are rounded", "invoices", "consistency",
    ("warning", changed("invoices", f"{within('issued_on', NEWEST)} AND {part('invoice_id', 5)}",
                        amount="round(amount)")),
    ("critical", changed("invoices", amount="round(amount)")),
)  # fmt: skip
kind(
    "an outlier", "marketing_spend", "accuracy",
    ("warning", changed("marketing_spend", "spend_id = (SELECT min(spend_id) FROM marketing_spend"
     f" WHERE {within('spend_on', NEWEST)})", amount="amount + 5000")),
    ("critical", changed("marketing_spend", "spend_id = (SELECT min(spend_id) FROM marketing_spend"
     f" WHERE {within('spend_on', NEWEST)})", amount="99999999")),
)  # fmt: skip

# Words

kind(
    "an enumeration has a typo", "payments", "accuracy",
    ("warning", changed("payments", part("payment_id", 0.05), status="'succeded'")),
    ("critical", changed("payments", f"status = 'succeeded' AND {part('payment_id', 10)}",
                         status="'succeded'")),
)  # fmt: skip
kind(
    "an enumeration has another case", "accounts", "accuracy",
    ("warning", changed("accounts", part("account_id", 0.1), segment="upper(segment)")),
    ("critical", changed("accounts", part("account_id", 40), segment="upper(segment)")),
)  # fmt: skip
kind(
    "letters are damaged", "accounts", "consistency",
    ("warning", changed("accounts", "country = 'Sweden' AND " + part("account_id", 5),
                        country="'SuÃ¨de'")),
    ("warning", changed("accounts", "region = 'europe'", country="'Ã' || country")),
)  # fmt: skip
kind(
    "spaces around words", "web_visits", "consistency",
    ("warning", changed("web_visits", part("visit_id", 0.1), channel="channel || ' '")),
    ("warning", changed("web_visits", part("visit_id", 40), channel="channel || ' '")),
)  # fmt: skip
kind(
    "spaces around members that KPIs are split by", "leads", "accuracy",
    ("warning", changed("leads", part("lead_id", 0.1), segment="segment || ' '")),
    ("critical", changed("leads", part("lead_id", 40), segment="segment || ' '")),
)  # fmt: skip
kind(
    "nulls as words", "tickets", "consistency",
    ("warning", changed("tickets", part("ticket_id", 0.2), category="'NULL'")),
    ("warning", changed("tickets", part("ticket_id", 50), category="'None'")),
)  # fmt: skip
kind(
    "'unknown' floods a column", "web_visits", "consistency",
    ("warning", changed("web_visits", f"{within('visited_at', NEWEST)} AND"
                        f" {part('visit_id', 15)}", country="'unknown'")),
    ("critical", changed("web_visits", f"{within('visited_at', NEWEST)} AND"
                         f" {part('visit_id', 80)}", country="'unknown'")),
)  # fmt: skip
kind(
    "a share drifts", "payments", "consistency",
    ("warning", changed("payments", f"{within('attempted_at', NEWEST)} AND status = 'succeeded' AND"
                        f" {part('payment_id', 20)}", status="'failed'")),
    ("critical", changed("payments", f"{within('attempted_at', NEWEST)} AND status = 'succeeded'"
                         f" AND {part('payment_id', 60)}", status="'failed'")),
)  # fmt: skip
kind(
    "a member is taken for another", "tickets", "consistency",
    ("warning", changed("tickets", f"{within('created_at', NEWEST)} AND priority = 'standard' AND"
                        f" {part('ticket_id', 60)}", priority="'critical'")),
    ("critical", changed("tickets", f"{within('created_at', NEWEST)} AND priority = 'standard'",
                         priority="'low'")),
)  # fmt: skip
kind(
    "test accounts leak in", "accounts", "accuracy",
    ("warning", changed("accounts", part("account_id", 0.1), account_name="'Test account'")),
    ("critical", changed("accounts", is_internal="false")),
)  # fmt: skip

# Columns

kind(
    "a column is renamed", "payments", "consistency",
    ("critical", "SELECT * RENAME (amount AS amount_net) FROM payments"),
    ("critical", "SELECT * RENAME (payment_id AS id, status AS state) FROM payments"),
)  # fmt: skip
kind(
    "a column is dropped", "invoices", "consistency",
    ("critical", "SELECT * EXCLUDE (due_on) FROM invoices"),
    ("critical", "SELECT * EXCLUDE (account_id, amount) FROM invoices"),
)  # fmt: skip
kind(
    "a column has another type", "usage_charges", "consistency",
    ("critical", "SELECT * REPLACE (strftime(service_month, '%d.%m.%Y') AS service_month) FROM"
                 " usage_charges"),
    ("critical", "SELECT * REPLACE (amount::VARCHAR || ' EUR' AS amount) FROM usage_charges"),
)  # fmt: skip
kind(
    "a table is empty", "payments", "completeness",
    ("critical", changed("payments", attempted_at="attempted_at + INTERVAL 5 YEAR")),
    ("critical", "SELECT * FROM payments WHERE false"),
)  # fmt: skip
kind(
    "a column is emptied", "tickets", "completeness",
    ("warning", changed("tickets", f"created_at BETWEEN '2025-11-01' AND '2025-12-15' AND"
                        f" {part('ticket_id', 40)}", first_response_at="NULL")),
    ("critical", changed("tickets", "created_at BETWEEN '2025-10-01' AND '2025-12-31'",
                         first_response_at="NULL", resolved_at="NULL")),
)  # fmt: skip
kind(
    "a column that splits is emptied", "accounts", "completeness",
    ("warning", changed("accounts", part("account_id", 0.2), segment="NULL")),
    ("critical", changed("accounts", part("account_id", 30), segment="NULL")),
)  # fmt: skip

# What must agree

kind(
    "totals are off by a row", "invoices", "auditability",
    ("warning", without("invoices", "invoice_id = (SELECT min(invoice_id) FROM invoices WHERE"
                        f" {within('issued_on', CLOSED)})")),
    ("warning", twice("invoices", "invoice_id = (SELECT min(invoice_id) FROM invoices WHERE"
                      f" {within('issued_on', CLOSED)})", invoice_id="'I' || invoice_id")),
)  # fmt: skip
kind(
    "an invoice is not its lines", "invoice_lines", "consistency",
    ("warning", changed("invoice_lines", part("line_id", 0.1), amount="amount + 1")),
    ("critical", changed("invoice_lines", part("line_id", 10), amount="amount + 1")),
    found_in="invoices",
)  # fmt: skip
kind(
    "the cash bridge is broken", "cash_balances", "consistency",
    ("critical", changed("cash_balances", "month_end = '2025-11-30'",
                         closing_balance="closing_balance + 100")),
    ("critical", changed("cash_balances", operating_payments="operating_payments * 1.1")),
)  # fmt: skip
kind(
    "the MRR bridge is broken", "mrr_movements", "consistency",
    ("warning", without("mrr_movements", f"effective_on < '2025-11-01' AND movement_type = 'new'"
                        f" AND {part('movement_id', 0.2)}")),
    ("critical", without("mrr_movements", f"effective_on < '2025-11-01' AND"
                         f" {part('movement_id', 10)}")),
    found_in="subscriptions",
)  # fmt: skip
kind(
    "MRR below zero", "mrr_movements", "accuracy",
    ("warning", changed("mrr_movements", f"movement_type = 'churn' AND {part('movement_id', 0.5)}",
                        amount="2 * amount")),
    ("critical", changed("mrr_movements", "movement_type = 'churn'", amount="2 * amount")),
)  # fmt: skip
kind(
    "subscriptions are not their movements", "subscriptions", "consistency",
    ("warning", changed("subscriptions", part("subscription_id", 0.5), mrr="mrr + 10")),
    ("critical", changed("subscriptions", part("subscription_id", 30), mrr="mrr * 1.5")),
)  # fmt: skip
kind(
    "subscriptions are missing", "subscriptions", "consistency",
    ("warning", without("subscriptions", f"status = 'active' AND {part('subscription_id', 0.5)}")),
    ("critical", without("subscriptions", f"status = 'active' AND {part('subscription_id', 15)}")),
)  # fmt: skip
kind(
    "contracts are not their subscriptions", "contracts", "consistency",
    ("warning", changed("contracts", part("contract_id", 10), acv="acv * 1.2")),
    ("critical", changed("contracts", acv="acv / 12")),
)  # fmt: skip
kind(
    "void invoices are paid", "invoices", "consistency",
    ("warning", changed("invoices", f"status = 'paid' AND {part('invoice_id', 0.1)}",
                        status="'void'")),
    ("critical", changed("invoices", f"status = 'paid' AND {part('invoice_id', 10)}",
                         status="'void'")),
)  # fmt: skip
kind(
    "open invoices have a day of payment", "invoices", "consistency",
    ("warning", changed("invoices", f"status = 'paid' AND {part('invoice_id', 0.1)}",
                        status="'open'")),
    ("critical", changed("invoices", f"status = 'paid' AND {part('invoice_id', 20)}",
                         status="'open'")),
)  # fmt: skip
kind(
    "invoices are paid more than once", "payments", "consistency",
    ("warning", changed("payments", f"status = 'failed' AND {part('payment_id', 3)}",
                        status="'succeeded'", failure_code="NULL")),
    ("critical", changed("payments", "status = 'failed'", status="'succeeded'",
                         failure_code="NULL")),
)  # fmt: skip
kind(
    "the order of stages is broken", "opportunity_stage_history", "consistency",
    ("warning", changed("opportunity_stage_history", part("history_id", 0.2),
                        stage_order_before="stage_order_before + 1")),
    ("critical", changed("opportunity_stage_history", part("history_id", 15),
                         entered_at="entered_at - INTERVAL 20 DAY")),
)  # fmt: skip
kind(
    "open deals have an end", "opportunities", "consistency",
    ("warning", changed("opportunities", f"outcome = 'won' AND {part('opportunity_id', 0.3)}",
                        outcome="'open'")),
    ("critical", changed("opportunities", f"outcome = 'won' AND {part('opportunity_id', 30)}",
                         outcome="'open'")),
)  # fmt: skip
kind(
    "spend is not the ledger's", "marketing_spend", "consistency",
    ("warning", changed("marketing_spend", "spend_on = '2025-10-20'", amount="amount + 5")),
    ("warning", changed("marketing_spend", "spend_on >= '2025-01-01'", amount="amount * 1.1")),
)  # fmt: skip
kind(
    "events lie outside their sessions", "events", "consistency",
    ("warning", changed("events", part("event_id", 1),
                        occurred_at="occurred_at - INTERVAL 5 HOUR")),
    ("critical", changed("events", part("event_id", 60),
                         occurred_at="occurred_at - INTERVAL 5 HOUR")),
)  # fmt: skip

# After the month was reported

kind(
    "rows of a closed month are deleted", "payments", "auditability",
    ("warning", without("payments", f"{within('attempted_at', CLOSED)} AND"
                        f" {part('payment_id', 0.5)}")),
    ("warning", without("payments", f"{within('attempted_at', CLOSED)} AND"
                        f" {part('payment_id', 10)}")),
)  # fmt: skip
kind(
    "rows of a closed month are changed", "gl_entries", "auditability",
    ("warning", changed("gl_entries", "entry_id = (SELECT min(entry_id) FROM gl_entries WHERE"
                        f" {within('posted_on', CLOSED)})", amount="amount + 10")),
    ("warning", changed("gl_entries", within("posted_on", CLOSED), amount="amount * 1.05")),
)  # fmt: skip
kind(
    "rows are written into a closed month", "mrr_movements", "auditability",
    ("warning", twice("mrr_movements", "movement_id = (SELECT max(movement_id) FROM mrr_movements"
                      f" WHERE {within('effective_on', CLOSED)})", movement_id="'N1'")),
    ("warning", twice("mrr_movements", f"{within('effective_on', CLOSED)} AND"
                      f" {part('movement_id', 10)}", movement_id="movement_id || 'b'")),
)  # fmt: skip
