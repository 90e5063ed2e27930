"""What customers are charged and pay: usage charges, invoices with their lines, payments."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make usage_charges, invoices, invoice_lines, payments and then subscriptions.

    Subscriptions come last because a customer with an overdue invoice is past due. Leaves
    ``work.recognised``: revenue by month, segment and kind of line, to the cent.
    """
    _usage(con)
    _lines(con)
    _invoices(con)
    _payments(con)
    _subscriptions(con)
    _recognised(con)


def _usage(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE out.usage_charges AS
        WITH metered AS (
          SELECT feature_id, feature_name,
                 CASE feature_name WHEN 'api' THEN 0.97 WHEN 'ai_processing' THEN 0.95
                                   ELSE 0.9 END AS share,
                 CASE feature_name WHEN 'ai_processing' THEN DATE '2024-02-01'
                                   ELSE DATE '{FIRST_DAY}' END AS metered_from,
                 CASE feature_name WHEN 'api' THEN 0.0004 WHEN 'ai_processing' THEN 0.002
                                   ELSE 0.00005 END AS price
          FROM out.features WHERE feature_name IN ('api', 'ai_processing', 'data_connections')),
        drawn AS (
          SELECT l.no, l.account_id, f.feature_id, m.first AS service_month, m.next, f.price,
                 CASE l.segment WHEN 'smb' THEN 13 WHEN 'mid_market' THEN 52 ELSE 230 END
                 * exp(0.5 * normal('usage of/' || f.feature_name, l.no, 0)
                       + 0.25 * normal('usage/' || f.feature_name, l.no, m.m))
                 * (1 + 0.015 * m.m) AS worth
          FROM work.lives AS l
          JOIN work.months AS m ON l.start_on < m.next - 20
           AND (l.end_on IS NULL OR l.end_on >= m.next)
          JOIN metered AS f ON m.first >= f.metered_from
           AND u('over/' || f.feature_name, l.no, m.m) < f.share
          WHERE u('meters', l.no, 0)
                < CASE l.segment WHEN 'smb' THEN 0.21 WHEN 'mid_market' THEN 0.36 ELSE 0.62 END)
        SELECT 'U' || lpad(row_number() OVER charge::VARCHAR, 6, '0') AS charge_id,
               account_id, feature_id, service_month,
               round(worth / price, 0)::DECIMAL(18, 2) AS quantity,
               round(round(worth / price, 0) * price, 2)::DECIMAL(18, 2) AS amount,
               known_on(next - 1, 'usage', account_id || service_month) AS recorded_at
        FROM drawn WINDOW charge AS (ORDER BY service_month, no, feature_id)
        ORDER BY charge_id;
        """
    )


def _lines(con: duckdb.DuckDBPyConnection) -> None:
    """Every line before tax, with the invoice it stands on: one an account and day of issue."""
    con.execute(
        """
        CREATE TABLE work.lines AS
        WITH billed AS (
          SELECT lm.*, l.account_id, l.start_on, lag(mrr) OVER line AS mrr_before,
                 CASE WHEN lm.term = 1 THEN 1 ELSE 12 - k % 12 END AS months_left
          FROM work.line_months AS lm JOIN work.lives AS l USING (life_no)
          WINDOW line AS (PARTITION BY lm.life_no, lm.line ORDER BY lm.k)),
        recurring AS (
          SELECT account_id, step_on AS issued_on, 'r' AS kind,
                 CASE WHEN b.line = 0 THEN 'subscription' ELSE 'addon' END AS line_type,
                 v.subscription_id, NULL::VARCHAR AS feature_id, step_on AS service_start,
                 (b.start_on + to_months(b.k + months_left))::DATE - 1 AS service_end,
                 (b.mrr - CASE WHEN b.term > 1 AND b.k % 12 <> 0 THEN b.mrr_before ELSE 0 END)
                   * months_left AS amount
          FROM billed AS b
          ASOF JOIN (SELECT life_no, line, k, subscription_id FROM work.versions) AS v
            ON v.life_no = b.life_no AND v.line = b.line AND v.k <= b.k)
        SELECT * FROM recurring WHERE amount <> 0
        UNION ALL
        SELECT account_id, start_on, 'r', 'service', NULL, NULL, start_on, start_on + 59,
               round(600 + first_seats * CASE segment WHEN 'enterprise' THEN 95 ELSE 40 END, -1)
                 ::DECIMAL(18, 2)
        FROM work.lives WHERE life = 1 AND segment <> 'smb'
        UNION ALL
        SELECT l.account_id, s.step_on, 'r', 'one_off', NULL, NULL, s.step_on, s.step_on,
               CASE l.segment WHEN 'smb' THEN 190 WHEN 'mid_market' THEN 850
                              ELSE 2400 END::DECIMAL(18, 2)
        FROM work.steps AS s JOIN work.lives AS l USING (life_no)
        WHERE u('training', s.life_no, s.k) < 0.012
        UNION ALL
        SELECT account_id, (service_month + INTERVAL 1 MONTH)::DATE - 1, 'u', 'usage', NULL,
               feature_id, service_month, (service_month + INTERVAL 1 MONTH)::DATE - 1, amount
        FROM out.usage_charges;
        """
    )


def _invoices(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE work.drafts AS
        WITH issued AS (
          SELECT account_id, issued_on, kind, sum(amount)::DECIMAL(18, 2) AS net FROM work.lines
          GROUP BY ALL),
        copied AS (
          SELECT *, false AS is_void FROM issued
          UNION ALL
          SELECT *, true FROM issued
          WHERE u('issued twice', account_id || issued_on, kind) < 0.004)
        SELECT 'I' || lpad(row_number() OVER invoice::VARCHAR, 6, '0') AS invoice_id,
               c.*, a.segment, a.region, p.no,
               round(net * CASE a.region WHEN 'europe' THEN 0.20 WHEN 'latam' THEN 0.16
                                         ELSE 0 END, 2)::DECIMAL(18, 2) AS tax
        FROM copied AS c JOIN out.accounts AS a USING (account_id)
        JOIN (SELECT account_id, no FROM work.prospects) AS p USING (account_id)
        WINDOW invoice AS (ORDER BY issued_on, account_id, c.kind, is_void);

        CREATE TABLE work.settled AS
        WITH rated AS (
          SELECT d.*, segment = 'smb' AND net + tax < 5000 AS by_card,
                 issued_on + CASE WHEN segment = 'smb' THEN 14 ELSE 30 END AS due_on,
                 u('pays', invoice_id, account_id) AS x,
                 EXISTS (SELECT 1 FROM work.lives AS l
                         WHERE l.account_id = d.account_id AND l.churn_type = 'involuntary'
                           AND d.issued_on >= l.end_on - 45 AND d.issued_on < l.end_on) AS defaults
          FROM work.drafts AS d),
        tried AS (
          SELECT *, CASE WHEN NOT by_card THEN (x < 0.02)::INTEGER
                         WHEN x < 0.015 THEN 2 WHEN x < 0.075 THEN 1 ELSE 0 END AS failures
          FROM rated),
        planned AS (
          SELECT *, CASE WHEN is_void OR defaults OR x > 0.9915 THEN NULL
                         WHEN by_card THEN issued_on + 4 * failures
                         ELSE issued_on + 3 * failures
                              + greatest(2, 27 + round(9 * normal('slow', no, 0)
                                             + 6 * normal('pay day', invoice_id, no)))::INTEGER
                         END AS paying_on
          FROM tried)
        SELECT *, CASE WHEN paying_on < DATE '{END}' THEN paying_on END AS paid_on FROM planned;

        CREATE TABLE out.invoices AS
        SELECT invoice_id, account_id, issued_on, due_on, (net + tax)::DECIMAL(18, 2) AS amount,
               CASE WHEN is_void THEN 'void' WHEN paid_on IS NOT NULL THEN 'paid'
                    WHEN due_on < DATE '{END}' THEN 'overdue' ELSE 'open' END AS status,
               paid_on, known_on(issued_on, 'invoices', invoice_id) AS recorded_at
        FROM work.settled ORDER BY invoice_id;

        CREATE TABLE out.invoice_lines AS
        WITH written AS (
          SELECT d.invoice_id, l.subscription_id, l.feature_id, l.line_type, l.service_start,
                 l.service_end, l.amount
          FROM work.lines AS l JOIN work.drafts AS d USING (account_id, issued_on, kind)
          UNION ALL
          SELECT invoice_id, NULL, NULL, 'tax', issued_on, issued_on, tax
          FROM work.drafts WHERE tax <> 0)
        SELECT w.invoice_id || '-' || row_number() OVER (PARTITION BY w.invoice_id ORDER BY
                 w.line_type = 'tax', w.line_type, w.subscription_id, w.feature_id) AS line_id,
               w.invoice_id, w.subscription_id, w.feature_id, w.line_type, w.service_start,
               w.service_end, w.amount::DECIMAL(18, 2) AS amount, i.recorded_at
        FROM written AS w JOIN out.invoices AS i USING (invoice_id) ORDER BY line_id;
        """
    )


