"""How the service ran: request metrics with latency histograms, uptime by the hour, incidents.

Latency is log-logistic: the share of requests within b milliseconds is 1 / (1 + (b / median)^-k),
which gives histogram counts in closed form and a 95th percentile of median * 19^(1/k).
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import (
    END,
    FIRST_DAY,
    OUTAGE_FROM_MINUTE,
    OUTAGE_MINUTES,
    OUTAGE_ON,
    OUTAGE_REGION,
    SLOW_UNTIL,
    SLOWNESS,
)

#: SQL for the moment at which the outage begins.
_OUTAGE = f"(TIMESTAMP '{OUTAGE_ON}' + INTERVAL {OUTAGE_FROM_MINUTE} MINUTE)"

_BOUNDS = (25, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 10000)

#: surface, endpoint group, region, requests a minute by day, median in ms, shape k
_SERIES = """
  ('api', 'core', 'north_america', 96, 82, 2.15), ('api', 'reports', 'north_america', 18, 120,
    2.1),
  ('page', 'app', 'north_america', 40, 360, 2.6), ('mobile', 'app', 'north_america', 9, 300, 2.4),
  ('query', 'interactive', 'north_america', 30, 210, 1.7),
  ('database', 'primary', 'north_america', 210, 9, 1.9),
  ('edge_probe', 'probe', 'north_america', 2, 45, 3.0),
  ('api', 'core', 'europe', 66, 90, 2.15), ('page', 'app', 'europe', 27, 390, 2.6),
  ('mobile', 'app', 'europe', 6, 320, 2.4),
  ('api', 'core', 'apac', 31, 104, 2.1), ('page', 'app', 'apac', 13, 450, 2.5),
  ('api', 'core', 'latam', 16, 118, 2.05), ('page', 'app', 'latam', 7, 480, 2.5),
  ('api', 'core', 'mea', 9, 124, 2.05), ('page', 'app', 'mea', 4, 500, 2.5),
  ('edge_probe', 'probe', 'europe', 2, 41, 3.0), ('edge_probe', 'probe', 'apac', 1, 58, 2.9),
  ('edge_probe', 'probe', 'latam', 1, 66, 2.8), ('edge_probe', 'probe', 'mea', 1, 72, 2.8)
