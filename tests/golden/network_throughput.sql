SELECT avg(network_mbps) AS value, coalesce(sum(network_mbps), 0) AS numerator, count(network_mbps) AS denominator
FROM infra_metrics_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR host_group = $cell)
