WITH cache AS (
  SELECT sum(cache_hits)::DOUBLE AS hits, sum(cache_hits + cache_misses)::DOUBLE AS look_ups
  FROM infra_metrics_hourly
  WHERE host_group = 'cache' AND hour >= $start AND hour < $end AND recorded_at < $as_of_end
)
SELECT 100 * (hits / look_ups) AS value, hits AS numerator, look_ups AS denominator FROM cache
