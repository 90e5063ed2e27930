SELECT 100 * (sum(correct)::DOUBLE / sum(evaluated)) AS value, coalesce(sum(correct), 0) AS numerator,
       coalesce(sum(evaluated), 0) AS denominator
FROM ai_usage_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR node_type = $cell)
