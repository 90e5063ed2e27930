-- One row an hour and kind.
SELECT coalesce(sum(minutes), 0) AS value
FROM (
  SELECT hour, recorded_at, region, service,
         unnest([unplanned_down_minutes, planned_down_minutes, degraded_minutes]) AS minutes
  FROM service_uptime_hourly
)
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR region = $cell OR service = $cell)
