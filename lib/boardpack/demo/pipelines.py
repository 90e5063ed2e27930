"""The company's own data work: job runs, and engagements with what was advised in them."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY, OUTAGE_FROM_MINUTE, OUTAGE_MINUTES, OUTAGE_ON


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make engagements, job_runs and action_items."""
    _engagements(con)
    _jobs(con)
    _actions(con)


def _engagements(con: duckdb.DuckDBPyConnection) -> None:
    """About one a month, with a customer in force at its kick-off."""
    con.execute(
        f"""
        CREATE TABLE out.engagements AS
        WITH begun AS (
          SELECT n::INTEGER AS n, (DATE '{FIRST_DAY}' + 9 + 27 * n::INTEGER
                       + floor(5 * u('kick-off', n, 0))::INTEGER)::DATE AS kickoff_on
          FROM range(40) AS r(n)),
        dated AS (
          SELECT b.*, kickoff_on::TIMESTAMP + to_seconds(
                   floor(3600 * (9 + 24 * 6 * u('data come', n, 0)))::BIGINT) AS data_received_at,
                 (kickoff_on + 100 + floor(60 * u('closes', n, 0))::INTEGER)::DATE AS closes_on,
                 arg_min(l.account_id, u('engaged', n, l.account_id)) AS account_id
          FROM begun AS b JOIN work.lives AS l
            ON l.segment <> 'smb' AND l.start_on <= kickoff_on
           AND (l.end_on IS NULL OR l.end_on > kickoff_on)
          WHERE kickoff_on < DATE '{END}' GROUP BY ALL)
        SELECT 'EN' || lpad((n + 1)::VARCHAR, 2, '0') AS engagement_id, account_id, kickoff_on,
               data_received_at, CASE WHEN closes_on < DATE '{END}' THEN closes_on END AS closed_on
        FROM dated ORDER BY n;
        """
    )


