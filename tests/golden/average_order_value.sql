-- A payment whose invoice is not known yet counts in the total, and as a member of its own.
WITH orders AS (
  SELECT p.invoice_id, sum(p.amount) AS paid
  FROM payments AS p
  LEFT JOIN invoices AS i ON i.invoice_id = p.invoice_id AND i.recorded_at < $as_of_end
  LEFT JOIN accounts AS a USING (account_id)
  WHERE p.status = 'succeeded' AND p.recorded_at < $as_of_end
    AND p.attempted_at >= $start AND p.attempted_at < $end
    AND NOT coalesce(a.is_internal, FALSE)
    AND ($cell IS NULL OR $cell IN (coalesce(a.segment, '(unknown)'), coalesce(a.region, '(unknown)')))
  GROUP BY p.invoice_id
)
SELECT avg(paid) AS value, coalesce(sum(paid), 0) AS numerator, count(*) AS denominator FROM orders
