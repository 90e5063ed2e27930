SELECT coalesce(sum(bytes)::DOUBLE / 1e9, 0) AS value
FROM data_volume_daily
WHERE day >= $start AND day < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR source_kind = $cell)
