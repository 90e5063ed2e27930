-- The score of 28 days before, of whoever was a customer on every Sunday since.
WITH both_ AS (
  SELECT CASE WHEN h.health_score >= 70 THEN 2 WHEN h.health_score >= 40 THEN 1 ELSE 0 END AS now,
         CASE WHEN b.health_score >= 70 THEN 2 WHEN b.health_score >= 40 THEN 1 ELSE 0 END AS before
  FROM account_health_daily AS h JOIN accounts AS a USING (account_id)
  JOIN account_health_daily AS b ON b.account_id = h.account_id AND b.as_of = h.as_of - 28
  WHERE h.as_of >= CAST($end AS DATE) - 7 AND h.as_of < $end AND h.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
    AND (SELECT count(*) FROM account_health_daily AS w
         WHERE w.account_id = h.account_id AND w.as_of > h.as_of - 28 AND w.as_of < h.as_of) = 3
)
SELECT 100 * avg((now < before)::INT) AS value, count(*) FILTER (now < before) AS numerator,
       count(*) AS denominator
FROM both_
