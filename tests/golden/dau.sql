-- Users of each single day, then the mean of the days that are over, those without users included.
WITH daily AS (
  SELECT CAST(s.started_at AS DATE) AS day, count(DISTINCT s.user_id) AS users
  FROM sessions AS s JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = s.account_id
  WHERE s.started_at >= $start AND s.started_at < $end AND s.recorded_at < $as_of_end
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY ALL
)
SELECT avg(coalesce(users, 0)) AS value, coalesce(sum(users), 0) AS numerator, count(*) AS denominator
FROM (SELECT CAST($start AS DATE) + CAST(i AS INTEGER) AS day FROM range($end - $start) AS r(i))
LEFT JOIN daily USING (day)
WHERE day < CAST($as_of_end AS DATE)
