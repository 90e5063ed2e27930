SELECT avg(epoch(resolved_at) - epoch(started_at)) / 60 AS value,
       coalesce(sum(epoch(resolved_at) - epoch(started_at)), 0) / 60 AS numerator,
       count(*) AS denominator
FROM incidents
WHERE incident_type = 'outage' AND resolved_at >= $start AND resolved_at < least($end, $as_of_end)
  AND recorded_at < $as_of_end AND ($cell IS NULL OR region = $cell)
