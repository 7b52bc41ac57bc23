-- One row a customer and day: what was spent, and how many rows are behind it.
SELECT
    customer_id,
    date,
    sum(money) AS amount,
    CAST(sum(rows) AS BIGINT) AS rows
FROM parts
WHERE date >= $start AND seen <= $observation_end
GROUP BY customer_id, date
-- A day of purchases that were all returned is none; a day of free rows alone may be one.
HAVING sum(money) > 0 OR ($zero_amount = 'occasion' AND max(money) = 0)
