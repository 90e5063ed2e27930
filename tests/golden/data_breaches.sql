SELECT count(*) AS value
FROM incidents
WHERE (incident_type = 'data_breach' OR customer_data_exposed)
  AND started_at >= $start AND started_at < $end AND recorded_at < $as_of_end
