WITH latest AS (
  SELECT * FROM dq_results
  WHERE run_at < least($end, $as_of_end) AND ($cell IS NULL OR dataset = $cell)
    AND (superseded_at IS NULL OR superseded_at >= least($end, $as_of_end))
)
SELECT 100 * avg(success::INT) AS value, count(*) FILTER (success) AS numerator, count(*) AS denominator
FROM latest
WHERE dimension = 'accuracy'