def _payments(con: duckdb.DuckDBPyConnection) -> None:
    """One success for every paid invoice, after the attempts that failed before it."""
    con.execute(
        f"""
        CREATE TABLE out.payments AS
        WITH tries AS (
          SELECT invoice_id, (net + tax)::DECIMAL(18, 2) AS amount, n,
                 CASE WHEN paid_on IS NOT NULL AND n = failures THEN paid_on
                      WHEN by_card THEN issued_on + 4 * n::INTEGER
                      ELSE coalesce(paid_on, due_on) - 3 * (failures - n)::INTEGER END AS tried_on,
                 paid_on IS NOT NULL AND n = failures AS succeeds
          FROM work.settled,
               range(CASE WHEN is_void THEN 0 WHEN paid_on IS NOT NULL THEN failures + 1
                          WHEN by_card AND defaults THEN 3 ELSE failures END) AS r(n)),
        timed AS (
          SELECT *, tried_on::TIMESTAMP
                    + to_seconds((21600 + floor(u('paid at', invoice_id, n) * 50000))::BIGINT)
                    AS attempted_at
          FROM tries WHERE tried_on < DATE '{END}')
        SELECT 'Y' || invoice_id[2:] || '-' || (n + 1) AS payment_id, invoice_id, attempted_at,
               amount, CASE WHEN succeeds THEN 'succeeded' ELSE 'failed' END AS status,
               CASE WHEN NOT succeeds
                    THEN pick(['card_declined', 'insufficient_funds', 'expired_card',
                               'bank_rejected'], u('failure', invoice_id, n)) END AS failure_code,
               known_at(attempted_at, 'payments', invoice_id || n) AS recorded_at
        FROM timed ORDER BY attempted_at, payment_id;
        """
    )


