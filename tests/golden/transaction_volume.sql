-- A payment whose invoice is not known yet counts in the total, and as a member of its own.
SELECT count(*) AS value
FROM payments AS p
LEFT JOIN invoices AS i ON i.invoice_id = p.invoice_id AND i.recorded_at < $as_of_end
LEFT JOIN accounts AS a USING (account_id)
WHERE p.attempted_at >= $start AND p.attempted_at < $end AND p.recorded_at < $as_of_end
  AND NOT coalesce(a.is_internal, FALSE)
  AND ($cell IS NULL OR $cell IN (coalesce(a.segment, '(unknown)'), coalesce(a.region, '(unknown)')))
