WITH totals AS (
  SELECT abs(warehouse_value - source_value) <= 0.005 * abs(source_value) AS agreed
  FROM source_reconciliations
  WHERE period_start >= $start AND period_start < $end AND drawn_at < $as_of_end
    AND ($cell IS NULL OR source_system = $cell OR measure = $cell)
)
SELECT 100 * avg(agreed::INT) AS value, count(*) FILTER (agreed) AS numerator, count(*) AS denominator
FROM totals
