SELECT 100 * (1 - sum(unexpected)::DOUBLE / sum(evaluated)) AS value,
       coalesce(sum(evaluated - unexpected), 0) AS numerator, coalesce(sum(evaluated), 0) AS denominator
FROM dq_results
WHERE run_at < least($end, $as_of_end) AND ($cell IS NULL OR dataset = $cell)
  AND (superseded_at IS NULL OR superseded_at >= least($end, $as_of_end))
  AND dimension = 'completeness'
