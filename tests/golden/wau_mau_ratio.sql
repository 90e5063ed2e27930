-- The users of the seven days before each end of a day, counted anew on every day of the month.
WITH span AS (
  SELECT CASE WHEN $end - $start < 28 THEN CAST($end AS DATE) - INTERVAL 30 DAY
              ELSE CAST($end AS DATE) - INTERVAL 1 MONTH END AS first
),
days AS (
  SELECT unnest(range(first, least(CAST($end AS TIMESTAMP), $as_of_end), INTERVAL 1 DAY)) AS day FROM span
),
weekly AS (
  SELECT d.day, count(DISTINCT t.user_id) AS users
  FROM days AS d LEFT JOIN (
    SELECT s.user_id, s.started_at
    FROM sessions AS s JOIN users AS u USING (user_id) JOIN accounts AS a ON a.account_id = s.account_id
    WHERE s.recorded_at < $as_of_end AND s.started_at < $as_of_end AND NOT coalesce(u.is_internal, FALSE)
      AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  ) AS t ON t.started_at < d.day + INTERVAL 1 DAY AND t.started_at >= d.day - INTERVAL 6 DAY
  GROUP BY d.day
)
SELECT 100 * avg(users) / nullif(any_value(m.value), 0) AS value, avg(users) AS numerator,
       any_value(m.value) AS denominator
FROM weekly, ({mau}) AS m
