SELECT coalesce(sum(s.amount), 0) AS value
FROM marketing_spend AS s
WHERE s.spend_on >= $start AND s.spend_on < $end AND s.recorded_at < $as_of_end
  AND ($cell IS NULL OR s.segment = $cell)
