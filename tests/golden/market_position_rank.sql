-- The newest of each subject that was verified by then, unless its time is over.
WITH verified AS (
  SELECT *, row_number() OVER (PARTITION BY dimension ORDER BY verified_at DESC) AS place
  FROM manual_inputs
  WHERE kpi_id = 'market_position_rank' AND status = 'verified' AND verified_at < least($end, $as_of_end)
    AND entered_at < $as_of_end AND ($cell IS NULL OR dimension = $cell)
),
standing AS (
  SELECT value::DOUBLE AS value, sample_size FROM verified
  WHERE place = 1 AND least($end, CAST($as_of_end AS DATE)) <= period_start + INTERVAL 6 MONTH
)
SELECT avg(value) AS value, coalesce(sum(value), 0) AS numerator, count(*) AS denominator
FROM standing
