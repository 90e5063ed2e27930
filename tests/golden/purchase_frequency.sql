WITH paid AS (
  SELECT count(*) AS n
  FROM invoices AS i JOIN accounts AS a USING (account_id)
  WHERE i.status = 'paid' AND i.paid_on >= $start AND i.paid_on < least($end, $as_of_end)
    AND i.issued_on < $as_of_end AND i.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
balances AS (
  SELECT sum(m.amount) FILTER (m.effective_on < $start) AS before, sum(m.amount) AS after
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY m.account_id
),
customers AS (
  SELECT (count(*) FILTER (before > 0) + count(*) FILTER (after > 0)) / 2.0 AS mean FROM balances
)
SELECT n::DOUBLE / nullif(mean::DOUBLE, 0) AS value, n AS numerator, mean AS denominator
FROM paid, customers
