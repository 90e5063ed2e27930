SELECT count(*) AS value
FROM manual_inputs
WHERE kpi_id = 'thought_leadership_output' AND status = 'verified' AND period_start >= $start
  AND period_start < least($end, CAST($as_of_end AS DATE)) AND verified_at < $as_of_end
  AND ($cell IS NULL OR dimension = $cell)
