SELECT max_concurrent_users_ok AS value
FROM load_tests
WHERE run_on < least($end, CAST($as_of_end AS DATE))
ORDER BY run_on DESC LIMIT 1
