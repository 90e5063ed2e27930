WITH signed_up AS (
  SELECT DISTINCT t.visitor_id
  FROM trials AS t JOIN accounts AS a USING (account_id)
  WHERE t.started_at >= $start AND t.started_at < $end AND t.recorded_at < $as_of_end
    AND t.visitor_id IS NOT NULL AND NOT coalesce(a.is_internal, FALSE)
),
counted AS (SELECT count(*) AS n FROM signed_up),
visitors AS ({website_visitors})
SELECT 100 * n / nullif(v.value, 0) AS value, n AS numerator, v.value AS denominator
FROM counted, visitors AS v
