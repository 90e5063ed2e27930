"""What runs without anybody watching: workflows, and the AI behind their nodes."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import (
    END,
    FIRST_DAY,
    LAUNCH_ON,
    OUTAGE_FROM_MINUTE,
    OUTAGE_ON,
    SLOW_UNTIL,
)


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make workflow_runs, as many as there are workflows for, and ai_usage_hourly."""
    _runs(con)
    _models(con)


def _runs(con: duckdb.DuckDBPyConnection) -> None:
    """Most workflows run now and then, a few every other day, and none once it is archived.

    They fail more often while the service is slow, and ever less over the years.
    """
    con.execute(
        f"""
        CREATE TABLE out.workflow_runs AS
        WITH workflows AS (
          SELECT object_id, account_id, created_at, node_count,
                 epoch(coalesce(archived_at, TIMESTAMP '{END}') - created_at) AS lives
          FROM out.product_objects WHERE object_type = 'workflow'),
        counted AS (
          SELECT *, floor(lives / 86400 * 0.175 * u('runs', object_id, 0) ** 2
                          + u('runs at all', object_id, 0))::INTEGER AS runs
          FROM workflows),
        each AS (
          SELECT *, i::INTEGER AS i, u('runs at', object_id, i) AS x
          FROM counted, range(runs) AS r(i)),
        timed AS (
          SELECT *, created_at + to_seconds(floor(lives * (i + x) / runs)::BIGINT) AS started_at
          FROM each),
        ended AS (
          SELECT *, u('ends', object_id, i) AS y,
                 (0.062 - 0.00003 * (started_at::DATE - DATE '{FIRST_DAY}'))
                 * CASE WHEN started_at >= TIMESTAMP '{OUTAGE_ON}'
                                           + INTERVAL {OUTAGE_FROM_MINUTE} MINUTE
                             AND started_at < TIMESTAMP '{SLOW_UNTIL}' THEN 2.5 ELSE 1 END AS fails,
                 1 + floor(6 * node_count * -ln(u('takes', object_id, i)))::BIGINT AS seconds
          FROM timed),
        finished AS (
          SELECT *, CASE WHEN y < 0.2 * fails THEN 'timeout' WHEN y < fails THEN 'failed'
                         ELSE 'succeeded' END AS status,
                 started_at + to_seconds(CASE WHEN y < 0.2 * fails THEN 3600 ELSE least(seconds,
                                                                                        3599) END)
                   AS finished_at
          FROM ended)
        SELECT 'W' || object_id[2:] || '-' || i AS run_id, object_id, account_id, started_at,
               CASE WHEN finished_at < TIMESTAMP '{END}' THEN finished_at END AS finished_at,
               status, round(node_count * 180000 * -ln(u('bytes', object_id, i)))::BIGINT
                 AS bytes_processed,
               known_at(started_at, 'runs', object_id || '-' || i) AS recorded_at
        FROM finished ORDER BY started_at, run_id;
        """
    )


def _models(con: duckdb.DuckDBPyConnection) -> None:
    """Few requests while AI nodes are tried out, more once they are released and once again when
    the assistant is launched, of which users at first think less."""
    con.execute(
        f"""
        CREATE TABLE out.ai_usage_hourly AS
        WITH hours AS (
          SELECT hour, epoch(hour)::BIGINT // 3600 AS n, k.*,
                 datediff('month', DATE '{FIRST_DAY}', hour::DATE) + day(hour) / 31.0 AS age,
                 hour >= TIMESTAMP '{LAUNCH_ON}' AS launched
          FROM range(TIMESTAMP '{FIRST_DAY}', TIMESTAMP '{END}', INTERVAL 1 HOUR) AS h(hour),
               (VALUES ('generate', 2600, 0.026, 0.84, 0.905),
                       ('classify', 3400, 0.0035, 0.90, 0.945),
                       ('extract', 1700, 0.0075, 0.87, 0.925),
                       ('forecast', 420, 0.014, 0.81, 0.87))
                 AS k(node_type, rate, price, liked, right_share)),
        asked AS (
          SELECT *, greatest(0, round(rate
                    * (0.24 + 0.38 * (1 + cos(2 * pi() * (hour(hour) - 13.5) / 24)))
                    * CASE WHEN is_weekend(hour::DATE) THEN 0.45 ELSE 1 END
                    * CASE WHEN age < 13.35 THEN 0.03 + 0.006 * age
                           ELSE 0.35 + 0.06 * (age - 13) END
                    * CASE WHEN launched AND node_type = 'generate' THEN 2.1
                           WHEN launched THEN 1.15 ELSE 1 END
                    * (0.9 + 0.2 * u('asks a model', node_type, n))))::INTEGER AS requests
          FROM hours),
        graded AS (
          SELECT *, round(requests * 0.04 * (0.5 + u('rates', node_type, n)))::INTEGER AS rated,
                 round(requests * 0.006 + u('grades', node_type, n) - 0.5)::INTEGER AS evaluated,
                 least(0.98, liked + 0.0012 * (age - 18)
                   - CASE WHEN launched AND node_type = 'generate'
                          THEN 0.05 * greatest(0, 1 - (age - 29.3) / 4) ELSE 0 END) AS pleases,
                 least(0.99, right_share + 0.0009 * (age - 18)) AS correct_share
          FROM asked)
        SELECT hour, node_type, requests,
               CASE WHEN requests = 0 THEN 0
                    ELSE ceil(requests / 60.0 * (1.7 + 0.9 * u('bursts', node_type, n)))
                    END::INTEGER AS peak_requests_per_minute,
               round(requests * price * exp(-0.019 * age)
                     * (0.95 + 0.1 * u('costs', node_type, n)), 2)::DECIMAL(18, 2) AS cost,
               rated, least(rated, floor(rated * pleases + u('likes', node_type, n)))::INTEGER
                 AS rated_positive,
               greatest(0, evaluated) AS evaluated,
               least(greatest(0, evaluated),
                     floor(evaluated * correct_share + u('is right', node_type, n)))::INTEGER
                 AS correct,
               CASE WHEN days_late(hour::DATE, 'models', node_type || n) > 0
                    THEN known_at(hour, 'models', node_type || n)
                    ELSE least(hour + INTERVAL 3650 SECOND,
                               hour::DATE::TIMESTAMP + INTERVAL 86399 SECOND)
                    END AS recorded_at
        FROM graded ORDER BY hour, node_type;
        """
    )
