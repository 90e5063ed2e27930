SELECT coalesce(sum(c.acv), 0) AS value
FROM contracts AS c JOIN accounts AS a USING (account_id)
WHERE c.contract_type <> 'renewal' AND c.signed_on >= $start AND c.signed_on < $end
  AND c.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
