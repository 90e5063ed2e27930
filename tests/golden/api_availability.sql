SELECT 100 - 100 * sum(unplanned_down_minutes + planned_down_minutes)::DOUBLE / sum(total_minutes) AS value,
       coalesce(sum(total_minutes - unplanned_down_minutes - planned_down_minutes), 0) AS numerator,
       coalesce(sum(total_minutes), 0) AS denominator
FROM service_uptime_hourly
WHERE service = 'api' AND hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR region = $cell)
