WITH open AS (
  SELECT h.amount, o.budget_cut_flag
  FROM opportunity_stage_history AS h
  JOIN opportunities AS o USING (opportunity_id) LEFT JOIN accounts AS a USING (account_id)
  WHERE h.stage <> 'closed' AND h.entered_at < $end AND h.recorded_at < $as_of_end
    AND (h.exited_at IS NULL OR h.exited_at >= least(CAST($end AS TIMESTAMP), $as_of_end))
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))
)
SELECT 100 * coalesce(sum(amount) FILTER (budget_cut_flag), 0) / sum(amount)::DOUBLE AS value,
       coalesce(sum(amount) FILTER (budget_cut_flag), 0) AS numerator,
       coalesce(sum(amount), 0) AS denominator
FROM open
