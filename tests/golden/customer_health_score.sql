SELECT avg(score) AS value, coalesce(sum(score), 0) AS numerator, count(*) AS denominator
FROM (SELECT *, 0.40 * usage_score::DOUBLE + 0.25 * engagement_score + 0.20 * support_score
                + 0.15 * payment_score AS score FROM account_health_daily) AS h JOIN accounts AS a USING (account_id)
WHERE h.as_of >= CAST($end AS DATE) - 7 AND h.as_of < $end AND h.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
