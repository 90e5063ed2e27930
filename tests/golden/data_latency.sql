SELECT sum(latency_seconds_sum) / sum(records) AS value, coalesce(sum(latency_seconds_sum), 0) AS numerator,
       coalesce(sum(records), 0) AS denominator
FROM data_volume_daily
WHERE day >= $start AND day < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR source_kind = $cell)