def _jobs(con: duckdb.DuckDBPyConnection) -> None:
    """Events are loaded every hour, four datasets every night; then transforms and the report.

    No run crosses midnight. While Europe is down no events are loaded.
    """
    con.execute(
        f"""
        CREATE TABLE work.jobs AS
        WITH days AS (SELECT day, day - DATE '{FIRST_DAY}' AS n FROM out.business_calendar),
        planned AS (
          SELECT 'load product_events' AS job_name, 'ingest' AS job_kind,
                 'product_events' AS dataset, NULL::VARCHAR AS engagement_id, 1 AS limit_hours,
                 day::TIMESTAMP + to_minutes(60 * h + 5) AS scheduled_for, n * 24 + h AS no,
                 5.5 AS minutes, 0.35 AS spread, 1 AS hours, NULL::INTEGER AS due_after
          FROM days, range(24) AS r(h)
          UNION ALL
          SELECT 'load ' || dataset, 'ingest', dataset, NULL, 24,
                 day::TIMESTAMP + to_minutes(at_minute), n, minutes, 0.3, 24, NULL
          FROM days, (VALUES ('crm', 70, 12.0), ('billing', 80, 16.0), ('ad_spend', 90, 7.0),
                             ('tickets', 100, 9.0)) AS d(dataset, at_minute, minutes)
          UNION ALL
          SELECT 'nightly transform', 'transform', NULL, NULL, NULL,
                 day::TIMESTAMP + INTERVAL 180 MINUTE, n, 48.0, 0.25, NULL, NULL FROM days
          UNION ALL
          SELECT 'daily report', 'report', NULL, NULL, NULL,
                 day::TIMESTAMP + INTERVAL 330 MINUTE, n, 33.0, 0.5, NULL, 90 FROM days
          UNION ALL
          SELECT 'monthly report', 'report', NULL, NULL, NULL,
                 day::TIMESTAMP + INTERVAL 420 MINUTE, n, 75.0, 0.45, NULL, 180 FROM days
          WHERE day(day) = 2
          UNION ALL
          SELECT 'weekly analysis', 'full_analysis', NULL, NULL, NULL,
                 day::TIMESTAMP + INTERVAL 240 MINUTE, n, 232.0, 0.16, NULL, NULL FROM days
          WHERE isodow(day) = 7
          UNION ALL
          SELECT 'first analysis', 'full_analysis', NULL, engagement_id, NULL,
                 (data_received_at::DATE + (u('analysed', engagement_id, 0) < 0.35)::INTEGER + 1)
                   ::TIMESTAMP + to_minutes((300 + floor(500 * u('begins', engagement_id, 0)))
                                            ::INTEGER),
                 1000000 + engagement_id[3:]::INTEGER, 150.0, 0.3, NULL, NULL
          FROM out.engagements),
        judged AS (
          SELECT *, datediff('month', DATE '{FIRST_DAY}', scheduled_for::DATE) AS m,
                 CASE WHEN dataset = 'product_events'
                           AND scheduled_for >= TIMESTAMP '{OUTAGE_ON}'
                                                + INTERVAL {OUTAGE_FROM_MINUTE} MINUTE
                           AND scheduled_for < TIMESTAMP '{OUTAGE_ON}'
                             + INTERVAL {OUTAGE_FROM_MINUTE + OUTAGE_MINUTES} MINUTE THEN 'failed'
                      WHEN engagement_id IS NOT NULL THEN 'succeeded'
                      WHEN u('fails', job_name, no) < 0.022 - 0.0004
                           * datediff('month', DATE '{FIRST_DAY}', scheduled_for::DATE)
                      THEN 'failed'
                      WHEN u('fails', job_name, no) > 0.997 THEN 'skipped' ELSE 'succeeded' END
                   AS status
          FROM planned WHERE scheduled_for < TIMESTAMP '{END}')
        SELECT *, CASE WHEN status <> 'skipped' THEN scheduled_for + to_seconds(
                    floor(45 * u('waits', job_name, no))::BIGINT + floor(least(
                      60 * minutes * (1.12 - 0.0035 * m)
                      * exp(spread * normal('runs', job_name, no)),
                      CASE WHEN hours = 1 THEN 3000 ELSE 36000 END))::BIGINT) END AS finished_at
        FROM judged;

        CREATE TABLE out.job_runs AS
        WITH loads AS (
          SELECT job_name, no, lead(finished_at) OVER loaded AS replaced_at,
                 hours + coalesce((epoch(scheduled_for - lag(scheduled_for) OVER loaded) / 3600)
                                  - hours, 0) AS covers
          FROM work.jobs WHERE job_kind = 'ingest' AND status = 'succeeded'
          WINDOW loaded AS (PARTITION BY dataset ORDER BY finished_at)),
        sized AS (
          SELECT j.*, replaced_at,
                 CASE WHEN covers IS NOT NULL
                      THEN round(covers * CASE dataset WHEN 'product_events' THEN 1500
                                            WHEN 'crm' THEN 90 WHEN 'billing' THEN 40
                                            WHEN 'ad_spend' THEN 12 ELSE 25 END
                                 * (1 + 0.03 * m) * (0.9 + 0.2 * u('rows', job_name, no)))::BIGINT
                      END AS rows_expected
          FROM work.jobs AS j LEFT JOIN loads USING (job_name, no))
        SELECT 'JR' || lpad(row_number() OVER run::VARCHAR, 6, '0') AS run_id, job_name, job_kind,
               engagement_id, dataset, scheduled_for,
               scheduled_for + to_seconds(floor(45 * u('waits', job_name, no))::BIGINT)
                 AS started_at,
               finished_at, status,
               CASE WHEN rows_expected IS NOT NULL
                    THEN scheduled_for - to_seconds(floor(CASE WHEN hours = 1 THEN 30 + 260
                           * u('newest', job_name, no) ELSE 600 + 5400 * u('newest', job_name, no)
                           END)::BIGINT) END AS source_max_ts,
               scheduled_for + to_minutes(due_after) AS due_at, limit_hours::INTEGER AS limit_hours,
               rows_expected,
               CASE WHEN u('loses', job_name, no) < 0.05
                    THEN floor(rows_expected * (1 - 0.04 * u('loss', job_name, no)))::BIGINT
                    ELSE rows_expected END AS rows_loaded,
               replaced_at,
               CASE WHEN days_late(scheduled_for::DATE, 'jobs', job_name || no) > 0
                    THEN known_at(scheduled_for, 'jobs', job_name || no)
                    ELSE least(coalesce(finished_at, scheduled_for) + INTERVAL 5 SECOND,
                               scheduled_for::DATE::TIMESTAMP + INTERVAL 86399 SECOND)
                    END AS recorded_at
        FROM sized WINDOW run AS (ORDER BY scheduled_for, job_name, no)
        ORDER BY run_id;
        """
    )


