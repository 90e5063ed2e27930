SELECT count(*) AS value
FROM (
  SELECT dimension FROM manual_inputs
  WHERE kpi_id = 'analyst_recognition' AND status = 'verified' AND value >= 1
    AND period_start >= CAST($end AS DATE) - INTERVAL 18 MONTH
    AND period_start < least($end, CAST($as_of_end AS DATE)) AND verified_at < $as_of_end
  GROUP BY dimension
)
