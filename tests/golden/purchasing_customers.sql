SELECT count(*) AS value
FROM accounts AS a
WHERE EXISTS (SELECT 1 FROM invoices AS i WHERE i.account_id = a.account_id
              AND i.status = 'paid' AND i.paid_on < $as_of_end AND i.recorded_at < $as_of_end
              AND i.issued_on >= $start AND i.issued_on < $end)
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
