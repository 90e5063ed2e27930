SELECT sum(cost)::DOUBLE / sum(requests) AS value, coalesce(sum(cost), 0) AS numerator,
       coalesce(sum(requests), 0) AS denominator
FROM ai_usage_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR node_type = $cell)
