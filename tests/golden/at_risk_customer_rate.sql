-- By the limits of the bands, not by their names.
SELECT 100 * avg(CASE WHEN health_score < 40 OR churn_probability > 0.7 THEN 1 ELSE 0 END) AS value,
       count(*) FILTER (health_score < 40 OR churn_probability > 0.7) AS numerator, count(*) AS denominator
FROM account_health_daily AS h JOIN accounts AS a USING (account_id)
WHERE h.as_of >= CAST($end AS DATE) - 7 AND h.as_of < $end AND h.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
