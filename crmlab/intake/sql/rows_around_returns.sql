-- Every usable row of those who returned something, in the order in which returns are matched.
WITH usable AS (
    SELECT *
    FROM records
    ANTI JOIN set_aside ON records.record = set_aside.record
    WHERE reason IS NULL
),

numbered AS (
    SELECT
        record,
        customer_id,
        CAST(date_diff('day', DATE '1970-01-01', date) AS INTEGER) AS day,
        CAST(amount * $scale AS BIGINT) AS money,
        dense_rank() OVER (ORDER BY {keys}) AS key
    FROM usable
    SEMI JOIN (
        SELECT customer_id
        FROM usable
        WHERE amount < 0
    ) AS those ON usable.customer_id = those.customer_id
)

SELECT *
FROM numbered
WHERE money != 0
QUALIFY min(money) OVER (PARTITION BY key) < 0
ORDER BY key, day, money < 0, abs(money), record
