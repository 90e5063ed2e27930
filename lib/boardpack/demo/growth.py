"""Visits to the company's website, with those of the people who went on to a trial."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import PUSH_ON, PUSH_UNTIL, PUSH_VISITS


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make web_visits: a share ``scale`` of the visitors, each with all of their visits.

    A visitor comes in one month only, unless a trial follows: the days before it may reach back.
    """
    con.execute(
        f"""
        CREATE TABLE out.web_visits AS
        WITH traffic AS (
          SELECT m, first, days, floor(getvariable('scale') * (7800 + 480 * m)
                   * [1.02, 1.0, 1.06, 1.0, 1.0, 0.95,
                      0.86, 0.84, 1.05, 1.08, 1.06, 0.82][month(first)]
                   * CASE WHEN first >= DATE '{PUSH_ON}' AND first < DATE '{PUSH_UNTIL}'
                          THEN {PUSH_VISITS} ELSE 1 END
                   * (0.97 + 0.06 * u('visitors', m, 0)))::INTEGER AS visitors
          FROM work.months),
        visitors AS (
          SELECT t.*, v::INTEGER AS v, 'v-' || m || '-' || v AS visitor_id, u('how', m, v) AS x,
                 1 + least(11, floor(-ln(u('returns to site', m, v)) * 0.95))::INTEGER AS visits
          FROM traffic AS t, range(visitors) AS r(v)),
        wandering AS (
          SELECT visitor_id, i::INTEGER AS i, x, first = DATE '{PUSH_ON}' AS pushed,
                 u('country', m, v) AS y,
                 first + floor(days * u('visit', visitor_id, i))::INTEGER AS day
          FROM visitors, range(visits) AS r(i)),
        browsing AS (
          SELECT visitor_id, i, pushed, x,
                 CASE WHEN is_weekend(day) AND day(day) > 2 AND u('weekday', visitor_id, i) < 0.5
                      THEN day - 2 ELSE day END AS day,
                 CASE WHEN y < 0.45
                      THEN pick(['United States', 'United States', 'Canada'], y / 0.45)
                      WHEN y < 0.73
                      THEN pick(['Germany', 'United Kingdom', 'France', 'Netherlands', 'Sweden',
                                 'Spain', 'Italy', 'Poland'], (y - 0.45) / 0.28)
                      WHEN y < 0.88
                      THEN pick(['Australia', 'Japan', 'Singapore', 'India'], (y - 0.73) / 0.15)
                      WHEN y < 0.95
                      THEN pick(['Brazil', 'Mexico', 'Chile', 'Colombia'], (y - 0.88) / 0.07)
                      ELSE pick(['Israel', 'South Africa', 'Kenya'], (y - 0.95) / 0.05)
                      END AS country
          FROM wandering),
        found AS (
          SELECT visitor_id, i, country,
                 day::TIMESTAMP + to_seconds(floor(86399 * u('clock', visitor_id, i))::BIGINT)
                   AS visited_at,
                 CASE WHEN pushed AND u('ad', visitor_id, 0) < 0.34 THEN 'paid'
                      WHEN i > 0 AND u('mail', visitor_id, i) < 0.12 THEN 'email'
                      WHEN x < 0.34 THEN 'organic_search' WHEN x < 0.50 THEN 'content'
                      WHEN x < 0.60 THEN 'social' WHEN x < 0.77 THEN 'paid'
                      WHEN x < 0.79 THEN 'events' WHEN x < 0.84 THEN 'referral'
                      WHEN x < 0.86 THEN 'partner' ELSE 'direct' END AS channel
          FROM browsing
          UNION ALL
          SELECT t.visitor_id, i::INTEGER, a.country,
                 t.started_at - to_seconds((CASE WHEN i = 0 THEN 300 ELSE i * 86400 END
                     + floor(3600 * u('before', t.trial_id, i)))::BIGINT), t.channel
          FROM out.trials AS t JOIN out.accounts AS a USING (account_id), range(3) AS r(i)
          WHERE t.visitor_id IS NOT NULL AND u('seen', t.trial_id, 0) < getvariable('scale')
            AND u('came before', t.trial_id, 0) > i * 0.4
            AND t.started_at >= TIMESTAMP '2023-01-06')
        SELECT visitor_id || '.' || i AS visit_id, visitor_id, visited_at, channel,
               CASE WHEN channel = 'paid'
                    THEN 'C' || strftime(visited_at, '%y%m') || '-' || (1 + hash(visitor_id) % 4)
                    END AS campaign_id,
               country, known_at(visited_at, 'visits', visitor_id || i) AS recorded_at
        FROM found ORDER BY visited_at, visit_id;
        """
    )
