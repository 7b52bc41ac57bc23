-- What can be said of a source before any end of observation.
SELECT
    count(*) AS records,
    count(*) FILTER (WHERE amount < 0) AS negative,
    count(*) FILTER (WHERE amount > 0) AS positive,
    count(*) FILTER (WHERE amount = 0) AS free,
    count(customer_id) AS named,
    count(DISTINCT customer_id) AS customers
FROM records
