SELECT 100 * r.value * 365 / (least($end, CAST($as_of_end AS DATE)) - CAST($start AS DATE)) / m.size AS value,
       r.value * 365 / (least($end, CAST($as_of_end AS DATE)) - CAST($start AS DATE)) AS numerator,
       m.size AS denominator
FROM ({total_revenue}) AS r, (
  SELECT sum(annual_value) AS size
  FROM market_estimates
  WHERE party = 'total' AND quarter >= date_trunc('quarter', CAST($end AS DATE) - 1) AND quarter < $end
    AND recorded_at < $as_of_end AND ($cell IS NULL OR $cell IN (segment, region))
) AS m
