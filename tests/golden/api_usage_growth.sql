WITH periods AS (
  SELECT count(*) AS n, coalesce(sum(requests) FILTER (bucket_start >= $start), 0) AS now,
         coalesce(sum(requests) FILTER (bucket_start < $start), 0) AS before
  FROM request_metrics
  WHERE surface = 'api' AND bucket_start < $end AND recorded_at < $as_of_end
    AND bucket_start >= CASE WHEN $end - $start = 7 THEN CAST($start AS DATE) - INTERVAL 7 DAY
                             WHEN $end - $start > 300 THEN CAST($start AS DATE) - INTERVAL 1 YEAR
                             WHEN $end - $start > 80 THEN CAST($start AS DATE) - INTERVAL 3 MONTH
                             ELSE CAST($start AS DATE) - INTERVAL 1 MONTH END
    AND ($cell IS NULL OR region = $cell)
)
SELECT 100 * (now / nullif(before, 0)::DOUBLE - 1) AS value,
       now - before AS numerator, before AS denominator
FROM periods
