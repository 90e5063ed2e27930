SELECT count(DISTINCT a.continent) AS value
FROM accounts AS a
WHERE (SELECT sum(m.amount) FROM mrr_movements AS m
       WHERE m.account_id = a.account_id AND m.effective_on < $end AND m.recorded_at < $as_of_end) > 0
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell = a.segment)
