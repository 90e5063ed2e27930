"""The demo company: what must hold to the cent, what its figures must look like, how it is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from boardpack import demo
from boardpack.demo import finance
from boardpack.errors import StorageError, UserError
from boardpack.source_files import load
from boardpack.sources import Source
from boardpack.workspace import SUITE, Workspace

TABLES = {
    "accounts", "users", "plans", "subscriptions", "mrr_movements", "usage_charges", "sessions",
    "events", "features", "trials", "web_visits", "survey_responses", "tickets",
    "business_calendar", "request_metrics", "service_uptime_hourly", "gl_entries", "cash_balances",
    "invoices", "invoice_lines", "payments", "product_objects", "incidents", "budgets",
    "opportunities", "opportunity_stage_history", "contracts", "quotas", "leads", "touchpoints",
    "marketing_spend", "infra_metrics_hourly", "load_tests", "data_volume_daily", "workflow_runs",
    "ai_usage_hourly", "engagements", "job_runs", "action_items", "work_items", "sprints",
    "code_quality_scans", "onboarding_steps", "account_health_daily", "email_sends",
    "manual_inputs", "initiatives", "insights",
    "user_features", "competitors", "market_estimates", "employees", "projects",
    "sales_activities",
}  # fmt: skip
#: Those of users and visitors, and what is measured of them.
SCALED = {
    "sessions", "events", "product_objects", "web_visits", "request_metrics", "workflow_runs",
    "infra_metrics_hourly", "load_tests", "source_reconciliations", "user_features",
}  # fmt: skip

#: What is meant, and SQL for the rows that break it.
RULES = {
    "subscriptions in force agree with movements, account by account, at the end of every day": """
        SELECT account_id, day, sum(amount) FROM (
          SELECT account_id, effective_on AS day, amount FROM mrr_movements
          UNION ALL SELECT account_id, started_on, -mrr FROM subscriptions
          UNION ALL SELECT account_id, ended_on, mrr FROM subscriptions WHERE ended_on IS NOT NULL)
        GROUP BY ALL HAVING sum(amount) <> 0""",
    "an account's MRR is never negative, and is zero exactly after churn": """
        SELECT * FROM (
          SELECT account_id, effective_on, bool_or(movement_type = 'churn') AS churns,
                 bool_and(movement_type = 'churn') AS only_churns,
                 sum(sum(amount)) OVER (PARTITION BY account_id ORDER BY effective_on) AS mrr
          FROM mrr_movements GROUP BY account_id, effective_on)
        WHERE mrr < 0 OR (mrr = 0) <> churns OR churns <> only_churns""",
    "the first movement of an account is new, no later one is": """
        SELECT * FROM (
          SELECT account_id, movement_type,
                 row_number() OVER (PARTITION BY account_id ORDER BY effective_on) AS n
          FROM mrr_movements) WHERE (n = 1) <> (movement_type = 'new')""",
    "a reactivation follows full churn": """
        SELECT r.account_id FROM mrr_movements AS r JOIN mrr_movements AS b
          ON b.account_id = r.account_id AND b.effective_on < r.effective_on
        WHERE r.movement_type = 'reactivation' GROUP BY r.account_id, r.movement_id
        HAVING sum(b.amount) <> 0""",
    "signs and details follow the movement type": """
        SELECT * FROM mrr_movements
        WHERE (amount < 0) <> (movement_type IN ('contraction', 'churn')) OR amount = 0
           OR (expansion_type IS NOT NULL) <> (movement_type = 'expansion')
           OR (churn_type IS NOT NULL) <> (movement_type = 'churn')
           OR (churn_reason IS NOT NULL) <> (movement_type = 'churn')""",
    "a version's MRR is its quantity at its price": """
        SELECT * FROM subscriptions WHERE mrr <= 0 OR 0.00501 < abs(mrr - quantity * unit_price
          * (100 - discount_pct) / 100 / CASE billing_period WHEN 'monthly' THEN 1
              WHEN 'annual' THEN 12 ELSE 24 END)""",
    "a version begins where the one before it ends": """
        SELECT * FROM (
          SELECT *, lag(ended_on) OVER line AS before FROM subscriptions
          WINDOW line AS (PARTITION BY regexp_replace(subscription_id, '-[0-9]+$', '')
                          ORDER BY started_on))
        WHERE before <> started_on OR ended_on <= started_on""",
    "what ended is cancelled, what is in force is not": """
        SELECT * FROM subscriptions WHERE (ended_on IS NOT NULL) <> (status = 'cancelled')""",
    "an invoice is the sum of its lines": """
        SELECT invoice_id FROM invoices JOIN (
          SELECT invoice_id, sum(amount) AS lines FROM invoice_lines GROUP BY ALL)
          USING (invoice_id) WHERE amount <> lines
        UNION ALL SELECT invoice_id FROM invoices ANTI JOIN invoice_lines USING (invoice_id)""",
    "an invoice is paid when, and only when, one payment of its amount succeeded": """
        SELECT invoice_id FROM invoices LEFT JOIN (
          SELECT invoice_id, count(*) AS n, sum(amount) AS paid, max(attempted_at)::DATE AS day
          FROM payments WHERE status = 'succeeded' GROUP BY ALL) USING (invoice_id)
        WHERE CASE WHEN status = 'paid' THEN n IS DISTINCT FROM 1 OR paid <> amount
                        OR paid_on <> day
                   ELSE n IS NOT NULL OR paid_on IS NOT NULL END""",
    "nothing is paid before it is issued": """
        SELECT payment_id FROM payments JOIN invoices USING (invoice_id)
        WHERE attempted_at::DATE < issued_on""",
    "overdue and open differ by the due day": """
        SELECT * FROM invoices WHERE status IN ('open', 'overdue')
          AND (due_on < DATE '2026-01-01') <> (status = 'overdue')""",
    "usage is invoiced as it was charged": """
        SELECT * FROM (SELECT account_id, feature_id, service_month AS day, amount
                       FROM usage_charges)
        FULL JOIN (SELECT account_id, feature_id, service_start AS day, l.amount AS billed
                   FROM invoice_lines AS l JOIN invoices AS i USING (invoice_id)
                   WHERE line_type = 'usage' AND status <> 'void')
          USING (account_id, feature_id, day) WHERE amount IS DISTINCT FROM billed""",
    "what is invoiced is recognised over days that are there": """
        SELECT * FROM invoice_lines WHERE service_end < service_start OR amount <= 0""",
    "every month of a subscription is invoiced once": """
        SELECT s.account_id, day FROM (
          SELECT account_id, unnest(range(started_on, coalesce(ended_on, DATE '2025-11-15'),
                                          INTERVAL 7 DAY))::DATE AS day FROM subscriptions) AS s
        LEFT JOIN (SELECT account_id, service_start, service_end FROM invoice_lines
                   JOIN invoices USING (invoice_id)
                   WHERE line_type IN ('subscription', 'addon') AND status <> 'void') AS l
          ON l.account_id = s.account_id AND day BETWEEN service_start AND service_end
        WHERE l.account_id IS NULL""",
    "cash closes at opening and flows, and opens where it closed": """
        SELECT * FROM (SELECT *, lag(closing_balance) OVER (ORDER BY month_end) AS before
                       FROM cash_balances)
        WHERE closing_balance <> opening_balance + customer_receipts - operating_payments
                                 + financing_inflows
           OR before <> opening_balance""",
    "cash receipts are the payments that succeeded": """
        SELECT * FROM cash_balances LEFT JOIN (
          SELECT last_day(attempted_at::DATE) AS month_end, sum(amount) AS paid
          FROM payments WHERE status = 'succeeded' GROUP BY ALL) USING (month_end)
        WHERE customer_receipts <> paid""",
    "an event lies inside its session and is its user's": """
        SELECT event_id FROM events AS e JOIN sessions AS s USING (session_id)
        WHERE e.user_id <> s.user_id OR e.account_id <> s.account_id
           OR occurred_at < started_at OR occurred_at > ended_at
        UNION ALL SELECT event_id FROM events ANTI JOIN sessions USING (session_id)""",
    "a dashboard or workflow is there for every event that makes one, by its user": """
        SELECT event_id FROM events AS e FULL JOIN (
          SELECT *, object_id[3:] AS event_id FROM product_objects) AS o USING (event_id)
        WHERE (o.object_id IS NULL) <> (event_name IS NULL OR event_name NOT IN
                                        ('dashboard_created', 'workflow_created',
                                         'report_generated'))
          AND NOT (o.object_id IS NULL AND event_name = 'report_generated')
           OR o.object_id IS NOT NULL
          AND (created_at <> occurred_at OR created_by_user_id <> e.user_id
               OR o.account_id <> e.account_id OR o.recorded_at <> e.recorded_at
               OR object_type <> CASE event_name WHEN 'dashboard_created' THEN 'dashboard'
                                      WHEN 'workflow_created' THEN 'workflow' ELSE 'report' END)""",
    "what an account built ends within two weeks of it": """
        SELECT object_id FROM product_objects AS o JOIN subscriptions AS s USING (account_id)
        GROUP BY object_id, created_at, archived_at
        HAVING max(coalesce(ended_on, DATE '2026-01-01')) BETWEEN created_at::DATE + 1
                                                               AND DATE '2025-12-15'
           AND coalesce(archived_at::DATE > max(ended_on) + 14, true)""",
    "an outage lies in hours that were down as long": """
        SELECT incident_id FROM incidents AS n LEFT JOIN service_uptime_hourly AS h
          ON h.service = n.service AND h.region = n.region
         AND hour < resolved_at AND hour + INTERVAL 1 HOUR > started_at
        WHERE incident_type = 'outage' GROUP BY incident_id, started_at, resolved_at
        HAVING coalesce(abs(epoch(resolved_at - started_at) / 60
                            - sum(unplanned_down_minutes)) > 0.02, true)""",
    "an hour that was down for two minutes has its outage": """
        SELECT hour FROM service_uptime_hourly AS h ANTI JOIN incidents AS n
          ON h.service = n.service AND h.region = n.region AND incident_type = 'outage'
         AND hour < resolved_at AND hour + INTERVAL 1 HOUR > started_at
        WHERE unplanned_down_minutes >= 2""",
    "every month plans every line of the ledger, and the burn": """
        SELECT * FROM (SELECT first AS month, line FROM months,
                         (SELECT DISTINCT pnl_line AS line FROM gl_entries
                          UNION ALL SELECT 'net_burn'))
        FULL JOIN budgets AS b USING (month, line)
        WHERE b.amount IS NULL OR month IS NULL OR recorded_at >= month""",
    "a session begins with its one session_start": """
        SELECT session_id FROM sessions LEFT JOIN events AS e USING (session_id)
        GROUP BY ALL HAVING count(CASE WHEN event_name = 'session_start'
                                        AND occurred_at = started_at THEN 1 END) <> 1
            OR count(CASE WHEN event_name = 'session_start' THEN 1 END) <> 1""",
    "a session lies within one day": """
        SELECT * FROM sessions WHERE ended_at < started_at OR ended_at::DATE <> started_at::DATE""",
    "users come after their account": """
        SELECT user_id FROM users AS u JOIN accounts AS a USING (account_id)
        WHERE u.created_at < a.created_at OR deactivated_at < u.created_at""",
    "sessions come between the making and the closing of the seat": """
        SELECT session_id FROM sessions JOIN users USING (user_id)
        WHERE sessions.account_id <> users.account_id OR started_at < created_at
           OR started_at > deactivated_at""",
    "trials, purchases, tickets and surveys come after the account": """
        SELECT 'trial' FROM trials JOIN accounts USING (account_id) WHERE started_at < created_at
        UNION ALL SELECT 'movement' FROM mrr_movements JOIN accounts USING (account_id)
          WHERE effective_on < created_at::DATE
        UNION ALL SELECT 'ticket' FROM tickets AS t JOIN users AS u USING (user_id)
          WHERE t.created_at < u.created_at OR t.created_at > u.deactivated_at
             OR t.account_id <> u.account_id
        UNION ALL SELECT 'survey' FROM survey_responses AS r JOIN users AS u USING (user_id)
          WHERE sent_at < u.created_at OR r.account_id <> u.account_id""",
    "moments of a row come in their order": """
        SELECT 'trial' FROM trials WHERE ends_at <= started_at OR converted_at < started_at
            OR converted_at > ends_at + INTERVAL 30 DAY
        UNION ALL SELECT 'ticket' FROM tickets WHERE first_response_at < created_at
            OR resolved_at < first_response_at OR reopened_at < resolved_at
            OR (first_response_at IS NULL AND resolved_at IS NOT NULL)
        UNION ALL SELECT 'object' FROM product_objects WHERE archived_at <= created_at
        UNION ALL SELECT 'incident' FROM incidents WHERE detected_at < started_at
            OR resolved_at < detected_at
        UNION ALL SELECT 'survey' FROM survey_responses WHERE responded_at < sent_at
            OR (score IS NULL) <> (responded_at IS NULL)
            OR score NOT BETWEEN scale_min AND scale_max""",
    "who converts a trial becomes a customer on that day": """
        SELECT account_id FROM trials LEFT JOIN (
          SELECT account_id, effective_on FROM mrr_movements WHERE movement_type = 'new')
          USING (account_id)
        WHERE converted_at IS NOT NULL AND effective_on IS DISTINCT FROM converted_at::DATE""",
    "histogram counts rise to the number of requests": """
        SELECT * FROM request_metrics
        WHERE NOT (0 <= le_25 AND le_25 <= le_50 AND le_50 <= le_100 AND le_100 <= le_200
                   AND le_200 <= le_500 AND le_500 <= le_1000 AND le_1000 <= le_2000
                   AND le_2000 <= le_3000 AND le_3000 <= le_5000 AND le_5000 <= le_10000
                   AND le_10000 <= requests)
           OR errors_5xx + timeouts + errors_4xx > requests OR least(errors_5xx, timeouts) < 0""",
    "an hour has sixty minutes": """
        SELECT * FROM service_uptime_hourly WHERE total_minutes <> 60
           OR unplanned_down_minutes + planned_down_minutes + degraded_minutes > 60
           OR least(unplanned_down_minutes, planned_down_minutes, degraded_minutes) < 0""",
    "own workspaces bring no revenue": """
        SELECT account_id FROM accounts WHERE is_internal AND account_id IN (
          SELECT account_id FROM mrr_movements UNION ALL SELECT account_id FROM invoices)""",
    "ledger revenue is recognised revenue, within half a cent a posting": """
        WITH recognised AS (
          SELECT first, sum(l.amount::DOUBLE * (least(service_end, last_day(first))
                            - greatest(service_start, first) + 1)
                            / (service_end - service_start + 1)) AS amount
          FROM invoice_lines AS l JOIN invoices AS i USING (invoice_id)
          JOIN months ON service_start <= last_day(first) AND service_end >= first
          WHERE i.status <> 'void' AND line_type <> 'tax' GROUP BY ALL),
        posted AS (SELECT date_trunc('month', posted_on)::DATE AS first, sum(amount) AS booked,
                          count(*) AS n FROM gl_entries WHERE pnl_line = 'revenue' GROUP BY ALL)
        SELECT * FROM months LEFT JOIN recognised USING (first) LEFT JOIN posted USING (first)
        WHERE coalesce(abs(amount - booked) > 0.005 * n + 0.001, true)""",
    "whoever becomes a customer was a deal won that day, at a year of the new MRR": """
        SELECT account_id, effective_on FROM (
          SELECT account_id, effective_on, 12 * sum(amount) AS year FROM mrr_movements
          WHERE movement_type = 'new' GROUP BY ALL)
        FULL JOIN (
          SELECT account_id, closed_at::DATE AS effective_on, amount FROM opportunities
          WHERE outcome = 'won' AND opportunity_type = 'new_business')
          USING (account_id, effective_on) WHERE amount IS DISTINCT FROM year""",
    "upgrades and add-ons were deals won that day, at a year of the MRR": """
        SELECT account_id, effective_on FROM (
          SELECT account_id, effective_on, 12 * sum(amount) AS year FROM mrr_movements
          WHERE expansion_type IN ('cross_sell', 'upsell', 'usage') GROUP BY ALL)
        FULL JOIN (
          SELECT account_id, closed_at::DATE AS effective_on, amount FROM opportunities
          WHERE outcome = 'won' AND opportunity_type = 'expansion')
          USING (account_id, effective_on) WHERE amount IS DISTINCT FROM year""",
    "a customer who came inbound was a lead before the account was there": """
        SELECT a.account_id FROM accounts AS a LEFT JOIN leads AS l USING (account_id)
        WHERE acquisition_channel <> 'direct'
          AND account_id IN (SELECT account_id FROM mrr_movements)
          AND NOT coalesce(l.created_at <= a.created_at AND l.channel = a.acquisition_channel
                           AND l.segment = a.segment AND l.region = a.region, false)""",
    "a deal and its lead name each other, and the deal comes later": """
        SELECT opportunity_id FROM opportunities AS o FULL JOIN leads AS l USING (opportunity_id)
        WHERE o.lead_id IS DISTINCT FROM l.lead_id AND coalesce(o.lead_id, opportunity_id) IS NOT NULL
           OR o.created_at < l.created_at OR o.created_at < l.sql_at
           OR l.account_id IS DISTINCT FROM o.account_id AND l.opportunity_id IS NOT NULL""",
    "sales accepts a lead after marketing does": """
        SELECT lead_id FROM leads WHERE mql_at < created_at OR sql_at < mql_at
          OR (sql_at IS NOT NULL AND mql_at IS NULL)""",
    "contracts in force come to a year of MRR, account by account, at the end of every day": """
        SELECT account_id, day, sum(amount) FROM (
          SELECT account_id, start_date AS day, acv AS amount FROM contracts
          UNION ALL SELECT account_id, ended_on, -acv FROM contracts WHERE ended_on IS NOT NULL
          UNION ALL SELECT account_id, effective_on, -12 * amount FROM mrr_movements)
        GROUP BY ALL HAVING sum(amount) <> 0""",
    "new and expanded contracts are the new and expanded MRR of the day": """
        SELECT account_id, day FROM (
          SELECT account_id, signed_on AS day, contract_type AS kind, sum(acv) AS year
          FROM contracts WHERE contract_type <> 'renewal' GROUP BY ALL)
        FULL JOIN (
          SELECT account_id, effective_on AS day, movement_type AS kind, 12 * sum(amount) AS amount
          FROM mrr_movements WHERE movement_type IN ('new', 'expansion') GROUP BY ALL)
          USING (account_id, day, kind) WHERE amount IS DISTINCT FROM year""",
    "a contract with a deal is that deal, won": """
        SELECT contract_id FROM contracts AS c LEFT JOIN opportunities AS o USING (opportunity_id)
        WHERE CASE WHEN c.opportunity_id IS NULL THEN contract_type = 'new'
                   ELSE outcome <> 'won' OR acv <> amount OR signed_on <> closed_at::DATE
                        OR o.account_id <> c.account_id END
        UNION ALL SELECT opportunity_id FROM opportunities ANTI JOIN contracts USING (opportunity_id)
          WHERE outcome = 'won'""",
    "a contract runs as long as it says, unless it ends before": """
        SELECT * FROM contracts WHERE signed_on > start_date OR end_date < start_date
          OR ended_on <= start_date OR ended_on > end_date + 1 OR acv <= 0
          OR abs(datediff('month', start_date, end_date + 1) - term_months) > 1
          OR abs(tcv - acv * term_months / 12) > 0.01""",
    "a deal's stays follow each other from its making to its end": """
        SELECT * FROM (
          SELECT h.*, o.created_at, o.closed_at, o.qualified_at,
                 lag(exited_at) OVER deal AS left_at, lag(stage_order) OVER deal AS order_before
          FROM opportunity_stage_history AS h JOIN opportunities AS o USING (opportunity_id)
          WINDOW deal AS (PARTITION BY opportunity_id ORDER BY entered_at, stage_order))
        WHERE entered_at <> coalesce(left_at, created_at) OR exited_at < entered_at
           OR stage_order_before IS DISTINCT FROM order_before
           OR (stage = 'closed') <> coalesce(entered_at = closed_at, false)
           OR (stage = 'closed' AND exited_at IS NOT NULL)
           OR ['discovery', 'qualified', 'demo', 'proposal', 'negotiation', 'closed'][stage_order]
              <> stage OR qualified_at > entered_at AND stage = 'qualified'""",
    "a deal stands in the stage that its history ends with": """
        SELECT opportunity_id FROM opportunities AS o LEFT JOIN (
          SELECT opportunity_id, arg_max(stage, history_id) AS stage,
                 arg_max(amount, history_id) AS amount,
                 arg_max(probability, history_id) AS probability,
                 arg_max(expected_close_on, history_id) AS expected, max(recorded_at) AS last_known
          FROM opportunity_stage_history GROUP BY ALL) AS h USING (opportunity_id)
        WHERE o.stage <> h.stage OR o.amount <> h.amount OR o.probability <> h.probability
           OR o.expected_close_on <> h.expected OR coalesce(o.recorded_at > last_known, true)
           OR (o.stage = 'closed') <> (o.outcome <> 'open')
           OR (o.closed_at IS NOT NULL) <> (o.outcome <> 'open')
           OR (o.loss_reason IS NOT NULL) <> (o.outcome = 'lost')""",
    "a deal has a seller unless it was bought online, and only then is it never qualified": """
        SELECT * FROM opportunities WHERE (owner_id IS NULL) <> (sales_motion = 'self_service')
          OR (sales_motion = 'self_service' AND (qualified_at IS NOT NULL OR outcome <> 'won'))
          OR (is_head_to_head AND primary_competitor_id IS NULL)""",
    "every seller has a quota in the month a deal is won": """
        SELECT opportunity_id FROM opportunities LEFT JOIN quotas
          ON employee_id = owner_id AND closed_at >= period_start
         AND closed_at < period_end + INTERVAL 1 DAY
        WHERE outcome = 'won' AND owner_id IS NOT NULL
          AND coalesce(quota_value <= 0 OR quota_kind <> 'bookings'
                       OR quotas.segment <> opportunities.segment, true)""",
    "marketing spend is the ledger's, people left out, by month, type, channel and segment": """
        SELECT * FROM (
          SELECT date_trunc('month', spend_on) AS month, spend_type AS kind,
                 coalesce(channel, '') AS channel, segment, sum(amount) AS spent
          FROM marketing_spend GROUP BY ALL)
        FULL JOIN (
          SELECT date_trunc('month', posted_on) AS month, cost_type AS kind,
                 coalesce(channel, '') AS channel, segment, sum(amount) AS posted
          FROM gl_entries WHERE pnl_line = 'marketing' AND cost_type <> 'personnel' GROUP BY ALL)
          USING (month, kind, channel, segment) WHERE spent IS DISTINCT FROM posted""",
    "the last day is there": """
        SELECT 1 WHERE (SELECT max(started_at)::DATE FROM sessions) <> DATE '2025-12-31'
            OR (SELECT max(visited_at)::DATE FROM web_visits) <> DATE '2025-12-31'
            OR (SELECT max(bucket_start)::DATE FROM request_metrics) <> DATE '2025-12-31'
            OR (SELECT max(created_at)::DATE FROM product_objects) <> DATE '2025-12-31'
            OR (SELECT max(hour)::DATE FROM service_uptime_hourly) <> DATE '2025-12-31'
            OR (SELECT max(posted_on) FROM gl_entries) <> DATE '2025-12-31'
            OR (SELECT max(spend_on) FROM marketing_spend) <> DATE '2025-12-31'
            OR (SELECT max(created_at)::DATE FROM leads) <> DATE '2025-12-31'
            OR (SELECT max(month_end) FROM cash_balances) <> DATE '2025-12-31'""",
    "an event is not known before its session": """
        SELECT event_id FROM events AS e JOIN sessions AS s USING (session_id)
        WHERE e.recorded_at::DATE < s.recorded_at::DATE""",
}  # fmt: skip

#: MRR of every account at both ends of every month, and at the end of the month a year before.
MONTHLY = """
  CREATE VIEW memory.main.months AS
    SELECT day::DATE AS first, (day + INTERVAL 1 MONTH)::DATE AS next,
           (day - INTERVAL 11 MONTH)::DATE AS next_year_ago
    FROM range(TIMESTAMP '2023-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH) AS r(day);
  CREATE VIEW memory.main.account_months AS
    SELECT first, account_id, any_value(segment) AS segment,
           sum(CASE WHEN effective_on < first THEN amount ELSE 0 END) AS opening,
           sum(CASE WHEN effective_on < next THEN amount ELSE 0 END) AS closing,
           sum(CASE WHEN effective_on < next_year_ago THEN amount ELSE 0 END) AS year_ago
    FROM months, mrr_movements JOIN accounts USING (account_id) GROUP BY first, account_id;
"""


@pytest.fixture
def con(demo_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{demo_warehouse}' AS company (READ_ONLY)")
        connection.execute("SET search_path = 'company,memory'")
        connection.execute(MONTHLY)
        yield connection


@pytest.fixture(scope="session")
def declared() -> dict[str, Source]:
    sources = load(Workspace.open(SUITE)).declared
    return {name: source for name, source in sources.items() if name in TABLES}


def one(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = con.execute(sql).fetchone()
    assert row is not None
    return row[0]


def fingerprints(path: Path) -> dict[str, Any]:
    with duckdb.connect(str(path), read_only=True) as con:
        return {
            table: con.execute(
                f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {table} AS t"
            ).fetchone()
            for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        }


@pytest.mark.parametrize("rule", RULES)
def test_no_row_breaks_a_rule(con: duckdb.DuckDBPyConnection, rule: str) -> None:
    assert con.execute(RULES[rule]).fetchmany(3) == []


def test_its_tables_are_the_declared_ones(
    con: duckdb.DuckDBPyConnection, declared: dict[str, Source]
) -> None:
    assert set(declared) == TABLES
    for name, source in declared.items():
        found = {row[0]: row[1] for row in con.execute(f"DESCRIBE company.{name}").fetchall()}
        wanted = {
            column.name: column.sql_type.replace(", ", ",") for column in source.columns.values()
        }
        assert found == wanted, name


def test_its_columns_hold_what_their_source_says(
    con: duckdb.DuckDBPyConnection, declared: dict[str, Source]
) -> None:
    wrong = []
    for name, source in declared.items():
        checks = [
            f"count(*) <> count(DISTINCT ({', '.join(source.key)}))",
            *(f'count(*) <> count("{c.name}")' for c in source.columns.values() if not c.optional),
            *(
                f'count(CASE WHEN "{c.name}" NOT IN {(*c.values, "")} THEN 1 END) > 0'
                for c in source.columns.values()
                if c.values
            ),
        ]
        row = con.execute(f"SELECT {', '.join(checks)} FROM company.{name}").fetchone()
        wrong += [
            f"{name}: {check}" for check, fails in zip(checks, row or (), strict=True) if fails
        ]
        for column, other in source.references.items():
            key = declared[other].key[0]
            orphans = one(
                con,
                f"SELECT count(*) FROM company.{name} AS t ANTI JOIN company.{other} AS o"
                f' ON o."{key}" = t."{column}" WHERE t."{column}" IS NOT NULL',
            )
            wrong += [f"{name}.{column}: {orphans} without {other}"] if orphans else []
    assert wrong == []


def test_about_two_rows_in_a_hundred_are_late_and_none_is_unknown(
    con: duckdb.DuckDBPyConnection, declared: dict[str, Source]
) -> None:
    for name, source in declared.items():
        if source.recorded_at is None or name in (
            "cash_balances", "budgets", "manual_inputs", "market_estimates",
        ):  # fmt: skip
            continue
        day = {
            "usage_charges": "last_day(service_month)",
            "invoice_lines": "(SELECT issued_on FROM company.invoices AS i"
            " WHERE i.invoice_id = t.invoice_id)",
            "survey_responses": "coalesce(responded_at, sent_at)",
            "onboarding_steps": "(SELECT max(created_at) FROM (SELECT created_at FROM"
            " company.accounts AS a WHERE a.account_id = t.account_id UNION ALL SELECT created_at"
            " FROM company.users AS u WHERE u.user_id = t.user_id))",
        }.get(name, source.time)
        late, early, last = con.execute(
            f"SELECT 100.0 * avg((recorded_at::DATE > {day}::DATE)::INTEGER),"
            f" count(CASE WHEN recorded_at::DATE < {day}::DATE THEN 1 END), max(recorded_at)"
            f" FROM company.{name} AS t"
        ).fetchone() or (0, 0, None)
        assert early == 0, name
        assert str(last) < "2026", name
        assert 1.4 < late < 2.8, name


def test_own_workspaces_are_there_to_be_left_out(con: duckdb.DuckDBPyConnection) -> None:
    share = one(con, "SELECT 100.0 * avg(is_internal::INTEGER) FROM accounts")
    assert 0.5 < share < 1.5
    for table in ("trials", "tickets", "sessions"):
        internal = (
            f"SELECT count(*) FROM {table} JOIN accounts USING (account_id) WHERE is_internal"
        )
        assert one(con, internal) > 0, table
    staff = "SELECT count(*) FROM users AS u JOIN accounts AS a USING (account_id)"
    assert one(con, f"{staff} WHERE u.is_internal AND NOT a.is_internal") > 0


#: What a figure is, SQL for it, and the least and most it may be.
FIGURES = {
    "MRR": ("SELECT sum(closing) FROM account_months WHERE first = '2025-12-01'", 1.85e6, 2.3e6),
    "customers": (
        "SELECT count(*) FROM account_months WHERE first = '2025-12-01' AND closing > 0",
        850, 1100),
    "customers ever": ("SELECT count(DISTINCT account_id) FROM mrr_movements", 1400, 1700),
    "monthly churn of 2025, percent": (
        "SELECT 100.0 * count(CASE WHEN closing = 0 THEN 1 END) / count(*) FROM account_months"
        " WHERE opening > 0 AND first >= '2025-01-01'", 1.8, 3.5),
    "net revenue retention, percent": (
        "SELECT 100 * sum(closing) / sum(year_ago) FROM account_months"
        " WHERE first = '2025-12-01' AND year_ago > 0", 103, 118),
    "gross revenue retention, percent": (
        "SELECT 100 * sum(least(closing, year_ago)) / sum(year_ago) FROM account_months"
        " WHERE first = '2025-12-01' AND year_ago > 0", 80, 93),
    "CAC of the last quarter": (
        "SELECT sum(amount) / (SELECT count(*) FROM mrr_movements WHERE movement_type = 'new'"
        " AND effective_on >= '2025-10-01') FROM gl_entries"
        " WHERE pnl_line IN ('sales', 'marketing') AND posted_on >= '2025-10-01'", 5000, 10000),
    "gross margin of 2025, percent": (
        "SELECT 100 - 100 * sum(CASE WHEN pnl_line = 'cogs' THEN amount END)"
        " / sum(CASE WHEN pnl_line = 'revenue' THEN amount END)"
        " FROM gl_entries WHERE posted_on >= '2025-01-01'", 78, 84),
    "months of cash": (
        "SELECT arg_max(closing_balance, month_end) / avg(operating_payments - customer_receipts)"
        " FROM cash_balances WHERE month_end > '2025-09-30'", 8, 60),
    "least cash": ("SELECT min(closing_balance) FROM cash_balances", 1e6, 8e6),
    "trials of the last quarter, a month": (
        "SELECT count(*) / 3.0 FROM trials WHERE started_at >= '2025-10-01'", 220, 270),
    "trials that convert, percent": (
        "SELECT 100.0 * count(converted_at) / count(*) FROM trials JOIN accounts USING (account_id)"
        " WHERE NOT is_internal AND started_at < '2025-11-01'", 15, 22),
    "NPS of 2025": (
        "SELECT 100.0 * avg(CASE WHEN score >= 9 THEN 1 WHEN score <= 6 THEN -1 ELSE 0 END)"
        " FROM survey_responses WHERE survey_type = 'nps' AND responded_at >= '2025-01-01'",
        45, 60),
    "tickets a month of 100 customers": (
        "SELECT 100.0 * count(*) / (SELECT count(*) FROM account_months WHERE closing > 0)"
        " FROM tickets JOIN accounts USING (account_id) WHERE NOT is_internal", 20, 35),
    "uptime of 2025, percent": (
        "SELECT 100 - 100.0 * sum(unplanned_down_minutes + planned_down_minutes)"
        " / sum(total_minutes) FROM service_uptime_hourly"
        " WHERE service = 'app' AND hour >= '2025-01-01'", 99.7, 99.98),
    "error rate of 2025, percent": (
        "SELECT 100.0 * sum(errors_5xx + timeouts) / sum(requests) FROM request_metrics"
        " WHERE surface <> 'edge_probe' AND bucket_start >= '2025-01-01'", 0.1, 0.3),
    "dashboards in place a user of the last month": (
        "SELECT count(*) / (SELECT count(DISTINCT user_id)::DOUBLE FROM sessions"
        " WHERE started_at >= '2025-12-01') FROM product_objects"
        " WHERE object_type = 'dashboard' AND archived_at IS NULL", 4, 9),
    "incidents a month": ("SELECT count(*) / 36.0 FROM incidents", 7, 12),
    "cost of 2025 against the plan, percent": (
        "SELECT 100.0 * sum(amount) / (SELECT sum(amount) FROM budgets WHERE month >= '2025-01-01'"
        " AND line NOT IN ('revenue', 'net_burn')) FROM gl_entries"
        " WHERE posted_on >= '2025-01-01' AND pnl_line <> 'revenue'", 97, 103),
    "API requests over 500 ms, percent": (
        "SELECT 100.0 - 100.0 * sum(le_500) / sum(requests) FROM request_metrics"
        " WHERE surface = 'api' AND bucket_start >= '2025-01-01'", 1.5, 5.5),
    "MRR of the largest customer, percent": (
        "SELECT 100.0 * max(closing) / sum(closing) FROM account_months"
        " WHERE first = '2025-12-01'", 0.8, 4),
    "MRR of the largest segment, percent": (
        "SELECT 100.0 * max(mrr) / sum(mrr) FROM (SELECT sum(closing) AS mrr FROM account_months"
        " WHERE first = '2025-12-01' GROUP BY segment)", 40, 60),
    "contracts in force for more than a year, percent of their value": (
        "SELECT 100.0 * sum(CASE WHEN term_months > 12 THEN acv END) / sum(acv) FROM contracts"
        " WHERE start_date <= '2025-12-31' AND ended_on IS NULL", 8, 20),
    "customers with an add-on, percent": (
        "SELECT 100.0 * count(DISTINCT CASE WHEN is_addon THEN account_id END)"
        " / count(DISTINCT account_id) FROM subscriptions JOIN plans USING (plan_id)"
        " WHERE ended_on IS NULL AND mrr > 0", 25, 42),
    "losses of 2025 that a failed payment or policy caused, percent": (
        "SELECT 100.0 * avg((churn_type = 'involuntary')::INTEGER) FROM mrr_movements"
        " WHERE movement_type = 'churn' AND effective_on >= '2025-01-01'", 8, 30),
    "direct customer cost of 2025 beside the cost of goods, percent of revenue": (
        "SELECT 100 * sum(CASE WHEN is_direct_customer_cost THEN amount END)"
        " / sum(CASE WHEN pnl_line = 'revenue' THEN amount END) FROM gl_entries"
        " WHERE posted_on >= '2025-01-01'", 2, 7),
    "users of November who come in December, percent": (
        "SELECT 100.0 * count(DISTINCT d.user_id) / count(DISTINCT n.user_id) FROM sessions AS n"
        " LEFT JOIN sessions AS d ON d.user_id = n.user_id AND d.started_at >= '2025-12-01'"
        " WHERE n.started_at >= '2025-11-01' AND n.started_at < '2025-12-01'", 75, 95),
    "users who came in 2025 and come on days 30 to 59, percent of those who come at all": (
        "SELECT 100.0 * avg(late::INTEGER) FROM (SELECT bool_or(started_at >= created_at"
        " + INTERVAL 30 DAY AND started_at < created_at + INTERVAL 60 DAY) AS late FROM sessions"
        " JOIN users USING (user_id) WHERE created_at BETWEEN '2025-01-01' AND '2025-10-31'"
        " GROUP BY user_id)", 35, 70),
    "users who ask for help in a month, percent of those who come": (
        "SELECT 100.0 * count(DISTINCT t.user_id) / count(DISTINCT s.user_id) FROM sessions AS s"
        " LEFT JOIN tickets AS t ON t.user_id = s.user_id AND t.created_at >= '2025-12-01'"
        " WHERE started_at >= '2025-12-01'", 0.2, 6),
    "attempts to pay of 2025 that fail, percent": (
        "SELECT 100.0 * avg((status = 'failed')::INTEGER) FROM payments"
        " WHERE attempted_at >= '2025-01-01'", 4, 9),
    "days between two outages of a service and region of 2025": (
        "SELECT 6 * 365.0 / count(*) FROM incidents"
        " WHERE incident_type = 'outage' AND started_at >= '2025-01-01'", 20, 45),
    "edge probes of 2025 within 50 ms, percent": (
        "SELECT 100.0 * sum(le_50) / sum(requests) FROM request_metrics"
        " WHERE surface = 'edge_probe' AND bucket_start >= '2025-01-01'", 30, 70),
    "regions with edge probes": (
        "SELECT count(DISTINCT region) FROM request_metrics WHERE surface = 'edge_probe'", 4.5, 5.5),
    "qualified deals of 2025 that are won, percent": (
        "SELECT 100.0 * avg((outcome = 'won')::INTEGER) FROM opportunities"
        " WHERE qualified_at IS NOT NULL AND closed_at >= '2025-01-01'", 40, 52),
    "pipeline, in months of what is won from it": (
        "SELECT (SELECT sum(amount) FROM opportunities WHERE outcome = 'open') / sum(amount) * 12"
        " FROM opportunities WHERE outcome = 'won' AND qualified_at IS NOT NULL"
        " AND closed_at >= '2025-01-01'", 4, 10),
    "days from deal to signature, enterprise": (
        "SELECT median(closed_at::DATE - created_at::DATE) FROM opportunities"
        " WHERE outcome = 'won' AND segment = 'enterprise' AND opportunity_type = 'new_business'",
        60, 110),
    "annual value of a first contract in 2025": (
        "SELECT avg(acv) FROM contracts WHERE contract_type = 'new' AND signed_on >= '2025-01-01'",
        12000, 20000),
    "quota that sellers of 2025 came to, percent": (
        "SELECT 100 * (SELECT sum(amount) FROM opportunities WHERE outcome = 'won'"
        " AND owner_id IS NOT NULL AND closed_at >= '2025-01-01') / sum(quota_value) FROM quotas"
        " WHERE quota_kind = 'bookings' AND period_start >= '2025-01-01'", 85, 120),
    "leads a month, last quarter": (
        "SELECT count(*) / 3.0 FROM leads WHERE created_at >= '2025-10-01'", 900, 1300),
    "leads of 2025 that marketing qualifies, percent": (
        "SELECT 100.0 * count(mql_at) / count(*) FROM leads WHERE created_at >= '2025-01-01'",
        24, 32),
    "of whom sales accepts, percent": (
        "SELECT 100.0 * count(sql_at) / count(mql_at) FROM leads WHERE created_at >= '2025-01-01'",
        22, 32),
}  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES)
def test_its_figures_are_those_of_such_a_company(
    con: duckdb.DuckDBPyConnection, figure: str
) -> None:
    sql, least, most = FIGURES[figure]
    assert least < one(con, sql) < most


def test_segments_and_regions_differ(con: duckdb.DuckDBPyConnection) -> None:
    arpa = dict(
        con.execute(
            "SELECT segment, avg(closing)::DOUBLE FROM account_months"
            " WHERE first = '2025-12-01' AND closing > 0 GROUP BY segment"
        ).fetchall()
    )
    assert arpa["enterprise"] > 3 * arpa["mid_market"] > 9 * arpa["smb"]
    regions = con.execute(
        "SELECT region FROM accounts GROUP BY region ORDER BY count(*) DESC"
    ).fetchall()
    assert [row[0] for row in regions] == ["north_america", "europe", "apac", "latam", "mea"]


#: What a reader must see: SQL for the figure then, for the usual one, and the least ratio.
_CHURN = """SELECT 1.0 * count(CASE WHEN closing = 0 THEN 1 END) / count(*) FROM account_months
  WHERE opening > 0 AND segment = 'smb' AND """
_MOVED = "SELECT abs(sum(amount)) / {n} FROM mrr_movements JOIN accounts USING (account_id) WHERE "
_VISITS = "SELECT count(*) / {n} FROM web_visits WHERE channel = 'paid' AND visited_at "
_ERRORS = """SELECT 1.0 * sum(errors_5xx + timeouts) / sum(requests) FROM request_metrics
  WHERE region = 'europe' AND bucket_start """
_SLOW = """SELECT 1.0 - 1.0 * sum(le_500) / sum(requests) FROM request_metrics
  WHERE surface = 'api' AND region = 'europe' AND bucket_start """
_DETRACTORS = """SELECT avg((score <= 6)::INTEGER) FROM survey_responses
  JOIN accounts USING (account_id)
  WHERE survey_type = 'nps' AND region = 'europe' AND sent_at """
_ADVANCED = """SELECT avg((event_name = 'advanced_analytics_used')::INTEGER) FROM events
  WHERE occurred_at """
_LOST_TO_RIVAL = """SELECT avg((loss_reason IN ('competitor', 'price')
    AND primary_competitor_id = 'C3')::INTEGER) FROM opportunities
  WHERE outcome = 'lost' AND closed_at """
_PAID_LEADS = "SELECT {what} FROM leads WHERE channel = 'paid' AND created_at "
#: The share of the projects that are late: those under way in Europe in the outage, and the others.
_LATE = (
    "SELECT avg((coalesce(actual_end, DATE '2026-01-01') > planned_end)::INTEGER) FROM projects"
    " JOIN accounts USING (account_id) WHERE cancelled_on IS NULL AND agreed_on < '2025-10-14' AND {}"
    " (region = 'europe' AND actual_start <= '2025-10-14'"
    " AND coalesce(actual_end >= '2025-10-14', true))"
)
STORIES = {
    "small customers leave after the price rise": (
        _CHURN + "first BETWEEN '2025-03-01' AND '2025-04-01'",
        _CHURN + "first BETWEEN '2025-05-01' AND '2025-10-01'", 1.6),
    "small customers shrink after the price rise": (
        _MOVED.format(n=2) + "segment = 'smb' AND movement_type = 'contraction'"
        " AND effective_on BETWEEN '2025-03-01' AND '2025-04-30'",
        _MOVED.format(n=6) + "segment = 'smb' AND movement_type = 'contraction'"
        " AND effective_on BETWEEN '2025-05-01' AND '2025-10-31'", 2.0),
    "the assistant is sold": (
        _MOVED.format(n=6) + "expansion_type = 'cross_sell'"
        " AND effective_on BETWEEN '2025-07-01' AND '2025-12-31'",
        _MOVED.format(n=6) + "expansion_type = 'cross_sell'"
        " AND effective_on BETWEEN '2024-12-01' AND '2025-05-31'", 1.5),
    "the assistant is used": (
        _ADVANCED + ">= '2025-06-10'", _ADVANCED + "< '2025-06-10'", 1.3),
    "the push brings paid visits": (
        _VISITS.format(n=1) + "BETWEEN '2025-09-01' AND '2025-10-01'",
        _VISITS.format(n=3) + "BETWEEN '2025-06-01' AND '2025-09-01'", 3.0),
    "the outage fails requests": (
        _ERRORS + "BETWEEN '2025-10-01' AND '2025-11-01'",
        _ERRORS + "BETWEEN '2025-07-01' AND '2025-10-01'", 3.0),
    "the days after are slow": (
        _SLOW + "BETWEEN '2025-10-15' AND '2025-10-22'",
        _SLOW + "BETWEEN '2025-09-15' AND '2025-09-22'", 3.0),
    "Europe is disappointed": (
        _DETRACTORS + "BETWEEN '2025-10-14' AND '2025-11-24'",
        _DETRACTORS + "BETWEEN '2025-07-01' AND '2025-10-13'", 1.8),
    "the largest European customer leaves": (
        "SELECT -min(amount) FROM mrr_movements WHERE movement_type = 'churn'"
        " AND effective_on = '2025-11-14'",
        "SELECT -min(amount) FROM mrr_movements WHERE movement_type = 'churn'"
        " AND effective_on BETWEEN '2025-12-01' AND '2025-12-31'", 3.0),
    "a rival undercuts": (
        _LOST_TO_RIVAL + ">= '2025-08-01'",
        _LOST_TO_RIVAL + "BETWEEN '2025-01-01' AND '2025-08-01'", 5.0),
    "the push brings paid leads": (
        _PAID_LEADS.format(what="count(*)") + "BETWEEN '2025-09-01' AND '2025-10-01'",
        _PAID_LEADS.format(what="count(*) / 3") + "BETWEEN '2025-06-01' AND '2025-09-01'", 1.8),
    "few of whom are qualified": (
        _PAID_LEADS.format(what="count(*) / count(mql_at)")
        + "BETWEEN '2025-09-01' AND '2025-10-01'",
        _PAID_LEADS.format(what="count(*) / count(mql_at)")
        + "BETWEEN '2025-06-01' AND '2025-09-01'", 1.4),
    "what was being set up in Europe in the outage is late": (
        _LATE.format(""), _LATE.format("NOT"), 3.0),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_its_stories_can_be_found(con: duckdb.DuckDBPyConnection, story: str) -> None:
    then, usually, times = STORIES[story]
    assert float(one(con, then)) > times * float(one(con, usually))


def test_a_seed_and_a_scale_always_give_the_same_rows(demo_warehouse: Path, tmp_path: Path) -> None:
    counts = demo.generate(tmp_path / "again.duckdb", scale=0.01, seed=7)
    first = fingerprints(demo_warehouse)
    assert first == fingerprints(tmp_path / "again.duckdb")
    assert counts == {table: found[0] for table, found in first.items()}


def test_another_seed_and_scale_give_other_rows(demo_warehouse: Path, tmp_path: Path) -> None:
    told: list[str] = []
    demo.generate(tmp_path / "seed.duckdb", scale=0.01, seed=8, progress=told.append)
    demo.generate(tmp_path / "scale.duckdb", scale=0.05, seed=7)
    first = fingerprints(demo_warehouse)
    seed, scale = (fingerprints(tmp_path / f"{name}.duckdb") for name in ("seed", "scale"))
    assert "ledger and cash" in told
    same = {table for table in first if first[table] == seed[table]}
    assert same == {"plans", "features", "business_calendar", "competitors"}
    assert {table for table in first if first[table] != scale[table]} == SCALED
    for table in ("sessions", "events", "web_visits"):
        assert 4 < scale[table][0] / first[table][0] < 6, table


def test_a_user_is_active_as_often_at_any_scale(con: duckdb.DuckDBPyConnection) -> None:
    ratio = one(
        con,
        "WITH days AS (SELECT started_at::DATE AS day, count(DISTINCT user_id) AS dau FROM sessions"
        " WHERE started_at >= '2025-10-01' GROUP BY ALL) SELECT 100 * avg(dau) / (SELECT avg(mau)"
        " FROM (SELECT count(DISTINCT user_id) AS mau FROM sessions"
        " WHERE started_at >= '2025-10-01' GROUP BY month(started_at))) FROM days",
    )
    assert 24 < ratio < 36


def test_a_generation_that_fails_leaves_the_old_company(
    demo_warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "var" / "it's.duckdb"
    path.parent.mkdir()
    shutil.copy(demo_warehouse, path)
    before = path.read_bytes()

    def refuse(_con: duckdb.DuckDBPyConnection) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(finance, "build", refuse)
    with pytest.raises(KeyboardInterrupt):
        demo.generate(path, scale=0.01)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(StorageError, match="could not be written"):
        demo.generate(tmp_path / "var" / "warehouse.duckdb", scale=0.01)


@pytest.mark.parametrize(
    "wrong", [{"scale": 0.0}, {"scale": -1.0}, {"scale": 101.0}, {"seed": 2**63}]
)
def test_a_scale_or_seed_that_cannot_be_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"scale|seed"):
        demo.generate(tmp_path / "warehouse.duckdb", **wrong)
    assert list(tmp_path.iterdir()) == []
