SELECT avg(concurrent_sessions_avg) AS value, coalesce(sum(concurrent_sessions_avg), 0) AS numerator,
       count(*) AS denominator
FROM infra_metrics_hourly
WHERE host_group = 'app' AND hour >= $start AND hour < $end AND recorded_at < $as_of_end
