WITH buying AS (
  SELECT DISTINCT i.account_id
  FROM invoices AS i JOIN accounts AS a USING (account_id)
  WHERE i.status = 'paid' AND i.paid_on < $as_of_end AND i.recorded_at < $as_of_end
    AND i.issued_on >= $start AND i.issued_on < $end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
marked AS (
  SELECT EXISTS (SELECT 1 FROM invoices AS i WHERE i.account_id = b.account_id
                 AND i.status = 'paid' AND i.paid_on < $as_of_end AND i.recorded_at < $as_of_end
                 AND i.issued_on < $start) AS known
  FROM buying AS b
)
SELECT 100 * avg(known::INTEGER) AS value,
       count(*) FILTER (known) AS numerator, count(*) AS denominator
FROM marked
