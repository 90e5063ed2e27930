"""The ledger, the bank and the plan: gl_entries, cash_balances from them, budgets beside both.

A budget is an amount a month; it is posted in as many parts as its cadence has days, and the cents
of the parts are what the ledger says: nothing else has to add up to the budget.
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import PUSH_ADVERTISING, PUSH_ON, ROUNDS

_OPENING_BALANCE = 10_000_000

#: Marketing and sales: share of the acquisition budget, cost type, channel, motion, cadence.
_ACQUISITION = """
  ('sales', 'personnel', NULL, 'direct', 'semi', 0.26),
  ('sales', 'personnel', NULL, 'inside', 'semi', 0.25),
  ('sales', 'tools', NULL, NULL, 'semi', 0.05),
  ('marketing', 'personnel', NULL, NULL, 'semi', 0.13),
  ('marketing', 'advertising', 'paid', NULL, 'daily', 0.105),
  ('marketing', 'advertising', 'social', NULL, 'daily', 0.045),
  ('marketing', 'lead_generation', 'partner', NULL, 'daily', 0.03),
  ('marketing', 'lead_generation', 'referral', NULL, 'daily', 0.02),
  ('marketing', 'content', 'content', NULL, 'business', 0.035),
  ('marketing', 'content', 'organic_search', NULL, 'business', 0.02),
  ('marketing', 'events', 'events', NULL, 'semi', 0.045),
  ('marketing', 'tools', NULL, NULL, 'semi', 0.01)
"""

#: Cost of goods: cost type, what it is, cadence, share.
_GOODS = """
  ('hosting', 'compute', 'daily', 0.28), ('hosting', 'storage', 'daily', 0.15),
  ('third_party', 'models', 'daily', 0.19), ('service_delivery', 'support team', 'business', 0.38)
"""

#: line, cost type, cadence, parts a day, direct customer cost, first month, more each month
_OVERHEAD = """
  ('r_and_d', 'personnel', 'semi', 4, false, 230000, 32000),
  ('r_and_d', 'tools', 'daily', 3, false, 26000, 2400),
  ('g_and_a', 'personnel', 'semi', 3, false, 82000, 6200),
  ('g_and_a', 'other', 'daily', 3, false, 31000, 2100),
  ('g_and_a', 'service_delivery', 'business', 3, true, 15000, 2500),
  ('depreciation_amortisation', 'other', 'month', 1, false, 12000, 900),
  ('interest', 'other', 'month', 1, false, 5500, 0),
  ('tax', 'other', 'month', 1, false, 1800, 160)
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make gl_entries, cash_balances and budgets.

    Ledger revenue is recognised revenue rounded to the cent once a month, segment and kind of
    line: at most half a cent for each of the month's postings away from the invoice lines.
    """
    _budgets(con)
    _ledger(con)
    _cash(con)
    _plan(con)


def _budgets(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE work.budgets AS
        WITH segments AS (
          SELECT * FROM (VALUES
            ('enterprise', 2.5, 0.045, 29000), ('mid_market', 10.0, 0.26, 9000),
            ('smb', 17.0, 0.46, 2500)) AS v(segment, wins, more, cost)),
        acquisition AS (
          SELECT m, first, segment, (wins + more * m) * cost * (0.9 + 0.0055 * m)
                 * [0.93, 0.95, 1.02, 0.97, 0.98, 1.02,
                    0.92, 0.92, 1.02, 1.05, 1.10, 1.12][month(first)]
                 * (0.97 + 0.06 * u('acquisition', m, segment)) AS amount
          FROM work.months, segments)
        SELECT m, pnl_line, cost_type, segment, channel, motion, false AS direct, cadence,
               1 AS part,
               amount * share * CASE WHEN first = DATE '{PUSH_ON}' AND cost_type = 'advertising'
                                     THEN {PUSH_ADVERTISING} ELSE 1 END AS amount
        FROM acquisition,
             (VALUES {_ACQUISITION}) AS v(pnl_line, cost_type, channel, motion, cadence, share)
        UNION ALL
        SELECT m, 'cogs', cost_type, segment, NULL, NULL, false, cadence,
               row_number() OVER (PARTITION BY m, segment, cost_type ORDER BY detail),
               share * (revenue * (0.232 - 0.0013 * m)
                        * CASE segment WHEN 'smb' THEN 1.25 WHEN 'enterprise' THEN 0.9 ELSE 1.0 END
                        * (0.97 + 0.06 * u('goods', m, segment)) + 900)
        FROM (SELECT m, segment, sum(amount)::DOUBLE AS revenue FROM work.recognised GROUP BY ALL),
             (VALUES {_GOODS}) AS v(cost_type, detail, cadence, share)
        UNION ALL
        SELECT m, pnl_line, cost_type, NULL, NULL, NULL, direct, cadence, part::INTEGER,
               (base + more * (least(m, 24) + 0.45 * greatest(0, m - 24))) / parts
               * (0.98 + 0.04 * u('overhead/' || pnl_line || cost_type, m, part))
        FROM work.months,
             (VALUES {_OVERHEAD}) AS v(pnl_line, cost_type, cadence, parts, direct, base, more),
             range(parts) AS r(part);
        """
    )


