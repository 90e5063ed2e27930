SELECT 100 * avg(answered) AS value, coalesce(sum(answered), 0) AS numerator, count(*) AS denominator
FROM (
  SELECT CASE WHEN r.responded_at IS NULL THEN 0 ELSE 1 END AS answered
  FROM survey_responses AS r JOIN accounts AS a USING (account_id)
  WHERE r.sent_at >= $start AND r.sent_at < least($end, $as_of_end) AND r.recorded_at < $as_of_end
    AND (r.responded_at IS NULL OR r.responded_at < $as_of_end)
    AND NOT EXISTS (SELECT 1 FROM users AS u WHERE u.user_id = r.user_id AND u.is_internal)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
