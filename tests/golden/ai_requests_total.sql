SELECT coalesce(sum(requests), 0) AS value
FROM ai_usage_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR node_type = $cell)
