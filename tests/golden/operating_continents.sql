WITH paying AS (
  SELECT a.continent
  FROM accounts AS a JOIN mrr_movements AS m USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
  GROUP BY a.account_id, a.continent HAVING sum(m.amount) > 0
),
working AS (
  SELECT continent FROM employees
  WHERE hired_on < least($end, $as_of_end) AND (left_on IS NULL OR left_on >= least($end, $as_of_end))
)
SELECT count(DISTINCT continent) AS value FROM paying SEMI JOIN working USING (continent)
