SELECT coalesce(sum(amount), 0) AS value
FROM gl_entries
WHERE pnl_line NOT IN ('revenue', 'cogs', 'depreciation_amortisation', 'interest', 'tax')
  AND posted_on >= $start AND posted_on < $end AND recorded_at < $as_of_end
  AND ($cell IS NULL OR cost_type = $cell)
