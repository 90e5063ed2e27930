-- One hour and group after the other, all alike.
WITH hours AS (
  SELECT cpu_pct::DOUBLE AS pct FROM infra_metrics_hourly
  WHERE hour >= $start AND hour < $end AND recorded_at < $as_of_end AND cpu_pct IS NOT NULL
    AND ($cell IS NULL OR host_group = $cell)
)
SELECT avg(pct) AS value, coalesce(sum(pct) / 100, 0) AS numerator, count(*) AS denominator FROM hours
