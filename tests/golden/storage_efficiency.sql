SELECT 100 * (sum(storage_live_gb)::DOUBLE / sum(storage_provisioned_gb)) AS value,
       coalesce(sum(storage_live_gb), 0) AS numerator, coalesce(sum(storage_provisioned_gb), 0) AS denominator
FROM infra_metrics_hourly
WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR host_group = $cell)
