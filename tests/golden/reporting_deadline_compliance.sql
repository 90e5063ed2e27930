WITH due AS (
  SELECT status = 'succeeded' AND coalesce(finished_at <= due_at AND finished_at < $as_of_end, FALSE)
           AS in_time
  FROM job_runs
  WHERE job_kind = 'report' AND due_at >= $start AND due_at < least($end, $as_of_end)
    AND recorded_at < $as_of_end
)
SELECT 100 * avg(in_time::INT) AS value, count(*) FILTER (in_time) AS numerator,
       count(*) AS denominator
FROM due
