-- How many customers the source names.
SELECT count(DISTINCT customer_id) AS customers
FROM records
