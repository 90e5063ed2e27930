WITH estimates AS (
  SELECT m.*, c.first_seen_on
  FROM market_estimates AS m LEFT JOIN competitors AS c ON c.competitor_id = m.party
  WHERE quarter >= date_trunc('quarter', CAST($end AS DATE) - 1) AND quarter < $end
    AND recorded_at < $as_of_end AND ($cell IS NULL OR $cell IN (segment, region))
),
sums AS (
  SELECT coalesce(sum(annual_value) FILTER (first_seen_on + INTERVAL 2 YEAR > quarter), 0) AS new,
         sum(annual_value) FILTER (party = 'total') AS size
  FROM estimates
)
SELECT 100 * new / size AS value, new AS numerator, size AS denominator FROM sums
