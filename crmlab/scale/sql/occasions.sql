-- One row a customer and day: what was spent.
SELECT
    customer_id,
    day,
    CAST(sum(units) AS BIGINT) AS units
FROM log
GROUP BY customer_id, day
-- A day of purchases that were all returned is none; a day of free rows alone may be one.
HAVING sum(units) > 0 OR ({zero_days} AND max(units) = 0)
