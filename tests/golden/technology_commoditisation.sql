WITH rated AS (
  SELECT value, dimension, row_number() OVER (ORDER BY value) AS place, count(*) OVER () AS n
  FROM manual_inputs
  WHERE kpi_id = 'technology_commoditisation' AND status = 'verified'
    AND verified_at >= CAST($end AS DATE) - INTERVAL 3 MONTH
    AND verified_at < least($end, $as_of_end)
)
SELECT CASE WHEN count(DISTINCT dimension) >= 3
            THEN avg(value) FILTER (place IN ((n + 1) // 2, n // 2 + 1)) END AS value
FROM rated
