WITH newest AS (
  SELECT repository, max(scanned_on) AS scanned_on FROM code_quality_scans
  WHERE scanned_on < least($end, CAST($as_of_end AS DATE)) AND ($cell IS NULL OR repository = $cell)
  GROUP BY repository
)
SELECT 100 * (sum(debt_minutes)::DOUBLE / sum(development_minutes)) AS value,
       sum(debt_minutes) AS numerator, sum(development_minutes) AS denominator
FROM code_quality_scans JOIN newest USING (repository, scanned_on)
