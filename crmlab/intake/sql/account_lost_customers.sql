-- Customers of whom nothing is used, by reason.
SELECT
    $reasons[reason] AS reason,
    count(*) AS customers
FROM lost_customers
GROUP BY ALL
