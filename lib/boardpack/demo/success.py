"""How customers come along: the steps of their onboarding, and their health week by week."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY, LAUNCH_ON

_STEPS = """
  ('account_setup', 1, true), ('first_connection', 3, true), ('first_workflow', 4, false),
  ('first_success', 5, false), ('first_value', 6, false), ('setup_complete', 7, true)
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make onboarding_steps and account_health_daily."""
    _onboarding(con)
    _health(con)


def _onboarding(con: duckdb.DuckDBPyConnection) -> None:
    """The list of steps is there from the first moment; each step begins when the one before ends.

    Customers go through it far more often than trials that come to nothing, small ones faster.
    """
    con.execute(
        f"""
        CREATE TABLE work.onboarded AS
        WITH accounts AS (
          SELECT no, account_id, created_at, segment, m,
                 no IN (SELECT no FROM work.lives) AS bought,
                 CASE segment WHEN 'smb' THEN 0.6 WHEN 'mid_market' THEN 1.3 ELSE 3.0 END
                 * (1.15 - 0.008 * m) AS pace
          FROM work.prospects),
        walked AS (
          SELECT *, CASE WHEN bought THEN 0.985 ELSE 0.86 + 0.0022 * m END AS stays,
                 created_at + to_seconds(floor(3600 * 5 * pace
                   * exp(0.9 * normal('sets up', no, 0)))::BIGINT) AS setup_at
          FROM accounts),
        steps AS (
          SELECT *, CASE WHEN u('sets up', no, 9) < stays THEN setup_at END AS account_setup,
                 CASE WHEN u('connects', no, 9) < stays
                      THEN account_setup + to_seconds(floor(3600 * 30 * pace
                             * exp(0.8 * normal('connects', no, 0)))::BIGINT) END
                   AS first_connection,
                 CASE WHEN u('automates', no, 9) < 0.8 * stays
                      THEN first_connection + to_seconds(floor(3600 * 40 * pace
                             * exp(0.8 * normal('automates', no, 0)))::BIGINT) END
                   AS first_workflow,
                 CASE WHEN u('succeeds', no, 9) < stays
                      THEN first_workflow + to_seconds(floor(3600 * 9 * pace
                             * exp(0.8 * normal('succeeds', no, 0)))::BIGINT) END AS first_success,
                 CASE WHEN u('values', no, 9) < stays
                      THEN coalesce(first_success, first_connection) + to_seconds(floor(3600 * 48
                             * pace * exp(0.8 * normal('values', no, 0)))::BIGINT) END
                   AS first_value,
                 first_connection + to_seconds(floor(3600 * 26 * pace
                   * exp(0.7 * normal('is set up', no, 0)))::BIGINT) AS setup_complete
          FROM walked)
        SELECT * FROM steps;

        CREATE TABLE out.onboarding_steps AS
        WITH listed AS (
          SELECT account_id, 'account' AS user_id, step, step_order, is_required, o.created_at,
                 CASE step WHEN 'account_setup' THEN o.created_at
                           WHEN 'first_connection' THEN account_setup
                           WHEN 'first_workflow' THEN first_connection
                           WHEN 'first_success' THEN first_workflow
                           WHEN 'first_value' THEN coalesce(first_success, first_connection)
                           ELSE first_connection END AS starts,
                 CASE step WHEN 'account_setup' THEN account_setup
                           WHEN 'first_connection' THEN first_connection
                           WHEN 'first_workflow' THEN first_workflow
                           WHEN 'first_success' THEN first_success
                           WHEN 'first_value' THEN first_value ELSE setup_complete END AS ends
          FROM work.onboarded AS o, (VALUES {_STEPS}) AS s(step, step_order, is_required)
          UNION ALL
          SELECT account_id, user_id, 'training', 2, false, created_at,
                 created_at + to_hours((6 + 200 * u('training', user_id, 0))::INTEGER),
                 CASE WHEN u('trained', user_id, 0) < 0.62
                      THEN created_at + to_hours((7 + 420 * u('training', user_id, 0))::INTEGER) END
          FROM work.users WHERE u('invited to training', user_id, 0) < 0.7)
        SELECT account_id, user_id, step, step_order::INTEGER AS step_order, is_required,
               CASE WHEN starts < TIMESTAMP '{END}' THEN starts END AS started_at,
               CASE WHEN ends < TIMESTAMP '{END}' THEN ends END AS completed_at,
               known_at(created_at, 'steps', account_id || user_id || step) AS recorded_at
        FROM listed ORDER BY account_id, step_order, user_id;
        """
    )


def _health(con: duckdb.DuckDBPyConnection) -> None:
    """Every Sunday, of each customer in force: use falls in the two months before one leaves,
    support counts the tickets of a month, payment the invoices that are overdue. Some of those who
    are there at the end of the data will leave soon after it, and show it."""
    con.execute(
        f"""
        CREATE TABLE work.sundays AS
        SELECT w::INTEGER AS w, (DATE '{FIRST_DAY}' + 7 * w::INTEGER)::DATE AS day
        FROM range(157) AS r(w);

        CREATE TABLE out.account_health_daily AS
        WITH weeks AS (
          SELECT l.life_no, l.no, l.account_id, l.segment, s.w, s.day,
                 greatest(0, 1 - (coalesce(l.end_on, leaves_on) - s.day) / 75.0) AS fading,
                 greatest(0, 1 - (s.day - l.start_on) / 40.0) AS fresh,
                 l.churn_type = 'involuntary' AS unpaid
          FROM (SELECT *, CASE WHEN end_on IS NULL AND u('will leave', life_no, 0) < CASE segment
                                 WHEN 'smb' THEN 0.13 WHEN 'mid_market' THEN 0.045 ELSE 0.015 END
                               THEN DATE '{END}' + floor(75 * u('will leave on', life_no, 0))
                                                   ::INTEGER END AS leaves_on
                FROM work.lives) AS l
          JOIN work.sundays AS s
            ON s.day >= l.start_on AND (l.end_on IS NULL OR s.day < l.end_on)),
        asked AS (
          SELECT account_id, s.w, count(*) AS tickets,
                 count(CASE WHEN priority = 'critical' THEN 1 END) AS urgent
          FROM out.tickets AS t JOIN work.sundays AS s
            ON t.created_at::DATE <= s.day AND t.created_at::DATE > s.day - 30
          GROUP BY ALL),
        owing AS (
          SELECT account_id, s.w, count(*) AS overdue
          FROM out.invoices AS i JOIN work.sundays AS s
            ON i.due_on < s.day AND (i.paid_on IS NULL OR i.paid_on > s.day)
           AND s.day < coalesce(i.paid_on, i.due_on + 120)
          WHERE i.status <> 'void' AND coalesce(i.paid_on > i.due_on, true) GROUP BY ALL),
        scored AS (
          SELECT x.*,
                 least(100, greatest(0, 72 + 15 * normal('uses', life_no, 0)
                   + 4 * normal('uses this week', life_no, w)
                   + CASE WHEN day >= DATE '{LAUNCH_ON}' THEN 4 ELSE 0 END
                   - 10 * fresh - CASE WHEN unpaid THEN 12 ELSE 58 END * coalesce(fading, 0)))
                   ::DECIMAL(18, 2) AS usage_score,
                 least(100, greatest(0, 74 + 14 * normal('engages', life_no, 0)
                   + 5 * normal('engages this week', life_no, w)
                   - 6 * fresh - CASE WHEN unpaid THEN 10 ELSE 52 END * coalesce(fading, 0)))
                   ::DECIMAL(18, 2) AS engagement_score,
                 greatest(0, 100 - 14 * coalesce(tickets, 0) - 20 * coalesce(urgent, 0))
                   ::DECIMAL(18, 2) AS support_score,
                 greatest(0, 100 - 55 * coalesce(overdue, 0))::DECIMAL(18, 2) AS payment_score
          FROM weeks AS x
          LEFT JOIN asked USING (account_id, w) LEFT JOIN owing USING (account_id, w)),
        weighed AS (
          SELECT *, (0.40 * usage_score + 0.25 * engagement_score + 0.20 * support_score
                     + 0.15 * payment_score)::DECIMAL(18, 2) AS health_score
          FROM scored),
        banded AS (
          SELECT *, CASE WHEN health_score >= 70 THEN 'green' WHEN health_score >= 40 THEN 'yellow'
                         ELSE 'red' END AS band,
                 (0.94 / (1 + exp((health_score - 54) / 8)))::DECIMAL(18, 2) AS churn_probability
          FROM weighed)
        SELECT account_id, day AS as_of, usage_score, engagement_score, support_score,
               payment_score, health_score, band,
               lag(band, 4) OVER life AS band_before, churn_probability,
               CASE WHEN churn_probability > 0.7 THEN 'HIGH' WHEN churn_probability > 0.3
                    THEN 'MEDIUM' ELSE 'LOW' END AS risk_level,
               CASE WHEN fresh > 0 THEN 'new' WHEN churn_probability > 0.3 THEN 'at_risk'
                    WHEN usage_score >= 85 THEN 'champion' ELSE 'loyal' END AS rfm_segment,
               band = 'green' AND fresh = 0 AND u('fills its seats', life_no, w // 13) < 0.19
                 AS expansion_ready,
               known_on(day, 'health', account_id || w) AS recorded_at
        FROM banded WINDOW life AS (PARTITION BY life_no ORDER BY w)
        ORDER BY as_of, account_id;
        """
    )
