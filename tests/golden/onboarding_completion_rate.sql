WITH made AS (
  SELECT a.account_id, count(s.step) > 0 AND count(s.step) = count(*) FILTER (
           s.completed_at < $as_of_end
           AND epoch(s.completed_at) - epoch(a.created_at) <= 30 * 86400) AS finished
  FROM accounts AS a LEFT JOIN onboarding_steps AS s
    ON s.account_id = a.account_id AND s.is_required AND s.recorded_at < $as_of_end
  WHERE a.created_at >= $start AND a.created_at < least($end, $as_of_end)
    AND NOT coalesce(a.is_internal, FALSE)
    AND ($cell IS NULL OR $cell IN (a.segment, a.region, a.acquisition_channel))
  GROUP BY a.account_id
)
SELECT 100 * avg(finished::INT) AS value, count(*) FILTER (finished) AS numerator,
       count(*) AS denominator
FROM made
