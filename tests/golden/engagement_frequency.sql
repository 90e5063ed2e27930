WITH days AS (
  SELECT s.user_id, count(DISTINCT CAST(s.started_at AS DATE)) AS n
  FROM sessions AS s JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = u.account_id
  WHERE s.recorded_at < $as_of_end AND s.started_at < $end
    AND s.started_at >= CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
                             ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY s.user_id
)
SELECT avg(n) AS value, coalesce(sum(n), 0) AS numerator, count(*) AS denominator FROM days
