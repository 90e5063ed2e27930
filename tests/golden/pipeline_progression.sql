WITH moved AS (
  SELECT h.opportunity_id, max(h.amount) AS amount
  FROM opportunity_stage_history AS h
  JOIN opportunities AS o USING (opportunity_id) LEFT JOIN accounts AS a USING (account_id)
  WHERE h.entered_at >= $start AND h.entered_at < $end AND h.recorded_at < $as_of_end
    AND h.stage_order > h.stage_order_before AND NOT (h.stage = 'closed' AND o.outcome = 'lost')
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))
  GROUP BY h.opportunity_id
)
SELECT coalesce(sum(amount), 0) AS value FROM moved
