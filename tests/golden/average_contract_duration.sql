WITH in_force AS (
  SELECT c.term_months, c.acv
  FROM contracts AS c JOIN accounts AS a USING (account_id)
  WHERE c.signed_on < $as_of_end AND c.recorded_at < $as_of_end
    AND c.start_date < least($end, $as_of_end)
    AND (c.ended_on IS NULL OR c.ended_on >= least($end, $as_of_end))
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT sum(term_months * acv)::DOUBLE / sum(acv) AS value, sum(term_months * acv) AS numerator,
       sum(acv) AS denominator
FROM in_force
