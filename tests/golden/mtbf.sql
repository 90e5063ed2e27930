WITH hours AS (
  SELECT sum(total_minutes) - sum(unplanned_down_minutes) - sum(planned_down_minutes) AS up
  FROM service_uptime_hourly
  WHERE hour >= CAST($end AS DATE) - INTERVAL 90 DAY AND hour < $end AND recorded_at < $as_of_end
    AND ($cell IS NULL OR service = $cell)
),
outages AS (
  SELECT count(*) AS n
  FROM incidents
  WHERE incident_type = 'outage' AND started_at >= CAST($end AS DATE) - INTERVAL 90 DAY
    AND started_at < $end AND recorded_at < $as_of_end AND ($cell IS NULL OR service = $cell)
)
SELECT up::DOUBLE / (60 * CASE WHEN n = 0 THEN 1 ELSE n END) AS value, up AS numerator,
       60 * CASE WHEN n = 0 THEN 1 ELSE n END AS denominator
FROM hours, outages
