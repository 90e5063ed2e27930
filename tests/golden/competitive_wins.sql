WITH won AS (
  SELECT o.opportunity_id
  FROM opportunities AS o LEFT JOIN accounts AS a USING (account_id)
  WHERE o.closed_at >= $start AND o.closed_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND o.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.region))
    AND o.is_head_to_head AND o.outcome = 'won'
)
SELECT count(*) AS value FROM won
