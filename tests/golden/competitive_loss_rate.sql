WITH lost AS (
  SELECT CASE o.loss_reason WHEN 'competitor' THEN 1
              WHEN 'price' THEN (o.primary_competitor_id IS NOT NULL)::INTEGER
              WHEN 'feature_gap' THEN (o.primary_competitor_id IS NOT NULL)::INTEGER
              ELSE 0 END AS to_competitor
  FROM opportunities AS o LEFT JOIN accounts AS a USING (account_id)
  WHERE o.closed_at >= $start AND o.closed_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND o.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))
    AND o.outcome = 'lost'
)
SELECT 100 * avg(to_competitor) AS value, coalesce(sum(to_competitor), 0) AS numerator,
       count(*) AS denominator
FROM lost
