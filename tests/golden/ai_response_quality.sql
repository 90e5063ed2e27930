SELECT 100 * (sum(rated_positive)::DOUBLE / sum(rated)) AS value, sum(rated_positive) AS numerator,
       sum(rated) AS denominator
FROM ai_usage_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR node_type = $cell)
