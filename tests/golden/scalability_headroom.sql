WITH busiest AS (
  SELECT max(concurrent_sessions_peak) AS peak FROM infra_metrics_hourly
  WHERE host_group = 'app' AND hour >= CAST($end AS DATE) - 30 AND hour < $end
    AND recorded_at < $as_of_end
)
SELECT capacity.value / peak AS value, capacity.value AS numerator, peak AS denominator
FROM ({peak_user_capacity}) AS capacity, busiest
