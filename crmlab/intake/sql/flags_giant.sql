-- What the customer with most rows spent.
SELECT coalesce(sum(money), 0) AS money
FROM used
WHERE {busiest}
