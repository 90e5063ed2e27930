SELECT 100 * (r.value - c.cost) / nullif(r.value, 0) AS value,
       r.value - c.cost AS numerator, r.value AS denominator
FROM ({total_revenue}) AS r, (
  SELECT coalesce(sum(g.amount), 0)::DOUBLE AS cost
  FROM gl_entries AS g
  WHERE CASE WHEN g.pnl_line IN ('cogs', 'marketing') THEN TRUE ELSE g.is_direct_customer_cost END
    AND g.recorded_at < $as_of_end AND g.posted_on >= $start AND g.posted_on < $end
    AND ($cell IS NULL OR coalesce(g.segment, '(unknown)') = $cell)
) AS c
