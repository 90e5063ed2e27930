WITH first_ones AS (
  SELECT engagement_id, min(finished_at) AS finished_at, min(scheduled_for) AS scheduled_for
  FROM job_runs
  WHERE job_kind = 'full_analysis' AND status = 'succeeded' AND engagement_id IS NOT NULL
    AND finished_at < $as_of_end AND recorded_at < $as_of_end
  GROUP BY engagement_id
)
SELECT median(epoch(finished_at) - epoch(data_received_at)) / 3600 AS value
FROM first_ones JOIN engagements USING (engagement_id)
WHERE scheduled_for >= $start AND scheduled_for < $end
