-- Month by month of the period: who came in the month before, and whether they came in it.
WITH months AS (
  SELECT unnest(generate_series(CAST($start AS TIMESTAMP), CAST($end AS TIMESTAMP) - INTERVAL 1 MONTH,
                                INTERVAL 1 MONTH)) AS month
),
known AS (
  SELECT m.month, u.user_id
  FROM months AS m, users AS u JOIN accounts AS a USING (account_id)
  WHERE EXISTS (
      SELECT 1 FROM sessions AS s
      WHERE s.user_id = u.user_id AND s.recorded_at < $as_of_end
        AND s.started_at >= m.month - INTERVAL 1 MONTH AND s.started_at < m.month)
    AND NOT coalesce(u.is_internal, FALSE)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
followed AS (
  SELECT EXISTS (
           SELECT 1 FROM sessions AS s
           WHERE s.user_id = k.user_id AND s.recorded_at < $as_of_end
             AND s.started_at >= k.month AND s.started_at < k.month + INTERVAL 1 MONTH) AS again
  FROM known AS k
)
SELECT 100.0 * count(*) FILTER (again) / nullif(count(*), 0) AS value,
       count(*) FILTER (again) AS numerator, count(*) AS denominator
FROM followed
