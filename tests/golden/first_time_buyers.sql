-- The first paid invoice of each account, wherever it falls.
WITH firsts AS (
  SELECT i.account_id, min(i.issued_on) AS issued_on
  FROM invoices AS i WHERE i.status = 'paid' AND i.paid_on < $as_of_end AND i.recorded_at < $as_of_end
  GROUP BY i.account_id
)
SELECT count(*) AS value
FROM firsts AS i JOIN accounts AS a USING (account_id)
WHERE i.issued_on >= $start AND i.issued_on < $end
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
