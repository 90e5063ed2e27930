"""How busy the machines were: host groups by the hour, capacity tests, data taken in by the day."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY, OUTAGE_ON, SLOW_UNTIL


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make infra_metrics_hourly, load_tests and data_volume_daily.

    Concurrency is that of the sessions that are there, so it follows the scale; capacity is tested
    as a multiple of it. Everything else keeps its level.
    """
    _concurrency(con)
    _hosts(con)
    _load_tests(con)
    _volumes(con)


def _concurrency(con: duckdb.DuckDBPyConnection) -> None:
    """``work.concurrency``: open sessions of every hour, on average and at most.

    No session is longer than an hour, so each meets two hours at most and every hour that it meets
    sees it begin or end.
    """
    con.execute(
        f"""
        CREATE TABLE work.concurrency AS
        WITH edges AS (
          SELECT moment, sum(step) AS step FROM (
            SELECT started_at AS moment, 1 AS step FROM out.sessions
            UNION ALL SELECT ended_at, -1 FROM out.sessions)
          GROUP BY moment),
        swept AS (SELECT moment, step, sum(step) OVER (ORDER BY moment) AS open FROM edges),
        peaks AS (
          SELECT date_trunc('hour', moment) AS hour,
                 greatest(max(open), arg_min(open - step, moment))::INTEGER AS peak
          FROM swept GROUP BY ALL),
        parts AS (
          SELECT date_trunc('hour', started_at) AS hour,
                 epoch(least(ended_at, date_trunc('hour', started_at) + INTERVAL 1 HOUR)
                       - started_at) AS seconds
          FROM out.sessions
          UNION ALL
          SELECT date_trunc('hour', ended_at), epoch(ended_at - date_trunc('hour', ended_at))
          FROM out.sessions WHERE date_trunc('hour', ended_at) > date_trunc('hour', started_at))
        SELECT hour, coalesce(peak, 0) AS peak, coalesce(mean, 0) AS mean
        FROM (SELECT hour FROM range(TIMESTAMP '{FIRST_DAY}', TIMESTAMP '{END}', INTERVAL 1 HOUR)
                AS h(hour))
        LEFT JOIN peaks USING (hour)
        LEFT JOIN (SELECT hour, sum(seconds) / 3600 AS mean FROM parts GROUP BY hour)
          USING (hour)
        """
    )


def _hosts(con: duckdb.DuckDBPyConnection) -> None:
    """Load follows the day and the week; capacity is added every half year, storage every quarter.

    From the outage until the region is well again, processors are busier and fewer look-ups hit.
    """
    con.execute(
        f"""
        CREATE TABLE out.infra_metrics_hourly AS
        WITH hours AS (
          SELECT hour, epoch(hour)::BIGINT // 3600 AS n, peak, mean,
                 datediff('month', DATE '{FIRST_DAY}', hour::DATE) + day(hour) / 31.0 AS age,
                 hour >= TIMESTAMP '{OUTAGE_ON}' AND hour < TIMESTAMP '{SLOW_UNTIL}' AS unwell,
                 (0.24 + 0.38 * (1 + cos(2 * pi() * (hour(hour) - 13.5) / 24)))
                 * CASE WHEN is_weekend(hour::DATE) THEN 0.5 ELSE 1 END AS bustle
          FROM work.concurrency),
        loaded AS (
          SELECT h.*, g.*, bustle * (0.80 + 0.055 * (age % 6)) AS load,
                 (u('hosts', host_group, n) - 0.5) AS noise
          FROM hours AS h,
               (VALUES ('app', 17, 46, 46, 20, 30, 1100, 4000),
                       ('database', 22, 42, 60, 14, 44, 700, 18000),
                       ('cache', 9, 24, 68, 9, 12, 420, 600))
                 AS g(host_group, cpu, cpu_load, memory, memory_load, disk, network, storage)),
        measured AS (
          SELECT *, cpu + cpu_load * load + 7 * noise
                    + CASE WHEN unwell AND host_group <> 'cache' THEN 16 ELSE 0 END AS cpu_pct,
                 memory + memory_load * load + 4 * noise AS memory_pct,
                 disk + 0.62 * (age % 12) * 3 + 1.5 * noise AS disk_pct,
                 network * load * (0.30 + 0.022 * age) * (1 + 0.2 * noise) AS network_mbps,
                 2400000 * load * (0.22 + 0.024 * age) * (1 + 0.15 * noise) AS look_ups,
                 0.905 + 0.0011 * age + 0.012 * noise
                 - CASE WHEN unwell THEN 0.07 ELSE 0 END AS hits,
                 storage * exp(0.032 * age) AS live,
                 storage * exp(0.032 * (3 + floor(age / 3) * 3)) / 0.89 AS provisioned
          FROM loaded)
        SELECT hour, host_group,
               least(99.5, cpu_pct)::DECIMAL(18, 2) AS cpu_pct,
               least(99, memory_pct)::DECIMAL(18, 2) AS memory_pct,
               least(98, disk_pct)::DECIMAL(18, 2) AS disk_pct,
               network_mbps::DECIMAL(18, 2) AS network_mbps,
               CASE WHEN host_group = 'cache' THEN round(look_ups * hits) END::BIGINT
                 AS cache_hits,
               CASE WHEN host_group = 'cache' THEN round(look_ups) - round(look_ups * hits)
                    END::BIGINT AS cache_misses,
               live::DECIMAL(18, 2) AS storage_live_gb,
               provisioned::DECIMAL(18, 2) AS storage_provisioned_gb,
               CASE WHEN host_group = 'app' THEN mean END::DECIMAL(18, 2)
                 AS concurrent_sessions_avg,
               CASE WHEN host_group = 'app' THEN peak END::INTEGER AS concurrent_sessions_peak,
               CASE WHEN days_late(hour::DATE, 'hosts', host_group || n) > 0
                    THEN known_at(hour, 'hosts', host_group || n)
                    ELSE least(hour + INTERVAL 3620 SECOND,
                               hour::DATE::TIMESTAMP + INTERVAL 86399 SECOND)
                    END AS recorded_at
        FROM measured ORDER BY hour, host_group;
        """
    )


