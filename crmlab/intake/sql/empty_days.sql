-- Days on which nothing was bought after all: purchases that were all returned, or free rows where
-- those are no occasion.
SELECT
    parts.customer_id,
    parts.customer,
    parts.date
FROM parts
SEMI JOIN doubtful_days
    ON parts.customer_id = doubtful_days.customer_id AND parts.date = doubtful_days.date
WHERE seen <= $observation_end
GROUP BY parts.customer_id, parts.customer, parts.date
HAVING NOT (sum(money) > 0 OR ($zero_amount = 'occasion' AND max(money) = 0))
