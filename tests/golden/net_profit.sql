SELECT r.value - c.cost AS value FROM ({total_revenue}) AS r, (
  SELECT coalesce(sum(amount), 0) AS cost FROM gl_entries
  WHERE pnl_line <> 'revenue' AND posted_on >= $start AND posted_on < $end AND recorded_at < $as_of_end
) AS c
