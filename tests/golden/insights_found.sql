SELECT count(*) AS value
FROM insights
WHERE detected_at >= $start AND detected_at < $end AND detected_at < $as_of_end
  AND recorded_at < $as_of_end AND ($cell IS NULL OR $cell IN (kpi_id, status))
