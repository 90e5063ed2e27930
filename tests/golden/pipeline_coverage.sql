-- A quota counts by its days in the last three months.
WITH months AS (SELECT CAST($end AS DATE) - INTERVAL 3 MONTH AS since, CAST($end AS DATE) AS until),
quota AS (
  SELECT coalesce(sum(q.quota_value::DOUBLE * days / (q.period_end - q.period_start + 1)), 0) AS value
  FROM (SELECT *, date_diff('day', greatest(period_start, since), least(period_end + 1, until)) AS days
        FROM quotas, months) AS q
  WHERE q.quota_kind = 'bookings' AND days > 0 AND q.period_start < $as_of_end
    AND ($cell IS NULL OR q.segment = $cell)
),
pipeline AS ({pipeline_value})
SELECT p.value / nullif(q.value, 0) AS value, p.value AS numerator, q.value AS denominator
FROM pipeline AS p, quota AS q
