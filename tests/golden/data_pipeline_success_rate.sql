SELECT 100 * avg((status = 'succeeded')::INT) AS value,
       count(*) FILTER (status = 'succeeded') AS numerator, count(*) AS denominator
FROM job_runs
WHERE scheduled_for >= $start AND scheduled_for < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR $cell IN (job_kind, dataset))
