SELECT added.value / nullif(spent.cost, 0) AS value, added.value AS numerator, spent.cost AS denominator
FROM ({new_mrr}) AS added, (
  SELECT coalesce(sum(g.amount), 0) AS cost
  FROM gl_entries AS g
  WHERE g.pnl_line = 'marketing' AND g.recorded_at < $as_of_end
    AND g.posted_on >= $start AND g.posted_on < $end
    AND ($cell IS NULL OR coalesce(g.segment, '(unknown)') = $cell)
) AS spent
