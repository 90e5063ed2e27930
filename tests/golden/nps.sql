SELECT 100 * avg(opinion) AS value, coalesce(sum(opinion), 0) AS numerator, count(*) AS denominator
FROM (
  SELECT CASE WHEN r.score >= 9 THEN 1 WHEN r.score > 6 THEN 0 ELSE -1 END AS opinion
  FROM survey_responses AS r
  JOIN accounts AS a USING (account_id)
  WHERE r.survey_type = 'nps' AND r.touchpoint = 'relationship' AND r.score IS NOT NULL
    AND r.responded_at >= CAST($end AS DATE) - INTERVAL 90 DAY AND r.responded_at < $end
    AND r.recorded_at < $as_of_end
    AND NOT EXISTS (SELECT 1 FROM users AS u WHERE u.user_id = r.user_id AND u.is_internal)
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
