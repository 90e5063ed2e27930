SELECT 100 * (sum(rated_positive)::DOUBLE / sum(rated)) AS value, coalesce(sum(rated_positive), 0) AS numerator,
       coalesce(sum(rated), 0) AS denominator
FROM ai_usage_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR node_type = $cell)
