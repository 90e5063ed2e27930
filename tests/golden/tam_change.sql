WITH sizes AS (
  SELECT sum(annual_value) FILTER (quarter >= date_trunc('quarter', CAST($end AS DATE) - 1)
                                   AND quarter < $end) AS now,
         sum(annual_value) FILTER (quarter >= date_trunc('quarter', CAST($end AS DATE) - 1) - INTERVAL 1 YEAR
                                   AND quarter < CAST($end AS DATE) - INTERVAL 1 YEAR) AS before
  FROM market_estimates
  WHERE party = 'total' AND recorded_at < $as_of_end AND ($cell IS NULL OR $cell IN (segment, region))
)
SELECT 100 * (now / before - 1) AS value, now - before AS numerator, before AS denominator
FROM sizes