"""

#: Lengths of a bucket in minutes; all of them divide a day.
_BUCKETS = (30, 60, 120, 180, 240, 360, 480, 720, 1440)


def build(con: duckdb.DuckDBPyConnection, *, scale: float) -> None:
    """Make request_metrics, service_uptime_hourly and incidents.

    At scale 1 a bucket is the 30 minutes of the source; smaller scales have longer buckets, larger
    ones more endpoint groups, so that requests, error rates and percentiles keep their level.
    """
    minutes = next((length for length in _BUCKETS if length >= 30 / scale), _BUCKETS[-1])
    _requests(con, minutes=minutes, groups=max(1, round(scale)))
    _uptime(con)
    _incidents(con)


def _requests(con: duckdb.DuckDBPyConnection, *, minutes: int, groups: int) -> None:
    counts = ", ".join(
        f"round(requests / (1 + pow({bound} / median, -k)))::BIGINT AS le_{bound}"
        for bound in _BOUNDS
    )
    con.execute(
        f"""
        CREATE TABLE out.request_metrics AS
        WITH buckets AS (
          SELECT bucket_start, epoch(bucket_start)::BIGINT // 60 AS minute_no,
                 bucket_start + INTERVAL {minutes} MINUTE AS bucket_end,
                 datediff('month', DATE '{FIRST_DAY}', bucket_start::DATE) AS m
          FROM range(TIMESTAMP '{FIRST_DAY}', TIMESTAMP '{END}', INTERVAL {minutes} MINUTE)
            AS r(bucket_start)),
        series AS (
          SELECT surface, endpoint_group || CASE WHEN g > 0 THEN '-' || g ELSE '' END
                   AS endpoint_group,
                 region, rate::DOUBLE / {groups} AS rate, base::DOUBLE AS base, k::DOUBLE AS k,
                 surface || endpoint_group || region || g AS name
          FROM (VALUES {_SERIES}) AS v(surface, endpoint_group, region, rate, base, k),
               range({groups}) AS r(g)),
        loaded AS (
          SELECT b.*, s.*, {minutes} * rate * (0.16 + 0.024 * m)
                 * CASE WHEN {minutes} >= 1440 OR surface = 'edge_probe' THEN 0.62
                        ELSE 0.62 + 0.5 * cos(2 * pi() / 1440.0
                               * ((minute_no + {minutes} / 2.0) % 1440 - noon(region))) END
                 * CASE WHEN is_weekend(bucket_start::DATE) THEN 0.42 ELSE 1 END
                 * (0.93 + 0.14 * u('load', name, minute_no)) AS load,
                 CASE WHEN region = '{OUTAGE_REGION}' AND surface <> 'edge_probe'
                      THEN greatest(0, epoch(
                             least(bucket_end, {_OUTAGE} + INTERVAL {OUTAGE_MINUTES} MINUTE)
                             - greatest(bucket_start, {_OUTAGE})) / 60) / {minutes}
                      ELSE 0 END AS down,
                 region = '{OUTAGE_REGION}' AND bucket_start >= TIMESTAMP '{OUTAGE_ON}'
                   AND bucket_start < TIMESTAMP '{SLOW_UNTIL}' AS slow
          FROM buckets AS b, series AS s),
        timed AS (
          SELECT *, greatest(1, round(load))::BIGINT AS requests,
                 base * (1.16 - 0.0045 * m) * (0.95 + 0.1 * u('latency', name, minute_no))
                 * (0.97 + 0.06 * u('day of latency', name, minute_no // 1440))
                 * (0.87 + 0.26 * u('month of latency', region, m))
                 * CASE WHEN slow THEN {SLOWNESS} ELSE 1 END * (1 + 2.5 * down) AS median,
                 (0.0023 - 0.00002 * m) * (0.5 + u('failing', name, minute_no))
                 * CASE WHEN u('bad day', region, minute_no // 1440) < 0.012 THEN 5 ELSE 1 END
                 * CASE WHEN slow THEN 2.2 ELSE 1 END AS failing
          FROM loaded),
        failed AS (
          SELECT *, least(requests, round(requests * (0.62 * failing + 0.5 * down)
                        + u('5xx', name, minute_no) - 0.5))::BIGINT AS errors_5xx,
                 least(requests, greatest(0, round(requests * (0.18 * failing + 0.12 * down)
                        + u('timeouts', name, minute_no) - 0.5)))::BIGINT AS timeouts,
                 round(requests * 0.014 * (0.7 + 0.6 * u('4xx', name, minute_no)))::BIGINT
                   AS errors_4xx
          FROM timed)
        SELECT bucket_start, surface, endpoint_group, region, requests, errors_4xx,
               greatest(0, errors_5xx) AS errors_5xx, timeouts,
               round(errors_4xx * 0.55)::BIGINT AS validation_errors,
               round(greatest(0, errors_5xx) * 0.7)::BIGINT AS application_errors,
               round(requests * median * (pi() / k) / sin(pi() / k), 1) AS duration_ms_sum,
               round(greatest(0, errors_5xx) * median * 1.8, 1) AS error_duration_ms_sum,
               {counts},
               CASE WHEN days_late(bucket_start::DATE, 'requests', name || minute_no) > 0
                    THEN known_at(bucket_start, 'requests', name || minute_no)
                    ELSE least(bucket_end + INTERVAL 40 SECOND,
                               bucket_start::DATE::TIMESTAMP + INTERVAL 86399 SECOND)
                    END AS recorded_at
        FROM failed ORDER BY bucket_start, surface, endpoint_group, region;
        """
    )


def _uptime(con: duckdb.DuckDBPyConnection) -> None:
    """Maintenance on the second Sunday of a month, rare incidents, and the planted outage."""
    con.execute(
        f"""
        CREATE TABLE out.service_uptime_hourly AS
        WITH hours AS (
          SELECT hour, epoch(hour)::BIGINT // 3600 AS n, service, region,
                 service || region AS name, datediff('month', DATE '{FIRST_DAY}', hour::DATE) AS m
          FROM range(TIMESTAMP '{FIRST_DAY}', TIMESTAMP '{END}', INTERVAL 1 HOUR) AS h(hour),
               (VALUES ('app'), ('api')) AS s(service),
               (VALUES ('north_america'), ('europe'), ('apac')) AS r(region)),
        events AS (
          SELECT *, CASE WHEN isodow(hour) = 7 AND day(hour) BETWEEN 8 AND 14
                              AND hour(hour) = CASE region WHEN 'europe' THEN 1 WHEN 'apac' THEN 17
                                                           ELSE 8 END
                         THEN round(4 + 8 * u('maintenance', name, n), 0) ELSE 0 END AS planned,
                 CASE WHEN u('incident', name, n) < 0.0032 - 0.00003 * m
                      THEN round(1 + 14 * u('incident length', name, n) ** 2, 2)
                      ELSE 0 END AS incident,
                 CASE WHEN region = '{OUTAGE_REGION}'
                      THEN greatest(0, epoch(
                             least(hour + INTERVAL 1 HOUR,
                                   {_OUTAGE} + INTERVAL {OUTAGE_MINUTES} MINUTE)
                             - greatest(hour, {_OUTAGE})) / 60)
                      ELSE 0 END AS outage,
                 CASE WHEN outage > 0 THEN outage ELSE incident END AS down
          FROM hours)
        SELECT hour, service, region, 60 AS total_minutes,
               least(60, down)::DECIMAL(18, 2) AS unplanned_down_minutes,
               CASE WHEN down > 0 THEN 0 ELSE planned END::DECIMAL(18, 2)
                 AS planned_down_minutes,
               CASE WHEN down > 0 THEN 0
                    WHEN region = '{OUTAGE_REGION}' AND hour >= TIMESTAMP '{OUTAGE_ON}'
                         AND hour < TIMESTAMP '{SLOW_UNTIL}' AND outage = 0
                    THEN round(60 * u('slow', name, n), 2)
                    WHEN u('degraded', name, n) < 0.01
                    THEN round(30 * u('degraded for', name, n), 2)
                    ELSE 0 END::DECIMAL(18, 2) AS degraded_minutes,
               CASE WHEN days_late(hour::DATE, 'uptime', name || n) > 0
                    THEN known_at(hour, 'uptime', name || n)
                    ELSE least(hour + INTERVAL 3640 SECOND,
                               hour::DATE::TIMESTAMP + INTERVAL 86399 SECOND)
                    END AS recorded_at
        FROM events ORDER BY hour, service, region;
        """
    )


def _incidents(con: duckdb.DuckDBPyConnection) -> None:
    """Outages and degradations that the hours of uptime show, the planted one, and a few others.

    An outage shorter than two minutes mends itself and is nobody's incident.
    """
    con.execute(
        f"""
        CREATE TABLE out.incidents AS
        WITH hours AS (
          SELECT service, region, hour, service || region AS name, epoch(hour)::BIGINT // 3600 AS n,
                 unplanned_down_minutes::DOUBLE AS down, degraded_minutes::DOUBLE AS slow,
                 region = '{OUTAGE_REGION}' AND hour + INTERVAL 1 HOUR > {_OUTAGE}
                   AND hour < {_OUTAGE} + INTERVAL {OUTAGE_MINUTES} MINUTE AS out,
                 region = '{OUTAGE_REGION}' AND hour + INTERVAL 1 HOUR > {_OUTAGE}
                   AND hour < TIMESTAMP '{SLOW_UNTIL}' AS planted
          FROM out.service_uptime_hourly),
        happened AS (
          SELECT 'outage' AS incident_type, service, region, n::VARCHAR || name AS draw,
                 hour + to_seconds(floor((60 - down) * 60 * u('began', name, n))::BIGINT)
                   AS started_at, down AS minutes
          FROM hours WHERE down >= 2 AND NOT out
          UNION ALL
          SELECT 'outage', service, '{OUTAGE_REGION}', 'planted' || service, {_OUTAGE},
                 {OUTAGE_MINUTES}
          FROM (VALUES ('app'), ('api')) AS s(service)
          UNION ALL
          SELECT 'degradation', service, region, n::VARCHAR || name,
                 hour + to_seconds(floor((60 - slow) * 60 * u('began', name, n))::BIGINT), slow
          FROM hours WHERE slow >= 29.4 AND NOT planted
          UNION ALL
          SELECT 'degradation', 'app', '{OUTAGE_REGION}', 'planted slow',
                 {_OUTAGE} + INTERVAL {OUTAGE_MINUTES} MINUTE,
                 epoch(TIMESTAMP '{SLOW_UNTIL}' - {_OUTAGE}) / 60 - {OUTAGE_MINUTES}
          UNION ALL
          SELECT kind, service, NULL, kind || i,
                 TIMESTAMP '{FIRST_DAY}' + to_seconds(floor(
                   epoch(TIMESTAMP '{END}' - TIMESTAMP '{FIRST_DAY}') * (i + u(kind, i, 0)) / often)
                   ::BIGINT),
                 least * exp(1.1 * u('lasts/' || kind, i, 0) * 2)
          FROM (VALUES ('security', 'app', 11, 90.0), ('data_breach', 'app', 1, 300.0),
                       ('revenue_system', 'billing', 8, 25.0)) AS k(kind, service, often, least),
               range(often) AS r(i)),
        timed AS (
          SELECT *, started_at + to_seconds(floor(60 * minutes)::BIGINT) AS resolved_at,
                 started_at + to_seconds(floor(60 * least(
                     minutes * 0.6, 0.5 + 7 * u('noticed', draw, 0) ** 2))::BIGINT) AS detected_at
          FROM happened)
        SELECT 'N' || lpad(row_number() OVER incident::VARCHAR, 4, '0') AS incident_id,
               incident_type, service, region,
               CASE WHEN incident_type = 'data_breach' OR minutes >= 60 AND incident_type = 'outage'
                    THEN 'critical'
                    WHEN incident_type IN ('security', 'revenue_system') OR minutes >= 8
                         AND incident_type = 'outage' THEN 'high'
                    WHEN incident_type = 'outage' OR minutes > 60 THEN 'warning'
                    ELSE 'info' END AS severity,
               started_at, detected_at,
               CASE WHEN resolved_at < TIMESTAMP '{END}' THEN resolved_at END AS resolved_at,
               incident_type = 'data_breach' AS customer_data_exposed,
               CASE WHEN days_late(started_at::DATE, 'breakdowns', draw) > 0
                    THEN known_at(started_at, 'breakdowns', draw)
                    ELSE least(detected_at + INTERVAL 90 SECOND,
                               started_at::DATE::TIMESTAMP + INTERVAL 86399 SECOND)
                    END AS recorded_at
        FROM timed WHERE started_at < TIMESTAMP '{END}'
        WINDOW incident AS (ORDER BY started_at, draw)
        ORDER BY incident_id;
        """
    )
