WITH ended AS (
  SELECT CASE WHEN h.stage = 'closed' THEN o.outcome = 'won'
              ELSE h.stage_order > h.stage_order_before END AS forward
  FROM opportunity_stage_history AS h
  JOIN opportunities AS o USING (opportunity_id) LEFT JOIN accounts AS a USING (account_id)
  WHERE h.entered_at >= $start AND h.entered_at < $end AND h.recorded_at < $as_of_end
    AND h.stage_order_before IS NOT NULL AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))
)
SELECT 100 * avg(forward::INTEGER) AS value, count(*) FILTER (forward) AS numerator,
       count(*) AS denominator
FROM ended
