SELECT coalesce(sum(amount) FILTER (pnl_line = 'cogs'), 0) AS value
FROM gl_entries
WHERE posted_on >= $start AND posted_on < $end AND posted_on < $as_of_end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR $cell IN (cost_type, segment))