def _load_tests(con: duckdb.DuckDBPyConnection) -> None:
    """One test a month and a few after a change; the newest says what the service can carry."""
    con.execute(
        f"""
        CREATE TABLE out.load_tests AS
        WITH run AS (
          SELECT (first + 2 + (m % 5))::DATE AS run_on, m, 0 AS again FROM work.months
          UNION ALL
          SELECT (first + 17)::DATE, m, 1 FROM work.months WHERE m IN (5, 14, 23, 32)),
        peaks AS (
          SELECT hour::DATE AS day, max(peak) AS peak FROM work.concurrency GROUP BY ALL),
        seen AS (
          SELECT r.*, greatest(1, max(p.peak)) AS peak
          FROM run AS r LEFT JOIN peaks AS p ON p.day < r.run_on AND p.day >= r.run_on - 30
          GROUP BY ALL)
        SELECT 'LT' || lpad(row_number() OVER test::VARCHAR, 3, '0') AS test_id, run_on,
               ceil(peak * (4.4 + 0.14 * m + 0.8 * again) * (0.95 + 0.1 * u('load test', m, again)))
                 ::INTEGER AS max_concurrent_users_ok,
               peak::INTEGER AS baseline_peak_users, lead(run_on) OVER test AS superseded_on
        FROM seen WHERE run_on < DATE '{END}' WINDOW test AS (ORDER BY run_on)
        ORDER BY test_id;
        """
    )


def _volumes(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE out.data_volume_daily AS
        WITH days AS (
          SELECT day, day - DATE '{FIRST_DAY}' AS n, k.*
          FROM out.business_calendar,
               (VALUES ('workflow', 9.0, 0.030, 1400, 2.6), ('ai', 2.4, 0.052, 5200, 4.4),
                       ('integration', 21.0, 0.022, 900, 5.6),
                       ('user_content', 4.2, 0.018, 31000, 1.5))
                 AS k(source_kind, gigabytes, growth, record_bytes, latency)),
        sized AS (
          SELECT *, gigabytes * exp(growth * n / 30.4)
                    * CASE WHEN is_weekend(day) THEN 0.55 ELSE 1 END
                    * (0.92 + 0.16 * u('volume', source_kind, n)) AS gb
          FROM days)
        SELECT day, source_kind, round(gb * 1e9)::BIGINT AS bytes,
               round(gb * 1e9 / record_bytes)::BIGINT AS records,
               round(round(gb * 1e9 / record_bytes) * latency * (1.15 - 0.0003 * n)
                     * (0.85 + 0.3 * u('latency of data', source_kind, n))
                     * CASE WHEN day >= DATE '{OUTAGE_ON}' AND day < DATE '{SLOW_UNTIL}'
                            THEN 2.2 ELSE 1 END, 1) AS latency_seconds_sum,
               known_on(day, 'volumes', source_kind || n) AS recorded_at
        FROM sized ORDER BY day, source_kind;
        """
    )
