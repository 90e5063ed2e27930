"""The orders behind what customers pay: contracts, new, expanded and renewed.

A contract runs for a year, or for two, whatever the rhythm of its invoices. What was ordered in
between ends with it, and the renewal is over all of it. A customer who takes less signs anew for
the rest of the term; one who is billed monthly may leave before its end.
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make contracts: those in force come to twelve times MRR, by account, every day."""
    con.execute(
        f"""
        CREATE TABLE work.terms AS
        WITH lives AS (
          SELECT *, CASE WHEN term = 24 THEN 24 ELSE 12 END AS months FROM work.lives)
        SELECT life_no, account_id, life, start_on AS since, end_on, months, n::INTEGER AS n,
               (start_on + to_months((n * months)::INTEGER))::DATE AS term_from,
               (start_on + to_months(((n + 1) * months)::INTEGER))::DATE AS term_until
        FROM lives, range(3) AS r(n)
        WHERE (start_on + to_months((n * months)::INTEGER))::DATE < coalesce(end_on, DATE '{END}');

        CREATE TABLE work.changes AS
        SELECT l.life_no, effective_on, sum(amount) AS change,
               coalesce(sum(amount) FILTER (movement_type = 'expansion'
                        AND expansion_type IN ('cross_sell', 'upsell', 'usage')), 0) AS sold,
               coalesce(sum(amount) FILTER (movement_type = 'expansion'
                        AND expansion_type IN ('seats', 'price')), 0) AS ordered,
               bool_or(movement_type = 'contraction') AS shrinks
        FROM work.movements AS m
        JOIN work.lives AS l ON l.account_id = m.account_id AND effective_on >= l.start_on
         AND (l.end_on IS NULL OR effective_on < l.end_on)
        GROUP BY ALL;

        CREATE TABLE out.contracts AS
        WITH starts AS (
          SELECT life_no, term_from AS start_date FROM work.terms
          UNION
          SELECT life_no, effective_on FROM work.changes WHERE shrinks),
        spans AS (
          SELECT s.life_no, t.account_id, t.life, t.since, s.start_date,
                 t.term_until,
                 coalesce(lead(s.start_date) OVER (PARTITION BY s.life_no ORDER BY s.start_date),
                          t.end_on) AS ended_on
          FROM starts AS s JOIN work.terms AS t ON t.life_no = s.life_no
           AND s.start_date >= t.term_from AND s.start_date < t.term_until),
        whole AS (
          SELECT s.*, sum(c.change) - coalesce(sum(c.sold + c.ordered)
                          FILTER (c.effective_on = s.start_date), 0) AS mrr
          FROM spans AS s JOIN work.changes AS c ON c.life_no = s.life_no
           AND c.effective_on <= s.start_date
          GROUP BY ALL),
        orders AS (
          SELECT account_id, CASE WHEN start_date = since AND life = 1 THEN 'new'
                                  ELSE 'renewal' END AS contract_type,
                 start_date, term_until, ended_on, mrr,
                 start_date = since AND life = 1 AS sold
          FROM whole
          UNION ALL
          SELECT s.account_id, 'expansion', c.effective_on, s.term_until, s.ended_on,
                 CASE WHEN k.sold THEN c.sold ELSE c.ordered END, k.sold
          FROM work.changes AS c JOIN spans AS s ON s.life_no = c.life_no
           AND c.effective_on >= s.start_date
           AND c.effective_on < coalesce(s.ended_on, DATE '{END}')
          CROSS JOIN (VALUES (true), (false)) AS k(sold)
          WHERE CASE WHEN k.sold THEN c.sold ELSE c.ordered END > 0),
        signed AS (
          SELECT *, greatest(1, round((term_until - start_date) / 30.44))::INTEGER AS term_months,
                 CASE WHEN contract_type = 'renewal'
                         THEN start_date - floor(21 * u('renews', account_id, start_date))::INTEGER
                         ELSE start_date END AS signed_on
          FROM orders),
        numbered AS (
          SELECT *, 'K' || lpad(row_number() OVER (ORDER BY signed_on, account_id, start_date,
                                  contract_type, sold)::VARCHAR, 5, '0') AS contract_id
          FROM signed WHERE signed_on < DATE '{END}')
        SELECT contract_id, n.account_id, d.opportunity_id, a.partner_id, contract_type, signed_on,
               start_date, term_until - 1 AS end_date, ended_on, term_months,
               (12 * mrr)::DECIMAL(18, 2) AS acv, (mrr * term_months)::DECIMAL(18, 2) AS tcv,
               known_on(signed_on, 'contracts', contract_id) AS recorded_at
        FROM numbered AS n JOIN out.accounts AS a USING (account_id)
        LEFT JOIN work.deals AS d ON n.sold AND d.won AND d.account_id = n.account_id
         AND d.closed_at::DATE = n.start_date
         AND (d.type = 'new_business') = (n.contract_type = 'new')
        ORDER BY contract_id;
        """
    )
