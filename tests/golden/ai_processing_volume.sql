SELECT peak_requests_per_minute AS value
FROM ai_usage_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR node_type = $cell)
ORDER BY 1 DESC LIMIT 1
