SELECT avg(epoch(finished_at - started_at) / 3600) AS value,
       coalesce(sum(epoch(finished_at - started_at) / 3600), 0) AS numerator, count(*) AS denominator
FROM job_runs
WHERE job_kind = 'full_analysis' AND status = 'succeeded' AND finished_at >= $start
  AND finished_at < least($end, $as_of_end) AND recorded_at < $as_of_end
