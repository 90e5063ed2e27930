"""What customers subscribe to: lives, lines, versions of lines,
  and the MRR movements between them.

A *life* is an unbroken stretch as a customer; an account that comes back has a second one. A life
is billed from its first day in steps ``k`` of a month, and everything that changes changes on such
a step, so that MRR is constant within each month that is billed and recognised.
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import (
    END,
    LAUNCH_ON,
    PRICE_RISE,
    PRICE_RISE_CHURN,
    PRICE_RISE_CONTRACTION,
    PRICE_RISE_FELT_UNTIL,
    PRICE_RISE_ON,
    WHALE_LEAVES,
)

#: Chance to leave at a monthly step; annual customers decide once a year.
_LEAVING = f"""
  CASE l.segment WHEN 'smb' THEN 0.061 WHEN 'mid_market' THEN 0.0195 ELSE 0.0065 END
  * CASE WHEN k <= 3 THEN 1.8 WHEN k <= 12 THEN 1.0 ELSE 0.75 END
  * CASE year(step_on) WHEN 2023 THEN 1.15 WHEN 2024 THEN 1.05 ELSE 0.98 END
  * CASE WHEN l.segment = 'smb' AND step_on >= DATE '{PRICE_RISE_ON}'
              AND step_on < DATE '{PRICE_RISE_FELT_UNTIL}' THEN {PRICE_RISE_CHURN} ELSE 1 END
