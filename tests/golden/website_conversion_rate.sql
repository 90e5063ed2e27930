WITH asked AS (
  SELECT DISTINCT l.visitor_id
  FROM leads AS l LEFT JOIN accounts AS a USING (account_id)
  WHERE l.created_at >= $start AND l.created_at < $end AND l.recorded_at < $as_of_end
    AND l.visitor_id IS NOT NULL AND NOT coalesce(a.is_internal, FALSE)
),
counted AS (SELECT count(*) AS n FROM asked)
SELECT 100 * n / nullif(v.value, 0) AS value, n AS numerator, v.value AS denominator
FROM counted, ({website_visitors}) AS v
