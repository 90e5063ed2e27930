WITH balances AS (
  SELECT m.account_id, sum(m.amount) FILTER (m.effective_on < $start) AS before,
         sum(m.amount) AS after
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY m.account_id
),
counted AS (
  SELECT count(*) FILTER (after > 0) AS now, count(*) FILTER (before > 0) AS then_ FROM balances
)
SELECT 100 * (now / nullif(then_, 0)::DOUBLE - 1) AS value, now - then_ AS numerator,
       then_ AS denominator
FROM counted
