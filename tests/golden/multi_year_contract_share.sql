WITH in_force AS (
  SELECT c.term_months > 12 AS long, c.acv
  FROM contracts AS c JOIN accounts AS a USING (account_id)
  WHERE c.signed_on < $as_of_end AND c.recorded_at < $as_of_end
    AND c.start_date < least($end, $as_of_end)
    AND (c.ended_on IS NULL OR c.ended_on >= least($end, $as_of_end))
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * coalesce(sum(acv) FILTER (long), 0)::DOUBLE / sum(acv) AS value,
       coalesce(sum(acv) FILTER (long), 0) AS numerator, sum(acv) AS denominator
FROM in_force
