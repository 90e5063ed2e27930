SELECT mrr.value::DOUBLE / nullif(customers.value, 0) AS value,
       mrr.value AS numerator, customers.value AS denominator
FROM ({mrr}) AS mrr, ({total_customers}) AS customers
