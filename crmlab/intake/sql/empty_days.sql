-- Days of a customer on which nothing was bought after all: purchases that were all returned, or
-- free rows where those are no occasion. Days without such rows are not looked at.
SELECT
    customer_id,
    date
FROM parts
SEMI JOIN (
    SELECT customer_id, date
    FROM parts
    WHERE money <= 0
) AS doubtful ON parts.customer_id = doubtful.customer_id AND parts.date = doubtful.date
WHERE date >= $start AND seen <= $observation_end
GROUP BY customer_id, date
HAVING NOT (sum(money) > 0 OR ($zero_amount = 'occasion' AND max(money) = 0))
