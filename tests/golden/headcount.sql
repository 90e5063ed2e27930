SELECT count(*) AS value
FROM employees
WHERE hired_on < $end AND hired_on < $as_of_end
  AND (left_on IS NULL OR left_on >= least($end, $as_of_end))
  AND ($cell IS NULL OR $cell IN (department, country, role))
