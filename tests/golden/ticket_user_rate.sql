WITH span AS (
  SELECT CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
              ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END AS since
),
active AS (
  SELECT EXISTS (
           SELECT 1 FROM tickets AS t
           WHERE t.user_id = u.user_id AND t.recorded_at < $as_of_end
             AND t.created_at >= since AND t.created_at < $end) AS asked
  FROM span, users AS u JOIN accounts AS a USING (account_id)
  WHERE EXISTS (
      SELECT 1 FROM events AS e
      WHERE e.user_id = u.user_id AND e.recorded_at < $as_of_end
        AND e.occurred_at >= since AND e.occurred_at < $end)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100.0 * count(*) FILTER (asked) / nullif(count(*), 0) AS value,
       count(*) FILTER (asked) AS numerator, count(*) AS denominator
FROM active
