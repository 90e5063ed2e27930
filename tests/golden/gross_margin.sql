SELECT 100 * (r.value - c.cogs) / nullif(r.value, 0) AS value,
       r.value - c.cogs AS numerator, r.value AS denominator
FROM ({total_revenue}) AS r, (
  SELECT coalesce(sum(g.amount), 0) AS cogs
  FROM gl_entries AS g
  WHERE g.pnl_line = 'cogs' AND g.recorded_at < $as_of_end
    AND g.posted_on >= $start AND g.posted_on < $end
    AND ($cell IS NULL OR coalesce(g.segment, '(unknown)') = $cell)
) AS c
