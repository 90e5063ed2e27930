SELECT sum(duration_ms_sum) / nullif(sum(requests), 0) AS value,
       coalesce(sum(duration_ms_sum), 0) AS numerator, coalesce(sum(requests), 0) AS denominator
FROM request_metrics
WHERE surface = 'api' AND bucket_start >= $start AND bucket_start < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR region = $cell)
