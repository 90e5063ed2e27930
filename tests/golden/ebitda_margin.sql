SELECT 100 - 100 * c.cost / nullif(r.value, 0) AS value, r.value - c.cost AS numerator, r.value AS denominator
FROM ({total_revenue}) AS r, (
  SELECT coalesce(sum(amount), 0) AS cost
  FROM gl_entries
  WHERE pnl_line NOT IN ('revenue', 'depreciation_amortisation', 'interest', 'tax')
    AND posted_on >= $start AND posted_on < $end AND recorded_at < $as_of_end
) AS c