def _subscriptions(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE TABLE out.subscriptions AS
        WITH owing AS (SELECT account_id FROM out.invoices WHERE status = 'overdue')
        SELECT v.subscription_id, v.account_id, NULL::VARCHAR AS contract_id, v.plan_id,
               CASE WHEN v.line = 0 AND v.life = 1 AND p.converted_at IS NOT NULL
                    THEN 'T' || lpad(v.no::VARCHAR, 5, '0') END AS trial_id,
               CASE WHEN v.closed_on IS NOT NULL THEN 'cancelled'
                    WHEN v.account_id IN (SELECT account_id FROM owing) THEN 'past_due'
                    ELSE 'active' END AS status,
               plan.billing_period, v.quantity,
               (v.seat_price * CASE plan.billing_period WHEN 'monthly' THEN 1 WHEN 'annual' THEN 12
                                                        ELSE 24 END)::DECIMAL(18, 2) AS unit_price,
               v.discount_pct::DECIMAL(18, 2) AS discount_pct, v.mrr, v.step_on AS started_on,
               v.closed_on AS ended_on
        FROM work.versions AS v
        JOIN work.prospects AS p USING (no) JOIN out.plans AS plan USING (plan_id)
        ORDER BY v.step_on, v.subscription_id;
        """
    )


def _recognised(con: duckdb.DuckDBPyConnection) -> None:
    """Straight-line revenue by month; six decimals a line, so that sums do not depend on order."""
    con.execute(
        """
        CREATE TABLE work.recognised AS
        SELECT m.m, a.segment, l.line_type,
               sum((l.amount::DOUBLE
                    * (least(l.service_end, m.next - 1) - greatest(l.service_start, m.first) + 1)
                    / (l.service_end - l.service_start + 1))::DECIMAL(18, 6))::DECIMAL(18, 2)
                 AS amount
        FROM out.invoice_lines AS l
        JOIN out.invoices AS i USING (invoice_id)
        JOIN out.accounts AS a USING (account_id)
        JOIN work.months AS m ON l.service_start < m.next AND l.service_end >= m.first
        WHERE i.status <> 'void' AND l.line_type <> 'tax'
        GROUP BY ALL;
        """
    )
