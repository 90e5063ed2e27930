SELECT count(*) AS value
FROM sales_activities AS s LEFT JOIN employees AS e USING (employee_id)
WHERE s.occurred_at >= $start AND s.occurred_at < $end AND s.occurred_at < $as_of_end
  AND s.recorded_at < $as_of_end AND ($cell IS NULL OR $cell IN (s.activity_type, s.employee_id, e.role))
