SELECT count(*) AS value
FROM incidents
WHERE incident_type = 'revenue_system' AND started_at >= $start AND started_at < $end
  AND recorded_at < $as_of_end AND ($cell IS NULL OR severity = $cell)
