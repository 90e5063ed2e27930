WITH known AS (
  SELECT p.planned_end, a.segment, a.region,
         CASE WHEN p.actual_end < $as_of_end THEN p.actual_end END AS completed,
         CASE WHEN p.cancelled_on < $as_of_end THEN p.cancelled_on END AS cancelled
  FROM projects AS p JOIN accounts AS a USING (account_id)
  WHERE p.project_type = 'implementation' AND p.agreed_on < $as_of_end AND p.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
judged AS (
  SELECT coalesce(completed >= $start AND completed < $end AND completed <= planned_end, FALSE) AS in_time
  FROM known
  WHERE (completed >= $start AND completed < $end)
     OR (planned_end < least(CAST($end AS DATE), CAST($as_of_end AS DATE))
         AND (completed IS NULL OR completed >= $end)
         AND (cancelled IS NULL OR cancelled >= $end))
)
SELECT 100.0 * count(*) FILTER (in_time) / nullif(count(*), 0) AS value,
       count(*) FILTER (in_time) AS numerator, count(*) AS denominator
FROM judged
