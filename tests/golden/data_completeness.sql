WITH latest AS (
  SELECT * FROM dq_results
  WHERE run_at < least($end, $as_of_end) AND ($cell IS NULL OR dataset = $cell)
    AND (superseded_at IS NULL OR superseded_at >= least($end, $as_of_end))
),
loads AS (
  SELECT 100 * (sum(rows_loaded)::DOUBLE / sum(rows_expected)) AS share
  FROM job_runs
  WHERE scheduled_for >= $start AND scheduled_for < $end AND recorded_at < $as_of_end
    AND job_kind = 'ingest' AND status = 'succeeded' AND ($cell IS NULL OR dataset = $cell)
),
fields AS (
  SELECT 100 * (1 - sum(unexpected)::DOUBLE / sum(evaluated)) AS share
  FROM latest WHERE dimension = 'completeness'
)
SELECT least(loads.share, fields.share) AS value FROM loads, fields
