SELECT 100 * sum(gained) FILTER (is_expansion)::DOUBLE / sum(gained) AS value,
       coalesce(sum(gained) FILTER (is_expansion), 0) AS numerator, coalesce(sum(gained), 0) AS denominator
FROM (
  SELECT m.amount AS gained, m.movement_type = 'expansion' AS is_expansion
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.amount > 0 AND m.effective_on < $end AND m.recorded_at < $as_of_end
    AND m.effective_on >= CAST($end AS DATE) - INTERVAL 3 MONTH
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
