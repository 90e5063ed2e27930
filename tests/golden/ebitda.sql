SELECT r.value - c.cost AS value FROM ({total_revenue}) AS r, (
  SELECT coalesce(sum(amount), 0) AS cost FROM gl_entries
  WHERE pnl_line IN ('cogs', 'sales', 'marketing', 'r_and_d', 'g_and_a')
    AND posted_on >= $start AND posted_on < $end AND recorded_at < $as_of_end
) AS c
