-- Transactions that stand on several rows which do not say the same; a return may bear the number
-- of its purchase.
SELECT
    count(DISTINCT transaction_id) AS keys,
    min(transaction_id) AS first
FROM (
    SELECT transaction_id
    FROM records
    WHERE reason IS NULL AND transaction_id IS NOT NULL
    GROUP BY transaction_id, amount < 0
    HAVING count(*) > 1 AND count(DISTINCT hash({columns})) > 1
)
