-- The mean of the month's days that are over over the month's users.
WITH month AS (
  SELECT CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - 30
              ELSE CAST(CAST($end AS DATE) - INTERVAL 1 MONTH AS DATE) END AS start
),
daily AS (
  SELECT count(DISTINCT s.user_id) AS users
  FROM month, sessions AS s
  JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = s.account_id
  WHERE s.started_at >= month.start AND s.started_at < $end AND s.recorded_at < $as_of_end
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY CAST(s.started_at AS DATE)
),
mean AS (
  SELECT coalesce((SELECT sum(users) FROM daily), 0)::DOUBLE / (least(CAST($end AS DATE), CAST($as_of_end AS DATE)) - start) AS users
  FROM month
)
SELECT 100 * mean.users / nullif(mau.value, 0) AS value,
       mean.users AS numerator, mau.value AS denominator
FROM mean, ({mau}) AS mau
