SELECT avg(r.score) AS value, coalesce(sum(r.score), 0) AS numerator, count(*) AS denominator
FROM survey_responses AS r JOIN accounts AS a USING (account_id)
WHERE r.survey_type = 'ces' AND r.score BETWEEN 1 AND 5
    AND r.responded_at >= $start AND r.responded_at < least($end, $as_of_end)
    AND r.recorded_at < $as_of_end
    AND NOT EXISTS (SELECT 1 FROM users AS u WHERE u.user_id = r.user_id AND u.is_internal)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