def _ledger(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE TABLE work.postings AS
        WITH days AS (
          SELECT m, c.day, is_business_day, day = next - 1 AS is_last, day(c.day) = 15 AS is_middle
          FROM work.months JOIN out.business_calendar AS c ON c.day >= first AND c.day < next),
        parts AS (
          SELECT b.*, d.day,
                 CASE WHEN cadence = 'semi' THEN 1.0
                      ELSE 0.6 + 0.8 * u(concat('posting/', pnl_line, cost_type, segment, channel,
                                                motion), d.day, part) END AS weight
          FROM work.budgets AS b JOIN days AS d ON d.m = b.m
           AND CASE cadence WHEN 'daily' THEN true WHEN 'business' THEN is_business_day
                            WHEN 'semi' THEN is_last OR is_middle ELSE is_last END),
        shared AS (
          SELECT *, weight / sum(weight) OVER budget AS share
          FROM parts
          WINDOW budget AS (
            PARTITION BY m, pnl_line, cost_type, segment, channel, motion, direct, part
            ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
        SELECT day AS posted_on, pnl_line, cost_type, motion AS sales_motion, segment, channel,
               direct AS is_direct_customer_cost, part,
               round(amount * share, 2)::DECIMAL(18, 2) AS amount
        FROM shared
        UNION ALL
        SELECT next - 1, 'revenue', 'other', NULL, segment, NULL, false,
               row_number() OVER (PARTITION BY m, segment ORDER BY line_type), amount
        FROM work.recognised JOIN work.months USING (m);

        CREATE TABLE out.gl_entries AS
        SELECT 'G' || lpad(row_number() OVER posting::VARCHAR, 6, '0') AS entry_id, posted_on,
               pnl_line,
               cost_type, sales_motion, segment, channel, is_direct_customer_cost, amount,
               known_on(posted_on, 'ledger', row_number() OVER posting) AS recorded_at
        FROM work.postings WHERE amount <> 0
        WINDOW posting AS (ORDER BY posted_on, pnl_line, cost_type, segment, channel, sales_motion,
                                    part, is_direct_customer_cost)
        ORDER BY entry_id;
        """
    )


def _cash(con: duckdb.DuckDBPyConnection) -> None:
    """Successful payments come in; people are paid at once, suppliers and tax a month later."""
    rounds = ", ".join(f"({m}, {amount})" for m, amount in ROUNDS)
    con.execute(
        f"""
        CREATE TABLE out.cash_balances AS
        WITH received AS (
          SELECT m, sum(amount) AS amount FROM out.payments
          JOIN work.months ON attempted_at >= first AND attempted_at < next
          WHERE status = 'succeeded' GROUP BY m),
        spent AS (
          SELECT m, sum(amount) FILTER (cost_type IN ('personnel', 'service_delivery')) AS people,
                 sum(amount) FILTER (cost_type NOT IN ('personnel', 'service_delivery'))
                   AS suppliers
          FROM out.gl_entries JOIN work.months ON posted_on >= first AND posted_on < next
          WHERE pnl_line NOT IN ('revenue', 'depreciation_amortisation') GROUP BY m),
        owed AS (
          SELECT m, sum(l.amount) AS tax
          FROM out.invoice_lines AS l JOIN out.invoices AS i USING (invoice_id)
          JOIN work.months ON issued_on >= first AND issued_on < next
          WHERE l.line_type = 'tax' AND i.status <> 'void' GROUP BY m),
        flows AS (
          SELECT m, next - 1 AS month_end, coalesce(r.amount, 0) AS receipts,
                 people + coalesce(lag(suppliers) OVER months, 0.8 * suppliers)::DECIMAL(18, 2)
                   + coalesce(lag(tax) OVER months, 0) AS payments,
                 coalesce(f.amount, 0)::DECIMAL(18, 2) AS financing
          FROM work.months
          LEFT JOIN received AS r USING (m) LEFT JOIN spent USING (m) LEFT JOIN owed USING (m)
          LEFT JOIN (VALUES {rounds}) AS f(m, amount) USING (m)
          WINDOW months AS (ORDER BY m)),
        balances AS (
          SELECT *, {_OPENING_BALANCE} + sum(receipts - payments + financing) OVER (ORDER BY m)
                      AS closing
          FROM flows)
        SELECT month_end,
               (closing - receipts + payments - financing)::DECIMAL(18, 2) AS opening_balance,
               receipts::DECIMAL(18, 2) AS customer_receipts,
               payments::DECIMAL(18, 2) AS operating_payments,
               financing AS financing_inflows, closing::DECIMAL(18, 2) AS closing_balance,
               CASE WHEN m = 12 THEN month_end + INTERVAL 6 DAY + INTERVAL 10 HOUR
                    ELSE month_end + INTERVAL 21 HOUR END AS recorded_at
        FROM balances ORDER BY m;
        """
    )


def _plan(con: duckdb.DuckDBPyConnection) -> None:
    """Straight lines through each year, for each line of the ledger and the burn."""
    con.execute(
        """
        CREATE TABLE out.budgets AS
        WITH booked AS (
          SELECT m, first, year(first) AS year, pnl_line AS line, sum(amount)::DOUBLE AS amount
          FROM out.gl_entries JOIN work.months ON posted_on >= first AND posted_on < next
          GROUP BY ALL
          UNION ALL
          SELECT m, first, year(first), 'net_burn',
                 (operating_payments - customer_receipts)::DOUBLE
          FROM out.cash_balances JOIN work.months ON month_end = next - 1),
        lines AS (
          SELECT year, line, regr_intercept(amount, m) AS base, regr_slope(amount, m) AS more
          FROM booked GROUP BY ALL),
        planned AS (
          SELECT m, first, year(first) AS year, line,
                 round((base + more * m) * (0.97 + 0.06 * u('plan', line, year)), -2) AS amount
          FROM work.months JOIN lines ON year = year(first))
        SELECT first AS month, line, amount::DECIMAL(18, 2) AS amount,
               make_timestamp(year - 1, 12, 12, 10, 0, 0) AS recorded_at
        FROM planned ORDER BY month, line;
        """
    )
