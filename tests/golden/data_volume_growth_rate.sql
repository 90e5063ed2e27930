WITH before AS (
  SELECT sum(bytes)::DOUBLE / 1e9 AS gigabytes
  FROM data_volume_daily
  WHERE day < $start AND recorded_at < $as_of_end AND ($cell IS NULL OR source_kind = $cell)
    AND day >= CASE WHEN $end - $start = 7 THEN CAST($start AS DATE) - INTERVAL 7 DAY
                    WHEN $end - $start > 300 THEN CAST($start AS DATE) - INTERVAL 1 YEAR
                    WHEN $end - $start > 80 THEN CAST($start AS DATE) - INTERVAL 3 MONTH
                    ELSE CAST($start AS DATE) - INTERVAL 1 MONTH END
)
SELECT 100 * (now.value / gigabytes - 1) AS value, now.value - gigabytes AS numerator,
       gigabytes AS denominator
FROM ({data_processing_volume}) AS now, before
