WITH loads AS (
  SELECT epoch(source_max_ts) AS newest, epoch(finished_at) AS from_s, epoch(replaced_at) AS to_s,
         3600 * coalesce(limit_hours, 24) AS limit_s
  FROM job_runs
  WHERE job_kind = 'ingest' AND status = 'succeeded' AND finished_at >= $start
    AND finished_at < least($end, $as_of_end) AND replaced_at < $as_of_end
    AND recorded_at < $as_of_end AND ($cell IS NULL OR dataset = $cell)
)
SELECT 100 * sum(least(to_s - from_s, limit_s)) / sum(to_s - from_s) AS value,
       coalesce(sum(least(to_s - from_s, limit_s)) / 3600, 0) AS numerator, coalesce(sum(to_s - from_s) / 3600, 0) AS denominator
FROM loads