def _actions(con: duckdb.DuckDBPyConnection) -> None:
    """What engagements advised, and what alerts, reports and reviews asked the company to do."""
    con.execute(
        f"""
        CREATE TABLE out.action_items AS
        WITH given AS (
          SELECT engagement_id, kickoff_on, item_type, 'analysis' AS source,
                 engagement_id || item_type || i AS draw,
                 kickoff_on + 8 + floor(CASE item_type WHEN 'recommendation' THEN 26 ELSE 40 END
                                        * u('given', engagement_id || item_type, i))::INTEGER AS day
          FROM out.engagements,
               (VALUES ('recommendation', 5, 5), ('quick_win', 2, 3),
                       ('process_improvement', 1, 2)) AS k(item_type, least_, more),
               range(least_ + floor(more * u('how many', engagement_id, item_type))::INTEGER)
                 AS r(i)
          UNION ALL
          SELECT NULL, NULL, CASE WHEN u('kind', m, i) < 0.62 THEN 'corrective'
                                  WHEN u('kind', m, i) < 0.84 THEN 'process_improvement'
                                  ELSE 'quick_win' END,
                 pick(['alert', 'alert', 'report', 'review'], u('source', m, i)),
                 'own/' || m || '/' || i, first + floor(days * u('given', m, i))::INTEGER
          FROM work.months, range(10 + m // 6) AS r(i)),
        dated AS (
          SELECT *, day::TIMESTAMP + to_seconds(32400 + floor(27000 * u('hour', draw, 0))::BIGINT)
                   AS delivered_at,
                 (day + 14 + floor(45 * u('due', draw, 0))::INTEGER)::DATE AS due_on,
                 datediff('month', DATE '{FIRST_DAY}', day) AS m
          FROM given WHERE day < DATE '{END}'),
        done AS (
          SELECT *, CASE WHEN u('adopts', draw, 0) < 0.55 + 0.004 * m
                         THEN delivered_at + to_hours((24 + 24 * 40 * u('adopts in', draw, 0))
                                                      ::INTEGER) END AS adopted,
                 CASE WHEN u('done', draw, 0) < 0.66 + 0.005 * m
                      THEN due_on::TIMESTAMP - to_hours((6 + 24 * 11 * u('done in', draw, 0))
                                                        ::INTEGER)
                      WHEN u('done', draw, 0) < 0.93
                      THEN due_on::TIMESTAMP + to_hours((30 + 24 * 25 * u('done in', draw, 0))
                                                        ::INTEGER) END AS finished
          FROM dated),
        ended AS (
          SELECT *, CASE WHEN adopted < TIMESTAMP '{END}' THEN adopted END AS adopted_at,
                 CASE WHEN finished IS NULL OR (item_type = 'recommendation' AND adopted IS NULL)
                      THEN NULL
                      WHEN greatest(finished, adopted, delivered_at) < TIMESTAMP '{END}'
                      THEN greatest(finished, adopted, delivered_at) END AS completed_at
          FROM done)
        SELECT 'AI' || lpad(row_number() OVER item::VARCHAR, 4, '0') AS action_id, engagement_id,
               item_type, source, 'E' || lpad((1 + floor(12 * u('owner', draw, 0)))::INTEGER
                 ::VARCHAR, 2, '0') AS owner_id,
               CASE WHEN item_type = 'recommendation'
                    THEN pick(['customer_churn_rate', 'resolution_time', 'gross_margin', 'csat',
                               'first_response_time', 'win_rate'], u('about', draw, 0)) END
                 AS kpi_id,
               delivered_at, adopted_at, due_on, completed_at,
               NULL::DECIMAL(18, 2) AS baseline_value, NULL::DECIMAL(18, 2) AS current_value,
               CASE WHEN item_type = 'process_improvement'
                    THEN round(20 + 180 * u('hours', draw, 0)) END::DECIMAL(18, 2)
                 AS baseline_hours,
               CASE WHEN item_type = 'process_improvement' AND completed_at IS NOT NULL
                    THEN round((20 + 180 * u('hours', draw, 0))
                               * (0.98 - 0.32 * u('saves', draw, 0)), 1)
                    END::DECIMAL(18, 2) AS current_hours,
               CASE WHEN engagement_id IS NOT NULL AND completed_at IS NOT NULL
                         AND u('earns', draw, 0) < 0.3
                    THEN round(1000 + 24000 * u('earned', draw, 0) ** 2, -2) END::DECIMAL(18, 2)
                 AS revenue_impact,
               known_at(delivered_at, 'actions', draw) AS recorded_at
        FROM ended WINDOW item AS (ORDER BY delivered_at, draw)
        ORDER BY action_id;
        """
    )
