SELECT sum(cost)::DOUBLE / sum(requests) AS value, sum(cost) AS numerator,
       sum(requests) AS denominator
FROM ai_usage_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR node_type = $cell)
