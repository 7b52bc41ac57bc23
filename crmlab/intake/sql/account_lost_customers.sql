-- Customers of whom nothing is used, by reason.
WITH lost_customers AS (
    SELECT
        aside.customer_id,
        min(list_position($reasons, aside.reason)) AS reason
    FROM aside
    ANTI JOIN occasions ON aside.customer_id = occasions.customer_id
    WHERE aside.customer_id IS NOT NULL
    GROUP BY aside.customer_id
)

SELECT
    $reasons[reason] AS reason,
    count(*) AS customers
FROM lost_customers
GROUP BY ALL
