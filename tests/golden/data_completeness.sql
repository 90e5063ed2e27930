WITH parts AS (
  SELECT sum(rows_loaded)::DOUBLE AS numerator, sum(rows_expected)::DOUBLE AS denominator
  FROM job_runs
  WHERE scheduled_for >= $start AND scheduled_for < $end AND recorded_at < $as_of_end
    AND job_kind = 'ingest' AND status = 'succeeded' AND ($cell IS NULL OR dataset = $cell)
  UNION ALL
  SELECT sum(evaluated - unexpected), sum(evaluated)
  FROM dq_results
  WHERE run_at < least($end, $as_of_end) AND ($cell IS NULL OR dataset = $cell)
    AND (superseded_at IS NULL OR superseded_at >= least($end, $as_of_end))
    AND dimension = 'completeness'
)
SELECT 100 * numerator / denominator AS value, numerator, denominator
FROM parts WHERE denominator > 0 ORDER BY value LIMIT 1
