SELECT concurrent_sessions_peak AS value
FROM infra_metrics_hourly
WHERE host_group = 'app' AND hour >= $start AND hour < $end AND recorded_at < $as_of_end
ORDER BY 1 DESC LIMIT 1
