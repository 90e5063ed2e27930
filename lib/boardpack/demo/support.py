"""What customers say: support tickets, and the answers to surveys."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import (
    END,
    OUTAGE_FELT_UNTIL,
    OUTAGE_ON,
    OUTAGE_REGION,
    SLOW_UNTIL,
)


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make tickets and survey_responses (one row an invitation, scored once answered)."""
    _tickets(con)
    _surveys(con)


def _tickets(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE work.asked AS
        WITH exposed AS (
          SELECT l.no, l.account_id, m.m, m.first, m.next, l.region,
                 greatest(l.start_on, m.first) AS from_day,
                 least(coalesce(l.end_on, m.next), m.next) AS to_day,
                 CASE l.segment WHEN 'smb' THEN 0.175 WHEN 'mid_market' THEN 0.28 ELSE 0.52 END
                 * (1.32 - 0.012 * m.m) AS rate, 'customer' AS kind
          FROM work.lives AS l
          JOIN work.months AS m ON l.start_on < m.next AND (l.end_on IS NULL OR l.end_on > m.first)
          UNION ALL
          SELECT no, account_id, m, trial_at::DATE, NULL, region, trial_at::DATE,
                 (trial_at + to_days(trial_days))::DATE, 0.05, 'trial'
          FROM work.prospects WHERE has_trial AND NOT is_internal
          UNION ALL
          SELECT p.no, p.account_id, m.m, m.first, m.next, region,
                 greatest(m.first, p.created_at::DATE + 1), m.next, 0.06, 'internal'
          FROM work.prospects AS p JOIN work.months AS m ON p.created_at::DATE + 1 < m.next
          WHERE is_internal),
        days AS (
          SELECT no, account_id, kind, m * 10 + i AS n,
                 from_day + floor((to_day - from_day) * u('asks on', no, m * 10 + i))::INTEGER
                   AS day
          FROM exposed,
               range(poisson(rate * (to_day - from_day) / CASE WHEN kind = 'trial' THEN 14
                                                               ELSE 30.4 END,
                             u('asks for help', no, m))) AS r(i)
          WHERE to_day > from_day
          UNION ALL
          SELECT no, account_id, 'outage', 999,
                 DATE '{OUTAGE_ON}' + floor((DATE '{SLOW_UNTIL}' - DATE '{OUTAGE_ON}')
                     * u('complains on', no, 0) ** 2)::INTEGER
          FROM work.lives
          WHERE region = '{OUTAGE_REGION}' AND start_on < DATE '{OUTAGE_ON}'
            AND (end_on IS NULL OR end_on > DATE '{SLOW_UNTIL}') AND u('complains', no, 0) < 0.34)
        SELECT d.no, d.n, d.kind, d.account_id,
               CASE WHEN is_weekend(day) AND kind <> 'outage' AND u('waits', no, n) < 0.7
                         AND day(day) > 2 AND day - 2 > p.created_at::DATE
                    THEN day - 2 ELSE day END AS day,
               p.region, p.created_at AS account_created_at, p.segment
        FROM days AS d JOIN (SELECT no, region, created_at, segment FROM work.prospects) AS p
          USING (no)
        WHERE day < DATE '{END}';

        CREATE TABLE out.tickets AS
        WITH timed AS (
          SELECT *,
                 greatest(account_created_at + INTERVAL 600 SECOND,
                          day::TIMESTAMP + to_seconds(
                            floor(60 * least(1437, abs(noon(region)
                                  + 170 * normal('asks at', no, n))))::BIGINT
                            + floor(59 * u('asks second', no, n))::BIGINT)) AS created_at,
                 CASE WHEN kind = 'outage' THEN 'availability'
                      ELSE pick(['how to', 'how to', 'how to', 'data connection',
                                 'data connection', 'billing', 'dashboard', 'dashboard',
                                 'performance', 'access', 'bug', 'bug'],
                                u('about', no, n)) END AS category,
                 CASE WHEN kind = 'outage' OR u('urgent', no, n) < 0.06 THEN 'critical'
                      WHEN u('urgent', no, n) < 0.8 THEN 'standard' ELSE 'low' END AS priority,
                 1 + floor(7 * u('who', no, n) ** 2)::INTEGER AS wanted
          FROM work.asked),
        asked AS (
          SELECT t.*, coalesce(w.user_id, t.account_id || '-1') AS user_id
          FROM timed AS t LEFT JOIN work.users AS w
            ON w.no = t.no AND w.j = t.wanted AND w.created_at <= t.created_at
           AND (w.left_at IS NULL OR w.left_at > t.created_at)
           AND (NOT w.is_internal OR t.kind = 'internal')),
        answered AS (
          SELECT *,
                 created_at + to_seconds(floor(
                   60 * CASE priority WHEN 'critical' THEN 35 WHEN 'standard' THEN 190 ELSE 420 END
                   * exp(0.7 * normal('answer', no, n)))::BIGINT) AS first_response_at,
                 1 + floor(-ln(u('replies', no, n)) * 1.25)::INTEGER AS agent_replies
          FROM asked),
        solved AS (
          SELECT *,
                 first_response_at + to_seconds(floor(
                   3600 * agent_replies
                   * CASE priority WHEN 'critical' THEN 3 WHEN 'standard' THEN 8 ELSE 14 END
                   * exp(0.6 * normal('solution', no, n)))::BIGINT) AS resolved_at
          FROM answered),
        reopened AS (
          SELECT *, CASE WHEN u('reopens', no, n) < 0.06
                         THEN resolved_at
                              + to_hours((4 + 90 * u('reopens after', no, n))::INTEGER)
                         END AS reopened_at
          FROM solved)
        SELECT 'K' || lpad(row_number() OVER ticket::VARCHAR, 5, '0') AS ticket_id, account_id,
               user_id, created_at,
               CASE WHEN first_response_at < TIMESTAMP '{END}' THEN first_response_at END
                 AS first_response_at,
               CASE WHEN resolved_at < TIMESTAMP '{END}' THEN resolved_at END AS resolved_at,
               CASE WHEN reopened_at < TIMESTAMP '{END}' THEN reopened_at END AS reopened_at,
               priority, category, feature_id, agent_replies,
               known_at(created_at, 'tickets', no * 1000 + n) AS recorded_at
        FROM reopened LEFT JOIN (SELECT feature_id, feature_name FROM out.features)
          ON feature_name = CASE category WHEN 'data connection' THEN 'data_connections'
                                          WHEN 'dashboard' THEN 'dashboard_builder' END
        WINDOW ticket AS (ORDER BY created_at, no, n)
        ORDER BY ticket_id;
        """
    )


def _surveys(con: duckdb.DuckDBPyConnection) -> None:
    """Invitations of six kinds; who answers and how depends on account, region and month."""
    con.execute(
        f"""
        CREATE TABLE work.invited AS
        WITH quarters AS (
          SELECT m, first, (first + INTERVAL 3 MONTH)::DATE - first AS days,
                 year(first) || 'Q' || quarter(first) AS wave
          FROM work.months WHERE m % 3 = 0),
        waves AS (
          SELECT w.no, w.uid, w.account_id, w.user_id, q.wave,
                 q.first + floor(q.days * u('nps on', w.uid, q.m))::INTEGER AS day
          FROM work.users AS w, quarters AS q WHERE u('nps', w.uid, q.m) < 0.42),
        relationship AS (
          SELECT 'nps' AS survey_type, wave, 'relationship' AS touchpoint, uid, w.account_id,
                 user_id, NULL::VARCHAR AS ticket_id, NULL::VARCHAR AS feature_id, day
          FROM waves AS w JOIN work.lives AS l USING (no)
          WHERE l.start_on + 14 <= day AND (l.end_on IS NULL OR l.end_on > day)),
        support AS (
          SELECT 'csat', ticket_id, 'support', w.uid, t.account_id, user_id, ticket_id,
                 t.feature_id, resolved_at::DATE + 1
          FROM out.tickets AS t JOIN (SELECT uid, user_id FROM work.users) AS w USING (user_id)
          WHERE resolved_at IS NOT NULL AND u('csat', ticket_id, 0) < 0.85),
        effort AS (
          SELECT 'ces', 'onboarding', 'onboarding', w.uid, w.account_id, w.user_id, NULL, NULL,
                 w.created_at::DATE + 21
          FROM work.users AS w JOIN work.spans AS s USING (no) WHERE u('ces', uid, 0) < 0.2),
        feature AS (
          SELECT 'preference', 'feature ' || (1 + floor(u('half', uid, 0) * 6)::INTEGER),
                 'feature', w.uid, w.account_id, w.user_id, NULL,
                 printf('F%02d', 1 + floor(u('which feature', uid, 0) * 14)::INTEGER),
                 w.created_at::DATE + 40 + floor(u('half', uid, 0) * 300)::INTEGER
          FROM work.users AS w JOIN work.spans AS s USING (no)
            WHERE u('preference', uid, 0) < 0.13),
        fit AS (
          SELECT 'pmf', 'first 60 days', 'product', w.uid, w.account_id, w.user_id, NULL, NULL,
                 w.created_at::DATE + 60
          FROM work.users AS w JOIN work.spans AS s USING (no) WHERE u('pmf', uid, 0) < 0.2)
        SELECT * FROM relationship UNION ALL SELECT * FROM support UNION ALL SELECT * FROM effort
        UNION ALL SELECT * FROM feature UNION ALL SELECT * FROM fit
        UNION ALL
        SELECT 'employee', wave, 'relationship', -(m * 1000 + i)::INTEGER, NULL, NULL, NULL, NULL,
               first + 30
        FROM quarters, range(60 + 3 * m) AS r(i);

        CREATE TABLE out.survey_responses AS
        WITH placed AS (
          SELECT i.*, w.region, w.segment, w.created_at AS since, w.left_at,
                 survey_type || '/' || i.wave AS draw,
                 i.day::TIMESTAMP + to_seconds((25200 + floor(
                   36000 * u('sent/' || survey_type, i.uid, hash(i.wave))))::BIGINT) AS sent_at
          FROM work.invited AS i LEFT JOIN work.users AS w USING (uid)),
        sent AS (
          SELECT *, u('answers/' || draw, uid, 0) AS x, u('score/' || draw, uid, 0) AS y,
                 survey_type = 'nps' AND sent_at >= TIMESTAMP '{OUTAGE_ON}'
                   AND sent_at < TIMESTAMP '{OUTAGE_FELT_UNTIL}' AS felt,
                 region = '{OUTAGE_REGION}' AS hit
          FROM placed
          WHERE sent_at < TIMESTAMP '{END}' AND (survey_type = 'employee' OR (sent_at > since
                AND (left_at IS NULL OR sent_at < left_at)))),
        rated AS (
          SELECT *,
                 CASE WHEN x < CASE survey_type WHEN 'nps' THEN 0.30 WHEN 'csat' THEN 0.46
                                                WHEN 'employee' THEN 0.8 ELSE 0.34 END
                      THEN sent_at + to_seconds(floor(
                             1800 + 430000 * u('answers after/' || draw, uid, 0) ** 3)::BIGINT)
                      END AS answered_at,
                 CASE segment WHEN 'enterprise' THEN 0.03 WHEN 'smb' THEN -0.03 ELSE 0.0 END
                 + 0.0012 * datediff('month', DATE '{END}', sent_at::DATE)
                 - CASE WHEN felt AND hit THEN 0.36 WHEN felt THEN 0.04 ELSE 0 END AS mood,
                 floor(7 * u('detracts/' || draw, uid, 0) ** 0.6)::INTEGER AS detracted
          FROM sent),
        scored AS (
          SELECT *, CASE survey_type
              WHEN 'nps' THEN CASE WHEN y < 0.645 + mood THEN 9 + (y < 0.33)::INTEGER
                                   WHEN y < 0.885 + 0.7 * mood THEN 7 + (y < 0.79)::INTEGER
                                   ELSE detracted END
              WHEN 'csat' THEN CASE WHEN y < 0.58 THEN 5 WHEN y < 0.85 THEN 4 WHEN y < 0.93 THEN 3
                                    WHEN y < 0.97 THEN 2 ELSE 1 END
              WHEN 'ces' THEN CASE WHEN y < 0.42 THEN 1 WHEN y < 0.74 THEN 2 WHEN y < 0.89 THEN 3
                                   WHEN y < 0.96 THEN 4 ELSE 5 END
              WHEN 'pmf' THEN CASE WHEN y < 0.43 THEN 3 WHEN y < 0.81 THEN 2 ELSE 1 END
              WHEN 'preference' THEN (y < 0.68)::INTEGER
              ELSE CASE WHEN y < 0.55 THEN 9 + (y < 0.2)::INTEGER
                        WHEN y < 0.85 THEN 7 + (y < 0.7)::INTEGER ELSE detracted END
              END AS score
          FROM rated)
        SELECT 'R' || lpad(row_number() OVER invitation::VARCHAR, 6, '0') AS response_id,
               survey_type, wave, touchpoint,
               CASE WHEN survey_type = 'employee' THEN 'employee' ELSE 'customer' END
                 AS respondent_type,
               account_id, user_id, ticket_id, feature_id,
               CASE WHEN survey_type = 'employee'
                    THEN pick(['engineering', 'sales', 'marketing', 'success', 'finance'],
                              u('team', uid, 0)) END AS respondent_team,
               CASE WHEN survey_type IN ('nps', 'preference', 'employee') THEN 0 ELSE 1 END
                 AS scale_min,
               CASE survey_type WHEN 'nps' THEN 10 WHEN 'employee' THEN 10 WHEN 'csat' THEN 5
                                WHEN 'ces' THEN 5 WHEN 'pmf' THEN 3 ELSE 1 END AS scale_max,
               CASE WHEN answered_at < TIMESTAMP '{END}' THEN score END::DECIMAL(18, 2) AS score,
               sent_at,
               CASE WHEN answered_at < TIMESTAMP '{END}' THEN answered_at END AS responded_at,
               known_at(CASE WHEN answered_at < TIMESTAMP '{END}' THEN answered_at
                             ELSE sent_at END, 'surveys', draw || uid) AS recorded_at
        FROM scored WINDOW invitation AS (ORDER BY sent_at, survey_type, uid)
        ORDER BY response_id;
        """
    )
