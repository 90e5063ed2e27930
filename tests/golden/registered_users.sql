SELECT count(*) AS value
FROM users AS u JOIN accounts AS a USING (account_id)
WHERE u.created_at < least($end, $as_of_end)
  AND (u.deactivated_at IS NULL OR u.deactivated_at >= least($end, $as_of_end))
  AND NOT coalesce(u.is_internal, FALSE)
  AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
