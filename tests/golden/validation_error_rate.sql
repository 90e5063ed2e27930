SELECT 100 * sum(validation_errors)::DOUBLE / nullif(sum(requests), 0) AS value,
       coalesce(sum(validation_errors), 0) AS numerator, coalesce(sum(requests), 0) AS denominator
FROM request_metrics
WHERE surface IN ('api', 'page', 'mobile', 'query', 'database')
  AND bucket_start >= $start AND bucket_start < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR region = $cell)
