"""What sellers do all day: calls, emails, meetings and demos, for a deal or in search of one."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make sales_activities, after deals and quotas.

    A deal takes more the larger it is and the further it gets. Its first steps are often those of
    a development representative, all others its owner's. What no deal came of yet has none.
    Nobody sells at weekends, some do on holidays, and nothing is logged before the first day.
    """
    con.execute(
        f"""
        CREATE TABLE out.sales_activities AS
        WITH deals AS (
          SELECT id, opportunity_id, owner_id, type, region, created_at, closed_at,
                 (CASE WHEN type = 'expansion' THEN 3 + 4 * u('steps', id, 0)
                       WHEN segment = 'enterprise' THEN 18 + 20 * u('steps', id, 0)
                       WHEN segment = 'mid_market' THEN 11 + 12 * u('steps', id, 0)
                       ELSE 5 + 6 * u('steps', id, 0) END
                  * CASE WHEN won THEN 1.1 ELSE 0.8 END)::INTEGER AS n
          FROM work.deals WHERE assisted AND created_at < TIMESTAMP '{END}'),
        steps AS (
          SELECT *, id || '/' || i AS draw, (i + u('step', id, i)) / n AS place,
                 created_at + to_seconds((epoch(closed_at - created_at)
                   * (i + u('step', id, i)) / n)::BIGINT) AS planned
          FROM deals, range(n) AS r(i)),
        placed AS (
          SELECT *, planned::DATE - CASE WHEN is_weekend(planned::DATE)
                                         THEN isodow(planned::DATE) - 5 ELSE 0 END::INTEGER AS day
          FROM steps),
        timed AS (
          SELECT *, day::TIMESTAMP
                 + to_seconds((60 * (noon(region) - 240)
                               + floor(28800 * u('hour', draw, 0)))::BIGINT) AS said
          FROM placed),
        for_deals AS (
          SELECT draw, opportunity_id, place,
                 CASE WHEN said < created_at THEN created_at + to_seconds((61 * (1 + i))::BIGINT)
                      WHEN said > closed_at THEN closed_at - to_seconds((61 * (n - i))::BIGINT)
                      ELSE said END AS occurred_at,
                 type = 'new_business' AND i < 2 AND u('opened', id, 0) < 0.45 AS by_developer,
                 owner_id
          FROM timed),
        developers AS (
          SELECT employee_id, period_start, row_number() OVER month - 1 AS place,
                 count(*) OVER (PARTITION BY period_start) AS n
          FROM out.quotas WHERE quota_kind = 'sqls'
          WINDOW month AS (PARTITION BY period_start ORDER BY employee_id)),
        opened AS (
          SELECT f.draw, opportunity_id, f.place, occurred_at,
                 coalesce(s.employee_id, owner_id) AS employee_id
          FROM for_deals AS f LEFT JOIN developers AS s
            ON f.by_developer AND s.period_start = date_trunc('month', occurred_at)::DATE
           AND s.place = floor(s.n * u('opened by', opportunity_id, 0))::INTEGER),
        searched AS (
          SELECT employee_id || '/' || c.day || '/' || j AS draw, NULL AS opportunity_id,
                 0.0 AS place, c.day::TIMESTAMP + to_seconds((
                   60 * (noon(pick(['north_america', 'europe'], u('where', employee_id, 0))) - 240)
                   + floor(28800 * u('hour', employee_id, c.day || '/' || j)))::BIGINT)
                   AS occurred_at,
                 employee_id
          FROM developers AS d JOIN out.business_calendar AS c
            ON date_trunc('month', c.day)::DATE = d.period_start AND NOT is_weekend(c.day),
               range((CASE WHEN c.is_business_day
                           THEN 3 + floor(4 * u('searches', employee_id, c.day))
                           ELSE floor(3 * u('searches', employee_id, c.day)) END)::INTEGER)
                 AS r(j)),
        done AS (
          SELECT *, CASE
              WHEN opportunity_id IS NULL
              THEN pick(['call', 'call', 'call', 'email', 'email', 'email', 'email', 'meeting'],
                        u('kind', draw, 0))
              WHEN place < 0.3
              THEN pick(['call', 'call', 'email', 'email', 'email', 'meeting'],
                        u('kind', draw, 0))
              WHEN place < 0.7
              THEN pick(['demo', 'meeting', 'meeting', 'email', 'email', 'call'],
                        u('kind', draw, 0))
              ELSE pick(['email', 'email', 'email', 'call', 'call', 'meeting'],
                        u('kind', draw, 0)) END AS activity_type
          FROM (SELECT * FROM opened UNION ALL SELECT * FROM searched)
          JOIN out.business_calendar ON day = occurred_at::DATE
          WHERE is_business_day OR (NOT is_weekend(day) AND u('on a holiday', draw, 0) < 0.5))
        SELECT 'SA' || lpad(row_number() OVER activity::VARCHAR, 6, '0') AS activity_id,
               employee_id, opportunity_id, activity_type, occurred_at,
               known_at(occurred_at, 'activities', draw) AS recorded_at
        FROM done WINDOW activity AS (ORDER BY occurred_at, draw)
        ORDER BY activity_id;
        """
    )
