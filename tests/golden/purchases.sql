SELECT count(*) AS value
FROM invoices AS i
WHERE i.status = 'paid' AND i.paid_on < $as_of_end AND i.recorded_at < $as_of_end
  AND i.issued_on >= $start AND i.issued_on < $end
  AND EXISTS (SELECT 1 FROM accounts AS a WHERE a.account_id = i.account_id
              AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region)))