"""

_LIFE = """
  SELECT no * 10 + {life} AS life_no, no, account_id, {life} AS life, kind, segment, region,
         {start} AS start_on,
         CASE WHEN kind = 'whale' THEN 12
              WHEN u('billing', no, {life}) <
                   CASE segment WHEN 'smb' THEN 0.34 WHEN 'mid_market' THEN 0.6 ELSE 0.7 END THEN 12
              WHEN segment <> 'smb' AND u('billing', no, {life}) > 0.88 THEN 24 ELSE 1 END AS term,
         CASE segment WHEN 'smb' THEN 1 + (u('tier', no, 0) < 0.45)::INTEGER
                      WHEN 'mid_market' THEN 2 + (u('tier', no, 0) < 0.45)::INTEGER
                      ELSE 3 + (u('tier', no, 0) < 0.6 OR kind = 'whale')::INTEGER
                      END AS first_tier,
         CASE segment WHEN 'smb' THEN 5 * (u('discount', no, 0) < 0.15)::INTEGER
                      WHEN 'mid_market' THEN 5 * floor(u('discount', no, 0) * 4)::INTEGER
                      ELSE 5 + 5 * floor(u('discount', no, 0) * 5)::INTEGER END AS discount_pct,
         CASE WHEN kind = 'whale' THEN 340 ELSE greatest(2, round({size}
           * CASE segment WHEN 'smb' THEN 6.0 * exp(0.55 * normal('seats', no, {life}))
                          WHEN 'mid_market' THEN 16.0 * exp(0.42 * normal('seats', no, {life}))
                          ELSE 46.0 * exp(0.45 * normal('seats', no, {life})) END
           * CASE region WHEN 'north_america' THEN 1.1 WHEN 'europe' THEN 1.0
                         WHEN 'apac' THEN 0.92 ELSE 0.8 END
           * (1 + 0.005 * datediff('month', DATE '2023-01-01', {start})))) END::INTEGER
           AS first_seats
  FROM {source}
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make subscriptions and mrr_movements, ``work.lives`` and ``work.line_months``.

    ``work.lives`` has one row a life with its end (null while in force); ``work.line_months`` one
    row a line and step: ``k``, ``step_on``, ``mrr`` and what it is made of.
    """
    _lives(con)
    _line_months(con)
    _versions(con)


def _lives(con: duckdb.DuckDBPyConnection) -> None:
    bought = "work.prospects WHERE bought_on IS NOT NULL"
    first = _LIFE.format(life=1, start="bought_on", size="1.0", source=bought)
    con.execute(f"CREATE TABLE work.started AS {first}")
    _ends(con, "work.started", "work.first_ends")
    con.execute(
        """
        CREATE TABLE work.returning AS
        SELECT s.* EXCLUDE (start_on),
               (e.end_on + 25 + floor(u('away', s.no, 0) * 190)::INTEGER)::DATE AS back_on
        FROM work.started AS s JOIN work.first_ends AS e USING (life_no)
        WHERE u('returns', s.no, 0) < 0.12 AND s.kind <> 'whale'
        """
    )
    second = _LIFE.format(
        life=2, start="back_on", size="0.85", source=f"work.returning WHERE back_on < DATE '{END}'"
    )
    con.execute(f"CREATE TABLE work.restarted AS {second}")
    _ends(con, "work.restarted", "work.second_ends")
    con.execute(
        """
        CREATE TABLE work.lives AS
        SELECT s.*, e.end_k, e.end_on,
               CASE WHEN e.end_on IS NULL THEN NULL
                    WHEN u('involuntary', s.no, s.life) <
                         CASE WHEN term = 1 AND segment = 'smb' THEN 0.22 ELSE 0.05 END
                    THEN 'involuntary' ELSE 'voluntary' END AS churn_type
        FROM (SELECT * FROM work.started UNION ALL SELECT * FROM work.restarted) AS s
        LEFT JOIN (SELECT * FROM work.first_ends UNION ALL SELECT * FROM work.second_ends) AS e
          USING (life_no)
        """
    )


def _ends(con: duckdb.DuckDBPyConnection, lives: str, ends: str) -> None:
    con.execute(
        f"""
        CREATE TABLE {ends} AS
        WITH steps AS (
          SELECT l.*, k::INTEGER AS k, (start_on + to_months(k::INTEGER))::DATE AS step_on
          FROM {lives} AS l, range(1, 36) AS r(k)
          WHERE (start_on + to_months(k::INTEGER))::DATE < DATE '{END}')
        SELECT life_no, min(k) AS end_k, min(step_on) AS end_on
        FROM steps AS l
        WHERE CASE WHEN kind = 'whale' THEN step_on >= DATE '{WHALE_LEAVES}'
                   ELSE k % term = 0 AND u('leave', life_no, k) <
                        CASE WHEN term = 1 THEN {_LEAVING} ELSE 1 - (1 - {_LEAVING}) ** 9 END END
        GROUP BY life_no
        """
    )


def _line_months(con: duckdb.DuckDBPyConnection) -> None:
    """Seats, tier and price of every base line, packs of every add-on, step by step."""
    con.execute(
        f"""
        CREATE TABLE work.steps AS
        SELECT l.life_no, k::INTEGER AS k, (start_on + to_months(k::INTEGER))::DATE AS step_on
        FROM work.lives AS l, range(36) AS r(k)
        WHERE (start_on + to_months(k::INTEGER))::DATE < DATE '{END}' AND k < coalesce(end_k, 999);

        CREATE TABLE work.base_months AS
        WITH drawn AS (
          SELECT l.*, s.k, s.step_on, k - k % term AS priced_k, u('change', life_no, k) AS x,
                 u('by', life_no, k) AS size,
                 segment = 'smb' AND step_on >= DATE '{PRICE_RISE_ON}'
                   AND step_on < DATE '{PRICE_RISE_FELT_UNTIL}' AS upset,
                 CASE segment WHEN 'smb' THEN 0.32 WHEN 'mid_market' THEN 0.56 ELSE 0.66 END
                 * CASE WHEN month(step_on) IN (11, 12) THEN 1.35 ELSE 1 END AS p_more,
                 CASE WHEN k % term <> 0 THEN 0
                      WHEN term > 1 THEN 0.14
                      WHEN upset THEN 0.06 * {PRICE_RISE_CONTRACTION}
                      WHEN segment = 'smb' THEN 0.06 ELSE 0.08 END AS p_less,
                 CASE segment WHEN 'smb' THEN 0.004 ELSE 0.005 END AS p_tier
          FROM work.lives AS l JOIN work.steps AS s USING (life_no)),
        paths AS (
          SELECT *, sum(CASE WHEN k = 0 OR kind = 'whale' THEN 0
                             WHEN x < p_less
                             THEN ln(CASE WHEN upset THEN 0.72 ELSE 0.97 END - 0.14 * size)
                             WHEN x > 1 - p_more THEN ln(1.008 + 0.04 * size) ELSE 0 END)
                      OVER life AS growth,
                 sum((k > 0 AND x BETWEEN 0.2 AND 0.2 + p_tier)::INTEGER) OVER life AS upgrades
          FROM drawn WINDOW life AS (PARTITION BY life_no ORDER BY k)),
        priced AS (
          SELECT *, greatest(1, round(first_seats * exp(growth)))::INTEGER AS quantity,
                 least(first_tier + upgrades, CASE segment WHEN 'smb' THEN 3 ELSE 4 END)::INTEGER
                   AS tier,
                 (start_on + to_months(priced_k))::DATE AS priced_on
          FROM paths)
        SELECT life_no, no, account_id, life, segment, region, start_on, term, discount_pct, k,
               step_on, p.plan_id, p.tier_rank AS tier, b.quantity,
               round(p.list_price_monthly
                     / CASE WHEN segment = 'smb' AND tier <= 2
                                 AND priced_on < DATE '{PRICE_RISE_ON}'
                            THEN {PRICE_RISE} ELSE 1 END
                     * CASE WHEN segment = 'smb' THEN 1
                            ELSE 0.92 * 1.04 ** (priced_k // 12) END, 2)::DECIMAL(10, 2)
                 AS seat_price
        FROM priced AS b
        JOIN out.plans AS p ON NOT p.is_addon AND p.tier_rank = b.tier
         AND p.billing_period = CASE WHEN term = 1 THEN 'monthly'
                                     WHEN term = 24 AND b.tier >= 3 THEN 'multi_year'
                                     ELSE 'annual' END;

        CREATE TABLE work.addon_lines AS
        WITH offered AS (
          SELECT l.*, a.plan_id, a.list_price_monthly, a.line, s.k, s.step_on
          FROM work.lives AS l
          CROSS JOIN (SELECT plan_id, list_price_monthly,
                             row_number() OVER (ORDER BY plan_id)::INTEGER AS line
                      FROM out.plans WHERE is_addon) AS a
          JOIN work.steps AS s ON s.life_no = l.life_no AND s.k >= 1
          WHERE kind <> 'whale'
            AND CASE WHEN plan_id = 'P14'
                     THEN step_on >= DATE '{LAUNCH_ON}'
                          + floor(u('asks', l.life_no, 0) ** 1.6 * 170)::INTEGER
                     ELSE s.k >= 1 + floor(u('asks/' || plan_id, l.life_no, 0) * 14) END
            AND u('addon/' || plan_id, l.life_no, 0) <
                CASE segment WHEN 'enterprise' THEN 0.30 WHEN 'mid_market' THEN 0.20 ELSE 0.06 END
                * CASE plan_id WHEN 'P14' THEN 1.1 ELSE 1 END)
        SELECT life_no, plan_id, line, list_price_monthly AS seat_price,
               greatest(1, round(any_value(first_seats) / 9.0))::INTEGER AS first_packs,
               min(k) AS from_k,
               CASE WHEN u('drops/' || plan_id, life_no, 0) < 0.14
                    THEN min(k) + 4 + floor(u('drops by/' || plan_id, life_no, 0) * 9)::INTEGER
                    END AS until_k
        FROM offered GROUP BY life_no, plan_id, line, list_price_monthly;

        CREATE TABLE work.line_months AS
        SELECT life_no, 0 AS line, k, step_on, plan_id, tier, quantity, seat_price, term,
               discount_pct,
               (quantity * seat_price * (100 - discount_pct) * 0.01::DECIMAL(3, 2))
                 ::DECIMAL(18, 2) AS mrr
        FROM work.base_months
        UNION ALL
        SELECT life_no, line, k, step_on, plan_id, 1, packs, seat_price, 1, 0,
               (packs * seat_price)::DECIMAL(18, 2)
        FROM (SELECT a.*, s.k, s.step_on, first_packs + sum((s.k > from_k
                       AND u('packs/' || plan_id, a.life_no, s.k) < 0.07)::INTEGER)
                     OVER (PARTITION BY a.life_no, line ORDER BY s.k)::INTEGER AS packs
              FROM work.addon_lines AS a JOIN work.steps AS s USING (life_no)
              WHERE s.k >= from_k AND s.k < coalesce(until_k, 999));
        """
    )


def _versions(con: duckdb.DuckDBPyConnection) -> None:
    """Close a version and open the next wherever a line's MRR changes; book the difference."""
    con.execute(
        f"""
        CREATE TABLE work.versions AS
        WITH changed AS (
          SELECT *, lag(mrr) OVER line AS mrr_before, lag(tier) OVER line AS tier_before,
                 lag(quantity) OVER line AS quantity_before
          FROM work.line_months WINDOW line AS (PARTITION BY life_no, line ORDER BY k)),
        opened AS (
          SELECT c.* EXCLUDE (term), l.no, l.account_id, l.life, l.segment, l.end_k, l.end_on,
                 l.churn_type, c.term, a.until_k, l.start_on,
                 row_number() OVER (PARTITION BY c.life_no, c.line ORDER BY c.k) AS version,
                 lead(c.step_on) OVER (PARTITION BY c.life_no, c.line ORDER BY c.k) AS next_on
          FROM changed AS c JOIN work.lives AS l USING (life_no)
          LEFT JOIN work.addon_lines AS a ON a.life_no = c.life_no AND a.line = c.line
          WHERE mrr_before IS NULL OR mrr <> mrr_before)
        SELECT *, 'S' || lpad(no::VARCHAR, 5, '0') || '-' || life || '-' || line || '-' || version
                 AS subscription_id,
               CASE WHEN next_on IS NOT NULL THEN next_on
                    WHEN until_k < coalesce(end_k, 999)
                         AND (start_on + to_months(until_k))::DATE < DATE '{END}'
                    THEN (start_on + to_months(until_k))::DATE
                    ELSE end_on END AS closed_on,
               next_on IS NULL AND (until_k IS NULL OR until_k >= coalesce(end_k, 999))
                 AS ends_with_life
        FROM opened;

        CREATE TABLE work.movements AS
        SELECT subscription_id, account_id, no, segment, step_on AS effective_on,
               CASE WHEN mrr_before IS NULL AND line = 0
                    THEN CASE WHEN life = 1 THEN 'new' ELSE 'reactivation' END
                    WHEN mrr_before IS NULL OR mrr > mrr_before THEN 'expansion'
                    ELSE 'contraction' END AS movement_type,
               CASE WHEN mrr_before IS NULL THEN CASE WHEN line > 0 THEN 'cross_sell' END
                    WHEN mrr < mrr_before THEN NULL
                    WHEN tier > tier_before THEN 'upsell'
                    WHEN plan_id = 'P14' THEN 'usage'
                    WHEN quantity > quantity_before THEN 'seats'
                    ELSE 'price' END AS expansion_type,
               mrr - coalesce(mrr_before, 0) AS amount, NULL AS churn_type, NULL AS churn_reason
        FROM work.versions
        UNION ALL
        SELECT subscription_id, account_id, no, segment, closed_on,
               CASE WHEN ends_with_life THEN 'churn' ELSE 'contraction' END, NULL, -mrr,
               CASE WHEN ends_with_life THEN churn_type END,
               CASE WHEN NOT ends_with_life THEN NULL
                    WHEN churn_type = 'involuntary' THEN 'payment failed'
                    WHEN account_id IN (SELECT account_id FROM work.lives WHERE kind = 'whale')
                    THEN 'acquired, moves to the platform of its new owner'
                    WHEN segment = 'smb' AND closed_on >= DATE '{PRICE_RISE_ON}'
                         AND closed_on < DATE '{PRICE_RISE_FELT_UNTIL}'
                         AND u('reason', no, life) < 0.7 THEN 'price'
                    ELSE pick(['price', 'missing feature', 'low use', 'low use',
                               'moved to a competitor', 'business closed', 'project ended'],
                              u('other reason', no, life)) END
        FROM work.versions WHERE next_on IS NULL AND closed_on IS NOT NULL;

        CREATE TABLE out.mrr_movements AS
        SELECT 'M' || lpad(row_number() OVER movement::VARCHAR, 6, '0') AS movement_id,
               subscription_id, account_id, effective_on, movement_type, expansion_type,
               amount::DECIMAL(18, 2) AS amount, churn_type, churn_reason,
               known_on(effective_on, 'movements', subscription_id || movement_type) AS recorded_at
        FROM work.movements
        WINDOW movement AS (ORDER BY effective_on, subscription_id, amount)
        ORDER BY movement_id;
        """
    )
