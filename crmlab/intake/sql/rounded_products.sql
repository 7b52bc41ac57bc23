-- Rows whose quantity times price has more decimals than are carried, and what that moved.
WITH products AS (
    SELECT
        CAST(quantity AS DECIMAL(18, 6)) * CAST(price AS DECIMAL(20, 6)) AS exact,
        amount
    FROM records
    WHERE amount IS NOT NULL
)

SELECT
    count(*) AS rows,
    coalesce(sum(abs(exact) - abs(amount)), 0) AS money
FROM products
WHERE abs(exact) != abs(amount)
