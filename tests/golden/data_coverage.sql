SELECT 100 * (sum(rows_loaded)::DOUBLE / sum(rows_expected)) AS value, coalesce(sum(rows_loaded), 0) AS numerator,
       coalesce(sum(rows_expected), 0) AS denominator
FROM job_runs
WHERE scheduled_for >= $start AND scheduled_for < $end AND recorded_at < $as_of_end
  AND job_kind = 'ingest' AND status = 'succeeded' AND ($cell IS NULL OR dataset = $cell)
