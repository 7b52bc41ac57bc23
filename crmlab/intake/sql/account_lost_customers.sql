-- Customers of whom nothing is used, by reason.
WITH doubtful AS (
    SELECT
        customer_id,
        min(list_position($reasons, reason)) AS reason
    FROM aside
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

kept AS (
    SELECT DISTINCT used.customer_id
    FROM used
    SEMI JOIN doubtful ON used.customer_id = doubtful.customer_id
)

SELECT
    $reasons[reason] AS reason,
    count(*) AS customers
FROM doubtful
ANTI JOIN kept ON doubtful.customer_id = kept.customer_id
GROUP BY ALL
